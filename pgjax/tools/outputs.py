"""What pgjax generate writes: an image, a folder of them, an animation, a video."""

import argparse
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from pgjax.errors import InputError
from pgjax.files.file_types import PHOTOS, extension
from pgjax.images import animation, pixels, video
from pgjax.images.photo import Size
from pgjax.keypoints import Pose
from pgjax.progress import announce
from pgjax.tools import asked_poses, moving
from pgjax.tools.asked_poses import Clock, say
from pgjax.tools.frames import frames

PICTURES = (".png", ".jpg", ".jpeg", ".webp")
ANIMATIONS = (*animation.KINDS, video.SUFFIX)


def check(arguments: argparse.Namespace) -> None:
    """Raises InputError: --animation or --out names what cannot be written."""
    _check_extension(arguments.animation, "--animation", ANIMATIONS)
    if is_video(arguments.out) and arguments.animation:
        raise InputError(
            f"--animation: --out is {arguments.out}; expected a folder as --out beside an animation"
        )
    if _movie(arguments):
        video.library()


def is_video(name: str | None) -> bool:
    """By its name."""
    return extension(name or "") == video.SUFFIX


def places(
    arguments: argparse.Namespace, size: Size, poses: Mapping[str, Pose], clock: Clock | None
) -> list[Path]:
    """The files of the images; none where a video alone is asked for.

    Args:
      size: of the source photo.
      poses: by name; those of a sequence where there is a clock.

    Raises:
      InputError: --out or --animation cannot be what they name; as `frames`.
    """
    out, movie = Path(arguments.out), _movie(arguments)
    if clock is None:
        if movie:
            raise InputError(f"{movie}: a video shows a sequence of poses, and this is one pose")
        _check_extension(arguments.out, "--out", PICTURES)
        pixels.check_size(out, pixels.enlarged_size(size, arguments.enlarge))
        found = [out]
    elif movie == arguments.out:
        _check_extension(movie, "--out", (video.SUFFIX,))
        found = []
    elif extension(out.name) in PHOTOS or out.is_file():
        raise InputError(
            f"--out: {out} is to hold a sequence of {len(poses)} images: expected the name of a "
            f"folder or of a {video.SUFFIX} (or one pose, which --target_photo chooses)"
        )
    else:
        beside = Path(arguments.animation) if arguments.animation else None
        found = frames(out, list(poses), beside)
    if arguments.animation and Path(arguments.animation) in found:
        raise InputError(f"--animation: {arguments.animation} is the file of an image too")
    return found


def write(
    arguments: argparse.Namespace,
    images: Iterable[np.ndarray],
    places: Sequence[Path],
    poses: Mapping[str, Pose],
    clock: Clock | None,
) -> None:
    """Writes the images, and prints the paths of the results.

    Of the images, a video and a folder hold one at a time; other animations are written of all at once.

    Args:
      images: all uint8 (H, W, 3) of one size. The others as in `places`.
    """
    movie, kept = _movie(arguments), []
    with contextlib.ExitStack() as stack:
        film = None
        for i, image in enumerate(images):
            if movie and clock and film is None:
                # Only now, so that a model that cannot be read leaves nothing behind.
                film = stack.enter_context(moving.movie(movie, image.shape[:2], poses, clock))
            if places:
                pixels.write_image(places[i], image)
            if film is not None:
                film.add(image)
            elif arguments.animation:
                kept.append(image)
    if clock is not None and places:
        ends = dict.fromkeys((places[0].name, places[-1].name))
        say(
            f"{arguments.out}: {len(places)} images, named after their poses: {' to '.join(ends)}",
            "",
        )
    print(arguments.out)
    if kept:
        announce(f"writing the animation {arguments.animation}")
        fps = clock.rate if clock else arguments.fps or asked_poses.FPS
        _animate(arguments.animation, kept, fps)
    if arguments.animation:
        print(arguments.animation)


def _movie(arguments: argparse.Namespace) -> str | None:
    return next(filter(is_video, (arguments.out, arguments.animation)), None)


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
