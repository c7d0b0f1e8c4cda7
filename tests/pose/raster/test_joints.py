import jax
import jax.numpy as jnp
import numpy as np
import pytest
from skimage import draw, morphology

import tiny
from golden import load, masks, overlap, poses
from pgjax.pose import raster, skeleton

SIZE = (64, 32)
SQUARE = np.ones((5, 5))
DRAWINGS = {
    "heatmaps": raster.heatmaps,
    "discs": raster.discs,
    "pose_mask": raster.pose_mask,
    "person_mask": raster.person_mask,
}
drawings = pytest.mark.parametrize("name", DRAWINGS)


def reference_disc(mask, y, x, radius):
    """A disc with its rim, the centre truncated (docs/reference_facts.md, 2.6)."""
    for i in range(-radius, radius + 1):
        for j in range(-radius, radius + 1):
            row, column = int(y) + i, int(x) + j
            inside = 0 <= row < mask.shape[0] and 0 <= column < mask.shape[1]
            if inside and i * i + j * j <= radius * radius:
                mask[row, column] = 1


def reference_pose_mask(keypoints, visible, size, radius):
    """PG2's mask as docs/reference_facts.md, 2.6 words it, with scikit-image's morphology."""
    mask = np.zeros(size)
    points = keypoints.astype(np.float64)
    for a, b in skeleton.LIMBS:
        if not (visible[a] and visible[b]):
            continue
        steps = int(np.linalg.norm(points[a] - points[b]) / radius)
        reference_disc(mask, *points[a], radius)
        reference_disc(mask, *points[b], radius)
        for i in range(1, steps):
            reference_disc(mask, *(points[a] + (points[b] - points[a]) * i / steps), radius)
    return morphology.erosion(morphology.dilation(mask, SQUARE), SQUARE)


def reference_person_mask(keypoints, visible, size, radius):
    """The evaluation's mask as docs/reference_facts.md, 6.3 words it, with scikit-image."""
    mask = np.zeros(size)
    points = keypoints.astype(np.float64)
    for a, b in skeleton.LIMBS:
        along = points[b] - points[a]
        if visible[a] and visible[b] and along.any():
            aside = radius * np.array([-along[1], along[0]]) / np.linalg.norm(along)
            corners = [points[a] + aside, points[a] - aside, points[b] - aside, points[b] + aside]
            mask[draw.polygon(*np.transpose(corners), shape=size)] = 1
    for point in points[visible]:
        mask[draw.disk(point, radius, shape=size)] = 1
    return morphology.erosion(morphology.dilation(mask, SQUARE), SQUARE)


datasets = pytest.mark.parametrize("dataset", ["market1501", "deepfashion"])


@datasets
def test_discs_equal_golden(shared, dataset):
    found = load(shared, dataset)
    keypoints, visible = found.target
    expected = np.unpackbits(found.arrays["pg2_discs_radius4"], axis=2, count=found.size[1])
    for start in range(0, len(keypoints), 20):
        part = slice(start, start + 20)
        discs = raster.discs(keypoints[part], visible[part], found.size)
        np.testing.assert_array_equal(discs, expected[part])


@datasets
def test_heatmaps_equal_golden(shared, dataset):
    found = load(shared, dataset)
    expected = found.arrays["dgan_heatmaps_sigma6"].astype(np.float32)
    keypoints, visible = (array[: len(expected)] for array in found.target)
    heatmaps = raster.heatmaps(keypoints, visible, found.size)
    np.testing.assert_allclose(heatmaps, expected, atol=1e-3)


@datasets
@pytest.mark.parametrize(
    ("function", "radius", "name"),
    [
        (raster.pose_mask, 4, "pg2_mask_radius4"),
        (raster.pose_mask, 7, "pg2_mask_radius7"),
        (raster.person_mask, 4, "dgan_person_mask"),
    ],
)
def test_masks_equal_golden(shared, dataset, function, radius, name):
    found = load(shared, dataset)
    overlaps = overlap(function(*found.target, found.size, radius=radius), masks(found, name))
    # Measured: pose masks 1 throughout, person masks 0.9999 and 0.997 at worst.
    assert overlaps.mean() > 0.999
    assert overlaps.min() > 0.99


def test_heatmaps_follow_the_formula():
    keypoints, visible = poses(2)
    keypoints += 0.25
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]][:, None, :, :, None]
    y, x = keypoints.astype(np.float64).transpose(2, 0, 1)[:, :, None, None]
    expected = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * 3.0**2))
    expected *= visible[:, None, None]
    np.testing.assert_allclose(
        raster.heatmaps(keypoints, visible, SIZE, sigma=3.0), expected, atol=1e-6
    )


def test_discs_truncate_toward_zero():
    keypoints = np.zeros((1, 18, 2), np.float32)
    keypoints[0, 0] = (10.9, 20.9)
    keypoints[0, 1] = (-0.9, -1.9)
    keypoints[0, 2] = (63.5, 31.5)
    visible = np.arange(18)[None] < 3
    expected = np.zeros((*SIZE, 18))
    for joint, centre in enumerate([(10, 20), (0, -1), (63, 31)]):
        reference_disc(expected[..., joint], *centre, 4)
    np.testing.assert_array_equal(raster.discs(keypoints, visible, SIZE)[0], expected)
    assert expected[..., 0].sum() == 49


def test_pose_mask_equals_reference():
    keypoints, visible = poses(12, margin=6)
    masks = raster.pose_mask(keypoints, visible, SIZE)
    for mask, points, seen in zip(masks, keypoints, visible, strict=True):
        np.testing.assert_array_equal(mask, reference_pose_mask(points, seen, SIZE, 4))


def test_person_mask_equals_reference():
    keypoints, visible = poses(12, margin=6)
    # Half missing, so that the masks don't fill the image.
    visible &= np.random.default_rng(1).random(visible.shape) > 0.5
    masks = raster.person_mask(keypoints, visible, SIZE)
    expected = [
        reference_person_mask(points, seen, SIZE, 4)
        for points, seen in zip(keypoints, visible, strict=True)
    ]
    assert overlap(masks, np.stack(expected)).min() > 0.99


def test_lone_joint_marks_the_person_mask_only():
    keypoints = np.full((1, 18, 2), 16, np.float32)
    visible = np.arange(18)[None] == skeleton.INDEX["left_wrist"]
    assert not raster.pose_mask(keypoints, visible, SIZE).any()
    assert raster.person_mask(keypoints, visible, SIZE)[0, 16, 16] == 1


def test_coinciding_joints_give_one_disc():
    keypoints = np.full((1, 18, 2), 16, np.float32)
    visible = np.ones((1, 18), bool)
    expected = reference_pose_mask(keypoints[0], visible[0], SIZE, 4)
    np.testing.assert_array_equal(raster.pose_mask(keypoints, visible, SIZE)[0], expected)
    person = reference_person_mask(keypoints[0], visible[0], SIZE, 4)
    np.testing.assert_array_equal(raster.person_mask(keypoints, visible, SIZE)[0], person)


@drawings
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38, -1.0, 10.0])
def test_missing_joints_have_no_influence(name, value):
    keypoints, visible = poses(3)
    changed = np.where(visible[..., None], keypoints, np.float32(value))
    expected = DRAWINGS[name](keypoints, visible, SIZE)
    assert np.isfinite(expected).all()
    np.testing.assert_array_equal(DRAWINGS[name](changed, visible, SIZE), expected)


@drawings
def test_nobody_leaves_no_trace(name):
    keypoints, visible = poses(3)
    assert not DRAWINGS[name](keypoints, np.zeros_like(visible), SIZE).any()


@drawings
@pytest.mark.parametrize("value", [-200.0, 1e4, -3e38, np.inf])
def test_visible_joints_far_outside_are_harmless(name, value):
    keypoints = np.full((3, 18, 2), value, np.float32)
    visible = np.ones((3, 18), bool)
    assert not DRAWINGS[name](keypoints, visible, SIZE).any()
    keypoints[:, ::2] = 16
    assert np.isfinite(DRAWINGS[name](keypoints, visible, SIZE)).all()


@pytest.mark.parametrize("name", ["heatmaps", "discs"])
def test_border_cuts_and_changes_nothing_else(name):
    keypoints, visible = poses(3, margin=8)
    framed = DRAWINGS[name](keypoints + 10, visible, (84, 52))
    np.testing.assert_allclose(
        DRAWINGS[name](keypoints, visible, SIZE), framed[:, 10:-10, 10:-10], atol=1e-6
    )


@pytest.mark.parametrize("name", ["heatmaps", "discs"])
def test_flipped_joints_draw_flipped_maps(name):
    keypoints, visible = poses(4)
    drawn = np.asarray(DRAWINGS[name](keypoints, visible, SIZE))
    flipped = DRAWINGS[name](*skeleton.flip(keypoints, visible, SIZE[1]), SIZE)
    np.testing.assert_allclose(
        flipped, drawn[:, :, ::-1][..., list(skeleton.MIRROR)], atol=0 if name == "discs" else 1e-6
    )


def test_flipped_joints_draw_a_flipped_person_mask():
    keypoints, visible = poses(8)
    drawn = np.asarray(raster.person_mask(keypoints, visible, SIZE))
    flipped = raster.person_mask(*skeleton.flip(keypoints, visible, SIZE[1]), SIZE)
    np.testing.assert_array_equal(flipped, drawn[:, :, ::-1])


def test_flipped_joints_draw_a_flipped_pose_mask():
    """Exact for limbs along an axis; elsewhere truncation picks the other side of half pixels."""
    keypoints, visible = poses(8)
    upright = keypoints.copy()
    upright[..., 1] = 7
    for points, worst in ((upright, 1.0), (keypoints, 0.9)):
        drawn = np.asarray(raster.pose_mask(points, visible, SIZE))
        flipped = raster.pose_mask(*skeleton.flip(points, visible, SIZE[1]), SIZE)
        assert overlap(flipped, drawn[:, :, ::-1]).min() >= worst


@drawings
def test_vmap_and_jit_change_nothing(name):
    keypoints, visible = poses(4)
    expected = DRAWINGS[name](keypoints, visible, SIZE)
    mapped = jax.jit(jax.vmap(lambda k, v: DRAWINGS[name](k, v, SIZE)))(
        jnp.asarray(keypoints).reshape(2, 2, 18, 2), jnp.asarray(visible).reshape(2, 2, 18)
    )
    np.testing.assert_allclose(mapped.reshape(expected.shape), expected, atol=1e-6)
    assert expected.dtype == jnp.float32


@drawings
def test_memory_stays_near_the_result(name):
    """No temporary of limbs times samples times pixels."""
    keypoints, visible = poses(4)
    compiled = DRAWINGS[name].lower(keypoints, visible, (128, 64)).compile(tiny.USERS_FUSIONS)
    pixels = 4 * 128 * 64
    assert compiled.memory_analysis().temp_size_in_bytes < 40 * pixels
