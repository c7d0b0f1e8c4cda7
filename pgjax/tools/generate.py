"""Draws the person of a photo in another pose: python -m pgjax.tools.generate

    pgjax generate --model=runs/demo/export --source=photo.jpg --source_pose=photo_keypoints.json \\
        --target_pose=pose.json --out=result.png

--model is a folder that train.py exported. Poses are files of any format of pgjax.keypoints (OpenPose or COCO
JSON, the published CSV, .npy). A folder of them, a file of several photos' poses and a .npy (N, 18, 2)
are a sequence, even of one: --out is then a folder, and --animation a .webp or .gif.

A target pose's pixels are those of its own photo: of --target_photo, of --target_size, of the size that its
file tells, and else of the source photo. What is written has the size of the source photo.
"""

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from pgjax import cli, keypoints, process, skeleton
from pgjax.errors import InputError
from pgjax.image import write_image
from pgjax.keypoints import Pose
from pgjax.photo import EXTENSIONS, MODES, read_photo

PICTURES = (".png", ".jpg", ".jpeg", ".webp")
ANIMATIONS = (".webp", ".gif")
FPS = 0.1, 100.0  # a .gif counts hundredths of a second
TORSO = ("right_shoulder", "left_shoulder", "right_hip", "left_hip")


def main(argv: list[str] | None = None) -> None:
    arguments = _parser().parse_args(argv)
    out = Path(arguments.out)
    _check_extension(arguments.animation, "--animation", ANIMATIONS)
    slowest, fastest = FPS
    if not slowest <= arguments.fps <= fastest:  # nan is refused too
        raise InputError(
            f"--fps: expected a number from {slowest:g} to {fastest:g}, got {arguments.fps:g}"
        )
    photo = read_photo(arguments.source)
    size = photo.shape[:2]
    source = keypoints.in_photo(_source(arguments), size, arguments.source)
    _warn(source, "--source_pose")
    targets, sequence = _targets(arguments, size)
    for name, target in targets.items():
        _warn(target, f"--target_pose {name}".strip())
    if sequence and (out.suffix.lower() in EXTENSIONS or out.is_file()):
        raise InputError(
            f"--out: {out} is to hold a sequence of {len(targets)} images: expected the name of a folder"
            " (or one pose, which --target_photo chooses)"
        )
    places = [out]
    if sequence:
        places = _frames(out, len(targets))
    else:
        _check_extension(arguments.out, "--out", PICTURES)
    _draw(arguments, photo, source, list(targets.values()), places)


def _frames(out: Path, count: int) -> list[Path]:
    """The files of a sequence.

    Raises:
      InputError: the folder holds frames that would not be overwritten: two sequences would mix.
    """
    digits = len(str(count - 1))
    places = [out / f"{i:0{digits}d}.png" for i in range(count)]
    held = {path for path in out.glob("*.png") if path.stem.isdecimal()}
    others = sorted(held - set(places))
    if others:
        raise InputError(
            f"--out: {out} holds {len(others)} frames of another sequence, such as {others[0].name}; "
            "name another folder, or remove them"
        )
    return places


def _draw(
    arguments: argparse.Namespace,
    photo: np.ndarray,
    source: Pose,
    targets: list[Pose],
    places: list[Path],
) -> None:
    # JAX takes its time: bad arguments are told before.
    from pgjax import compiled
    from pgjax.transfer import PoseTransfer

    compiled.keep()
    transfer = PoseTransfer.load(arguments.model)
    images = transfer.each(
        photo,
        source,
        targets if len(targets) > 1 else targets[0],
        background=arguments.background,
        refit=arguments.refit,
        mode=arguments.mode,
    )
    frames = []
    bar = tqdm(images, total=len(targets), unit="image", disable=len(targets) == 1)
    for place, image in zip(places, bar, strict=True):
        write_image(place, image)
        if arguments.animation:
            frames.append(Image.fromarray(image))
    print(Path(arguments.out))
    if arguments.animation:
        first, *others = frames
        Path(arguments.animation).parent.mkdir(parents=True, exist_ok=True)
        duration = round(1000 / arguments.fps)
        first.save(
            arguments.animation, save_all=True, append_images=others, duration=duration, loop=0
        )
        print(arguments.animation)


def _check_extension(name: str | None, flag: str, known: tuple[str, ...]) -> None:
    if name is None:
        return
    if name.endswith("/") or Path(name).is_dir():
        raise InputError(f"{flag}: {name} is a folder; expected the name of a file")
    if Path(name).suffix.lower() not in known:
        raise InputError(f"{flag}: {name} should end in {' or '.join(known)}")


def _source(arguments: argparse.Namespace) -> Pose:
    flag, path = "--source_pose", arguments.source_pose
    poses = keypoints.read(path, threshold=arguments.threshold)
    if len(poses) > 1:
        poses = _of_photo(poses, arguments.source, f"{flag}: {path}")
    (people,) = poses.values() or [[]]
    return _person(people, arguments.source_person, f"{flag}: {path}", "--source_person")


def _targets(arguments: argparse.Namespace, size: tuple[int, int]) -> tuple[dict[str, Pose], bool]:
    """The target poses by name, in their order, each with the size of its photo; if a sequence was given."""
    flag, path, photo = "--target_pose", arguments.target_pose, arguments.target_photo
    poses = keypoints.read(path, threshold=arguments.threshold)
    if not poses:
        raise InputError(f"{flag}: {path}: nobody in it has a visible joint")
    # That follows from what was given, not from in how many frames somebody was found.
    sequence = photo is None and keypoints.is_sequence(path, poses)
    own = arguments.target_size
    if photo is not None:
        own = own or read_photo(photo).shape[:2]
        if len(poses) > 1:
            poses = _of_photo(poses, photo, f"{flag}: {path}")
    empty = [name for name, people in poses.items() if not people]
    if empty and len(empty) < len(poses):
        named = ", ".join(empty[:3]) + (", ..." if len(empty) > 3 else "")
        _say(f"{flag}: nobody in {len(empty)} of {len(poses)}, left out: {named}")
    found = {}
    for name, people in poses.items():
        if people or len(empty) == len(poses):
            where = f"{flag}: {path}{name and f', {name}'}"
            pose = _person(people, arguments.target_person, where, "--target_person")
            found[name] = pose._replace(size=own or pose.size or size)
    return found, sequence


def _of_photo(poses: Mapping[str, list[Pose]], photo: str, where: str) -> Mapping[str, list[Pose]]:
    found = keypoints.for_photos(poses, [photo])
    if not found:
        raise InputError(f"{where}: holds poses of {len(poses)} photos, and none of {photo}")
    return found


def _person(people: Sequence[Pose], number: int | None, where: str, flag: str) -> Pose:
    if not people:
        raise InputError(f"{where}: nobody in it has a visible joint")
    if number is None and len(people) > 1:
        raise InputError(
            f"{where}: {len(people)} people; choose one by {flag} 0 to {len(people) - 1}"
        )
    if not 0 <= (number or 0) < len(people):
        raise InputError(f"{flag}: {number}, but {where} has {len(people)}, counted from 0")
    return people[number or 0]


def _warn(pose: Pose, where: str) -> None:
    for suspicion in keypoints.suspicions(pose):
        _say(f"{where}: {suspicion}")
    if not pose.visible[[skeleton.INDEX[name] for name in TORSO]].all():
        _say(f"{where}: a hip or a shoulder is missing; models that move body parts need all four")


def _say(warning: str) -> None:
    print(f"warning: {warning}", file=sys.stderr)


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch("([1-9][0-9]*)x([1-9][0-9]*)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"expected HEIGHTxWIDTH, such as 256x176, got {text!r}")
    return int(match[1]), int(match[2])


def _parser() -> argparse.ArgumentParser:
    parser = cli.ArgumentParser(
        prog="python -m pgjax.tools.generate",
        description="Draw the person of a photo in another pose, or in a sequence of poses.",
    )
    add = parser.add_argument
    add("--model", metavar="DIR", required=True, help="exported model, such as WORKDIR/export")
    add("--source", metavar="PHOTO", required=True, help="photo of the person")
    add("--source_pose", metavar="FILE", required=True, help="the person's keypoints in it")
    add("--target_pose", metavar="FILE|DIR", required=True, help="the pose, or a sequence of poses")
    add("--out", metavar="FILE|DIR", required=True, help="the image; of a sequence, a folder")
    add("--animation", metavar="FILE", help="also write a .webp or .gif")
    add("--fps", type=float, default=12.0, help="images a second in it (default: %(default)g)")
    add("--target_photo", metavar="PHOTO", help="whose keypoints the target pose is")
    add(
        "--target_size",
        metavar="HxW",
        type=_size,
        help="size of that photo, where it is not at hand",
    )
    add("--source_person", metavar="N", type=int, help="which of several people, from 0 on")
    add("--target_person", metavar="N", type=int, help="which of several people, from 0 on")
    add(
        "--threshold",
        type=float,
        default=keypoints.THRESHOLD,
        help="joints of more confidence are visible (default: %(default)g)",
    )
    add("--refit", action="store_true", help="give the target the source person's limb lengths")
    add(
        "--mode",
        choices=MODES,
        default=MODES[0],
        help="how photos are laid into the model's picture (default: %(default)s)",
    )
    add("--background", metavar="PHOTO", help="for models that are told the background")
    return parser


if __name__ == "__main__":
    process.begin()
    cli.run(main)
