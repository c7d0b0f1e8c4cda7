"""Two layouts have 25 joints: the pose tells which, or a warning says that it does not."""

import json

import numpy as np
import pytest

import poses as examples
from pgjax import keypoints
from pgjax.keypoints.layouts import LAYOUTS
from pgjax.pose import skeleton

BOTH = pytest.mark.parametrize("layout", ["body25", "body25b"])
SITTING = examples.STANDING.copy()
SITTING[[9, 12]] = (66, 12), (66, 52)  # knees beside the hips
SITTING[[10, 13]] = (90, 12), (90, 52)


def _frame(points, layout, visible=None):
    visible = np.ones(18, bool) if visible is None else visible
    places = dict(zip(skeleton.JOINTS, points.tolist(), strict=True))
    seen = {name for name, is_seen in zip(skeleton.JOINTS, visible, strict=True) if is_seen}
    if {"right_hip", "left_hip"} <= seen:
        places["middle_hip"] = np.mean([places["right_hip"], places["left_hip"]], axis=0).tolist()
        seen.add("middle_hip")
    if "neck" in seen:
        places["upper_neck"] = [places["neck"][0] - 3, places["neck"][1]]
        places["head_top"] = [places["neck"][0] - 20, places["neck"][1]]
        seen |= {"upper_neck", "head_top"}
    body = []
    for name in LAYOUTS[layout].joints:
        y, x = places.get(name, (0, 0)) if name in seen else (0, 0)
        body += [x, y, 0.9 if name in seen else 0]
    return {"people": [{"pose_keypoints_2d": body}]}


def _read(tmp_path, content, format=None):
    (tmp_path / "a.json").write_text(json.dumps(content))
    return keypoints.one_pose(tmp_path / "a.json", format)


@BOTH
@pytest.mark.parametrize("points", [examples.STANDING, SITTING, examples.STANDING[:, ::-1]])
@pytest.mark.parametrize(
    "parts",
    [
        ("",),
        ("nose", "neck", "eye", "ear", "shoulder", "elbow", "wrist", "hip"),
        ("neck", "shoulder", "hip", "knee", "ankle"),
        ("neck", "right", "nose"),
        ("nose", "neck", "eye", "ear", "shoulder"),
    ],
)
def test_told_by_the_pose(tmp_path, layout, points, parts):
    visible = np.array([any(part in name for part in parts) for name in skeleton.JOINTS])
    pose = _read(tmp_path, _frame(points, layout, visible))
    assert not any("name the format" in line for line in keypoints.suspicions(pose))
    body = visible.copy()
    if layout == "body25b":  # its neck is the middle of the shoulders
        body[skeleton.INDEX["neck"]] = visible[[2, 5]].all()
    np.testing.assert_array_equal(pose.visible, body)
    np.testing.assert_allclose(pose.keypoints[body], points[body], atol=1.01)


@BOTH
def test_told_by_the_format(tmp_path, layout):
    few = np.isin(skeleton.JOINTS, ["right_wrist", "left_ankle"])
    content = _frame(examples.STANDING, layout, few)
    (said,) = [s for s in keypoints.suspicions(_read(tmp_path, content)) if "25 joints" in s]
    assert said == (
        "25 joints are body25 or body25b, and the pose does not show which: read as body25; name the "
        "format"
    )
    pose = _read(tmp_path, content, {"body25": "openpose25", "body25b": "openpose25b"}[layout])
    np.testing.assert_array_equal(pose.visible, few)
    assert not any("25 joints" in line for line in keypoints.suspicions(pose))


def test_what_users_have(shared):
    pose = keypoints.one_pose(shared / "cases" / "19_body_25b" / "a_1_keypoints.json")
    assert pose.visible.all()
    assert keypoints.suspicions(pose) == []
    left_wrist = pose.keypoints[skeleton.INDEX["left_wrist"]]
    assert left_wrist.tolist() == [58, 48]
