"""Which poses are of which photo: names of photos as files of keypoints and folders write them."""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from pgjax.errors import InputError
from pgjax.keypoints.pose import Pose
from pgjax.photo import EXTENSIONS


def for_photos(
    poses: Mapping[str, list[Pose]], photos: Iterable[str | os.PathLike]
) -> dict[str, list[Pose]]:
    """The poses of each photo, by the photo's path as given; photos of which none tell are left out.

    Names match that are equal, or equal without folders, or without folders and extensions: a file
    of OpenPose names photos without extension, and data sets are converted from JPEG to PNG. Poses
    of a file that names no photo ("") are those of the only photo.

    Raises:
      InputError: two names of poses match a photo equally well.
    """
    photos = [os.fspath(photo) for photo in photos]
    if set(poses) == {""} and len(photos) == 1:
        return {photos[0]: poses[""]}
    found: dict[str, list[Pose]] = {}
    for key in (str, _name, _bare):
        index: dict[str, list[str]] = {}
        for name in poses:
            index.setdefault(key(PurePosixPath(name)), []).append(name)
        for photo in photos:
            names = index.get(key(PurePosixPath(Path(photo).as_posix())), [])
            if photo in found or not names:
                continue
            if len(names) > 1:
                raise InputError(f"photo {photo}: keypoints of both {names[0]!r} and {names[1]!r}")
            found[photo] = poses[names[0]]
    return found


def _name(path: PurePosixPath) -> str:
    return path.name


def _bare(path: PurePosixPath) -> str:
    """Without folders and an image's extension; another dot is a part of the name."""
    return path.stem if path.suffix.lower() in EXTENSIONS else path.name


def in_order(name: str) -> list[tuple[int, str]]:
    """A key that sorts names as people do: frame9 before frame10."""
    parts = re.split(r"([0-9]+)", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
