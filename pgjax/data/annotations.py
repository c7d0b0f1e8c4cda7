"""The published text files: pose annotations (reference fact 5.1) and lists of pairs (5.2).

Both readers are strict: the first line that is not what it should be is an error that names the
file, the line and what was expected.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pgjax import skeleton
from pgjax.errors import InputError

ANNOTATION_HEADER = "name:keypoints_y:keypoints_x"
PAIRS_HEADER = "from,to"
JOINTS = len(skeleton.JOINTS)
LIST = re.compile(r"\s*\[(.*)\]\s*", re.DOTALL)
INTEGER = re.compile(r"\s*-?[0-9]{1,9}\s*", re.ASCII)


class Annotations(NamedTuple):
    """N annotated images in the order of the file.

    names: N file names. keypoints: float32 (N, 18, 2), (y, x) in pixels, (-1, -1) where missing.
    visible: bool (N, 18).
    """

    names: tuple[str, ...]
    keypoints: np.ndarray
    visible: np.ndarray


def read_annotations(path: str | os.PathLike) -> Annotations:
    """Reads `name:keypoints_y:keypoints_x` lines, a joint being missing if either coordinate is -1.

    Raises:
      FileNotFoundError: there is no such file.
      InputError: names the file, the line and the fault.
    """
    names: dict[str, int] = {}
    points = []
    for number, line in _lines(path, ANNOTATION_HEADER):
        try:
            name, *lists = _fields(line, ":", 3, ANNOTATION_HEADER)
            if name in names:
                raise InputError(f"image {name} was already annotated in line {names[name]}")
            points.append([_integers(text, axis) for text, axis in zip(lists, "yx", strict=True)])
        except ValueError as error:
            raise InputError(f"{path}, line {number}: {error}") from None
        names[name] = number
    keypoints = np.array(points, np.float32).swapaxes(1, 2)
    visible = (keypoints != -1).all(axis=2)
    keypoints[~visible] = -1
    return Annotations(tuple(names), keypoints, visible)


def read_pairs(path: str | os.PathLike, names: Sequence[str]) -> np.ndarray:
    """Reads `from,to` lines as positions in `names`.

    Returns:
      int32 (P, 2), columns source and target.

    Raises:
      FileNotFoundError: there is no such file.
      InputError: names the file, the line and the fault, such as an image that `names` lacks.
    """
    positions = {name: position for position, name in enumerate(names)}
    pairs = []
    for number, line in _lines(path, PAIRS_HEADER):
        try:
            pair = _fields(line, ",", 2, PAIRS_HEADER)
        except ValueError as error:
            raise InputError(f"{path}, line {number}: {error}") from None
        for name in pair:
            if name not in positions:
                raise InputError(
                    f"{path}, line {number}: unknown image {name}; the data set has "
                    f"{len(positions)} images, such as {next(iter(positions), 'none')}"
                )
        pairs.append([positions[name] for name in pair])
    return np.array(pairs, np.int32)


def _lines(path: str | os.PathLike, header: str) -> list[tuple[int, str]]:
    """The lines after the header, with their numbers (the header is line 1)."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such file; expected a text file headed {header!r}")
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a text file in UTF-8: {error}") from None
    if not lines or lines[0].strip() != header:
        found = repr(lines[0][:80]) if lines else "an empty file"
        raise InputError(f"{path}, line 1: expected the header {header!r}, found {found}")
    if len(lines) == 1:
        raise InputError(f"{path}: no line follows the header")
    return list(enumerate(lines[1:], start=2))


def _fields(line: str, separator: str, count: int, header: str) -> list[str]:
    fields = line.split(separator)
    if len(fields) != count:
        raise InputError(
            f"expected {count} fields as in {header!r}, found {len(fields)}: {line[:80]!r}"
        )
    fields = [field.strip() for field in fields]
    if "" in fields:
        raise InputError(f"empty field in {line[:80]!r}")
    return fields


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
