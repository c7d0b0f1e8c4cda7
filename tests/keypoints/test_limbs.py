"""Limb lengths of one person in the pose of another."""

import numpy as np
import pytest

import tiny
from pgjax.keypoints import limbs, make_pose
from pgjax.pose import skeleton


def standing(scale=1.0, arm=1.0, turn=0.0, place=(60.0, 40.0)):
    """A person made of straight limbs; arms `arm` times as long, hanging `turn` radians off."""
    points = np.zeros((18, 2))
    for name, at in {"neck": (0, 0), "nose": (-10, 0)}.items():
        points[skeleton.INDEX[name]] = at
    for side, sign in (("right", -1), ("left", 1)):
        at = {"shoulder": (0, 8), "hip": (30, 5), "knee": (50, 5), "ankle": (70, 5)}
        at |= {"eye": (-12, 2), "ear": (-11, 4)}
        along = arm * np.array([np.cos(turn), np.sin(turn)])
        at |= {"elbow": np.array([0, 8]) + 15 * along, "wrist": np.array([0, 8]) + 28 * along}
        for joint, (y, x) in at.items():
            points[skeleton.INDEX[f"{side}_{joint}"]] = (y, sign * x)
    return make_pose(scale * points + place)


def lengths(pose):
    return {
        name: [np.linalg.norm(pose.keypoints[a] - pose.keypoints[b]) for a, b in group]
        for name, group in limbs.GROUPS.items()
    }


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("turn", [0.0, 0.7, 2.0])
def test_a_target_gets_the_sources_lengths_and_keeps_its_directions(scale, turn):
    source = standing(arm=1.3)
    target = standing(scale=scale, turn=turn, place=(200.0, 90.0))
    (made,) = limbs.refit(source, [target])
    for name, expected in lengths(source).items():
        np.testing.assert_allclose(lengths(made)[name], expected, rtol=1e-5)
    for group in limbs.GROUPS.values():
        for a, b in group:
            before, after = (p.keypoints[b] - p.keypoints[a] for p in (target, made))
            cosine = before @ after / np.linalg.norm(before) / np.linalg.norm(after)
            assert cosine > 1 - 1e-6
    middle = [p.keypoints[limbs.TORSO].mean(axis=0) for p in (target, made)]
    np.testing.assert_allclose(*middle, atol=1e-3)


def test_ones_own_poses_stay():
    pose = standing(turn=0.4)
    (made,) = limbs.refit(pose, [pose])
    np.testing.assert_allclose(made.keypoints, pose.keypoints, atol=1e-4)


def test_a_limb_toward_the_camera_stays_short():
    """Of a sequence the longest counts: a shortened forearm is not stretched."""
    source, long = standing(), standing(scale=2.0)
    points = long.keypoints.copy()
    for side in ("right", "left"):
        elbow, wrist = (skeleton.INDEX[f"{side}_{name}"] for name in ("elbow", "wrist"))
        points[wrist] = points[elbow] + 0.25 * (points[wrist] - points[elbow])
    made = limbs.refit(source, [long, make_pose(points)])
    np.testing.assert_allclose(
        lengths(made[1])["forearms"], 0.25 * np.array(lengths(source)["forearms"]), rtol=1e-5
    )


def test_missing_joints_stay_missing_and_move_nothing():
    source, rng = standing(), np.random.default_rng(0)
    whole = standing(scale=2.0, turn=0.3)
    (expected,) = limbs.refit(source, [whole])
    for _ in range(50):
        visible = rng.random(18) < 0.7
        visible[limbs.TORSO] = True
        (made,) = limbs.refit(source, [make_pose(whole.keypoints, visible)])
        assert (made.visible == visible).all() and not made.keypoints[~visible].any()
        np.testing.assert_allclose(made.keypoints[visible], expected.keypoints[visible], atol=1e-3)


@pytest.mark.parametrize("joint", range(18))
def test_one_joint_is_enough(joint):
    only = make_pose(np.full((18, 2), 7.0), np.arange(18) == joint)
    (made,) = limbs.refit(standing(), [only])
    np.testing.assert_allclose(made.keypoints[joint], 7.0, atol=1e-5)
    (made,) = limbs.refit(only, [standing()])
    np.testing.assert_allclose(made.keypoints, standing().keypoints, atol=1e-4)


def test_whatever_the_photos_the_result_is_finite():
    for place in range(9):
        (made,) = limbs.refit(tiny.pose(1, place), [tiny.pose(2, place)])
        assert np.isfinite(made.keypoints).all()
