"""Writes a photo and poses to try a model on: python -m pgjax.tools.examples DATASET --data_dir DIR --out DIR

Of a test pair that --pair numbers: source.png and target.png, the keypoints of both (OpenPose's JSON), and
in sequence/ --poses poses on the way from the one to the other.
"""

import sys
from pathlib import Path

import numpy as np

from pgjax import data, keypoints
from pgjax.data import store
from pgjax.errors import InputError
from pgjax.images.pixels import write_png
from pgjax.keypoints import Pose, make_pose
from pgjax.tools import cli, extension_flag


def between(source: Pose, target: Pose, count: int) -> list[Pose]:
    """Poses from source to target, both included: joints that both show, on straight lines."""
    visible = source.visible & target.visible
    shares = np.linspace(0, 1, count)
    return [
        make_pose((1 - t) * source.keypoints + t * target.keypoints, visible, size=source.size)
        for t in shares
    ]


def main(argv: list[str] | None = None) -> None:
    parser = cli.ArgumentParser(
        prog="python -m pgjax.tools.examples",
        description="Write a photo and poses of a data set, to try a model on.",
    )
    parser.add_argument("dataset", help=f"one of {', '.join(data.DATASETS)}")
    parser.add_argument(
        "--data_dir",
        metavar="DIR",
        default=data.DATA_DIR,
        help="folder of built data sets (default: %(default)s)",
    )
    parser.add_argument("--out", metavar="DIR", required=True, help="folder to write into")
    parser.add_argument("--pair", type=int, default=0, help="which test pair (default: 0)")
    parser.add_argument(
        "--poses", type=int, default=20, help="length of the sequence (default: %(default)s)"
    )
    extension_flag.add(parser)
    arguments = parser.parse_args(argv)
    if arguments.poses < 2:
        raise InputError(f"--poses: expected 2 or more, got {arguments.poses}")
    name, out = arguments.dataset, Path(arguments.out)
    split = store.load_split(name, "test", arguments.data_dir, memory_limit=0)
    pairs = store.test_pairs(name, split, arguments.data_dir)
    if not 0 <= arguments.pair < len(pairs):
        raise InputError(f"--pair: expected a number below {len(pairs)}, got {arguments.pair}")
    places = pairs[arguments.pair]
    size = data.find(name).size
    poses = [make_pose(split.store.keypoints[i], split.store.visible[i], size=size) for i in places]
    photos = split.store.images[places]
    for which, photo, pose in zip(("source", "target"), photos, poses, strict=True):
        write_png(out / f"{which}.png", photo)
        keypoints.write(out / f"{which}_keypoints.json", {f"{which}.png": [pose]}, "openpose")
    frames = {f"{i:03d}": [pose] for i, pose in enumerate(between(*poses, arguments.poses))}
    keypoints.write(out / "sequence", frames, "openpose")
    print(f"test pair {arguments.pair} of {name} in {out}", file=sys.stderr)


if __name__ == "__main__":
    cli.run(main)
