"""The published text files: pose annotations (docs/reference_facts.md, 5.1) and lists of pairs (5.2).

Both are read as pandas writes them too (pgjax.files.csv_table). Else the readers are strict: the first line
that is not what it should be is an error that names the file, the line and what was expected.
"""

import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pgjax.errors import InputError
from pgjax.files import csv_table
from pgjax.images.photo_names import Names
from pgjax.keypoints import published

PAIRS_HEADER = "from,to"
# Lists without a header tell no order: those of NTED and PIDM name the target first.
PAIRS_HINT = (
    "; write from,to above a list that names sources first, to,from above one of targets first"
)
PAIRS_COLUMNS = {"from": ("source",), "to": ("target",)}


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
    names, points = zip(*published.rows(path), strict=True)
    keypoints = np.array(points, np.float32)
    visible = (keypoints != -1).all(axis=2)
    keypoints[~visible] = -1
    return Annotations(names, keypoints, visible)


def read_pairs(path: str | os.PathLike, names: Sequence[str]) -> np.ndarray:
    """Reads `from,to` lines as positions in `names`.

    Args:
      path: of the CSV.
      names: of the photos, which the file may call by any of the rules of pgjax.images.photo_names.

    Returns:
      int32 (P, 2), columns source and target.

    Raises:
      FileNotFoundError: there is no such file.
      InputError: names the file, the line and the fault, such as an image that `names` lacks.
    """
    positions = {name: position for position, name in enumerate(names)}
    photos = Names(names)
    pairs = []
    for number, pair in csv_table.read(path, PAIRS_HEADER, ",", PAIRS_COLUMNS, hint=PAIRS_HINT):
        found = [photos.closest(name) for name in pair]
        for name, closest in zip(pair, found, strict=True):
            if not closest:
                raise InputError(
                    f"{path}, line {number}: unknown image {name}; the data set has "
                    f"{len(positions)} images, such as {next(iter(names), 'none')}"
                )
            if len(closest) > 1:
                raise InputError(
                    f"{path}, line {number}: image {name} may be {' or '.join(closest[:2])}"
                )
        pairs.append([positions[name] for (name,) in found])
    return np.array(pairs, np.int32)
