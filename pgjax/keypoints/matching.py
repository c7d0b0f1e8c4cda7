"""Which poses are of which photo: names of photos as files of keypoints and folders write them."""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from pgjax.errors import InputError
from pgjax.images.photo_names import Names, Rank
from pgjax.keypoints.pose import Pose


def for_photos(
    poses: Mapping[str, list[Pose]], photos: Iterable[str | os.PathLike]
) -> dict[str, list[Pose]]:
    """The poses of each photo, by the photo's path as given; photos of which none tell are left out.

    They are matched as in `matched`, by the photos' absolute paths: so `1.jpg` given in the folder
    anna is `anna/1`, not `ben/1`. Where folders differ, as after a move, the names without folders
    and extensions count; the photo and the name of poses must be nearer to each other, by the folders
    that both end with, than to any other of that name. Poses of a file that names no photo ("") are
    those of the only photo.

    Raises:
      InputError: as `matched`.
    """
    photos = [os.fspath(photo) for photo in photos]
    if set(poses) == {""} and len(photos) == 1:
        return {photos[0]: poses[""]}
    return near(poses, {photo: Path(os.path.abspath(photo)).as_posix() for photo in photos})


def near(poses: Mapping[str, list[Pose]], paths: Mapping[str, str]) -> dict[str, list[Pose]]:
    """As `matched`, and then where folders differ, by the nearest: `train/labels/1` is `train/images/1.jpg`.

    Args:
      paths: by photo the path that is compared.

    Raises:
      InputError: as `matched`.
    """
    found = matched(poses, paths)
    names, called = Names(poses), Names(paths.values())
    for photo, path in paths.items():
        name = None if photo in found else _nearest(names, path)
        if name is not None and _nearest(called, name) == path:
            found[photo] = poses[name]
    return {photo: found[photo] for photo in paths if photo in found}


def _nearest(names: Names, text: str) -> str | None:
    ranked = sorted(names.elsewhere(text), reverse=True)
    if not ranked or (len(ranked) > 1 and ranked[0][0] == ranked[1][0]):
        return None
    return ranked[0][1]


def matched(
    poses: Mapping[str, list[Pose]], paths: Mapping[str, str] | Iterable[str]
) -> dict[str, list[Pose]]:
    """The poses of each photo, by the rules of pgjax.images.photo_names; photos without poses are left out.

    The closest fit counts: so `1` and `photos/anna/1.jpg` fit `anna/1.png`, and `ben/1.jpg` does not.

    Args:
      poses: by name.
      paths: the photos, or by photo the path that is compared.

    Raises:
      InputError: poses fit two photos, or a photo two poses, equally well.
    """
    if not isinstance(paths, Mapping):
        paths = {path: path for path in paths}
    names = Names(poses)
    fits: dict[str, tuple[Rank, str]] = {}  # photo of each name, and how well it fits
    for photo, path in paths.items():
        ranked = names.ranked(path)
        if not ranked:
            continue
        rank, name = ranked[0]
        if len(ranked) > 1 and ranked[1][0] == rank:
            raise InputError(f"photo {photo}: keypoints of both {name} and {ranked[1][1]} fit it")
        held = fits.get(name)
        if held is not None and held[0] == rank:
            raise InputError(
                f"keypoints of {name} fit both {held[1]} and {photo}; name photos by their paths"
            )
        if held is None or held[0] < rank:
            fits[name] = rank, photo
    return {photo: poses[name] for name, (_, photo) in fits.items()}


def unused(poses: Mapping[str, list[Pose]], found: Mapping[str, list[Pose]]) -> list[str]:
    """The names of poses that are of none of the photos that `for_photos` or `matched` found."""
    used = set(map(id, found.values()))
    return [name for name, people in poses.items() if id(people) not in used]


def in_order(name: str) -> list[tuple[int, str]]:
    """A key that sorts names as people do: frame9 before frame10."""
    parts = re.split(r"([0-9]+)", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
