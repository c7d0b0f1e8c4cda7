"""The source pose and the target poses of pgjax generate: read from files, or found in photos."""

import argparse
import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pgjax import keypoints
from pgjax.errors import InputError
from pgjax.files import folders
from pgjax.files.file_types import KINDS, extension
from pgjax.images.photo import Size, read_photo, read_size
from pgjax.keypoints import FOLLOWED, PROMINENT, Pose
from pgjax.keypoints.matching import in_order
from pgjax.pose import skeleton

if TYPE_CHECKING:
    from pgjax.frozen.estimators import Estimator

TORSO = ("right_shoulder", "left_shoulder", "right_hip", "left_hip")

OFFERED = {"--source_person": (PROMINENT,), "--target_person": (PROMINENT, FOLLOWED)}

FPS = 12.0  # of a sequence that tells no times


class Clock(NamedTuple):
    """When the frames of a sequence are shown, in whole numbers of `unit` seconds.

    starts: by name, in their order, those that show nobody included; the first is 0. end: of the last one.
    """

    unit: Fraction
    starts: dict[str, int]
    end: int

    @property
    def rate(self) -> float:
        """Frames a second, on average."""
        return float(len(self.starts) / (self.end * self.unit))

    def seconds(self) -> list[float]:
        return [float(start * self.unit) for start in self.starts.values()]


class Targets(NamedTuple):
    """poses: by name, each with its photo's size. clock: of a sequence, None where none was asked for."""

    poses: dict[str, Pose]
    clock: Clock | None


class Finder:
    """What finds the people in photos by name; it loads the estimator when it is first asked."""

    def __init__(self, estimator: str, model: str | None, data_dir: str, threshold: float | None):
        """As the options of the same names."""
        self.name, self._model, self._data_dir = estimator, model, data_dir
        self._limit = keypoints.THRESHOLD if threshold is None else threshold
        self._loaded: Estimator | None = None

    def estimator(self) -> "Estimator":
        """Raises FileNotFoundError, InputError: as estimators.load; JAX is not installed."""
        if self._loaded is None:
            if importlib.util.find_spec("jax") is None:
                raise InputError(
                    "no keypoints are given, and estimators need JAX (pip install pgjax)"
                )
            from pgjax.frozen import estimators
            from pgjax.runtime import compilation
            from pgjax.tools import keypoints as tool

            compilation.keep()
            place = tool.model_of(self._model, self._data_dir)
            self._loaded = estimators.load(self.name, place, self._limit)
        return self._loaded

    def __call__(self, photos: Mapping[str, Path], where: str) -> dict[str, list[Pose]]:
        """Raises FileNotFoundError, InputError: also if the photo, or each of several, cannot be read."""
        # A photo that cannot be read is told before seconds are spent on weights.
        alone = {name: read_photo(path) for name, path in photos.items() if len(photos) == 1}
        say(f"{where}: the estimator {self.name} looks for people", "")
        people_in = self.estimator()
        if alone:
            return {name: people_in(photo, True) for name, photo in alone.items()}
        from pgjax.tools import keypoints as tool

        poses, unreadable = tool.estimate(photos, people_in, everyone=True)
        for fault in unreadable.values():
            say(f"left out: {fault}")
        if not poses:
            raise InputError(
                f"{where}: none of {len(photos)} photos can be read; the first: {fault}"
            )
        return poses


def source(arguments: argparse.Namespace, size: Size, find: Finder) -> Pose:
    """The pose of the person in the source photo of that size, in its pixels.

    Raises:
      FileNotFoundError, InputError: as keypoints.read and choose; nobody was found.
    """
    path, photo = arguments.source_pose, arguments.source
    if path is None:
        flag, where = "--source", f"--source: {photo}"
        poses = _found(find, {"": Path(photo)}, where, "--source_pose")
    else:
        flag, where = "--source_pose", f"--source_pose: {path}"
        poses = keypoints.read(path, arguments.source_format, arguments.threshold)
        if len(poses) > 1:
            poses = _of_photos(poses, [photo], where)
    (people,) = poses.values() or [[]]
    person, option = arguments.source_person, "--source_person"
    pose = choose({"": people}, person, where, option)[""]
    if path is None:
        tell(where, [pose], arguments.estimator)
    pose = keypoints.in_photo(pose, size, photo)
    _warn(pose, flag)
    return pose


def targets(arguments: argparse.Namespace, size: Size, find: Finder) -> Targets:
    """The target poses in their order.

    Args:
      size: of the source photo, whose pixels a pose has that knows no other size.

    Raises:
      InputError: as `source`.
    """
    path, photo = arguments.target_pose, arguments.target_photo
    photos = None if photo is None else _photos(photo)
    option, person = "--target_person", arguments.target_person
    if path is None:
        flag, where = "--target_photo", f"--target_photo: {photo}"
        poses = _found(find, photos or {}, where, "--target_pose")
        found = choose(poses, person, where, option)
        tell(where, list(found.values()), arguments.estimator)
    else:
        flag, where = "--target_pose", f"--target_pose: {path}"
        poses = _read(path, arguments, photos, where)
        found = choose(poses, person, where, option)
        found = _sized(found, arguments.target_size, photos, size, where)
    # That follows from what was given, not from in how many frames somebody was found.
    sequence = keypoints.is_sequence(path, poses) if photo is None else os.path.isdir(photo)
    for name, pose in found.items():
        _warn(pose, f"{flag} {name}" if sequence else flag)
    return Targets(found, _even(list(poses), arguments.fps or FPS) if sequence else None)


def _even(names: Sequence[str], fps: float) -> Clock:
    """So many frames a second."""
    starts = {name: i for i, name in enumerate(names)}
    return Clock(1 / rational(fps), starts, len(names))


def rational(fps: float) -> Fraction:
    """A rate as people mean it: 29.97 is 2997/100."""
    return Fraction(fps).limit_denominator(1001)


def _photos(path: str) -> dict[str, Path]:
    """The photo, which has no name, or by name those of a folder, as people order names."""
    if not os.path.isdir(path):
        if extension(path) in KINDS["video"].extensions:
            raise InputError(f"--target_photo: {path} is a video; --target_video takes it")
        return {"": Path(path)}
    listing = folders.photos(path)
    found = folders.some(path, listing)
    folders.tell(path, listing)
    return {name: found[name] for name in sorted(found, key=in_order)}


def _read(
    path: str, arguments: argparse.Namespace, photos: Mapping[str, Path] | None, where: str
) -> Mapping[str, list[Pose]]:
    """The people of a file or a folder; where photos are given, theirs."""
    poses = keypoints.read(path, arguments.target_format, arguments.threshold)
    if not poses:
        raise InputError(f"{where}: nobody in it has a visible joint")
    if photos is None or (len(poses) == 1 == len(photos)):
        return poses
    given = {str(file): name for name, file in photos.items()}
    found = {given[file]: people for file, people in _of_photos(poses, list(given), where).items()}
    without = [name for name in photos if name not in found]
    if without:
        say(f"{where}: no poses of {len(without)} of {len(photos)} photos, such as {without[0]}")
    return {name: found[name] for name in photos if name in found}


def _of_photos(
    poses: Mapping[str, list[Pose]], photos: Sequence[str], where: str
) -> Mapping[str, list[Pose]]:
    found = keypoints.for_photos(poses, photos)
    if not found:
        what = photos[0] if len(photos) == 1 else f"the {len(photos)} photos, such as {photos[0]}"
        raise InputError(f"{where}: holds poses of {len(poses)} photos, and none of {what}")
    return found


def choose(
    poses: Mapping[str, Sequence[Pose]], person: int | str | None, where: str, option: str
) -> dict[str, Pose]:
    """The chosen person, of the photos that show the person; says what is left out."""
    choice = keypoints.choose(poses, person, where, option, OFFERED[option])
    for note in choice.notes:
        say(f"{where}: {note}")
    return choice.poses


def _sized(
    poses: Mapping[str, Pose],
    own: Size | None,
    photos: Mapping[str, Path] | None,
    default: Size,
    where: str,
) -> dict[str, Pose]:
    """The poses in pixels of their photos, whose sizes they know."""
    found, shares = {}, 0
    for name, pose in poses.items():
        photo = None
        if photos is not None:
            photo = photos.get(name) or next(iter(photos.values()))
        into = own or (read_size(photo) if photo else None)
        if into is None:
            shares += pose.size == keypoints.SHARES
            pose = keypoints.in_pixels(pose, default)
            found[name] = keypoints.within(pose._replace(size=pose.size or default))
        else:
            found[name] = keypoints.in_photo(pose, into, photo or "--target_size")
    if shares:
        say(
            f"{where}: coordinates are shares of the photo's size, and the file does not contain this "
            "size; using {}x{}, the size of the source photo; give --target_photo or --target_size"
            "".format(*default)
        )
    return found


def _found(
    find: Finder, photos: Mapping[str, Path], where: str, instead: str
) -> dict[str, list[Pose]]:
    return somebody(find(photos, where), where, instead)


def somebody(
    poses: dict[str, list[Pose]], where: str, instead: str = "--target_pose"
) -> dict[str, list[Pose]]:
    """The people that an estimator found, where it found any."""
    if not any(poses.values()):
        raise InputError(
            f"{where}: the estimator found nobody; give the keypoints by {instead}, or another "
            "--estimator"
        )
    return poses


def tell(where: str, poses: Sequence[Pose], estimator: str, of: str = "photos") -> None:
    """Says how much an estimator found."""
    joints = sum(int(pose.visible.sum()) for pose in poses) / len(poses)
    several = f" each in {len(poses)} {of}" if len(poses) > 1 else ""
    total = len(skeleton.JOINTS)
    say(f"{where}: the estimator {estimator} found {joints:.3g} of {total} joints{several}", "")


def _warn(pose: Pose, where: str) -> None:
    for suspicion in keypoints.suspicions(pose):
        say(f"{where}: {suspicion}")
    if not has_torso(pose):
        say(f"{where}: a hip or a shoulder is missing; models that move body parts need all four")


def has_torso(pose: Pose) -> bool:
    """Whether both shoulders and both hips are visible."""
    return bool(pose.visible[[skeleton.INDEX[name] for name in TORSO]].all())


def say(text: str, kind: str = "warning: ") -> None:
    """Prints a line on standard error."""
    print(f"{kind}{text}", file=sys.stderr)
