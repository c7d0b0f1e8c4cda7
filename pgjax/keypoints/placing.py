"""A pose in its photo: conversion to the photo's own pixels, and removal of joints outside it.

Tools also report joints beyond the edge of a photo: BlazePose gives them confidences up to .98. A joint
outside its photo is missing, whatever its confidence, and the doubts of the pose say so.
"""

import numpy as np

from pgjax.errors import InputError
from pgjax.images.photo import fit
from pgjax.keypoints.pose import SHARES, Pose, make_pose, moved
from pgjax.keypoints.suspicion import EXCHANGED, OUTSIDE, outside, signs

SAME_SHAPE = 0.02  # how far the sides' ratio of a photo and of its keypoints' photo may differ


def in_pixels(pose: Pose, size: tuple[int, int]) -> Pose:
    """The pose in pixels of a photo (height, width), if its keypoints are shares; else as it is."""
    if pose.size != SHARES:
        return pose
    return within(moved(pose, lambda points: points * np.array(size, np.float32), size))


def in_photo(pose: Pose, size: tuple[int, int], photo: object) -> Pose:
    """The pose in the photo's own pixels: keypoints may be of a smaller or larger copy.

    Args:
      size: (height, width) of the photo, which the pose's size is then.
      photo: its name, for errors.

    Returns:
      The pose, without the joints outside the photo (`within`).

    Raises:
      InputError: the keypoints are of a photo of another shape.
    """
    pose = in_pixels(pose, size)
    if pose.size is None or pose.size == size:
        return within(pose._replace(size=size))
    ratios = np.array(size) / pose.size
    if abs(ratios[0] / ratios[1] - 1) > SAME_SHAPE:
        raise InputError(
            f"{photo}: is {size[0]} high and {size[1]} wide, but its keypoints are of a photo "
            f"{pose.size[0]} high and {pose.size[1]} wide"
        )
    return within(moved(pose, fit(pose.size, size, "stretch").points, size))


def within(pose: Pose) -> Pose:
    """Without the joints outside the pose's photo, of which its doubts then tell.

    A pixel is allowed for rounding. A pose of a photo of unknown size stays as it is, and so does one
    that has no joint inside: it is of another photo, which `suspicions` tells.
    """
    out = outside(pose.keypoints, pose.visible, pose.size)
    if pose.size == SHARES:
        out = pose.visible & ((pose.keypoints < 0) | (pose.keypoints > 1)).any(axis=1)
    if not out.any() or out[pose.visible].all():
        return pose
    found = signs(pose, pose.size, out)
    doubts = {kind: words for kind, words in found.items() if kind in (OUTSIDE, EXCHANGED)}
    doubts = tuple((dict(pose.doubts) | doubts).items())
    return make_pose(pose.keypoints, pose.visible & ~out, pose.confidence, pose.size, doubts)


def inside(pose: Pose) -> Pose:
    """Without the joints that lie on no pixel of the pose's photo, whose size it knows."""
    low, high = np.float32(-0.5), np.array(pose.size, np.float32) - np.float32(0.5)
    on_it = ((pose.keypoints >= low) & (pose.keypoints < high[None])).all(axis=1)
    return make_pose(pose.keypoints, pose.visible & on_it, pose.confidence, pose.size, pose.doubts)
