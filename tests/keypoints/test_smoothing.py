"""Joints through time: filled on straight lines, smoothed as by hand, and what is missing stays missing."""

import numpy as np
import pytest

from pgjax.errors import InputError
from pgjax.keypoints import make_pose, smoothing
from pgjax.keypoints.smoothing import filled, reach_of, smoothed
from pgjax.pose.skeleton import INDEX

SIZE = (64, 32)
RNG = np.random.default_rng(0)


def track(points, seen=None):
    """Poses of which every joint is at points (T, 2), and none is seen where `seen` (T,) says so."""
    seen = np.ones(len(points), bool) if seen is None else seen
    return [
        make_pose(np.tile(point, (18, 1)), size=SIZE) if shown else None
        for point, shown in zip(points, seen, strict=True)
    ]


def positions(poses, joint=3):
    return np.array([pose.keypoints[joint] for pose in poses if pose is not None])


def test_savitzky_golay_is_the_parabola_that_fits_best():
    """By least squares of NumPy, window by window; the ends are those of the outermost windows."""
    points = RNG.uniform(5, 25, (12, 2))
    found = positions(smoothed(track(points), "savitzky_golay", 3))
    places = np.arange(12)
    for i in places:
        first = int(np.clip(i - 3, 0, 12 - 7))
        window = places[first : first + 7]
        fitted = [np.polyval(np.polyfit(window, points[window, axis], 2), i) for axis in range(2)]
        np.testing.assert_allclose(found[i], fitted, rtol=1e-5)


def test_gaussian_is_a_weighted_mean():
    points = RNG.uniform(5, 25, (9, 2))
    found = positions(smoothed(track(points), "gaussian", 2))
    weights = np.exp(-0.5 * np.arange(-2, 3) ** 2)  # the standard deviation is one frame
    weights /= weights.sum()
    padded = np.pad(points, ((2, 2), (0, 0)), mode="edge")
    expected = [(weights[:, None] * padded[i : i + 5]).sum(axis=0) for i in range(9)]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_filters_stop_where_a_joint_is_missing():
    """Two rows of frames are smoothed by themselves; one too short for the reach, with a shorter one."""
    points = RNG.uniform(5, 25, (17, 2))
    seen = np.array([True] * 9 + [False] + [True] * 5 + [False] + [True])
    found = smoothed(track(points, seen), "savitzky_golay", 4)
    assert [pose is not None for pose in found] == seen.tolist()
    apart = positions(smoothed(track(points[:9]), "savitzky_golay", 4))
    short = positions(smoothed(track(points[10:15]), "savitzky_golay", 2))
    np.testing.assert_array_equal(positions(found)[:9], apart)
    np.testing.assert_array_equal(positions(found)[9:14], short)
    np.testing.assert_array_equal(positions(found)[14], points[16].astype(np.float32))


def test_a_joint_that_one_frame_lacks_changes_no_other():
    points = RNG.uniform(5, 25, (9, 2))
    poses = track(points)
    wrist = INDEX["left_wrist"]
    poses[4] = make_pose(poses[4].keypoints, np.arange(18) != wrist, size=SIZE)
    found = smoothed(poses, "gaussian", 2)
    assert [pose.visible[wrist] for pose in found] == [i != 4 for i in range(9)]
    np.testing.assert_array_equal(
        positions(found), positions(smoothed(track(points), "gaussian", 2))
    )
    assert not found[4].keypoints[wrist].any()


def test_how_far_a_filter_looks():
    assert [reach_of("gaussian", 0.15, rate) for rate in (30, 60, 5)] == [4, 9, 1]
    assert reach_of("savitzky_golay", 0.15, 5) == 2  # a parabola through three points is no filter


def test_gaps_are_filled_in_time():
    """The third frame comes late: so it is farther on the way."""
    points = np.array([[10, 10], [0, 0], [0, 0], [20, 30]], float)
    seen = np.array([True, False, False, True])
    times = [0, 1, 4, 5]
    found = filled(track(points, seen), times, 2)
    np.testing.assert_allclose(positions(found.poses), [[10, 10], [12, 14], [18, 26], [20, 30]])
    assert set(found.gaps) == set(INDEX) and found.gaps["nose"] == [(1, 2)]
    assert all(pose.size == SIZE for pose in found.poses)
    unfilled = filled(track(points, seen), times, 1)
    assert [pose is not None for pose in unfilled.poses] == seen.tolist() and not unfilled.gaps


def test_the_confidence_of_what_was_filled_is_the_lower_one():
    poses = track(np.full((3, 2), 10.0))
    knee = INDEX["left_knee"]
    for i, sure in ((0, 0.9), (2, 0.4)):
        poses[i] = make_pose(poses[i].keypoints, confidence=np.full(18, sure), size=SIZE)
    poses[1] = make_pose(poses[1].keypoints, np.arange(18) != knee, size=SIZE)
    found = filled(poses, [0, 1, 2], 5)
    assert found.gaps == {"left_knee": [(1, 1)]}
    assert found.poses[1].confidence[knee] == np.float32(0.4) and found.poses[1].confidence[0] == 1


def test_ends_are_no_gaps():
    """Nothing is known before the first frame and after the last one."""
    seen = np.array([False, True, True, False])
    poses = track(np.full((4, 2), 10.0), seen)
    found = filled(poses, range(4), 9)
    assert [pose is not None for pose in found.poses] == seen.tolist() and not found.gaps


@pytest.mark.parametrize("name", smoothing.FILTERS)
def test_photos_of_two_sizes_are_no_movement(name):
    poses = track(np.full((9, 2), 10.0))
    poses[4] = poses[4]._replace(size=(128, 64))
    with pytest.raises(InputError, match=r"sizes, such as \(128, 64\) and \(64, 32\)"):
        smoothed(poses, name, 2)
    with pytest.raises(InputError, match="are no movement"):
        filled(poses, range(9), 2)
