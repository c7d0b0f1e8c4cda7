"""What looks wrong with keypoints, on the published annotations and on faults made of them."""

import numpy as np
import pytest

import poses as examples
from pgjax import keypoints
from pgjax.pose import skeleton

SIZES = {
    "deepfashion/fasion-resize-annotation-test.csv": (256, 256),
    "market1501/market-annotation-test.csv": (128, 64),
}


def _swapped(pose):
    order = list(skeleton.MIRROR)
    return keypoints.make_pose(pose.keypoints[order], pose.visible[order])


def _exchanged(pose):
    return keypoints.make_pose(pose.keypoints[:, ::-1], pose.visible)


def _turned(pose, width=64):
    """Lying: the photo turned a quarter, which mirrors nothing."""
    points = np.stack([width - 1 - pose.keypoints[:, 1], pose.keypoints[:, 0]], axis=1)
    return keypoints.make_pose(points, pose.visible)


def _without(pose, *names):
    return keypoints.make_pose(pose.keypoints, ~np.isin(skeleton.JOINTS, names))


def test_a_person_as_it_should_be():
    pose = examples.standing()
    assert keypoints.suspicions(pose) == []
    assert keypoints.suspicions(keypoints.flipped(pose, 64)) == []
    assert keypoints.suspicions(_turned(pose), (64, 128)) == []


def test_sides_swapped():
    pose = examples.standing()
    (said,) = keypoints.suspicions(_swapped(pose))
    assert said.startswith("left and right look swapped, or the photo is mirrored")
    face = list(range(18))
    face[14:] = 15, 14, 17, 16
    (said,) = keypoints.suspicions(keypoints.make_pose(pose.keypoints[face]))
    assert "of the face look swapped, but not of the shoulders" in said
    body = [*skeleton.MIRROR[:14], 14, 15, 16, 17]
    (said,) = keypoints.suspicions(keypoints.make_pose(pose.keypoints[body]))
    assert "from the shoulders down, but not in the face" in said
    mirrored = np.array([1, -1]) * pose.keypoints + np.array([0, 63])
    assert keypoints.suspicions(keypoints.make_pose(mirrored))


def test_seen_from_behind():
    face = ("nose", "right_eye", "left_eye")
    assert keypoints.suspicions(_without(_swapped(examples.standing()), *face)) == []
    (said,) = keypoints.suspicions(_without(examples.standing(), *face))
    assert said.startswith("left and right look swapped")


def test_x_and_y_exchanged():
    pose = _exchanged(examples.standing())
    (said,) = keypoints.suspicions(pose, (128, 64))
    assert said.startswith("x and y look exchanged: joints lie outside")
    for size in (None, (256, 256)):
        (said,) = keypoints.suspicions(pose, size)
        assert said.endswith("and the person mirrored")
    no_head = _without(pose, "right_eye", "left_eye")
    (said,) = keypoints.suspicions(no_head)
    assert said.endswith("unless the person lies so")


def test_outside_the_photo():
    pose = examples.standing()._replace(size=None)
    (said,) = keypoints.suspicions(pose, (100, 64))
    expected = "2 of 18 joints lie outside the photo of 100x64: right_ankle, left_ankle"
    assert said == expected
    assert keypoints.suspicions(pose, (118, 64)) == []  # 118 is rounded


def test_another_size():
    (said,) = keypoints.suspicions(examples.standing(), (256, 128))
    assert said == "keypoints of a photo of 128x64, but this one is 256x128"


@pytest.mark.slow
@pytest.mark.parametrize("path", SIZES)
def test_published_annotations(shared, path):
    size = SIZES[path]
    poses = [people[0] for people in keypoints.read(shared / "data" / path).values() if people]

    def share(changed):
        return np.mean([bool(keypoints.suspicions(changed(pose), size)) for pose in poses])

    assert share(lambda pose: pose) < 0.002
    assert share(_exchanged) > 0.95
    heads = [p.visible[[0, 14, 15]].all() or p.visible[[16, 17]].all() for p in poses]
    assert share(_swapped) > 0.93 * np.mean(heads)


def test_summary():
    pose = examples.standing()
    people = [(pose, None), (_swapped(pose), None), (pose, (100, 64)), (_swapped(pose), None)]
    assert keypoints.summary(people) == [
        "2 of 4 poses: left and right look swapped",
        "1 of 4 poses: joints lie outside the photo",
        "1 of 4 poses: of a photo of another size",
    ]
    assert keypoints.summary([]) == []
