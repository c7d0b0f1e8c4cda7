import numpy as np
import pytest

from pgjax.errors import InputError, NotMeasuredError
from pgjax.frozen import estimators, openpose_weights
from pgjax.keypoints import make_pose
from pgjax.metrics.pckh import PoseExtractor, pckh


def by_loops(found, wanted):
    """The published computation, joint by joint, -1 where one is missing."""
    right = total = 0
    for points, seen, targets, there in zip(*found, *wanted, strict=True):
        head = [targets[j] for j in (0, 1, 14, 15, 16, 17) if there[j]]
        if len(head) < 2:
            continue
        height = max(y for y, _ in head) - min(y for y, _ in head)
        width = max(x for _, x in head) - min(x for _, x in head)
        for j in range(18):
            total += bool(there[j])
            if there[j] and seen[j]:
                dy, dx = abs(points[j] - targets[j])
                right += bool(dy < 0.5 * height and dx < 0.5 * width)
    return right / total


def poses(seed, count=200):
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 30, (count, 18, 2)).astype(np.float32), rng.random((count, 18)) < 0.4


def test_pckh_is_the_published_computation():
    wanted = poses(0)
    shown = wanted[1][:, [0, 1, 14, 15, 16, 17]].sum(axis=1)
    assert (shown < 2).any() and (shown >= 2).any()
    found = wanted[0] + np.random.default_rng(1).normal(0, 8, (200, 18, 2)), poses(2)[1]
    value = pckh(found, wanted)
    assert 0.1 < value < 0.4
    assert value == by_loops(found, wanted)


def test_the_pose_itself_is_perfect_and_nothing_found_is_zero():
    wanted = poses(3)
    assert pckh(wanted, wanted) == 1
    assert pckh((wanted[0], np.zeros_like(wanted[1])), wanted) == 0


def test_no_head_is_not_measured():
    wanted = poses(4)
    with pytest.raises(NotMeasuredError, match="no target shows a head"):
        pckh(wanted, (wanted[0], np.zeros_like(wanted[1])))


def test_without_weights_it_says_what_to_fetch(tmp_path):
    with pytest.raises(
        NotMeasuredError, match=r"fetch https://.*graph_opt\.pb and put it into .* as "
    ):
        PoseExtractor(tmp_path)
    assert not list(tmp_path.iterdir())


def test_damaged_weights_are_a_fault(tmp_path):
    (tmp_path / openpose_weights.SOURCE.official).write_bytes(b"no graph")
    with pytest.raises(InputError, match=r"small\.pb: damaged or another file") as told:
        PoseExtractor(tmp_path)
    assert not isinstance(told.value, NotMeasuredError)


def test_joints_of_a_photo_are_those_of_the_estimator(monkeypatch, tmp_path):
    seen = []

    def estimate(image):
        seen.append(image)
        found = make_pose(np.full((18, 2), image[0, 0, 0]), confidence=np.ones(18))
        return [found, found] if image.any() else []

    (tmp_path / openpose_weights.SOURCE.file).touch()
    monkeypatch.setattr(estimators, "load", lambda name, folder: estimate)
    images = np.zeros((3, 8, 8, 3), np.uint8)
    images[1] = 5
    keypoints, visible = PoseExtractor(tmp_path)(images)
    assert len(seen) == 3
    assert visible.tolist() == [[False] * 18, [True] * 18, [False] * 18]
    assert (keypoints[1] == 5).all() and not keypoints[[0, 2]].any()
