"""The published CSV: name:keypoints_y:keypoints_x, one person a photo, integers.

See docs/reference_facts.md, 5.1.

A joint is missing if either coordinate is -1. The reader also takes what pandas makes of such files when
it writes them again: `pgjax.files.csv_table`, 12.0, nan for a missing joint, an empty cell for a missing
list. Else it is strict: the first line that is not what it should be is an error that names the file, the
line and what was expected.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pgjax.errors import InputError
from pgjax.files import csv_table, paths
from pgjax.images.photo_names import KEYS
from pgjax.keypoints import files
from pgjax.keypoints.found import at_marks
from pgjax.keypoints.pose import JOINTS, Pose, make_pose, marked
from pgjax.pose import skeleton

HEADER = "name:keypoints_y:keypoints_x"
COLUMNS = {"name": (*KEYS, "image_id"), "keypoints_y": (), "keypoints_x": ()}
LISTS = ("keypoints_y", "keypoints_x")  # whose cells pandas leaves empty where a photo has no pose
LARGEST = 1e9  # pixels; nothing that could be meant is larger
_LIST = re.compile(r"\s*\[(.*)\]\s*", re.DOTALL)
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.ASCII | re.IGNORECASE)
# As nearly all lists are: told at once, since data sets hold hundreds of thousands of numbers.
_PUBLISHED = re.compile(rf"((-1|[0-9]{{1,9}}), *){{{JOINTS - 1}}}(-1|[0-9]{{1,9}})", re.ASCII)
_MISSING = ("nan", "none", "null")
_NUMPY = re.compile(r"\bnp\.\w+\(([^()]*)\)")  # how lists of NumPy's numbers are written by NumPy 2


class Row(NamedTuple):
    """One photo: its name and the joints' [y, x] in pixels, float (18, 2), -1 where missing."""

    name: str
    coordinates: np.ndarray


def read(path: Path) -> dict[str, list[Pose]]:
    """The format has no confidence, so no threshold either; a photo without joints has nobody."""
    found = {}
    for name, coordinates in rows(path):
        given = (coordinates != -1).all(axis=1)
        visible = given & ~marked(coordinates)
        zeros = [skeleton.JOINTS[joint] for joint in np.flatnonzero(given & ~visible)]
        pose = make_pose(coordinates, visible, doubts=at_marks(zeros))
        found[name] = [pose] if visible.any() else []
    return found


def fits(start: bytes) -> bool:
    """Whether a file that starts so is of this format."""
    return csv_table.headed(start, ":", COLUMNS)


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
    for number, (name, *lists) in csv_table.read(path, HEADER, ":", COLUMNS, optional=LISTS):
        with files.naming(f"{path}, line {number}"):
            if name in names:
                raise InputError(f"image {name} was already annotated in line {names[name]}")
            y, x = (_numbers(text, axis) for text, axis in zip(lists, "yx", strict=True))
            if (y is None) != (x is None):
                raise InputError("one of the lists of coordinates is empty, and the other is not")
        names[name] = number
        yield Row(name, np.full((JOINTS, 2), -1.0) if y is None else np.array([y, x]).T)


def _numbers(text: str, axis: str) -> list[float] | None:
    """The numbers of one list such as `[8, 23, -1]`, 18 of them, -1 where missing; None of an empty one."""
    match = _LIST.fullmatch(text)
    if match is None and text:
        raise InputError(f"the {axis} coordinates are not a list such as [8, -1, ...]: {text!r}")
    inside = _NUMPY.sub(r"\1", match[1]).strip() if match else ""
    if not inside:
        return None
    if _PUBLISHED.fullmatch(inside) is not None:
        return [float(item) for item in inside.split(",")]
    # Arrays of NumPy are written without commas.
    items = re.split(r"\s*,\s*" if "," in inside else r"\s+", inside)
    if len(items) != JOINTS:
        raise InputError(
            f"{len(items)} {axis} coordinates, expected {JOINTS}, one for each joint "
            f"({skeleton.JOINTS[0]} to {skeleton.JOINTS[-1]})"
        )
    return [_number(*item, axis) for item in zip(items, skeleton.JOINTS, strict=True)]


def _number(item: str, joint: str, axis: str) -> float:
    if item.lower() in _MISSING:
        return -1.0
    if _NUMBER.fullmatch(item) is None:
        raise InputError(f"{axis} of {joint} is {item!r}, expected a number")
    value = float(item)
    if value < 0 and value != -1:
        raise InputError(f"{axis} of {joint} is {item}, expected a pixel or -1 (missing)")
    if value >= LARGEST:
        raise InputError(f"{axis} of {joint} is {item}, expected pixels")
    return value
