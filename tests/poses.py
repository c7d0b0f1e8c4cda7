"""Poses for the tests of keypoints: any, and one that looks like a standing person."""

import numpy as np
from hypothesis import strategies as st

from pgjax import keypoints
from pgjax.pose import skeleton

SIZES = st.tuples(st.integers(20, 300), st.integers(20, 300))

# A person who faces the camera in a photo of 128x64, so that the right side is left in the photo.
STANDING = np.array(
    [
        [12, 24, 25, 44, 62, 25, 44, 62, 64, 92, 118, 64, 92, 118, 9, 9, 11, 11],
        [32, 32, 22, 18, 16, 42, 46, 48, 26, 26, 25, 38, 38, 39, 29, 35, 25, 39],
    ],
    np.float32,
).T


def standing(size=(128, 64)) -> keypoints.Pose:
    return keypoints.make_pose(STANDING, size=size)


@st.composite
def poses(draw, size=(256, 176)) -> keypoints.Pose:
    """Any pose in a photo of that size, one joint of it visible at least."""
    height, width = size
    y = st.floats(0, height - 1, width=32)
    x = st.floats(0, width - 1, width=32)
    joints = len(skeleton.JOINTS)
    points = draw(st.lists(st.tuples(y, x), min_size=joints, max_size=joints))
    confidence = draw(st.lists(st.floats(0.11, 1), min_size=joints, max_size=joints))
    visible = draw(st.lists(st.booleans(), min_size=joints, max_size=joints).filter(any))
    return keypoints.make_pose(points, visible, confidence, size)
