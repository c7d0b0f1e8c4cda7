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

    They are matched as in `matched`, by the photos' absolute paths: so `1.jpg` given in the folder
    anna is `anna/1`, not `ben/1`. Where folders differ, as after a move, the names without folders
    and extensions count, if only one photo and only one name of poses are called so. Poses of a
    file that names no photo ("") are those of the only photo.

    Raises:
      InputError: as `matched`.
    """
    photos = [os.fspath(photo) for photo in photos]
    if set(poses) == {""} and len(photos) == 1:
        return {photos[0]: poses[""]}
    paths = {photo: Path(os.path.abspath(photo)).as_posix() for photo in photos}
    found = matched(poses, paths)
    names, called = _by_last(poses), _by_last(paths)
    for last, (photo, *others) in called.items():
        if photo not in found and not others and len(names.get(last, ())) == 1:
            found[photo] = poses[names[last][0]]
    return {photo: found[photo] for photo in paths if photo in found}


def matched(
    poses: Mapping[str, list[Pose]], paths: Mapping[str, str] | Iterable[str]
) -> dict[str, list[Pose]]:
    """The poses of each photo; photos of which none tell are left out.

    A name of poses fits a photo if one's folders and name end as the other's do, extensions aside: so
    `1` and `photos/anna/1.jpg` fit `anna/1.png`, and `ben/1.jpg` does not. The closest fit counts.

    Args:
      poses: by name.
      paths: the photos, or by photo the path that is compared.

    Raises:
      InputError: poses fit two photos, or a photo two poses, equally well.
    """
    if not isinstance(paths, Mapping):
        paths = {path: path for path in paths}
    index = _by_last(poses)
    fits: dict[str, tuple[_Rank, str]] = {}  # photo of each name, and how well it fits
    for photo, path in paths.items():
        ranked = [(_fit(name, path), name) for name in index.get(_parts(path)[-1], ())]
        ranked = sorted(((rank, name) for rank, name in ranked if rank[0]), reverse=True)
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


_Rank = tuple[int, bool, bool]


def _by_last(names: Iterable[str]) -> dict[str, list[str]]:
    """Names by their last part, without folders and extension."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(_parts(name)[-1], []).append(name)
    return found


def _parts(name: str) -> tuple[str, ...]:
    """Folders and name without an image's extension; another dot is a part of the name."""
    path = PurePosixPath(name)
    parts = (path.with_suffix("") if _extension(name) else path).parts or ("",)
    # Which folder ".." stands for the name does not tell.
    up = max((place for place, part in enumerate(parts[:-1], 1) if part == ".."), default=0)
    return parts[up:]


def _extension(name: str) -> str:
    """An image's, or ""."""
    suffix = PurePosixPath(name).suffix
    return suffix if suffix.lower() in EXTENSIONS else ""


def _fit(name: str, path: str) -> _Rank:
    """How many parts both end with, 0 if the shorter has others; is the extension equal, is all."""
    one, other = _parts(name), _parts(path)
    common = min(len(one), len(other))
    fitting = common if one[-common:] == other[-common:] else 0
    return fitting, _extension(name) == _extension(path), name == path


def in_order(name: str) -> list[tuple[int, str]]:
    """A key that sorts names as people do: frame9 before frame10."""
    parts = re.split(r"([0-9]+)", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
