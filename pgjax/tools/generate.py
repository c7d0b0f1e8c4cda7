"""Draws the person of a photo in another pose: python -m pgjax.tools.generate

    pgjax generate --model=runs/demo/export --source=photo.jpg --source_pose=photo_keypoints.json \\
        --target_pose=pose.json --out=result.png
    pgjax generate --model=runs/demo/export --source=anna.jpg --target_photo=bob.jpg --out=result.png
    pgjax generate --model=runs/varigan/export --source=anna.jpg --view=back --out=result.png

--model is a folder that train.py exported. Poses are files of any format of pgjax.keypoints (OpenPose or COCO
JSON, the published CSV, .npy). Without --source_pose or --target_pose, an estimator finds the joints in the
photo. --view stands for all poses, for a model that is told a view. A folder of poses or of target photos, a
file with the poses of several photos, and a .npy (N, 18, 2) are sequences, even with one pose. Then --out is
a folder, whose images have the names of their poses, and --animation is a .webp, .gif, .png or .apng.

A target pose is in pixels of its own photo. The size of this photo comes from --target_photo, from
--target_size, or from the file of the pose; otherwise it is the size of the source photo. The images have the
size of the source photo, or --enlarge times this size. docs/generate.md describes every form.
"""

import argparse
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pgjax import keypoints
from pgjax.data import DATA_DIR
from pgjax.errors import InputError
from pgjax.files.file_types import PHOTOS, extension
from pgjax.images import animation, pixels
from pgjax.images.photo import MODES, Size, read_photo
from pgjax.keypoints import FOLLOWED, PROMINENT, Pose
from pgjax.pose.skeleton import VIEWS
from pgjax.progress import announce, watched
from pgjax.runtime import cpu_process
from pgjax.tools import asked_poses, cli, extension_flag, keypoint_flags
from pgjax.tools.asked_poses import say
from pgjax.tools.frames import frames

PICTURES = (".png", ".jpg", ".jpeg", ".webp")
FPS = 0.1, 100.0
MOST = 16  # times that a picture may be enlarged
PIXELS = 89_478_485  # PIL warns of pictures with more
OF_POSES = (
    *("source_pose", "source_format", "source_person"),
    *("target_pose", "target_photo", "target_size", "target_format", "target_person"),
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
        find = asked_poses.finder(
            arguments.estimator, arguments.estimator_model, arguments.data_dir, arguments.threshold
        )
        source = asked_poses.source(arguments, size, find)
        poses, sequence = asked_poses.targets(arguments, size, find)
    else:
        source, poses, sequence = None, {}, False
    out = Path(arguments.out)
    if sequence:
        if extension(out.name) in PHOTOS or out.is_file():
            raise InputError(
                f"--out: {out} is to hold a sequence of {len(poses)} images: expected the name of a "
                "folder (or one pose, which --target_photo chooses)"
            )
        moving = Path(arguments.animation) if arguments.animation else None
        places = frames(out, list(poses), moving)
    else:
        _check_extension(arguments.out, "--out", PICTURES)
        pixels.check_size(out, pixels.enlarged_size(size, arguments.enlarge))
        places = [out]
    if arguments.animation and Path(arguments.animation) in places:
        raise InputError(f"--animation: {arguments.animation} is the file of an image too")
    images = _draw(arguments, photo, source, list(poses.values()), places)
    if sequence:
        ends = dict.fromkeys((places[0].name, places[-1].name))
        say(f"{out}: {len(places)} images, named after their poses: {' to '.join(ends)}", "")
    print(out)
    if arguments.animation:
        announce(f"writing the animation {arguments.animation}")
        _animate(arguments.animation, images, arguments.fps)
        print(arguments.animation)


def _check(arguments: argparse.Namespace, default: Callable[[str], Any]) -> None:
    """What is known before any file is read; `default` is that of an option."""
    _check_extension(arguments.animation, "--animation", tuple(animation.KINDS))
    slowest, fastest = FPS
    if not slowest <= arguments.fps <= fastest:  # nan is refused too
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
    elif arguments.target_pose is None and arguments.target_photo is None:
        raise InputError("--target_pose or --target_photo: expected one of them, or both")
    if arguments.target_pose is None and arguments.target_size is not None:
        raise InputError("--target_size: goes with --target_pose")


def _check_sizes(arguments: argparse.Namespace, size: Size) -> None:
    if arguments.enlarge > 1 and size[0] * size[1] > PIXELS:
        raise InputError(
            f"--enlarge: {arguments.enlarge:g} times {arguments.source} is {size[0]} high and "
            f"{size[1]} wide; expected at most {PIXELS} pixels"
        )
    if arguments.animation is not None:
        pixels.check_size(arguments.animation, size)


def _draw(
    arguments: argparse.Namespace,
    photo: np.ndarray,
    source: Pose | None,
    targets: Sequence[Pose],
    places: list[Path],
) -> list[np.ndarray]:
    """Writes the images; returns those of an animation, where one is asked for."""
    # JAX takes its time: bad arguments are told before.
    from pgjax.runtime import compilation

    if (Path(arguments.model) / "model.json").is_file():  # another folder is to be one line
        announce(f"reading the model in {arguments.model}")
    from pgjax.serving.transfer import PoseTransfer

    compilation.keep()
    transfer = PoseTransfer.load(arguments.model)
    if arguments.view is not None and not transfer.reads_view:
        row = transfer.model.config["row"]
        raise InputError(
            f"--view: the model {row} is told a pose, and no view; give --target_pose or --target_photo"
        )
    if arguments.view is None and transfer.reads_view:
        _say_views(targets)
    announce(f"drawing {len(places)} image{'s' * (len(places) > 1)}; compiling for the first one")
    made = transfer.each(
        photo,
        source,
        targets if len(targets) > 1 else next(iter(targets), None),
        view=arguments.view,
        background=arguments.background,
        refit=arguments.refit,
        mode=arguments.mode,
    )
    kept = []
    bar = watched(made, len(places), "drawing", "image", quiet=len(places) == 1)
    for place, one in zip(places, bar, strict=True):
        if arguments.enlarge != 1:
            one = pixels.enlarged(one, arguments.enlarge)
        pixels.write_image(place, one)
        if arguments.animation:
            kept.append(one)
    return kept


def _say_views(targets: Sequence[Pose]) -> None:
    """What a model that is told a view makes of poses."""
    import jax.numpy as jnp

    from pgjax.pose import views

    keypoints, visible = (jnp.asarray([pose[i] for pose in targets]) for i in (0, 1))
    counts = np.bincount(views.by_shoulders(keypoints, visible), minlength=len(VIEWS))
    told = ", ".join(f"{view} ({n})" for view, n in zip(VIEWS, counts, strict=True) if n)
    say(f"the model is told a view, and no pose; the shoulders say: {told}; or give --view", "")


def _animate(path: str, images: Sequence[np.ndarray], fps: float) -> None:
    suffix = Path(path).suffix.lower()
    shown, seconds = animation.write(path, images, fps)
    if shown < len(images):
        say(
            f"--fps: a {suffix} shows at most {animation.KINDS[suffix].fastest:.3g} images in one second; "
            f"{path} contains {shown} of {len(images)} images, and the total time stays {seconds:g} s"
        )


def _check_extension(name: str | None, flag: str, known: tuple[str, ...]) -> None:
    if name is None:
        return
    if name.endswith("/") or Path(name).is_dir():
        raise InputError(f"{flag}: {name} is a folder; expected the name of a file")
    if Path(name).suffix.lower() not in known:
        raise InputError(f"{flag}: {name} should end in {' or '.join(known)}")


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
    add("--model", metavar="DIR", required=True, help="exported model, such as WORKDIR/export")
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
    add("--out", metavar="FILE|DIR", required=True, help="the image; for a sequence, a folder")
    add(
        "--enlarge",
        metavar="N",
        type=float,
        default=1.0,
        help="make the images and the animation N times as high and wide as the source photo, with "
        f"Lanczos' filter; 1 to {MOST} (default: %(default)g)",
    )
    add(
        "--animation", metavar="FILE", help=f"also write an animation: {', '.join(animation.KINDS)}"
    )
    add(
        "--fps",
        type=float,
        default=12.0,
        help="images per second in the animation (default: %(default)g)",
    )
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
