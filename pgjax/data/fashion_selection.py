"""Which photos and pairs of DeepFashion's files are used, and what is said of the others."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pgjax.data import annotations, fashion_files, pairs
from pgjax.data.annotations import Annotations
from pgjax.data.fashion_files import FashionFiles, Listed
from pgjax.data.fashion_frames import CROP
from pgjax.errors import InputError
from pgjax.files import folders
from pgjax.images import fashion_names

SPLITS = ("train", "test")


class Part(NamedTuple):
    """The photos of a split that are there: their files, and their annotations in the same order."""

    files: tuple[str, ...]
    poses: Annotations


def passed_over(files: FashionFiles, size: tuple[int, int]) -> list[str]:
    """Lines on photos that are not looked at."""
    lines = []
    if files.aside:
        first = min(files.names.values())
        hint = "; --resize takes those" if size == CROP and "highres" not in first else ""
        lines.append(
            f"{len(files.aside)} photos of another resolution are not used, such as {files.aside[0]}, "
            f"because of {first} and its like{hint}"
        )
    if files.strange:
        lines.append(
            f"{len(files.strange)} photos are not used, as their names are none of DeepFashion's: "
            f"{folders.few(files.strange)}"
        )
    return lines


def unused_names(
    files: FashionFiles, annotated: Mapping[str, Annotations], listed: Mapping[str, Listed]
) -> list[str]:
    """Lines on photos and names that the other files know nothing of.

    Raises:
      InputError: a photo is in the lists of both splits, or annotated in the other one than it is listed in.
    """
    posed = {
        split: {fashion_names.parse(name) for name in poses.names}
        for split, poses in annotated.items()
    }
    every = set().union(*posed.values())
    lines = []
    lacking = [file for name, file in files.names.items() if name not in every]
    if lacking:
        lines.append(
            f"{len(lacking)} photos are not used, as no annotation file names them: {folders.few(lacking)}"
        )
    for split, (path, names) in listed.items():
        other = "test" if split == "train" else "train"
        taken = [name for name in names if name in posed.get(other, ())]
        both = [name for name in names if name in listed[other].names] if other in listed else []
        if both or taken:
            what = f"in {listed[other].path} too" if both else f"annotated in the split {other}"
            raise InputError(
                f"{path}: {len(both or taken)} photos are {what}, such as {names[(both or taken)[0]]}; "
                "expected files of one published split"
            )
        for what, missing in (
            ("no file", [name for name in names if name not in files.names]),
            ("no annotation", [name for name in names if name not in posed.get(split, ())]),
        ):
            if missing:
                lines.append(
                    f"{path}: {len(missing)} of {len(names)} names have {what}: "
                    f"{folders.few([names[name] for name in missing])}"
                )
    if len(listed) == len(SPLITS):
        known = set().union(*(one.names for one in listed.values()))
        unlisted = [file for name, file in files.names.items() if name not in known]
        if unlisted:
            lines.append(f"{len(unlisted)} photos are in no list: {folders.few(unlisted)}")
    return lines


def present(
    files: FashionFiles, poses: Annotations, path: Path, listed: Listed | None
) -> tuple[Part, list[str], list[str]]:
    """The annotated photos that have a file and are listed; the names of those without, and not listed.

    Raises:
      InputError: an annotated name is none of DeepFashion's.
    """
    found, kept, absent, unlisted = [], [], [], []
    for position, name in enumerate(poses.names):
        parsed = fashion_names.parse(name)
        if parsed is None:
            raise InputError(f"{path}: {name} {fashion_files.NO_NAME}")
        if parsed not in files.names:
            absent.append(name)
        elif listed is not None and parsed not in listed.names:
            unlisted.append(name)
        else:
            found.append(files.names[parsed])
            kept.append(position)
    names = tuple(poses.names[position] for position in kept)
    part = Part(tuple(found), Annotations(names, poses.keypoints[kept], poses.visible[kept]))
    return part, absent, unlisted


def published_pairs(
    path: Path, annotated: Sequence[str], present: Sequence[str]
) -> tuple[list[list[str]], dict[str, int]]:
    """The published pairs whose photos are both there, and how many are not, by what is missing."""
    found = annotations.read_pairs(path, annotated)
    here = np.isin(np.array(annotated), np.array(present, dtype=str))[found]
    reasons = {
        "neither photo": int((~here).all(axis=1).sum()),
        "no source photo": int((~here[:, 0] & here[:, 1]).sum()),
        "no target photo": int((here[:, 0] & ~here[:, 1]).sum()),
    }
    kept = [[annotated[a], annotated[b]] for a, b in found[here.all(axis=1)]]
    return kept, {reason: count for reason, count in reasons.items() if count}


def differing(path: Path, listed: list[list[str]], poses: Annotations) -> str:
    """What to say where a list of training pairs has others than the four-joint rule finds; else ""."""
    people = [fashion_names.identity(name) for name in poses.names]
    drawn = pairs.deformable(poses.names, people, poses.visible)
    ruled = {(poses.names[a], poses.names[b]) for a, b in drawn}
    own = {(source, target) for source, target in listed}
    if not own:
        return f"{path}: none of its pairs is used: the four-joint rule finds {len(ruled)} instead"
    if own == ruled:
        return ""
    return (
        f"{path}: {len(own)} training pairs, in place of the {len(ruled)} that the four-joint rule finds; "
        f"{len(own & ruled)} are the same"
    )
