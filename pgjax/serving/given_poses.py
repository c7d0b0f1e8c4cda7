"""Poses as arguments of functions: a Pose, a path, an array, or the people of one photo or of a sequence."""

import itertools
import os
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from pgjax import keypoints
from pgjax.errors import InputError
from pgjax.keypoints import FOLLOWED, PROMINENT, Pose, arrays
from pgjax.keypoints.files import naming


def is_many(given: Any) -> bool:
    """Whether it is a list of what a function takes one of; a Pose is a tuple too."""
    return isinstance(given, list | tuple) and not isinstance(given, Pose)


def expanded(given: Any, person: Any) -> Any:
    """Target poses: a list of a sequence's in whichever form, and one as it is."""
    if isinstance(given, Iterator):
        return list(given)
    if isinstance(given, Pose | list | tuple):
        return given
    poses = _read(given, "target_pose")
    if not isinstance(given, Mapping) and not keypoints.is_sequence(given, poses):
        return _of_one(poses, given, "target_pose", person)
    return _chosen(poses, f"target_pose: {_what(given)}", "target_pose", person)


def named(argument: str, given: Any, count: int, person: Any) -> Iterator[tuple[str, Pose]]:
    """Every pose when its turn comes, with what errors call it; one for all is read once."""
    if not is_many(given):
        return itertools.repeat((argument, _pose(given, argument, person)), count)
    names = (f"{argument} {i}" for i in range(count))
    return ((name, _pose(one, name, person)) for name, one in zip(names, given, strict=True))


def _pose(given: Any, name: str, person: Any) -> Pose:
    pose = given if isinstance(given, Pose) else _of_one(_read(given, name), given, name, person)
    if not pose.visible.any():
        raise InputError(f"{name}: no visible joint; nothing follows from it")
    return pose


def _of_one(poses: Mapping[str, Any], given: Any, name: str, person: Any) -> Pose:
    """The one pose of what was given, of which `_read` made the poses."""
    if len(poses) != 1:
        raise InputError(
            f"{name}: {_what(given)} holds the poses of {len(poses)} photos; expected one, such as "
            "keypoints.one_pose(..., photo=NAME)"
        )
    argument, _, number = name.partition(" ")
    if number and person == FOLLOWED:
        raise InputError(
            f"{name}: {_what(given)} is one photo's; a person is followed in a folder, a file of "
            "several photos' poses, or what keypoints.read makes of one"
        )
    (pose,) = _chosen(poses, f"{name}: {_what(given)}", argument, person)
    return pose


def _chosen(poses: Mapping[str, Any], where: str, argument: str, person: Any) -> list[Pose]:
    """One person's poses in photos; warns of what is left out.

    Raises:
      InputError: as keypoints.choose; or no person was chosen, and a photo shows none.
    """
    people = {
        photo: _people(one, f"{where}{photo and f', {photo}'}") for photo, one in poses.items()
    }
    option = argument.replace("_pose", "_person")
    offered = (PROMINENT, FOLLOWED) if argument == "target_pose" else (PROMINENT,)
    choice = keypoints.choose(people, person, where, option, offered)
    if person is None and choice.absent:
        (photo, *_) = choice.absent
        fault = "only a few joints in it" if people[photo] else "nobody in it has a visible joint"
        raise InputError(f"{where}, {photo}: {fault}; {option}={PROMINENT!r} leaves it out")
    for note in choice.notes:
        warnings.warn(f"{where}: {note}", stacklevel=2)
    return list(choice.poses.values())


def _people(given: Any, where: str) -> list[Pose]:
    """Of one photo."""
    if isinstance(given, Pose):
        return [given]
    if not is_many(given) or not all(isinstance(pose, Pose) for pose in given):
        raise InputError(f"{where}: {type(given).__name__}; expected a list of people's Pose")
    return given


def _read(given: Any, name: str) -> Mapping[str, list[Pose]]:
    """As keypoints.read, of a path, of what that made, or of an array."""
    if isinstance(given, Mapping):
        return given
    if isinstance(given, str | os.PathLike):
        with naming(name):
            return keypoints.read(given)
    try:
        array = np.asarray(given)
    except ValueError:  # a list of things that are no rows of numbers
        array = np.asarray(None)
    if array.dtype.kind not in "iuf":
        raise InputError(
            f"{name}: {type(given).__name__}; expected a Pose, a path, or an array (18, 2) or (18, 3)"
        )
    with naming(name):
        return arrays.of_array(array, None)


def _what(given: Any) -> str:
    return str(given) if isinstance(given, str | os.PathLike) else f"the {type(given).__name__}"
