"""Finds the joints in photos: python -m pgjax.tools.keypoints PHOTOS --out FILE

PHOTOS are files or folders. The name of --out and the number of photos decide the format: a .csv is the
published CSV; a .json is OpenPose's JSON for one photo and COCO-17's for several; a .npy is an array; a
folder gets OpenPose's JSON of each photo. --format sets another one. OpenPose's JSON keeps most: CSV has
whole pixels only, CSV and COCO-17 have no confidence, and COCO-17 has no neck (readers compute it from the
shoulders). The name of a photo is its path below its folder. A photo that can't be read is left out, with a
line. The bytes of a file decide whether it is a photo (docs/folders.md).

Standard output gets one line of JSON: {"photos": n, "unreadable": n, "nobody": n, "people": n,
"joints": {name: n}}; "nobody" counts the photos in which nobody was found. If files that are no photos were
left out (videos, archives, backup copies, broken links), "passed_over" counts them.
"""

import json
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pgjax import keypoints
from pgjax.data import DATA_DIR
from pgjax.errors import InputError
from pgjax.files import folders
from pgjax.frozen import estimators
from pgjax.images import photo
from pgjax.keypoints import Pose, files, openpose
from pgjax.pose import skeleton
from pgjax.progress import announce, watched
from pgjax.runtime import compilation, cpu_process
from pgjax.tools import cli

ONE_PERSON = ("csv", "npy")  # what these formats hold of a photo
ONE_PHOTO = (".npy",)
ENDINGS = {  # of the files in a folder
    "openpose": f"{openpose.SUFFIX}.json",
    "openpose25": f"{openpose.SUFFIX}.json",
    "npy": ".npy",
}


def find(paths: Sequence[str | Path]) -> tuple[dict[str, Path], Counter]:
    """The photos that files and folders hold, by name: a file's own, or its path below its folder.

    Tells on standard error what is not taken, and counts it: "unreadable" photos, of kinds that cannot be
    read, and what else is "passed_over", such as videos.

    Raises:
      FileNotFoundError: there is no such file or folder.
      InputError: a folder without photos, or two photos of one name.
    """
    found: dict[str, Path] = {}
    left = Counter()
    for path in map(Path, paths):
        named = {path.name: path}
        if path.is_dir():
            listing = folders.photos(path)
            named = folders.some(path, listing)
            folders.tell(path, listing)
            left += Counter(unreadable=len(listing.unreadable), passed_over=len(listing.passed))
        elif not path.is_file():
            raise FileNotFoundError(f"{path}: no such photo or folder")
        for name, file in named.items():
            if name in found:
                raise InputError(f"both {found[name]} and {file} are named {name!r}; expected one")
            found[name] = file
    return found, left


def model_of(model: str | None, data_dir: str) -> str:
    """What an estimator is loaded from: what was named, else its weights in the folder of data sets."""
    return os.path.join(data_dir, "weights") if model is None else model


def estimate(
    photos: Mapping[str, Path], estimator: estimators.Estimator, everyone: bool = False
) -> tuple[dict[str, list[Pose]], dict[str, str]]:
    """The poses in photos by name, and what is wrong with those that can't be read; shows its progress."""
    poses, unreadable = {}, {}
    announce(
        f"estimating poses in {len(photos)} photo{'s' * (len(photos) != 1)}; compiling for the first one"
    )
    for name, path in watched(photos.items(), len(photos), "estimating", "photo"):
        try:
            poses[name] = estimator(photo.read_photo(path), everyone)
        except (InputError, OSError) as error:
            unreadable[name] = str(error)
    return poses, unreadable


def summary(poses: Mapping[str, Sequence[Pose]], unreadable: int = 0) -> dict:
    """Counts, as the command prints them."""
    people = [pose for found in poses.values() for pose in found]
    joints = np.sum([pose.visible for pose in people], axis=0, dtype=int) if people else [0] * 18
    return {
        "photos": len(poses) + unreadable,
        "unreadable": unreadable,
        "nobody": sum(not found for found in poses.values()),
        "people": len(people),
        "joints": {name: int(n) for name, n in zip(skeleton.JOINTS, joints, strict=True)},
    }


def format_of(out: Path, count: int) -> str:
    """The format that a file's name stands for, of so many photos.

    Raises:
      InputError: no format has that extension, or it holds one photo alone.
    """
    if out.suffix.lower() in ONE_PHOTO and count > 1:
        raise InputError(
            f"--out: {out} holds one photo; for {count} name a .csv, .json or a folder"
        )
    named = {"": "openpose", ".csv": "csv", ".npy": "npy"}
    named[".json"] = "openpose" if count == 1 else "coco17"
    if out.suffix.lower() not in named:
        raise InputError(f"--out: {out} names no format; expected .csv, .json, .npy or a folder")
    return named[out.suffix.lower()]


def check_out(out: Path, form: str, names: Sequence[str]) -> None:
    """What can be known about writing photos of these names before minutes are spent on them.

    Raises:
      InputError: `out` can't be written, or photos would share one of its files.
    """
    one = form in ("csv", "coco17", "coco17_results")  # file, whatever its name
    one = one or out.suffix.lower() == keypoints.FORMATS[form].extension
    if one and out.is_dir():
        raise InputError(f"--out: {out} is a folder; expected the name of a file")
    there = next(path for path in (out, *out.absolute().parents) if path.exists())
    folder = there.parent if one and there == out else there
    if not folder.is_dir():
        raise InputError(f"--out: {folder} is no folder, so {out} can't be written")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"--out: nothing can be written into the folder {folder}")
    if form in ENDINGS and not (one and form == "npy"):  # where several photos are one array
        with files.naming("--out"):
            files.targets(out, dict.fromkeys(names, ()), ENDINGS[form])


def main(argv: list[str] | None = None) -> None:
    parser = cli.ArgumentParser(
        prog="python -m pgjax.tools.keypoints",
        description="Find the joints of the people in photos. Prints counts as one line of JSON.",
    )
    parser.add_argument("photos", metavar="PHOTOS", nargs="+", help="photos, or folders of them")
    parser.add_argument("--out", metavar="FILE", required=True, help="file or folder of keypoints")
    parser.add_argument(
        "--format",
        choices=keypoints.WRITTEN,
        help="format of the output (default: by the name of --out)",
    )
    parser.add_argument(
        "--all",
        action="store_true",
        help="write all people of a photo (default: only the most prominent one)",
    )
    parser.add_argument(
        "--estimator",
        choices=estimators.ESTIMATORS,
        default="openpose",
        help="; ".join(f"{name}: {entry.what}" for name, entry in estimators.ESTIMATORS.items())
        + " (default: %(default)s)",
    )
    parser.add_argument(
        "--model",
        metavar="PATH",
        help="folder of the estimator's weights; for openpose and rtmo also the file itself. If their "
        "weights are missing, they are downloaded into the folder (default: DATA_DIR/weights)",
    )
    parser.add_argument(
        "--data_dir",
        metavar="DIR",
        default=DATA_DIR,
        help="folder of data sets and weights (default: %(default)s)",
    )
    parser.add_argument(
        "--threshold",
        type=float,
        default=keypoints.THRESHOLD,
        help="a joint with a larger confidence counts as found (default: %(default)s)",
    )
    arguments = parser.parse_args(argv)
    out = Path(arguments.out)
    photos, left = find(arguments.photos)
    form = arguments.format or format_of(out, len(photos))
    if arguments.all and form in ONE_PERSON:
        raise InputError(f"--all: format {form} holds one person a photo; choose another")
    check_out(out, form, list(photos))
    compilation.keep()
    model = model_of(arguments.model, arguments.data_dir)
    estimator = estimators.load(arguments.estimator, model, arguments.threshold)
    poses, unreadable = estimate(photos, estimator, arguments.all)
    for fault in unreadable.values():
        print(f"left out: {fault}", file=sys.stderr)
    if not poses:
        raise InputError(f"none of {len(photos)} photos can be read; the first: {fault}")
    keypoints.write(out, poses, form)
    counts: dict[str, Any] = summary(poses, len(unreadable) + left.pop("unreadable", 0)) | left
    share = sum(counts["joints"].values()) / max(1, counts["people"])
    print(
        f"{counts['people']} people in {len(poses)} photos, {share:.1f} of 18 joints each, "
        f"nobody in {counts['nobody']}: {out}",
        file=sys.stderr,
    )
    print(json.dumps(counts))


if __name__ == "__main__":
    cpu_process.begin()
    cli.run(main)
