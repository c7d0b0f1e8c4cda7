import jax
import numpy as np
import pytest
from skimage.measure import grid_points_in_poly

import tiny
from golden import load, masks, overlap, poses
from pgjax.pose import geometry, raster, skeleton

SIZE = (64, 32)
TORSO = ("right_hip", "left_hip", "right_shoulder", "left_shoulder")
PARTS = tuple(skeleton.PARTS)


def whole_poses(count, **options):
    """Random poses with complete torsos."""
    keypoints, visible = poses(count, SIZE, **options)
    visible[:, geometry.joints(*TORSO)] = True
    return keypoints, visible


@pytest.mark.parametrize("dataset", ["market1501", "deepfashion"])
def test_part_masks_equal_golden(shared, dataset):
    found = load(shared, dataset)
    expected = masks(found, "part_masks")
    drawn = raster.part_masks(*found.target, found.size)
    assert drawn.shape == expected.shape
    overlaps = overlap(drawn, expected)
    # Measured: 0.9997 on average, 0.966 at worst (one pixel of a small forearm).
    assert overlaps.mean() > 0.999
    assert overlaps.min() > 0.95
    np.testing.assert_array_equal(drawn[:, :2], expected[:, :2])


def test_limbs_equal_scikit_image():
    keypoints, visible = whole_poses(12, margin=6)
    drawn = raster.part_masks(keypoints, visible, SIZE)[:, 2:]
    limbs = geometry.limbs(keypoints, visible, "mask")
    corners = np.asarray(limbs.corners())
    for person, number in np.ndindex(12, 8):
        expected = grid_points_in_poly(SIZE, corners[person, number, :, ::-1])
        expected &= limbs.exists[person, number]
        # They may differ in pixels on the border.
        different = (drawn[person, number] > 0) != expected
        assert different.sum() <= 5
        assert not different.any() or overlap(drawn[person, number], expected) > 0.95


def test_head_is_a_square_on_the_joints_in_sight():
    keypoints = np.full((1, 18, 2), np.nan, np.float32)
    for joint, place in zip(TORSO, [(45, 10), (45, 20), (20, 10), (20, 20)], strict=True):
        keypoints[0, skeleton.INDEX[joint]] = place
    keypoints[0, skeleton.INDEX["nose"]] = (10, 14)
    keypoints[0, skeleton.INDEX["left_ear"]] = (11, 15)
    visible = np.isfinite(keypoints).all(axis=-1)
    drawn = raster.part_masks(keypoints, visible, SIZE)
    expected = np.zeros(SIZE)
    expected[0:20, 4:24] = 1  # 0.4 times the torso scale 25 around (10, 14)
    np.testing.assert_array_equal(drawn[0, PARTS.index("head")], expected)
    assert (drawn[0, PARTS.index("body")] == 1).all()
    assert not drawn[0, 2:].any()


@pytest.mark.parametrize("joint", TORSO)
def test_without_a_torso_only_the_body_remains(joint):
    keypoints, visible = whole_poses(3)
    visible[:, skeleton.INDEX[joint]] = False
    drawn = raster.part_masks(keypoints, visible, SIZE)
    assert (drawn[:, 0] == 1).all()
    assert not drawn[:, 1:].any()


def test_coinciding_joints_give_the_reference_diagonal():
    keypoints, visible = whole_poses(1, missing=0.0)
    keypoints[0, geometry.joints("right_knee", "right_ankle")] = (30, 16)
    drawn = raster.part_masks(keypoints, visible, SIZE)[0, PARTS.index("right_shin")]
    assert list(zip(*np.nonzero(drawn), strict=True)) == [(29, 15), (30, 16), (31, 17)]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38, -1.0, 10.0])
def test_missing_joints_have_no_influence(value):
    keypoints, visible = whole_poses(3)
    changed = np.where(visible[..., None], keypoints, np.float32(value))
    expected = raster.part_masks(keypoints, visible, SIZE)
    assert np.isfinite(expected).all()
    np.testing.assert_array_equal(raster.part_masks(changed, visible, SIZE), expected)


@pytest.mark.parametrize("value", [1e4, -3e38, np.inf])
def test_visible_joints_far_outside_are_harmless(value):
    keypoints = np.full((3, 18, 2), value, np.float32)
    keypoints[1:, ::2] = 16
    keypoints[2, :, 0] = np.arange(18)
    drawn = raster.part_masks(keypoints, np.ones((3, 18), bool), SIZE)
    assert np.isin(drawn, (0, 1)).all()


def test_memory_stays_near_the_result():
    keypoints, visible = whole_poses(4)
    compiled = raster.part_masks.lower(keypoints, visible, (128, 64)).compile(tiny.USERS_FUSIONS)
    assert compiled.memory_analysis().temp_size_in_bytes < 40 * 4 * 128 * 64


def test_vmap_and_jit_change_nothing():
    keypoints, visible = whole_poses(4)
    expected = raster.part_masks(keypoints, visible, SIZE)
    mapped = jax.jit(jax.vmap(lambda k, v: raster.part_masks(k, v, SIZE)))(
        keypoints.reshape(2, 2, 18, 2), visible.reshape(2, 2, 18)
    )
    np.testing.assert_array_equal(mapped.reshape(expected.shape), expected)
