import jax
import numpy as np
import pytest

import tiny
from pgjax.pose import raster, warp
from pgjax.pose.scene import derive, erase, person_region
from pgjax.pose.skeleton import INDEX


@pytest.fixture(scope="module")
def both():
    batch = tiny.batch(3)
    assert not np.array_equal(batch.source_image, batch.target_image)
    return batch, tiny.with_users_fusions(derive)(batch, disc_radius=2, heatmap_sigma=3.0)


def _apart(function, *joints):
    """What a function of the joints gives by itself."""
    return tiny.with_users_fusions(jax.jit(function))(*joints)


@pytest.mark.parametrize("side", ["source", "target"])
def test_each_side_is_drawn_from_its_own(both, side):
    batch, scene = both
    joints = getattr(batch, f"{side}_keypoints"), getattr(batch, f"{side}_visible")
    expected = getattr(batch, f"{side}_image").astype(float) / 255 * 2 - 1
    np.testing.assert_allclose(getattr(scene, f"{side}_image"), expected, atol=1e-6)
    discs = _apart(lambda *joints: raster.discs(*joints, tiny.SIZE, radius=2), *joints)
    heatmaps = _apart(lambda *joints: raster.heatmaps(*joints, tiny.SIZE, sigma=3.0), *joints)
    np.testing.assert_array_equal(getattr(scene, f"{side}_discs"), discs)
    np.testing.assert_array_equal(getattr(scene, f"{side}_heatmaps"), heatmaps)
    np.testing.assert_array_equal(getattr(scene, f"{side}_keypoints"), joints[0])
    np.testing.assert_array_equal(getattr(scene, f"{side}_visible"), joints[1])


def test_the_mask_is_the_targets(both):
    batch, scene = both
    target, source = (
        raster.pose_mask(
            getattr(batch, f"{s}_keypoints"), getattr(batch, f"{s}_visible"), tiny.SIZE, radius=2
        )
        for s in ("target", "source")
    )
    assert not np.array_equal(source, target)
    np.testing.assert_array_equal(scene.pose_mask, target)


def test_transforms_lead_from_the_target_to_the_source(both):
    batch, scene = both
    source = batch.source_keypoints, batch.source_visible
    target = batch.target_keypoints, batch.target_visible
    transforms, exists = _apart(warp.part_affines, *source, *target)
    np.testing.assert_array_equal(scene.part_transforms, transforms)
    np.testing.assert_array_equal(scene.part_exists, exists)
    transform, exists = _apart(warp.body_affine, *source, *target)
    np.testing.assert_array_equal(scene.body_transform, transform)
    np.testing.assert_array_equal(scene.body_exists, exists)
    np.testing.assert_array_equal(scene.part_masks, raster.part_masks(*target, tiny.SIZE))


def test_a_background_is_the_data_sets_or_the_target_without_the_person(both):
    batch, scene = both
    with_one = tiny.with_users_fusions(derive)(batch._replace(background=batch.source_image))
    np.testing.assert_array_equal(with_one.background, scene.source_image)
    target = batch.target_keypoints, batch.target_visible
    mask = np.asarray(person_region(*target, tiny.SIZE, 8)) > 0
    found, image = np.asarray(scene.background), np.asarray(scene.target_image)
    assert mask.any(axis=(1, 2)).all()
    for i in range(len(image)):
        rest = image[i][~mask[i]]
        np.testing.assert_array_equal(found[i][~mask[i]], rest)
        mean = np.broadcast_to(rest.mean(axis=0, dtype=float), found[i][mask[i]].shape)
        np.testing.assert_allclose(found[i][mask[i]], mean, atol=1e-5)


def test_the_persons_region_holds_the_joints_and_what_is_below_missing_feet():
    keypoints = np.full((3, 18, 2), 1e9, np.float32)
    visible = np.zeros((3, 18), bool)
    for joint, place in {"neck": (10, 8), "right_hip": (30, 20), "right_ankle": (40, 12)}.items():
        keypoints[:2, INDEX[joint]], visible[:2, INDEX[joint]] = place, True
    keypoints[0, INDEX["left_ankle"]], visible[0, INDEX["left_ankle"]] = (44, 12), True
    region = np.asarray(person_region(keypoints, visible, tiny.SIZE, 1)) > 0
    assert region[:2, 10:41, 8:21].all()
    assert not region[0, 48:].any() and region[1, 48:, 8:21].all()
    assert not region[2].any()


def test_erasing_everything_leaves_grey():
    erased = erase(np.ones((1, 4, 2, 3), np.float32), np.ones((1, 4, 2), np.float32))
    np.testing.assert_array_equal(erased, np.zeros((1, 4, 2, 3)))
