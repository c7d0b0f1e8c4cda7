"""The target poses of pgjax generate from a video: found frame by frame, of which one is held at a time."""

import argparse
import math
from fractions import Fraction

from pgjax import keypoints
from pgjax.errors import InputError
from pgjax.images import video
from pgjax.keypoints import Pose
from pgjax.progress import Progress, announce
from pgjax.tools import asked_poses
from pgjax.tools.asked_poses import Clock, Finder, Targets, say

UNEVEN = 1.5  # the longest frame by the shortest, from which on a rate counts as variable
INSTEAD = ("target_pose", "target_photo", "target_size", "target_format")
"""Options that tell other target poses."""


def check(arguments: argparse.Namespace) -> None:
    """Raises InputError: options that do not go with a video."""
    for option in INSTEAD:
        if arguments.target_video is not None and getattr(arguments, option) is not None:
            raise InputError(f"--target_video: goes without --{option}")


def targets(arguments: argparse.Namespace, find: Finder) -> Targets:
    """The poses of a video's person, by frame; --fps takes so many frames of a second, at most.

    Raises:
      FileNotFoundError, InputError: as video.opened and Reader; as asked_poses.targets.
    """
    path, where = arguments.target_video, f"--target_video: {arguments.target_video}"
    people: dict[str, list[Pose]] = {}
    with video.opened(path) as clip:
        say(f"{where}: the estimator {find.name} looks for people", "")
        people_in = find.estimator()
        announce("estimating poses in the frames of the video; compiling for the first one")
        rate = asked_poses.rational(arguments.fps) if arguments.fps else None
        unit = clip.unit if rate is None else 1 / rate
        starts: dict[str, int] = {}
        place, number, before, end = -1, 0, 0, Fraction(0)
        shortest, longest = math.inf, 0
        with Progress(clip.about, "estimating", "frame", quiet=not clip.about) as progress:
            for frame in clip:
                if number:
                    lasted = frame.start - before
                    shortest, longest = min(shortest, lasted), max(longest, lasted)
                before, number, end = frame.start, frame.number, frame.end * clip.unit
                # Half a unit: some files round times to milliseconds, downwards too.
                here = math.floor((frame.start + Fraction(1, 2)) * clip.unit / unit)
                if here > place:
                    place, name = here, f"frame_{frame.number:05d}"
                    starts[name] = place
                    people[name] = people_in(frame.image, True)
                progress.update()
    if clip.count > number:
        say(
            f"{where}: {number} frames, of {clip.count} that its head tells; it was trimmed, or is not "
            "complete"
        )
    if clip.sound:
        say(f"{where}: its sound is not taken over", "")
    if longest > UNEVEN * shortest and rate is None:
        slow, fast = (float(1 / (lasted * clip.unit)) for lasted in (longest, shortest))
        say(
            f"{where}: a variable frame rate, {slow:.3g} to {fast:.3g} frames a second; a {video.SUFFIX} "
            "keeps these times, and --fps=N makes them even",
            "",
        )
    option = "--target_person"
    found = asked_poses.choose(
        asked_poses.somebody(people, where), arguments.target_person, where, option
    )
    asked_poses.tell(where, list(found.values()), find.name, "frames")
    for line in keypoints.summary((pose, None) for pose in found.values()):
        say(f"{where}: {line}")
    torsos = sum(map(asked_poses.has_torso, found.values()))
    if torsos < len(found):
        say(
            f"{where}: a hip or a shoulder is missing in {len(found) - torsos} of {len(found)} frames; "
            "models that move body parts need all four"
        )
    return Targets(found, Clock(unit, starts, max(place + 1, math.ceil(end / unit))))
