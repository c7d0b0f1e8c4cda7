"""The published CSV (reference fact 5.1): name:keypoints_y:keypoints_x, one person a photo, integers.

A joint is missing if either coordinate is -1. The reader is strict: the first line that is not what
it should be is an error that names the file, the line and what was expected.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pgjax import paths, skeleton
from pgjax.errors import InputError
from pgjax.keypoints import files
from pgjax.keypoints.pose import JOINTS, Pose, make_pose

HEADER = "name:keypoints_y:keypoints_x"
LIST = re.compile(r"\s*\[(.*)\]\s*", re.DOTALL)
INTEGER = re.compile(r"\s*-?[0-9]{1,9}\s*", re.ASCII)


class Row(NamedTuple):
    """One photo: its name and integers [y, x] of the joints, (18, 2), -1 where missing."""

    name: str
    coordinates: np.ndarray


def read(path: Path, threshold: float) -> dict[str, list[Pose]]:
    """The format has no confidence, so no threshold either; a photo without joints has nobody."""
    found = {}
    for name, coordinates in rows(path):
        visible = (coordinates != -1).all(axis=1)
        found[name] = [make_pose(coordinates, visible)] if visible.any() else []
    return found


def write(path: Path, poses: Mapping[str, Sequence[Pose]]) -> None:
    """Coordinates are rounded; a joint above or left of the photo's edge becomes missing.

    Raises:
      InputError: several people in a photo, or a name that the format can't hold.
    """
    lines = [HEADER]
    for name, people in poses.items():
        if not name or name != name.strip() or re.search(r"[:\r\n]", name):
            raise InputError(f"{path}: photo {name!r}: a name here is not empty and has no ':'")
        pose = files.at_most_one(name, people, path)
        pixels = np.full((JOINTS, 2), -1)
        if pose is not None:
            rounded = np.floor(pose.keypoints + 0.5).astype(int)
            inside = pose.visible & (rounded >= 0).all(axis=1)
            pixels[inside] = rounded[inside]
        lines.append(": ".join((name, *(str(axis.tolist()) for axis in pixels.T))))
    paths.write_bytes(path, ("\n".join(lines) + "\n").encode())


def rows(path: str | os.PathLike) -> Iterator[Row]:
    """The lines of a file, in its order.

    Raises:
      FileNotFoundError: there is no such file.
      InputError: names the file, the line and the fault.
    """
    names: dict[str, int] = {}
    for number, line in lines(path, HEADER):
        try:
            name, *lists = fields(line, ":", 3, HEADER)
            if name in names:
                raise InputError(f"image {name} was already annotated in line {names[name]}")
            y, x = (_integers(text, axis) for text, axis in zip(lists, "yx", strict=True))
        except ValueError as error:
            raise InputError(f"{path}, line {number}: {error}") from None
        names[name] = number
        yield Row(name, np.array([y, x]).T)


def lines(path: str | os.PathLike, header: str) -> list[tuple[int, str]]:
    """The lines after the header, with their numbers (the header is line 1)."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such file; expected a text file headed {header!r}")
    try:
        found = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a text file in UTF-8: {error}") from None
    if not found or found[0].strip() != header:
        first = repr(found[0][:80]) if found else "an empty file"
        raise InputError(f"{path}, line 1: expected the header {header!r}, found {first}")
    if len(found) == 1:
        raise InputError(f"{path}: no line follows the header")
    return list(enumerate(found[1:], start=2))


def fields(line: str, separator: str, count: int, header: str) -> list[str]:
    """The fields of a line, stripped; another number of them or an empty one is an InputError."""
    found = line.split(separator)
    if len(found) != count:
        raise InputError(
            f"expected {count} fields as in {header!r}, found {len(found)}: {line[:80]!r}"
        )
    found = [field.strip() for field in found]
    if "" in found:
        raise InputError(f"empty field in {line[:80]!r}")
    return found


def _integers(text: str, axis: str) -> list[int]:
    """The numbers of one list such as `[8, 23, -1]`, 18 of them, none below -1."""
    match = LIST.fullmatch(text)
    if match is None:
        raise InputError(f"the {axis} coordinates are not a list such as [8, -1, ...]: {text!r}")
    items = match[1].split(",") if match[1].strip() else []
    if len(items) != JOINTS:
        raise InputError(
            f"{len(items)} {axis} coordinates, expected {JOINTS}, one for each joint "
            f"({skeleton.JOINTS[0]} to {skeleton.JOINTS[-1]})"
        )
    for joint, item in zip(skeleton.JOINTS, items, strict=True):
        if INTEGER.fullmatch(item) is None:
            raise InputError(f"{axis} of {joint} is {item.strip()!r}, expected an integer")
        if int(item) < -1:
            raise InputError(f"{axis} of {joint} is {int(item)}, expected a pixel or -1 (missing)")
    return [int(item) for item in items]
