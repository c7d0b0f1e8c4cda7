"""Keypoints in the formats that people have: read them, write them, move them with their photo.

    poses = keypoints.read("poses/")  # {"photo": [Pose, ...], ...}
    keypoints.write("poses.csv", poses, "csv")

`FORMATS` is the table of formats, `LAYOUTS` that of the orders of joints. In every format a person of
whom no joint is visible is nobody, and a joint at exactly (0, 0) or (-1, -1), or outside the photo where its
size is known, is missing, whatever its confidence; `suspicions` tells of it.
"""

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pgjax.errors import InputError
from pgjax.files import paths
from pgjax.keypoints import arrays
from pgjax.keypoints.formats import FORMAT_IS, FORMATS, WRITTEN
from pgjax.keypoints.found import THRESHOLD
from pgjax.keypoints.layouts import LAYOUTS
from pgjax.keypoints.matching import for_photos
from pgjax.keypoints.people import (
    FOLLOWED,
    PROMINENT,
    Choice,
    by_prominence,
    check_person,
    choose,
    parse_person,
)
from pgjax.keypoints.placing import in_photo, in_pixels, inside, within
from pgjax.keypoints.pose import SHARES, Pose, flipped, make_pose, moved
from pgjax.keypoints.reading import read
from pgjax.keypoints.suspicion import summary, suspicions

__all__ = [
    "FOLLOWED",
    "FORMATS",
    "FORMAT_IS",
    "LAYOUTS",
    "PROMINENT",
    "SHARES",
    "THRESHOLD",
    "WRITTEN",
    "Choice",
    "Pose",
    "by_prominence",
    "check_person",
    "choose",
    "flipped",
    "for_photos",
    "in_photo",
    "in_pixels",
    "inside",
    "is_sequence",
    "make_pose",
    "moved",
    "one_pose",
    "parse_person",
    "read",
    "summary",
    "suspicions",
    "within",
    "write",
]

HOLD_SIZE = ("openpose", "openpose25")  # formats that hold shares with the size that they are of


def write(path: str | os.PathLike, poses: Mapping[str, Sequence[Pose]], format: str) -> None:
    """Writes poses by photo's name in one of WRITTEN, over what is there.

    Formats of one file a photo (openpose, openpose25, npy) write one file where the path has their
    extension, and else a folder; coco17 and csv always one file. What formats can't hold: csv and
    npy several people in a photo; csv fractions of pixels, a joint in the first pixel and joints left
    of or above the photo; csv and coco17 confidence; coco17 the neck; csv, npy and coco17_results the
    photo's size.

    Raises:
      InputError: an unknown format, or poses that it can't hold.
    """
    written = FORMATS[format].write if format in FORMATS else None
    if written is None:
        raise InputError(f"format {format!r}: expected one of {', '.join(WRITTEN)}")
    if format not in HOLD_SIZE and any(p.size == SHARES for some in poses.values() for p in some):
        raise InputError(
            f"{path}: keypoints are shares of photos whose size is not known, and format {format} "
            "holds pixels; in_photo makes them pixels"
        )
    written(paths.local(path), poses)


def one_pose(
    source: str | os.PathLike | Pose | np.ndarray,
    format: str | None = None,
    threshold: float | None = None,
    photo: str | None = None,
    person: int | str | None = None,
) -> Pose:
    """The one pose of a file; a Pose stays what it is, an array is taken as one of a .npy file.

    Args:
      source: a file as `read` takes it, a Pose, or an array.
      format: as in `read`.
      threshold: as in `read`.
      photo: which photo's, where the file holds those of several.
      person: which of several people: a number from 0 on, or "prominent" (people.choose). A detection of
        a few joints beside people is nobody; a warning tells of it.

    Raises:
      FileNotFoundError: there is no such file.
      InputError: not exactly one pose; says how to choose.
    """
    if isinstance(source, Pose):
        return source
    if isinstance(source, str | os.PathLike):
        poses, name = read(source, format, threshold), str(source)
    else:
        poses, name = arrays.of_array(np.asarray(source), threshold), "the array of keypoints"
    if photo is not None:
        matching = for_photos(poses, [photo])
        if photo not in matching:
            raise InputError(f"{name}: no photo {photo!r} in it, but {_some(poses)}")
        poses = {photo: matching[photo]}
    if len(poses) != 1:
        raise InputError(f"{name}: {_some(poses)}; choose one by its name (photo=)")
    (people,) = poses.values()
    if not people:
        raise InputError(
            f"{name}: nobody in it has a visible joint (confidence above "
            f"{THRESHOLD if threshold is None else threshold:g})"
        )
    choice = choose({"": people}, person, name)
    for note in choice.notes:
        warnings.warn(f"{name}: {note}", stacklevel=2)
    (pose,) = choice.poses.values()
    return pose


def is_sequence(source: str | os.PathLike | np.ndarray, poses: Mapping[str, object]) -> bool:
    """Whether a path or an array, of which `read` made the poses, is a sequence, even one of one pose.

    Such are folders, files of several photos, and arrays (N, 18, ...).
    """
    if not isinstance(source, str | os.PathLike):
        return np.ndim(source) == 3
    path = paths.local(source)
    return path.is_dir() or len(poses) > 1 or (_is_npy(path) and "" not in poses)


def _is_npy(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(6) == b"\x93NUMPY"


def _some(poses: Mapping[str, object]) -> str:
    names = ", ".join(map(repr, list(poses)[:3])) + (", ..." if len(poses) > 3 else "")
    return f"{len(poses)} photos ({names})" if poses else "no photo"
