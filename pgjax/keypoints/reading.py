"""Reads files and folders of keypoints."""

import os
import re
from pathlib import Path

from pgjax.errors import InputError
from pgjax.files import folders
from pgjax.files.file_types import Kind
from pgjax.files.paths import local
from pgjax.keypoints import formats, openpose
from pgjax.keypoints.formats import FORMATS
from pgjax.keypoints.matching import in_order
from pgjax.keypoints.pose import Pose

ENDINGS = (".json", ".npy", ".txt")
CLASSES = "classes.txt"
SUFFIXES = (
    openpose.SUFFIX,
    ".predictions",
)  # after a photo's name; OpenPifPaf: a.jpg.predictions.json
_MEANT = re.compile(
    r"\.(json|jsonl|npy|npz|txt|csv|yml|yaml|xml|pkl|pickle|h5|mat)($|[^a-z0-9])", re.IGNORECASE
)


def read(
    path: str | os.PathLike, format: str | None = None, threshold: float | None = None
) -> dict[str, list[Pose]]:
    """Reads the poses of a file, or of all the files of a folder.

    Args:
      path: a file, or a folder (with those below it) of .json, .npy or .txt files, one a photo, as
        OpenPose writes: NAME_keypoints.json. They come in the order of their names, numbers in the
        names counted as numbers.
      format: one of FORMATS; where None, told from the extension and the content.
      threshold: a joint is visible whose confidence is larger, in the file's own unit, such as 30 of
        a file in percent; where None, THRESHOLD of the whole (0.1, or 10 percent).

    Returns:
      By the photo's name ("" where the file names none; files of a folder name theirs) the people
      in it, in the order of the file; an empty list where there is nobody. Poses in shares of a photo
      whose size the file does not tell have the size SHARES: `in_photo` and `in_pixels` scale them.

    Raises:
      FileNotFoundError: there is no such file or folder.
      InputError: names the file and its fault.
    """
    path = local(path)
    if format is not None and format not in FORMATS:
        raise InputError(f"format {format!r}: expected one of {', '.join(FORMATS)}")
    if threshold is not None and not threshold >= 0:
        raise InputError(f"threshold {threshold}: expected a confidence from 0 on")
    if path.is_dir():
        return _read_folder(path, format, threshold)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file of keypoints")
    return formats.read(path, format, threshold)


def _read_folder(
    folder: Path, format: str | None, threshold: float | None
) -> dict[str, list[Pose]]:
    one = format is not None and FORMATS[format].kinds
    endings = [FORMATS[format].extension] if one else ENDINGS
    listing = folders.files(folder)
    present = {path.suffix.lower() for path in listing.found.values()}
    held = [ending for ending in endings if ending in present]
    folders.tell(folder, _passed(listing, set(held[:1] or endings)))
    if not held:
        raise InputError(f"{folder}: no file of keypoints ({' or '.join(endings)}) in it")
    if held[:2] == [".json", ".npy"]:
        raise InputError(f"{folder}: holds both .json and .npy; name the format")
    # Texts beside other files are about them, and one of labels lists their classes.
    paths = [path for path in listing.found.values() if path.suffix.lower() == held[0]]
    paths = [path for path in paths if path.name != CLASSES]
    found: dict[str, list[Pose]] = {}
    for path in sorted(paths, key=lambda p: in_order(p.relative_to(folder).as_posix())):
        poses = read(path, format, threshold) or {"": []}
        if set(poses) == {""}:
            name = path.relative_to(folder).with_suffix("").as_posix()
            for suffix in SUFFIXES:
                name = name.removesuffix(suffix)
            poses = {name: poses[""]}
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
