"""The twenty poses, and the first person of the page."""

import numpy as np
import pytest

from pgjax.pose import skeleton
from pgjax.serving.page import poses


def _arrays(points):
    seen = np.array([point is not None for point in points])
    return np.array([point or (0, 0) for point in points], np.float32), seen


def test_there_are_twenty_poses_with_whole_bodies():
    found = poses.twenty()
    assert len({pose["name"] for pose in found}) == len(found) == 20
    torso = [skeleton.INDEX[f"{s}_{j}"] for s in ("right", "left") for j in ("shoulder", "hip")]
    for pose in found:
        points, seen = _arrays(pose["points"])
        assert seen[torso].all() and seen.sum() >= 10, pose["name"]
        assert 0.5 < np.ptp(points[seen, 0]) < 1.1, pose["name"]


@pytest.mark.parametrize(
    "name, view",
    [("Standing", "front"), ("From behind", "back"), ("From the left side", "side")],
)
def test_names_of_poses_say_what_is_seen(name, view):
    (points,) = (pose["points"] for pose in poses.twenty() if pose["name"] == name)
    points, seen = _arrays(points)
    right, left = (points[skeleton.INDEX[f"{side}_shoulder"], 1] for side in ("right", "left"))
    if view == "side":
        assert abs(left - right) < 0.02
    else:
        assert (left - right > 0.1) == (view == "front")
    ears = [seen[skeleton.INDEX[f"{side}_ear"]] for side in ("right", "left")]
    if view == "side":
        assert ears == [False, True]


@pytest.mark.parametrize("size", [(64, 32), (128, 64), (256, 176), (256, 256)])
def test_the_first_person_has_the_size_of_the_model(size):
    photo, pose = poses.example(size)
    assert photo.shape == (*size, 3) and photo.dtype == np.uint8
    assert pose.size == size and pose.visible.all()
    assert (pose.keypoints >= -0.5).all() and (pose.keypoints < np.array(size)[None]).all()
