"""Coordinates as shares of the photo's size: they are told from pixels, and become pixels with the photo."""

import json

import numpy as np
import pytest

import poses as examples
from pgjax import keypoints
from pgjax.errors import InputError

SIZE = (128, 64)


def _body(points, scale=(1, 1), offset=0.0):
    return [
        v for y, x in points.tolist() for v in (x * scale[1] + offset, y * scale[0] + offset, 1)
    ]


def _read(tmp_path, *bodies, **more):
    frame = {"people": [{"pose_keypoints_2d": body} for body in bodies], **more}
    (tmp_path / "a.json").write_text(json.dumps(frame))
    ((pose, *_),) = keypoints.read(tmp_path / "a.json").values()
    return pose


CANVAS = {"canvas_height": 128, "canvas_width": 64}
UNIT = (1 / 128, 1 / 64)


@pytest.mark.parametrize("beyond", [1.0, 1.03, 1.4, 2.5, -0.02, -0.3])
def test_a_joint_beyond_the_canvas(tmp_path, beyond):
    """It is outside, so missing; the others are what they are, not all in the first pixel."""
    body = _body(examples.STANDING, UNIT)
    body[3 * 10] = beyond  # right ankle
    pose = _read(tmp_path, body, **CANVAS)
    seen = np.ones(18, bool)
    seen[10] = beyond == 1.0
    np.testing.assert_array_equal(pose.visible, seen)
    others = np.arange(18) != 10
    np.testing.assert_allclose(pose.keypoints[others], examples.STANDING[others], atol=1e-4)
    assert pose.size == SIZE
    told = "" if seen[10] else "1 of 18 joints lie outside the photo of 128x64: right_ankle"
    assert "".join(keypoints.suspicions(pose)) == told


def test_shares_without_a_canvas_become_pixels_with_the_photo(tmp_path):
    pose = _read(tmp_path, _body(examples.STANDING, UNIT))
    assert pose.size == keypoints.SHARES
    np.testing.assert_allclose(pose.keypoints * SIZE, examples.STANDING, atol=1e-4)
    for placed in (keypoints.in_photo(pose, SIZE, "a"), keypoints.in_pixels(pose, SIZE)):
        assert placed.size == SIZE
        np.testing.assert_allclose(placed.keypoints, examples.STANDING, atol=1e-4)
    with pytest.raises(
        InputError, match="shares of photos whose size is not known, and format csv"
    ):
        keypoints.write(tmp_path / "a.csv", {"a": [pose]}, "csv")
    keypoints.write(tmp_path / "b.json", {"a": [pose]}, "openpose")
    again = keypoints.one_pose(tmp_path / "b.json")
    np.testing.assert_allclose(again.keypoints, pose.keypoints, atol=1e-3)
    assert again.size == keypoints.SHARES


def test_shares_from_minus_one_on(tmp_path):
    """OpenPose --keypoint_scale 4."""
    body = _body(examples.STANDING, (2 / 128, 2 / 64), -1.0)
    pose = _read(tmp_path, body, **CANVAS)
    np.testing.assert_allclose(pose.keypoints, examples.STANDING, atol=1e-4)


def test_small_people_in_pixels_stay_pixels(tmp_path):
    small = examples.STANDING * np.float32(0.1)  # 12 pixels high
    pose = _read(tmp_path, _body(small), **CANVAS)
    np.testing.assert_allclose(pose.keypoints, small, atol=1e-4)
    assert keypoints.suspicions(pose) == []


def test_two_joints_in_the_first_pixels_are_doubtful(tmp_path):
    body = [0.0] * 54
    body[:6] = 0.5, 1.6, 1, 1.2, 1.7, 1
    pose = _read(tmp_path, body)
    assert pose.visible.sum() == 2
    (said,) = keypoints.suspicions(pose)
    assert said.startswith("coordinates of 2 pixels at most may be shares of the photo's size")
    assert "multiply them" in said


def test_all_people_of_a_file_count(tmp_path):
    """One whose only joints lie in the photo's first pixels is in pixels where another is."""
    body = [0.0] * 54
    body[:6] = 0.5, 0.6, 1, 0.2, 0.7, 1
    pose = _read(tmp_path, body, _body(examples.STANDING), **CANVAS)
    np.testing.assert_allclose(pose.keypoints[0], (0.6, 0.5), atol=1e-4)


@pytest.mark.parametrize(("unit", "most"), [(1, 1.2), (1, 8.0), (100, 100), (100, 60), (255, 255)])
def test_confidences_above_one(tmp_path, unit, most):
    """The threshold is in the file's own unit, and where none is given a tenth of the whole."""
    third = np.linspace(0, most, 18)
    body = _body(examples.STANDING)
    body[2::3] = third.tolist()
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"people": [{"pose_keypoints_2d": body}]}))
    pose = keypoints.one_pose(path)
    np.testing.assert_array_equal(pose.visible, third > 0.1 * unit)
    np.testing.assert_allclose(pose.confidence[-1], min(1, most / unit), atol=1e-6)
    pose = keypoints.one_pose(path, threshold=most / 2)
    np.testing.assert_array_equal(pose.visible, third > most / 2)
    with pytest.raises(InputError, match=f"threshold 300: .* go to {most:g}"):
        keypoints.one_pose(path, threshold=300)
