import jax
import jax.numpy as jnp
import numpy as np
import pytest
from skimage.transform import estimate_transform

from golden import poses
from pgjax.pose import geometry, skeleton

CORNERS = np.array([[0, 0, 1], [63, 0, 1], [0, 127, 1], [63, 127, 1]], np.float64).T
affine = jax.jit(geometry.affine)


def pairs_of_points(count, number, seed=0):
    """Points of a target, and what an affine map and noise make of them."""
    random = np.random.default_rng(seed)
    target = random.uniform(0, (64, 128), (count, number, 2))
    linear = random.normal(0, 1, (count, 1, 2, 2)) + np.eye(2)
    source = (linear @ target[..., None])[..., 0] + random.normal(0, 8, (count, number, 2))
    return target.astype(np.float32), source.astype(np.float32)


def error(transforms, expected):
    """Of where the image's corners land, relative to the largest coordinate; (B,)."""
    found, expected = np.asarray(transforms, np.float64) @ CORNERS, expected @ CORNERS
    return np.abs(found - expected).max(axis=(-2, -1)) / np.abs(expected).max(axis=(-2, -1))


def scikit_image(target, source, used):
    return np.stack(
        [
            estimate_transform("affine", a[u].astype(np.float64), b[u].astype(np.float64)).params[
                :2
            ]
            for a, b, u in zip(target, source, used, strict=True)
        ]
    )


@pytest.mark.parametrize("number", [3, 4, 7])
def test_affine_equals_scikit_image(number):
    target, source = pairs_of_points(50, number)
    used = np.ones((50, number), bool)
    transforms, exists = affine(target, source, used, np.ones(50, bool))
    assert exists.all()
    found = error(transforms, scikit_image(target, source, used))
    assert np.percentile(found, 80) < 5e-6
    # Three random points may come close to a line.
    assert found.max() < (2e-4 if number == 3 else 2e-5)


def test_affine_of_thin_points_equals_scikit_image():
    """People seen from the side: two pixels wide, fifty high, and turned the other way round."""
    random = np.random.default_rng(0)
    shape = np.array([[-1, 25], [1, 25], [1, -25], [-1, -25]])
    target = np.round(shape[None] + random.normal(0, 1.5, (200, 4, 2)) + 30)
    source = np.round(shape[None, ::-1] * [8, 1] + random.normal(0, 3, (200, 4, 2)) + 30)
    target, source = target.astype(np.float32), source.astype(np.float32)
    used = np.ones((200, 4), bool)
    transforms, exists = affine(target, source, used, np.ones(200, bool))
    found = error(transforms, scikit_image(target, source, used))[exists]
    assert exists.mean() > 0.95
    assert np.percentile(found, 90) < 1e-4


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38, 0.0])
def test_points_not_used_have_no_influence(value):
    target, source = pairs_of_points(20, 7)
    used = np.random.default_rng(1).permuted(np.arange(7)[None].repeat(20, axis=0), axis=1) < 4
    hidden = [np.where(used[..., None], points, np.float32(value)) for points in (target, source)]
    transforms, exists = affine(*hidden, used, np.ones(20, bool))
    assert exists.all()
    assert error(transforms, scikit_image(target, source, used)).max() < 2e-5


LINE = np.array([[10, 10], [20, 30], [30, 50], [15, 20]], np.float32)
SQUARE = np.array([[10, 10], [10, 50], [30, 10], [30, 50]], np.float32)


@pytest.mark.parametrize(
    ("target", "source", "used"),
    [
        (LINE, SQUARE, [1, 1, 1, 1]),
        (SQUARE, LINE, [1, 1, 1, 1]),
        (SQUARE * 0 + 7, SQUARE, [1, 1, 1, 1]),
        (SQUARE, SQUARE * 0 + 7, [1, 1, 1, 1]),
        (SQUARE, SQUARE, [1, 1, 0, 0]),
        (SQUARE, SQUARE, [0, 0, 0, 0]),
    ],
    ids=["line", "onto line", "point", "onto point", "two points", "none"],
)
def test_degenerate_points_give_no_transform(target, source, used):
    with jax.debug_nans(True):
        transforms, exists = affine(
            target[None], source[None], np.array([used], bool), np.ones(1, bool)
        )
    assert not exists[0]
    np.testing.assert_array_equal(transforms[0], geometry.NO_TRANSFORM)


def test_unwanted_transform_is_not_made():
    transforms, exists = affine(
        SQUARE[None], SQUARE[None], np.ones((1, 4), bool), np.zeros(1, bool)
    )
    assert not exists[0]
    np.testing.assert_array_equal(transforms[0], geometry.NO_TRANSFORM)


def test_affine_is_constant_to_differentiation():
    target, source = pairs_of_points(2, 4)

    def total(target):
        used = jnp.ones((2, 4), bool)
        return geometry.affine(target, source, used, used[:, 0])[0].sum()

    assert not jax.grad(total)(jnp.asarray(target)).any()


def reference_polygon(first, last, scale, reach):
    """Fact 1.6, in its words."""
    start = first + 0.1 * (first - last)
    end = last + reach * (last - start)
    direction = start - end
    length = np.linalg.norm(direction)
    if length == 0:
        return np.stack([start + 1, start - 1, end - 1, end + 1])
    normal = np.array([-direction[1], direction[0]]) / length
    aside = 0.2 * scale * normal
    return np.stack([start + aside, start - aside, end - aside, end + aside])


@pytest.mark.parametrize("purpose", ["transform", "mask"])
def test_limbs_equal_reference(purpose):
    keypoints, visible = poses(20, (128, 64), missing=0.05)
    keypoints[:, skeleton.INDEX["left_wrist"]] = keypoints[:, skeleton.INDEX["left_elbow"]]
    limbs = geometry.limbs(keypoints, visible, purpose)
    scales, complete = geometry.torso(keypoints, visible)
    points = keypoints.astype(np.float64)[..., ::-1]
    reaches = {"transform": 0.3, "mask": 0.5}
    assert tuple(skeleton.PARTS)[2:] == geometry.LIMBS
    for person in range(20):
        at = dict(zip(skeleton.JOINTS, points[person], strict=True))
        seen = dict(zip(skeleton.JOINTS, visible[person], strict=True))
        torso = [joint for joint in at if "hip" in joint or "shoulder" in joint]
        assert complete[person] == all(seen[joint] for joint in torso)
        if not complete[person]:
            assert not limbs.exists[person].any()
            continue
        sides = [at[f"{side}_hip"] - at[f"{side}_shoulder"] for side in ("right", "left")]
        scale = np.sqrt((np.sum(sides[0] ** 2) + np.sum(sides[1] ** 2)) / 2)
        np.testing.assert_allclose(scales[person], scale, rtol=1e-6)
        for number, name in enumerate(geometry.LIMBS):
            first, last = skeleton.PARTS[name]
            assert limbs.exists[person, number] == (seen[first] and seen[last])
            if limbs.exists[person, number]:
                far = reaches[purpose] if "shin" in name or "forearm" in name else 0.1
                expected = reference_polygon(at[first], at[last], scale, far)
                np.testing.assert_allclose(limbs.corners()[person, number], expected, atol=2e-4)


def test_opposite_limbs():
    names = [geometry.LIMBS[i] for i in geometry.OPPOSITE]
    swap = {"right": "left", "left": "right"}
    for name, opposite in zip(geometry.LIMBS, names, strict=True):
        side, _, limb = name.partition("_")
        assert opposite == f"{swap[side]}_{limb}"
