"""Photos of re-identification data sets: the person in the name of each photo, and which photos can be used.

File names are as in Market-1501, 0002_c1s1_000451_03.jpg: identity, camera and sequence, frame, detection.
"""

import collections
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from pgjax import keypoints
from pgjax.errors import InputError
from pgjax.files import folders, paths
from pgjax.images.photo import read_photo
from pgjax.keypoints import Pose, in_photo, inside
from pgjax.keypoints.matching import unused
from pgjax.pose import skeleton

JUNK = ("-1", "0000")
TORSO = [skeleton.INDEX[f"{side}_{j}"] for j in ("hip", "shoulder") for side in ("right", "left")]


def is_junk(name: str) -> bool:
    """Whether a photo is one of Market-1501's badly detected boxes (-1) or distractors (0000)."""
    return who(name) in JUNK


def bare(name: str) -> str:
    """A photo's name without its folders."""
    return name.rpartition("/")[2]


def who(name: str) -> str:
    """Who a photo shows, by its name."""
    return bare(name).partition("_")[0]


def apart(name: str) -> list[str]:
    """Identity, camera and sequence, frame, detection (with the extension).

    Raises:
      InputError: the name is not like Market-1501's.
    """
    parts = bare(name).split("_")
    if len(parts) != 4 or not parts[2].isdecimal():
        raise InputError(
            f"{name}: expected a name like Market-1501's, 0002_c1s1_000451_03.jpg: identity, camera and "
            "sequence, frame, detection"
        )
    return parts


def usable(
    folder: str | os.PathLike,
    poses_file: str | os.PathLike,
    out: str | os.PathLike | None = None,
    format: str | None = None,
) -> dict[str, Pose]:
    """The photos of a folder and those below it by name, with the poses of those with hips and shoulders.

    All others are told on standard error: photos that cannot be read, have another shape than their
    keypoints' photo or no such pose, and identities of which no photo is left. The poses know their photos'
    sizes. Of what lies in the folder `out` nothing is taken.

    Raises:
      FileNotFoundError: there is no such folder or file.
      InputError: the keypoints are damaged, no photo is usable, several people are in one, or two photos in
        different folders have one name.
    """
    folder = paths.local(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder of photos")
    listing = folders.photos(folder)
    photos = folders.some(folder, listing)
    folders.tell(folder, listing)
    if out is not None and folder.resolve() in paths.local(out).resolve().parents:
        own = paths.local(out).resolve().relative_to(folder.resolve()).as_posix()
        photos = {name: path for name, path in photos.items() if not name.startswith(f"{own}/")}
    _check_names(folder, photos)
    poses = keypoints.read(poses_file, format)
    named = keypoints.for_photos(poses, photos.values())
    found, left = {}, collections.defaultdict(list)
    for name, path in photos.items():
        people = named.get(str(path))
        if people is not None and len(people) > 1:
            raise InputError(f"{poses_file}: {len(people)} people in {name}; expected one")
        if not people:
            left["have no keypoints" if people is None else "show nobody"].append(name)
        elif not people[0].visible[TORSO].all():
            left["lack a hip or a shoulder"].append(name)
        else:
            try:
                size = read_photo(path).shape[:2]
                pose = in_photo(people[0], size, path)
            except InputError as error:
                print(f"warning: left out: {error}", file=sys.stderr)
                continue
            if not pose.visible[TORSO].all():
                left["have a hip or a shoulder outside"].append(name)
            elif inside(pose).visible.any():
                found[name] = pose
            else:
                left["have no joint inside"].append(name)
    if not found:
        raise InputError(
            f"{folder}: of {len(photos)} photos none can be read and has hips and shoulders in "
            f"{poses_file}"
        )
    for why, names in left.items():
        print(f"{folder}: {len(names)} photos {why}: {folders.few(names)}", file=sys.stderr)
    for line in keypoints.summary((pose, None) for pose in found.values()):
        print(f"warning: {poses_file}: {line}", file=sys.stderr)
    spare = unused(poses, named)
    if spare:
        print(
            f"{poses_file}: {len(spare)} keypoints have no photo: {folders.few(spare)}",
            file=sys.stderr,
        )
    lost = sorted({who(name) for name in photos} - {who(name) for name in found})
    if lost:
        print(
            f"{folder}: {len(lost)} identities have no photo left: {folders.few(lost)}",
            file=sys.stderr,
        )
    return found


def _check_names(folder: Path, photos: Iterable[str]) -> None:
    """Names of photos that folders alone tell apart would mix: they are images' names, too."""
    seen: dict[str, str] = {}
    for name in photos:
        other = seen.setdefault(bare(name), name)
        if other != name:
            raise InputError(
                f"{folder}: {other} and {name} have one name; expected each photo once (name the folder that "
                "holds each once)"
            )
