"""Draws the person of a photo in another pose: python -m pgjax.tools.generate

    pgjax generate --model=runs/demo/export --source=photo.jpg --source_pose=photo_keypoints.json \\
        --target_pose=pose.json --out=result.png
    pgjax generate --model=runs/demo/export --source=anna.jpg --target_photo=bob.jpg --out=result.png
    pgjax generate --model=runs/varigan/export --source=anna.jpg --view=back --out=result.png
    pgjax generate --model=runs/demo/export --source=anna.jpg --target_video=dance.mp4 --out=result.mp4

--model is a folder that train.py exported, the ONNX file of such a model, or hub:OWNER/NAME. Poses are files
of any format of pgjax.keypoints (OpenPose or COCO JSON, the published CSV, .npy). Without --source_pose or
--target_pose, an estimator finds the joints in the photo. --view stands for all poses, for a model that is
told a view. A video, a folder of poses or of target photos, a file with the poses of several photos, and a
.npy (N, 18, 2) are sequences, even with one pose. Then --out is an .mp4, or a folder, whose images have the
names of their poses, and beside that --animation is an .mp4, .webp, .gif, .png or .apng.

A target pose is in pixels of its own photo. The size of this photo comes from --target_photo, from
--target_size, or from the file of the pose; otherwise it is the size of the source photo. The images have the
size of the source photo, or --enlarge times this size. docs/generate.md describes every form.
"""

import argparse
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pgjax import keypoints
from pgjax.data import DATA_DIR
from pgjax.errors import InputError
from pgjax.images import animation, pixels, video
from pgjax.images.photo import MODES, Size, read_photo
from pgjax.keypoints import FOLLOWED, PROMINENT, Pose
from pgjax.pose.skeleton import VIEWS
from pgjax.progress import announce, watched
from pgjax.runtime import cpu_process
from pgjax.tools import (
    asked_poses,
    asked_video,
    cli,
    extension_flag,
    keypoint_flags,
    moving,
    outputs,
)
from pgjax.tools.asked_poses import say

FPS = 0.1, 100.0
MOST = 16  # times that a picture may be enlarged
PIXELS = 89_478_485  # PIL warns of pictures with more
OF_POSES = (
    *("source_pose", "source_format", "source_person"),
    *("target_video", *asked_video.INSTEAD, "target_person", "smooth", "fill"),
    *("estimator", "estimator_model", "data_dir", "threshold", "refit"),
)
"""Options that have no effect where a view stands for all poses."""


def main(argv: list[str] | None = None) -> None:
    parser = _parser()
    arguments = parser.parse_args(argv)
    _check(arguments, parser.get_default)
    photo = read_photo(arguments.source)
    size = photo.shape[:2]
    _check_sizes(arguments, pixels.enlarged_size(size, arguments.enlarge))
    if arguments.view is None:
        find = asked_poses.Finder(
            arguments.estimator, arguments.estimator_model, arguments.data_dir, arguments.threshold
        )
        source = asked_poses.source(arguments, size, find)
        if arguments.target_video is None:
            targets = asked_poses.targets(arguments, size, find)
        else:
            targets = asked_video.targets(arguments, find)
        poses, clock = moving.steadied(arguments, targets), targets.clock
    else:
        source, poses, clock = None, {}, None
    places = outputs.places(arguments, size, poses, clock)
    images = _drawn(arguments, photo, source, list(poses.values()))
    outputs.write(arguments, images, places, poses, clock)


def _check(arguments: argparse.Namespace, default: Callable[[str], Any]) -> None:
    """What is known before any file is read; `default` is that of an option."""
    outputs.check(arguments)
    slowest, fastest = FPS
    if arguments.fps is not None and not slowest <= arguments.fps <= fastest:  # nan is refused too
        raise InputError(
            f"--fps: expected a number from {slowest:g} to {fastest:g}, got {arguments.fps:g}"
        )
    if not 1 <= arguments.enlarge <= MOST:
        raise InputError(
            f"--enlarge: expected a number from 1 to {MOST}, got {arguments.enlarge:g}"
        )
    for option, offered in asked_poses.OFFERED.items():
        keypoints.check_person(vars(arguments)[option.removeprefix("--")], option, offered)
    if arguments.view is not None:
        for option in OF_POSES:
            if getattr(arguments, option) != default(option):
                raise InputError(f"--view: goes without --{option}")
    elif (arguments.target_video or arguments.target_pose or arguments.target_photo) is None:
        raise InputError(
            "--target_pose or --target_photo: expected one of them, or both, or --target_video"
        )
    asked_video.check(arguments)
    moving.check(arguments)
    if arguments.target_pose is None and arguments.target_size is not None:
        raise InputError("--target_size: goes with --target_pose")


def _check_sizes(arguments: argparse.Namespace, size: Size) -> None:
    if arguments.enlarge > 1 and size[0] * size[1] > PIXELS:
        raise InputError(
            f"--enlarge: {arguments.enlarge:g} times {arguments.source} is {size[0]} high and "
            f"{size[1]} wide; expected at most {PIXELS} pixels"
        )
    if arguments.animation is not None and not outputs.is_video(arguments.animation):
        pixels.check_size(arguments.animation, size)


def _drawn(
    arguments: argparse.Namespace, photo: np.ndarray, source: Pose | None, targets: Sequence[Pose]
) -> Iterator[np.ndarray]:
    """The images, one after another; the model is loaded for the first one."""
    count = max(1, len(targets))
    # JAX takes its time: bad arguments are told before.
    from pgjax.serving.transfer import PoseTransfer, needs_jax

    compiled = needs_jax(arguments.model)
    if compiled:
        from pgjax.runtime import compilation

        compilation.keep()
    if (Path(arguments.model) / "model.json").is_file():  # another folder is to be one line
        announce(f"reading the model in {arguments.model}")
    transfer = PoseTransfer.load(arguments.model)
    if arguments.view is not None and not transfer.reads_view:
        raise InputError(
            f"--view: the model {transfer.row} is told a pose, and no view; give --target_pose or "
            "--target_photo"
        )
    if arguments.view is None and transfer.reads_view:
        _say_views(targets, counted=compiled)
    compiling = "; compiling for the first one" if compiled else ""
    announce(f"drawing {count} image{'s' * (count > 1)}{compiling}")
    made = transfer.each(
        photo,
        source,
        targets if len(targets) > 1 else next(iter(targets), None),
        view=arguments.view,
        background=arguments.background,
        refit=arguments.refit,
        mode=arguments.mode,
    )
    for one in watched(made, count, "drawing", "image", quiet=count == 1):
        yield one if arguments.enlarge == 1 else pixels.enlarged(one, arguments.enlarge)


def _say_views(targets: Sequence[Pose], counted: bool) -> None:
    """What a model that is told a view makes of poses; which views they are where JAX may count them."""
    if not counted:
        say(
            "the model is told a view, and no pose: that of the pose's shoulders; or give --view",
            "",
        )
        return
    import jax.numpy as jnp

    from pgjax.pose import views

    keypoints, visible = (jnp.asarray([pose[i] for pose in targets]) for i in (0, 1))
    counts = np.bincount(views.by_shoulders(keypoints, visible), minlength=len(VIEWS))
    told = ", ".join(f"{view} ({n})" for view, n in zip(VIEWS, counts, strict=True) if n)
    say(f"the model is told a view, and no pose; the shoulders say: {told}; or give --view", "")


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch("([1-9][0-9]*)x([1-9][0-9]*)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"expected HEIGHTxWIDTH, such as 256x176, got {text!r}")
    return int(match[1]), int(match[2])


def _parser() -> argparse.ArgumentParser:
    parser = cli.ArgumentParser(
        prog="python -m pgjax.tools.generate",
        description="Draw the person of a photo in another pose, or in a sequence of poses.",
        epilog=keypoints.FORMAT_IS,
    )
    add = parser.add_argument
    add(
        "--model",
        metavar="DIR",
        required=True,
        help="exported model, such as WORKDIR/export; its ONNX file; or hub:OWNER/NAME[@REVISION]",
    )
    add("--source", metavar="PHOTO", required=True, help="photo of the person")
    add(
        "--source_pose",
        metavar="FILE",
        help="keypoints of the person in --source (default: estimated)",
    )
    add("--target_pose", metavar="FILE|DIR", help="the pose, or a sequence of poses")
    add(
        "--target_photo",
        metavar="PHOTO|DIR",
        help="photo to which the target pose belongs, or a folder of photos for a sequence; without "
        "--target_pose, the poses are estimated in these photos",
    )
    add(
        "--view",
        choices=VIEWS,
        help="from where to see the person, instead of poses, for a model that is told a view and no pose",
    )
    add(
        "--out",
        metavar="FILE|DIR",
        required=True,
        help=f"the image; for a sequence, a folder or a {video.SUFFIX}",
    )
    add(
        "--enlarge",
        metavar="N",
        type=float,
        default=1.0,
        help="make the images and the animation N times as high and wide as the source photo, with "
        f"Lanczos' filter; 1 to {MOST} (default: %(default)g)",
    )
    add(
        "--animation",
        metavar="FILE",
        help=f"also write an animation: {', '.join((*animation.KINDS, video.SUFFIX))}",
    )
    add(
        "--fps",
        type=float,
        help="images per second in the animation; of --target_video, take so many frames of a second at most "
        f"(default: {asked_poses.FPS:g}; of a video, all of them, with their own times)",
    )
    moving.add(parser)
    add(
        "--target_size",
        metavar="HxW",
        type=_size,
        help="size of the photo of the target pose, if you do not have the photo",
    )
    for pose in ("source", "target"):
        keypoint_flags.add_format(parser, f"--{pose}_format", f"--{pose}_pose")
    add(
        "--source_person",
        metavar="N",
        type=keypoints.parse_person,
        help="the person, if the source pose has several people: a number, counted from 0, or "
        f"{PROMINENT}",
    )
    add(
        "--target_person",
        metavar="N",
        type=keypoints.parse_person,
        help=f"the same for target poses; for a sequence also {FOLLOWED}: the most prominent person of the "
        "first pose, and the same person in the later poses",
    )
    add(
        "--estimator",
        metavar="NAME",
        default="openpose",
        help="the estimator that finds poses in photos, if no keypoints are given; as in pgjax keypoints "
        "(default: %(default)s)",
    )
    add(
        "--estimator_model",
        metavar="PATH",
        help="weights of the estimator, as --model of pgjax keypoints",
    )
    add(
        "--data_dir",
        metavar="DIR",
        default=DATA_DIR,
        help="the weights of the estimator are read from DIR/weights, or downloaded into it (default: "
        "%(default)s)",
    )
    keypoint_flags.add_threshold(parser)
    add(
        "--refit",
        action="store_true",
        help="give the target pose the limb lengths of the source person",
    )
    add(
        "--mode",
        choices=MODES,
        default=MODES[0],
        help="how photos are brought to the size of the model's images (default: %(default)s)",
    )
    add(
        "--background",
        metavar="PHOTO",
        help="background image, for models with the background as an input",
    )
    extension_flag.add(parser)
    return parser


if __name__ == "__main__":
    cpu_process.begin()
    cli.run(main)
