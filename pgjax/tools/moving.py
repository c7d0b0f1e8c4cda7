"""Moving pictures by pgjax generate: its options, poses smoothed through time, and the video."""

import argparse
import contextlib
import importlib.util
import math
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pgjax.errors import InputError
from pgjax.images import video
from pgjax.keypoints import Pose, smoothing
from pgjax.pose import skeleton
from pgjax.serving.flicker import STILL, Flicker
from pgjax.tools.asked_poses import Clock, Targets, say


class Smoothing(NamedTuple):
    """What --smooth asks for: one of smoothing.FILTERS, and how far it looks to either side, in seconds."""

    name: str
    seconds: float


def parse_smoothing(text: str) -> Smoothing:
    """NAME or NAME:SECONDS."""
    name, colon, told = text.partition(":")
    with contextlib.suppress(ValueError):
        seconds = float(told) if colon else smoothing.SECONDS
        if name in smoothing.FILTERS and 0 < seconds < math.inf:
            return Smoothing(name, seconds)
    raise argparse.ArgumentTypeError(
        f"expected {' or '.join(smoothing.FILTERS)}, or NAME:SECONDS, such as gaussian:0.2, got {text!r}"
    )


def parse_count(text: str) -> int:
    """A number of frames."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number of frames from 1 on, got {text!r}")
    return int(text)


def add(parser: argparse.ArgumentParser) -> None:
    """Adds --target_video, --smooth and --fill."""
    parser.add_argument(
        "--target_video",
        metavar="FILE",
        help="a video with the poses, which are estimated frame by frame (MP4, MOV, WebM, ...; needs "
        "pgjax[video])",
    )
    parser.add_argument(
        "--smooth",
        metavar="NAME[:SECONDS]",
        type=parse_smoothing,
        help=f"smooth the joints of a sequence through time, by {' or '.join(smoothing.FILTERS)}, which "
        f"looks so many seconds to either side (default: not at all; SECONDS: {smoothing.SECONDS:g})",
    )
    parser.add_argument(
        "--fill",
        metavar="N",
        type=parse_count,
        help="fill in joints of a sequence that are missing in up to N frames in a row, on straight lines "
        "(default: none)",
    )


def check(arguments: argparse.Namespace) -> None:
    """Raises InputError: --smooth lacks scipy, where pgjax was installed without what it asks for."""
    if arguments.smooth is not None and importlib.util.find_spec("scipy") is None:
        raise InputError("--smooth: scipy is not installed; pip install scipy")


def steadied(arguments: argparse.Namespace, targets: Targets) -> dict[str, Pose]:
    """The poses of a sequence, by name, after --fill and --smooth; says what these did.

    Raises:
      InputError: the poses are of photos of different sizes.
    """
    clock = targets.clock
    if clock is None:
        for option in ("fill", "smooth"):
            if getattr(arguments, option) is not None:
                raise InputError(f"--{option}: goes with a sequence of poses, and this is one pose")
        return targets.poses
    names = list(clock.starts)
    track: list[Pose | None] = [targets.poses.get(name) for name in names]
    if arguments.fill is not None:
        with _of("--fill"):
            track, gaps = smoothing.filled(track, clock.seconds(), arguments.fill)
        for joint in skeleton.JOINTS:
            if joint in gaps:
                say(f"--fill: {joint}: {', '.join(_span(names, *gap) for gap in gaps[joint])}", "")
        if not gaps:
            say(f"--fill: nothing is missing for {arguments.fill} frames or fewer", "")
    if arguments.smooth is not None:
        name, seconds = arguments.smooth
        reach = smoothing.reach_of(name, seconds, clock.rate)
        with _of("--smooth"):
            track = smoothing.smoothed(track, name, reach)
        say(
            f"--smooth: {name} over {reach} frame{'s' * (reach > 1)} to either side, at {clock.rate:.4g} "
            "frames a second",
            "",
        )
    return {name: pose for name, pose in zip(names, track, strict=True) if pose is not None}


@contextlib.contextmanager
def _of(option: str) -> Generator[None]:
    try:
        yield
    except InputError as error:
        raise InputError(f"{option}: {error}") from error


def _span(names: Sequence[str], first: int, last: int) -> str:
    return names[first] if first == last else f"{names[first]} to {names[last]}"


class Movie:
    """The video of a sequence, image by image; an image stays until the next one is due."""

    def __init__(self, writer: video.Writer, poses: Mapping[str, Pose], clock: Clock):
        """For `movie`."""
        self._writer, self._poses = writer, list(poses.values())
        starts = [clock.starts[name] for name in poses]
        # Where a frame has no image the one before stays, and at the beginning the first one is there.
        self._times = [0, *starts[1:], clock.end]
        self._done, self._flicker = 0, Flicker()

    def add(self, image: np.ndarray) -> None:
        """The next image, uint8 (H, W, 3)."""
        here = self._done
        self._writer.write(image, *self._times[here : here + 2])
        self._flicker.add(image, self._poses[here])
        self._done += 1

    def told(self) -> str:
        """The flicker, in words."""
        still, pairs = self._flicker.still, self._flicker.pairs
        rule = f"joints move {STILL:.1%} of the person's height or less"
        if self._flicker.mean is None:
            return f"flicker: unknown; in none of {pairs} pairs of successive images {rule}"
        return (
            f"flicker: {self._flicker.mean:.3g} grey levels between successive images, of the {still} of "
            f"{pairs} pairs where {rule}"
        )


@contextlib.contextmanager
def movie(
    path: str | Path, size: tuple[int, int], poses: Mapping[str, Pose], clock: Clock
) -> Generator[Movie]:
    """A video to add the image of each pose to; says what it is like when it is complete.

    Args:
      size: (height, width) of the images.
      poses: by name, of `clock`'s.
    """
    writer = video.Writer(path, size, clock.unit)
    if writer.padded:
        say(
            "{}: {}x{} is padded to {}x{}: the sides of a video are even".format(
                path, *size, *writer.padded
            ),
            "",
        )
    held = len(clock.starts) - len(poses)
    if held:
        say(
            f"{path}: {held} of {len(clock.starts)} frames have no pose; the image before stays in their time"
        )
    with writer:
        made = Movie(writer, poses, clock)
        yield made
    say(f"{path}: {float(clock.end * clock.unit):.4g} s, {len(poses)} images", "")
    say(f"{path}: {made.told()}", "")
