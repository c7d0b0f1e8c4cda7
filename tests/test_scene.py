import numpy as np
import pytest

import tiny
from pgjax import raster
from pgjax.scene import derive


@pytest.fixture(scope="module")
def both():
    batch = tiny.batch(3)
    assert not np.array_equal(batch.source_image, batch.target_image)
    return batch, derive(batch, disc_radius=2, heatmap_sigma=3.0)


@pytest.mark.parametrize("side", ["source", "target"])
def test_each_side_is_drawn_from_its_own(both, side):
    batch, scene = both
    joints = getattr(batch, f"{side}_keypoints"), getattr(batch, f"{side}_visible")
    expected = getattr(batch, f"{side}_image").astype(float) / 255 * 2 - 1
    np.testing.assert_allclose(getattr(scene, f"{side}_image"), expected, atol=1e-6)
    discs = raster.discs(*joints, tiny.SIZE, radius=2)
    heatmaps = raster.heatmaps(*joints, tiny.SIZE, sigma=3.0)
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


def test_a_background_is_an_image_or_nothing(both):
    batch, scene = both
    assert scene.background is None
    with_one = derive(batch._replace(background=batch.source_image))
    np.testing.assert_array_equal(with_one.background, scene.source_image)
