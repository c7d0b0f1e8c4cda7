"""The keypoints that belong to a folder of own photos: where they are, and which photos they name."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from pgjax import keypoints
from pgjax.errors import InputError
from pgjax.files import folders, paths
from pgjax.images.photo_names import Names
from pgjax.keypoints import Pose, files
from pgjax.keypoints.matching import unused

USUAL = ("keypoints.json", "keypoints.csv", "keypoints.npy", "keypoints")
POSES = ("pose", "poses")  # PIDM's and NTED's folder of one text file a photo
# One a split, as pose-gan's.
_ANNOTATIONS = re.compile(r"(?:.+-)?annotation-(?:train|val|test)\.csv")
_SAY = (
    f"expected one of {', '.join(USUAL)} (a folder), which python -m pgjax.tools.keypoints makes of the "
    "photos, or say with --keypoints where they are"
)


def find(raw: Path, given: str | None) -> tuple[Path, ...]:
    """The files or folders of keypoints: as given, else one of USUAL, else as other tools lay them.

    Raises:
      FileNotFoundError: none, or more than one could be meant.
    """
    if given is not None:
        return (paths.local(given),)
    usual = [raw / name for name in USUAL if (raw / name).exists()]
    if len(usual) > 1:
        raise FileNotFoundError(f"{raw}: both {usual[0].name} and {usual[1].name} here; {_SAY}")
    if usual:
        return tuple(usual)
    every = folders.files(raw).found
    by_split = [path for path in every.values() if _ANNOTATIONS.fullmatch(path.name)]
    if by_split:
        return tuple(by_split)
    poses = [raw / name for name in POSES if (raw / name).is_dir()]
    if len(poses) != 1 or folders.photos(poses[0]).found:
        raise FileNotFoundError(f"{raw}: no keypoints here; {_SAY}")
    return tuple(poses)


def read(
    sources: tuple[Path, ...], format: str | None, threshold: float | None
) -> Mapping[str, list[Pose]]:
    """The poses of all of them, by the names there.

    Raises:
      InputError: as keypoints.read; or a photo is in two of them.
    """
    found: dict[str, list[Pose]] = {}
    for source in sources:
        poses = keypoints.read(source, format, threshold)
        again = sorted(found.keys() & poses.keys())
        if again:
            with files.naming(source):
                raise InputError(f"photo {again[0]} is in {sources[0]} too")
        found |= poses
    return found


def apart(photos: Mapping[str, Path], sources: Sequence[Path]) -> tuple[list[str], list[str]]:
    """The photos, and pictures that a tool has drawn into a folder of keypoints; both by their names.

    Where all lie in the folder, keypoints lie among the photos.
    """
    drawn = [name for name, path in photos.items() if set(path.parents) & set(sources)]
    kept = [name for name in photos if name not in set(drawn)]
    return (kept, drawn) if kept else (drawn, [])


def left_over(
    read: Mapping[str, list[Pose]], poses: Mapping[str, list[Pose]], photos: Sequence[str]
) -> set[str]:
    """The names of keypoints that are no photo's: of none in `poses`, and by their names of no other."""
    names = Names(photos)
    return {name for name in unused(read, poses) if not names.closest(name)}
