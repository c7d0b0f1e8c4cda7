import jax
import numpy as np
import pytest
from skimage.transform import estimate_transform

from golden import load, poses
from pgjax.pose import geometry, skeleton, warp

datasets = pytest.mark.parametrize("dataset", ["market1501", "deepfashion"])

part_affines = jax.jit(warp.part_affines)
body_affine = jax.jit(warp.body_affine)


def rows(matrices):
    """The reference's eight numbers as (..., 2, 3)."""
    return matrices[..., :6].reshape(*matrices.shape[:-1], 2, 3)


def check_affines(found, expected, size):
    transforms, exists = found
    missing = (expected == [1, 0, 1000, 0, 1, 1000, 0, 0]).all(axis=-1)
    np.testing.assert_array_equal(exists, ~missing)
    height, width = size
    corners = np.array([(x, y, 1) for x in (0, width - 1) for y in (0, height - 1)], float).T
    landed, expected = np.asarray(transforms, float) @ corners, rows(expected) @ corners
    largest = np.abs(expected).max(axis=(-2, -1), keepdims=True)
    # Measured: 6e-6 at worst.
    assert (np.abs(landed - expected) / largest).max() < 2e-5


@datasets
def test_part_affines_equal_golden(shared, dataset):
    found = load(shared, dataset)
    affines = part_affines(*found.source, *found.target)
    check_affines(affines, found.arrays["part_affines"], found.size)


@datasets
def test_body_affine_equals_golden(shared, dataset):
    found = load(shared, dataset)
    affines = body_affine(*found.source, *found.target)
    check_affines(affines, found.arrays["body_affine"], found.size)


def pose_pair(missing_source=(), missing_target=()):
    """Two whole people, without the joints named."""
    keypoints, _ = poses(2, (128, 64), seed=3)
    visible = np.ones((2, 18), bool)
    for person, names in enumerate((missing_source, missing_target)):
        if names:
            visible[person, geometry.joints(*names)] = False
    return (keypoints[:1], visible[:1]), (keypoints[1:], visible[1:])


def existing(*pair):
    exists = np.asarray(part_affines(*pair[0], *pair[1])[1][0])
    return {name for name, found in zip(skeleton.PARTS, exists, strict=True) if found}


ALL = set(skeleton.PARTS)
FACE = skeleton.PARTS["head"]


@pytest.mark.parametrize(
    ("source", "target", "missing"),
    [
        ((), (), set()),
        ((), ("right_wrist",), {"right_forearm"}),
        (("right_wrist",), (), set()),
        (("right_wrist", "left_wrist"), (), {"right_forearm", "left_forearm"}),
        (("right_wrist", "left_elbow"), (), {"left_forearm", "right_forearm"}),
        (("left_ankle",), ("right_ankle",), {"right_shin"}),
        (FACE, (), {"head"}),
        (FACE[:2], FACE[2:], {"head"}),
        (FACE[1:], FACE[2:], set()),
        (("neck",), ("neck",), set()),
        (("left_hip",), (), ALL),
        ((), ("right_shoulder",), ALL),
    ],
)
def test_which_parts_have_a_transform(source, target, missing):
    assert existing(*pose_pair(source, target)) == ALL - missing


def test_other_side_stands_in():
    source, target = pose_pair(("right_wrist",))
    transforms, _ = part_affines(*source, *target)
    swapped = np.array(skeleton.MIRROR)
    mirrored = (source[0][:, swapped], source[1][:, swapped])
    expected, _ = part_affines(*mirrored, *target)
    number = list(skeleton.PARTS).index("right_forearm")
    np.testing.assert_allclose(transforms[0, number], expected[0, number], atol=1e-4)


def test_head_follows_the_joints_of_both():
    source, target = pose_pair(("left_eye", "right_ear"), ("nose",))
    names = ("right_eye", "left_ear", "left_shoulder", "right_shoulder")
    chosen = geometry.joints(*names)
    points = [pose[0][0, chosen, ::-1].astype(float) for pose in (target, source)]
    expected = estimate_transform("affine", *points).params[:2]
    number = list(skeleton.PARTS).index("head")
    transforms, _ = part_affines(*source, *target)
    np.testing.assert_allclose(transforms[0, number], expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("knees", [(), ("right_knee",), ("right_knee", "left_knee")])
def test_body_follows_the_knees_of_both(knees):
    source, target = pose_pair(knees[:1], knees[1:])
    names = ["right_hip", "left_hip", "left_shoulder", "right_shoulder"]
    names += [knee for knee in ("right_knee", "left_knee") if knee not in knees]
    points = [pose[0][0, geometry.joints(*names), ::-1].astype(float) for pose in (target, source)]
    expected = estimate_transform("affine", *points).params[:2]
    transforms, exists = body_affine(*source, *target)
    assert exists.all()
    np.testing.assert_allclose(transforms[0], expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("value", [np.nan, -np.inf, 3e38, -1.0])
def test_missing_joints_have_no_influence(value):
    keypoints, visible = poses(40, (128, 64), missing=0.1)
    changed = np.where(visible[..., None], keypoints, np.float32(value))
    for function in (part_affines, body_affine):
        args = [(k[:20], visible[:20], k[20:], visible[20:]) for k in (keypoints, changed)]
        for found, expected in zip(*(function(*a) for a in args), strict=True):
            np.testing.assert_array_equal(found, expected)
