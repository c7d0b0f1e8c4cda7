import numpy as np
import pytest

from pgjax.pose import skeleton
from pgjax.pose.drawing import draw_skeleton

POSE = {
    "nose": (12, 32), "neck": (28, 32), "right_shoulder": (30, 20), "right_elbow": (46, 14),
    "right_wrist": (62, 12), "left_shoulder": (30, 44), "left_elbow": (46, 50),
    "left_wrist": (62, 52), "right_hip": (66, 25), "right_knee": (90, 24), "right_ankle": (116, 22),
    "left_hip": (66, 39), "left_knee": (90, 40), "left_ankle": (116, 42), "right_eye": (9, 29),
    "left_eye": (9, 35), "right_ear": (10, 25), "left_ear": (10, 39),
}  # fmt: skip
KEYPOINTS = np.array([POSE[name] for name in skeleton.JOINTS], np.float32)
GREY = np.full((128, 64, 3), 128, np.uint8)


@pytest.mark.parametrize("scale", [0.5, 1, 2])
def test_skeleton_has_the_right_arm_red_and_the_left_one_blue(scale):
    canvas = np.full((int(128 * scale), int(64 * scale), 3), 128, np.uint8)
    untouched = canvas.copy()
    drawn = draw_skeleton(canvas, KEYPOINTS * scale, np.ones(18, bool))
    np.testing.assert_array_equal(canvas, untouched)
    assert drawn.shape == canvas.shape
    assert drawn.dtype == np.uint8

    def middle(limb):
        a, b = (np.array(POSE[name]) * scale for name in limb)
        y, x = np.round((a + b) / 2).astype(int)
        return drawn[y, x].astype(int)

    red, _, blue = middle(("right_shoulder", "right_elbow"))
    assert red > blue + 60
    red, _, blue = middle(("left_shoulder", "left_elbow"))
    assert blue > red + 60
    np.testing.assert_array_equal(drawn[-1], canvas[-1])


def test_missing_joints_are_not_drawn():
    visible = np.array([name != "right_wrist" for name in skeleton.JOINTS])
    expected = draw_skeleton(GREY, KEYPOINTS, visible)
    y, x = POSE["right_wrist"]
    np.testing.assert_array_equal(expected[y, x], GREY[y, x])
    for value in (np.nan, np.inf, -1e30, 40.0):
        keypoints = np.where(visible[:, None], KEYPOINTS, value)
        np.testing.assert_array_equal(draw_skeleton(GREY, keypoints, visible), expected)
    nothing = draw_skeleton(GREY, KEYPOINTS, np.zeros(18, bool))
    np.testing.assert_array_equal(nothing, GREY)


def test_joints_far_outside_are_harmless():
    keypoints = KEYPOINTS.copy()
    keypoints[skeleton.INDEX["left_wrist"]] = 1e20
    drawn = draw_skeleton(GREY, keypoints, np.ones(18, bool))
    np.testing.assert_array_equal(
        drawn[110:118, 18:26],
        draw_skeleton(GREY, KEYPOINTS, np.ones(18, bool))[110:118, 18:26],
    )
