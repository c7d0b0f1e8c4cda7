"""Keypoints in the formats that people have: read them, write them, move them with their photo.

    poses = keypoints.read("poses/")  # {"photo": [Pose, ...], ...}
    keypoints.write("poses.csv", poses, "csv")

`FORMATS` is the table of formats; a new one is a line there. In every format a person of whom no
joint is visible is nobody.
"""

import json
import os
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pgjax import folders
from pgjax.errors import InputError
from pgjax.filetypes import Kind
from pgjax.keypoints import arrays, coco, files, openpose, published
from pgjax.keypoints.people import (
    FOLLOWED,
    PROMINENT,
    Choice,
    by_prominence,
    check_person,
    choose,
    parse_person,
)
from pgjax.keypoints.photos import for_photos, in_order
from pgjax.keypoints.pose import Pose, flipped, in_photo, inside, make_pose, moved
from pgjax.keypoints.suspicion import summary, suspicions

__all__ = [
    "FOLLOWED",
    "FORMATS",
    "PROMINENT",
    "Choice",
    "Format",
    "Pose",
    "by_prominence",
    "check_person",
    "choose",
    "flipped",
    "for_photos",
    "in_photo",
    "inside",
    "is_sequence",
    "make_pose",
    "moved",
    "one_pose",
    "parse_person",
    "read",
    "summary",
    "suspicions",
    "write",
]

THRESHOLD = 0.1
_MEANT = re.compile(
    r"\.(json|jsonl|npy|npz|txt|csv|yml|yaml|xml|pkl|pickle|h5|mat)($|[^a-z0-9])", re.IGNORECASE
)


class Format(NamedTuple):
    """A format: its extension, read(path, threshold), write(path, poses), and what it holds."""

    extension: str
    read: Callable[[Path, float], dict[str, list[Pose]]]
    write: Callable[[Path, Mapping[str, Sequence[Pose]]], None]
    what: str


FORMATS = {
    "openpose": Format(".json", openpose.read, openpose.write_coco18, "OpenPose, COCO-18 body"),
    "openpose25": Format(".json", openpose.read, openpose.write_body25, "OpenPose, BODY-25"),
    "coco17": Format(".json", coco.read, coco.write_data_set, "COCO-17, a data set"),
    "coco17_results": Format(".json", coco.read, coco.write_results, "COCO-17, list of results"),
    "csv": Format(".csv", published.read, published.write, f"published CSV, {published.HEADER}"),
    "npy": Format(".npy", arrays.read, arrays.write, "array (18, 2 or 3) or (N, 18, 2 or 3)"),
}


def read(
    path: str | os.PathLike, format: str | None = None, threshold: float = THRESHOLD
) -> dict[str, list[Pose]]:
    """Reads the poses of a file, or of all the files of a folder.

    Args:
      path: a file, or a folder (with those below it) of .json or .npy files, one a photo, as
        OpenPose writes: NAME_keypoints.json. They come in the order of their names, numbers in the
        names counted as numbers.
      format: one of FORMATS; where None, told from the extension and the content.
      threshold: a joint is visible whose confidence is larger; from 0 on, below 1.

    Returns:
      By the photo's name ("" where the file names none; files of a folder name theirs) the people
      in it, in the order of the file; an empty list where there is nobody.

    Raises:
      FileNotFoundError: there is no such file or folder.
      InputError: names the file and its fault.
    """
    path = Path(path)
    if format is not None and format not in FORMATS:
        raise InputError(f"format {format!r}: expected one of {', '.join(FORMATS)}")
    if not 0 <= threshold < 1:
        raise InputError(f"threshold {threshold}: expected a confidence from 0 on, below 1")
    if path.is_dir():
        return _read_folder(path, format, threshold)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file of keypoints")
    if format == "csv" or (format is None and path.suffix.lower() == ".csv"):
        return published.read(path, threshold)  # its errors name the file, and the line
    with files.naming(path):
        return FORMATS[format or _format(path)].read(path, threshold)


def _format(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    if path.suffix.lower() == ".npy" or start.startswith(b"\x93NUMPY"):
        return "npy"
    if start.startswith(published.HEADER.encode()):
        return "csv"
    if path.suffix.lower() != ".json" and start[:1] not in (b"{", b"["):
        raise InputError(f"not a format of keypoints that is known; expected {_known()}")
    content = files.load_json(path)
    items = content if isinstance(content, list) else [content]
    keys = set().union(*(item for item in items[:1] if isinstance(item, dict)))
    if "people" in keys:
        return "openpose"
    if keys & {"annotations", "keypoints"} or content == []:
        return "coco17"
    raise InputError(
        f'JSON with {sorted(keys) or json.dumps(content)[:40]}; expected OpenPose\'s key "people", '
        'or COCO\'s "annotations" or "keypoints"'
    )


def _known() -> str:
    return "; ".join(f"{format.extension} ({format.what})" for format in FORMATS.values())


def _read_folder(folder: Path, format: str | None, threshold: float) -> dict[str, list[Pose]]:
    endings = {FORMATS[format].extension} if format else {".json", ".npy"}
    listing = folders.files(folder)
    paths = [p for p in listing.found.values() if p.suffix.lower() in endings]
    folders.tell(folder, _passed(listing, endings))
    if not paths:
        raise InputError(f"{folder}: no file of keypoints ({' or '.join(sorted(endings))}) in it")
    if len({p.suffix.lower() for p in paths}) > 1:
        raise InputError(f"{folder}: holds both .json and .npy; name the format")
    found: dict[str, list[Pose]] = {}
    for path in sorted(paths, key=lambda p: in_order(p.relative_to(folder).as_posix())):
        poses = read(path, format, threshold)
        if set(poses) == {""}:
            name = path.relative_to(folder).with_suffix("").as_posix()
            poses = {name.removesuffix(openpose.SUFFIX): poses[""]}
        for name, people in poses.items():
            if name in found:
                raise InputError(f"{path}: photo {name!r} is in another file of the folder too")
            found[name] = people
    return found


def _passed(listing: folders.Listing, endings: set[str]) -> folders.Listing:
    """What may be meant as keypoints and is not taken: copies, other formats, links that lead nowhere."""
    kind = Kind(f"no {' or '.join(sorted(endings))}", (), "rename or move it", photo=False)
    meant = {
        name: kind
        for name, path in listing.found.items()
        if path.suffix.lower() not in endings and _MEANT.search(name)
    }
    return folders.Listing({}, {}, {**meant, **listing.passed})


def write(path: str | os.PathLike, poses: Mapping[str, Sequence[Pose]], format: str) -> None:
    """Writes poses by photo's name in one of FORMATS, over what is there.

    Formats of one file a photo (openpose, openpose25, npy) write one file where the path has their
    extension, and else a folder; coco17 and csv always one file. What formats can't hold: csv and
    npy several people in a photo; csv fractions of pixels and joints left of or above the photo;
    csv and coco17 confidence; coco17 the neck; csv, npy and coco17_results the photo's size.

    Raises:
      InputError: an unknown format, or poses that it can't hold.
    """
    if format not in FORMATS:
        raise InputError(f"format {format!r}: expected one of {', '.join(FORMATS)}")
    FORMATS[format].write(Path(path), poses)


def one_pose(
    source: str | os.PathLike | Pose | np.ndarray,
    format: str | None = None,
    threshold: float = THRESHOLD,
    photo: str | None = None,
    person: int | str | None = None,
) -> Pose:
    """The one pose of a file; a Pose stays what it is, an array is taken as one of a .npy file.

    Args:
      source, format, threshold: as in `read`.
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
            f"{name}: nobody in it has a visible joint (confidence above {threshold:g})"
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
    path = Path(source)
    return path.is_dir() or len(poses) > 1 or (_is_npy(path) and "" not in poses)


def _is_npy(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(6) == b"\x93NUMPY"


def _some(poses: Mapping[str, object]) -> str:
    names = ", ".join(map(repr, list(poses)[:3])) + (", ..." if len(poses) > 3 else "")
    return f"{len(poses)} photos ({names})" if poses else "no photo"
