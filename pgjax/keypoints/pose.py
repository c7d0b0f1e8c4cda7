"""One person's pose as every part of the project takes it, and what moves it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from pgjax.errors import InputError
from pgjax.pose import skeleton

JOINTS = len(skeleton.JOINTS)
NECK = skeleton.INDEX["neck"]
SHOULDERS = [skeleton.INDEX["right_shoulder"], skeleton.INDEX["left_shoulder"]]
FARTHEST = 1e6  # pixels; what lies beyond is no coordinate of a photo
SHARES = (1, 1)  # the size of a pose whose keypoints are shares of a photo of unknown size
MARKS = (0, 0), (-1, -1)  # what tools write in place of the coordinates of a missing joint


class Pose(NamedTuple):
    """A person in a photo, the joints in the order of pgjax.pose.skeleton.

    keypoints: float32 (18, 2), (y, x) in pixels, 0 where missing. visible: bool (18,).
    confidence: float32 (18,), up to 1, which it is where a format has none; 0 where missing.
    size: (height, width) of the photo, or None where it isn't known; SHARES where the
      keypoints are shares of a photo whose size is not known.
    doubts: what its file leaves in doubt, as (kind, words); the kinds are those of `suspicion`.
    """

    keypoints: np.ndarray
    visible: np.ndarray
    confidence: np.ndarray
    size: tuple[int, int] | None = None
    doubts: tuple[tuple[str, str], ...] = ()


def make_pose(keypoints, visible=None, confidence=None, size=None, doubts=()) -> Pose:
    """A Pose of what is given, made to obey its rules.

    Args:
      keypoints: (18, 2), (y, x) in pixels; whatever for joints that are missing.
      visible: (18,); all, where None, that have confidence.
      confidence: (18,); 1 where None. A joint without confidence is missing.
      size: (height, width) of the photo, or None.
      doubts: as in Pose.

    Raises:
      InputError: another shape, or a coordinate of a visible joint that is not a number of pixels.
    """
    keypoints = np.array(keypoints, np.float32)
    confidence = np.array(np.ones(JOINTS) if confidence is None else confidence, np.float32)
    if keypoints.shape != (JOINTS, 2) or confidence.shape != (JOINTS,):
        raise InputError(
            f"a pose needs keypoints (18, 2), not {keypoints.shape}, and confidence (18,), "
            f"not {confidence.shape}"
        )
    if np.isnan(confidence).any():
        joint = skeleton.JOINTS[int(np.isnan(confidence).argmax())]
        raise InputError(f"the confidence of {joint} is nan; expected a number, 0 if it is missing")
    seen = (confidence > 0) & (True if visible is None else np.asarray(visible, bool))
    for joint in np.flatnonzero(seen):
        for axis, value in zip("yx", keypoints[joint], strict=True):
            if not abs(value) < FARTHEST:
                raise InputError(
                    f"{axis} of {skeleton.JOINTS[joint]} is {value}; expected pixels; a missing "
                    "joint has confidence 0, or coordinates -1 in arrays without confidence"
                )
    keypoints = np.where(seen[:, None], keypoints, np.float32(0))
    confidence = np.where(seen, confidence, np.float32(0)).clip(0, 1)
    sides = None if size is None else (int(size[0]), int(size[1]))
    return Pose(keypoints, seen, confidence, sides, tuple(doubts))


def marked(keypoints: np.ndarray) -> np.ndarray:
    """Which points (N, 2) are no coordinates but one of MARKS, that the joint is missing: (N,)."""
    return np.any([(keypoints == mark).all(axis=1) for mark in MARKS], axis=0)


def from_table(
    table: np.ndarray, names: Sequence[str], threshold: float, size: tuple[int, int] | None = None
) -> Pose:
    """A Pose of a file's joints.

    Args:
      table: (J, 3), x, y, confidence.
      names: of the J joints; those that pgjax.pose.skeleton doesn't know are left out. Where the neck is
        not among them, it is the middle of the shoulders.
      threshold: a joint is visible whose confidence is larger.
    """
    rows = {name: row for name, row in zip(names, table, strict=True) if name in skeleton.INDEX}
    missing = np.zeros(3)
    x, y, confidence = np.array([rows.get(name, missing) for name in skeleton.JOINTS], float).T
    pose = make_pose(
        np.stack([y, x], axis=1), ~(confidence <= threshold), confidence=confidence, size=size
    )
    return pose if "neck" in rows else _with_neck(pose)


def _with_neck(pose: Pose) -> Pose:
    visible = pose.visible.copy()
    if not visible[SHOULDERS].all():
        return pose
    keypoints, confidence = pose.keypoints.copy(), pose.confidence.copy()
    visible[NECK] = True
    keypoints[NECK] = keypoints[SHOULDERS].mean(axis=0)
    confidence[NECK] = confidence[SHOULDERS].min()
    return pose._replace(keypoints=keypoints, visible=visible, confidence=confidence)


def to_table(pose: Pose, names: Sequence[str]) -> np.ndarray:
    """The inverse of `from_table`: (J, 3), x, y, confidence; joints the skeleton lacks are 0."""
    table = np.zeros((len(names), 3))
    for row, name in zip(table, names, strict=True):
        joint = skeleton.INDEX.get(name)
        if joint is not None and pose.visible[joint]:
            row[:] = *pose.keypoints[joint, ::-1], pose.confidence[joint]
    return table


def moved(pose: Pose, points: Callable[[np.ndarray], np.ndarray], size: tuple[int, int]) -> Pose:
    """The pose in another picture, such as moved(pose, placement.points, placement.into).

    Args:
      points: maps (18, 2) to (18, 2).
      size: (height, width) of the other picture.
    """
    return make_pose(points(pose.keypoints), pose.visible, pose.confidence, size, pose.doubts)


def flipped(pose: Pose, width: int) -> Pose:
    """The pose in the photo mirrored left to right, `width` pixels wide; left joints become right."""
    keypoints, visible = skeleton.flip(pose.keypoints, pose.visible, width)
    confidence = pose.confidence[list(skeleton.MIRROR)]
    return make_pose(keypoints, visible, confidence, pose.size, pose.doubts)
