import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

import tiny
from golden import load, masks
from pgjax.data.annotations import read_annotations
from pgjax.pose import raster, warp

SIZE = (16, 8)
samplings = pytest.mark.parametrize("sampling", warp.SAMPLING)
aggregates = pytest.mark.parametrize("aggregate", warp.AGGREGATE)
gradients = pytest.mark.parametrize("gradient", warp.GRADIENT)

OPTIONS = ("sampling", "aggregate", "gradient")
warp_parts = jax.jit(warp.warp_parts, static_argnums=4, static_argnames=OPTIONS)
part_affines = jax.jit(warp.part_affines)


def near_half(transforms, covered, shape, step):
    """Pixels where a part looks within 1e-3 of the middle between two pixels; (B, h, w) bool."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(float)
    ones = np.ones_like(x)
    shifted = transforms * [1, 1, 1 / step]
    seen = np.einsum("bpij,jhw->bpihw", shifted, np.stack([x, y, ones]))
    distance = np.abs(seen - np.floor(seen) - 0.5)
    return ((distance < 1e-3).any(axis=2) & covered).any(axis=1)


@pytest.mark.parametrize(
    ("dataset", "step"),
    [("market1501", s) for s in (1, 2, 4)] + [("deepfashion", s) for s in (2, 8)],
)
def test_warped_features_equal_golden(shared, dataset, step):
    found = load(shared, dataset)
    features = found.arrays[f"features_div{step}"]
    expected = found.arrays[f"warped_max_div{step}"]
    count = len(features)
    source, target = (tuple(a[:count] for a in pose) for pose in (found.source, found.target))
    affines = part_affines(*source, *target)
    drawn = raster.part_masks(*target, found.size)
    warped = warp_parts(features, *affines, drawn, found.size)
    different = (np.asarray(warped) != expected).any(axis=-1)
    exact = found.arrays["part_affines"][:count, :, :6].reshape(count, -1, 2, 3)
    covered = masks(found, "part_masks")[:count, :, ::step, ::step] > 0
    near = near_half(exact, covered, features.shape[1:3], step)
    on_border = (covered != (np.asarray(drawn)[:, :, ::step, ::step] > 0)).any(axis=1)
    assert not (different & ~near & ~on_border).any()
    assert different.mean() < 1e-2


def reference_warp(features, transforms, exists, drawn, size, order, aggregate):
    """Fact 1.6 in its words, with scipy's interpolation."""
    count, height, width, channels = features.shape
    step = size[0] // height
    y, x = np.mgrid[:height, :width].astype(float)
    result = np.zeros(features.shape)
    for pair in range(count):
        moved = []
        for part in range(transforms.shape[1]):
            a, b = transforms[pair, part].astype(float)
            at_x, at_y = (c[0] * x + c[1] * y + c[2] / step for c in (a, b))
            if order == 0:
                at_x, at_y = (np.sign(v) * np.floor(np.abs(v) + 0.5) for v in (at_x, at_y))
            options = {"order": 1, "mode": "grid-constant", "cval": 0.0}
            channel = [
                map_coordinates(features[pair, ..., c].astype(float), (at_y, at_x), **options)
                for c in range(channels)
            ]
            mask = drawn[pair, part, ::step, ::step][:height, :width, None]
            moved.append(np.stack(channel, axis=-1) * mask * exists[pair, part])
        covering = drawn[pair, :, ::step, ::step][:, :height, :width, None].sum(axis=0)
        if aggregate == "max":
            result[pair] = np.max(moved, axis=0)
        else:
            result[pair] = np.sum(moved, axis=0) / np.maximum(covering, 1)
    return result


def scene(count=3, parts=4, step=1, seed=0, channels=2):
    """Features with negative values, transforms, one of them missing, and masks."""
    random = np.random.default_rng(seed)
    linear = np.eye(2) + random.normal(0, 0.4, (count, parts, 2, 2))
    shift = random.normal(0, 3, (count, parts, 2, 1))
    transforms = np.concatenate([linear, shift], axis=-1).astype(np.float32)
    exists = np.ones((count, parts), bool)
    exists[-1, 2] = False
    drawn = (random.random((count, parts, *SIZE)) < 0.5).astype(np.float32)
    drawn[0, 0] = 1
    shape = (count, SIZE[0] // step, SIZE[1] // step, channels)
    return random.normal(0, 1, shape).astype(np.float32), transforms, exists, drawn


@aggregates
@samplings
@pytest.mark.parametrize("step", [1, 2])
def test_warp_equals_reference(sampling, aggregate, step):
    features, *plan = scene(step=step)
    warped = warp_parts(features, *plan, SIZE, sampling=sampling, aggregate=aggregate)
    order = {"nearest": 0, "bilinear": 1}[sampling]
    expected = reference_warp(features, *plan, SIZE, order, aggregate)
    np.testing.assert_allclose(warped, expected, atol=1e-5)
    assert np.abs(expected).max() > 1


def test_size_that_does_not_divide():
    """The critic's first convolution: 128 becomes 63, and the translations are halved."""
    features, *plan = scene(step=2)
    cut = features[:, :7, :3]
    expected = reference_warp(cut, *plan, SIZE, 0, "max")
    np.testing.assert_allclose(warp_parts(cut, *plan, SIZE), expected, atol=1e-6)


def test_half_is_rounded_away_from_zero():
    features = np.arange(1, 9, dtype=np.float32).reshape(1, 1, 8, 1)
    for shift, expected in (
        (0.5, [2, 3, 4, 5, 6, 7, 8, 0]),
        (-0.5, [0, 2, 3, 4, 5, 6, 7, 8]),
        (-1.5, [0, 0, 2, 3, 4, 5, 6, 7]),
        (-0.4, [1, 2, 3, 4, 5, 6, 7, 8]),
    ):
        transform = np.array([[1, 0, shift], [0, 1, 0]], np.float32)[None, None]
        warped = warp_parts(features, transform, np.ones((1, 1), bool), None, (1, 8))
        np.testing.assert_array_equal(warped[0, 0, :, 0], expected)


def dense(function, shape):
    """The matrix of a linear function."""
    eye = np.eye(int(np.prod(shape)), dtype=np.float32).reshape(-1, *shape)
    return np.asarray(jax.lax.map(function, eye)).reshape(len(eye), -1).T


@samplings
def test_exact_gradient_is_the_adjoint(sampling):
    """Of the mean, which is linear: against the matrix of the forward pass."""
    features, *plan = scene(count=1)
    function = functools.partial(warp_parts, sampling=sampling, aggregate="mean")
    matrix = dense(lambda x: function(x, *plan, SIZE), features.shape)
    _, backward = jax.vjp(lambda x: function(x, *plan, SIZE), features)
    adjoint = dense(lambda g: backward(g)[0], features.shape)
    np.testing.assert_allclose(adjoint, matrix.T, atol=1e-6)
    assert (matrix != 0).sum() > 100


@samplings
def test_exact_gradient_equals_finite_differences(sampling):
    """Of the maximum."""
    features, *plan = scene()
    random = np.random.default_rng(1)
    weights = random.normal(0, 1, features.shape).astype(np.float32)

    def value(features):
        return jnp.sum(weights * warp_parts(features, *plan, SIZE, sampling=sampling))

    slopes = jax.grad(value)(features)
    for direction in random.normal(0, 1, (5, *features.shape)).astype(np.float32):
        step = 1e-3 * direction
        change = (value(features + step) - value(features - step)) / 2e-3
        np.testing.assert_allclose(np.sum(slopes * direction), change, rtol=2e-2, atol=5e-2)


def stacked(features, transforms, exists, drawn):
    """The nearest maximum as one stack of all parts, left to automatic differentiation."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    moved = []
    for part in range(transforms.shape[1]):
        a = transforms[:, part, :, :, None, None]
        at = [a[:, i, 0] * x[None] + a[:, i, 1] * y[None] + a[:, i, 2] for i in (0, 1)]
        column, row = (np.sign(v) * np.floor(np.abs(v) + 0.5) for v in at)
        inside = (row >= 0) & (row < SIZE[0]) & (column >= 0) & (column < SIZE[1])
        inside &= (drawn[:, part] > 0) & exists[:, part, None, None]
        row, column = (np.where(inside, v, 0).astype(int) for v in (row, column))
        found = features[np.arange(len(features))[:, None, None], row, column]
        moved.append(jnp.where(inside[..., None], found, 0.0))
    return jnp.max(jnp.stack(moved), axis=0)


def test_exact_gradient_equals_plain_differentiation():
    """Also twice, as under a gradient penalty of a critic that warps."""
    features, *plan = scene()
    weights = np.random.default_rng(1).normal(0, 1, features.shape).astype(np.float32)

    def once(warped):
        return jax.grad(lambda x: jnp.sum(weights * jnp.sin(warped(x))))

    def twice(warped):
        return jax.grad(lambda x: jnp.sum(jnp.sin(once(warped)(x))))

    for derivative in (once, twice):
        expected = jax.jit(derivative(lambda x: stacked(x, *plan)))(features)
        found = jax.jit(derivative(lambda x: warp_parts(x, *plan, SIZE)))(features)
        np.testing.assert_allclose(found, expected, atol=1e-5)
        assert np.abs(expected).max() > 0.1


@samplings
def test_reference_gradient_moves_by_the_inverse(sampling):
    """TensorFlow 1: the gradient, where a part has won, warped with the inverse matrix."""
    features, transforms, exists, drawn = scene()
    random = np.random.default_rng(1)
    weights = random.normal(0, 1, features.shape).astype(np.float32)
    order = {"nearest": 0, "bilinear": 1}[sampling]
    single = [
        reference_warp(
            features, *(a[:, i : i + 1] for a in (transforms, exists, drawn)), SIZE, order, "max"
        )
        for i in range(4)
    ]
    if sampling == "nearest":
        won = np.equal(single, np.max(single, axis=0))
        won = won / won.sum(axis=0)
    else:
        won = np.argmax(single, axis=0) == np.arange(4).reshape(4, 1, 1, 1, 1)
    expected = np.zeros(features.shape)
    square = np.concatenate([transforms, np.broadcast_to([[[[0, 0, 1]]]], (3, 4, 1, 3))], axis=2)
    inverse = np.linalg.inv(square.astype(float))[..., :2, :]
    ones = np.ones_like(drawn[:, :1])
    for part in range(4):
        share = weights * won[part] * drawn[:, part, ..., None]
        chosen = slice(part, part + 1)
        expected += reference_warp(
            share, inverse[:, chosen], exists[:, chosen], ones, SIZE, order, "max"
        )

    def value(features):
        options = {"sampling": sampling, "gradient": "reference"}
        return jnp.sum(weights * warp_parts(features, transforms, exists, drawn, SIZE, **options))

    np.testing.assert_allclose(jax.grad(value)(features), expected, atol=1e-4)


def test_both_gradients_agree_for_whole_shifts():
    features, _, exists, drawn = scene()
    shift = np.array([[1, 0, 2], [0, 1, -3]], np.float32)
    transforms = np.broadcast_to(shift, (3, 4, 2, 3))
    found = [
        jax.grad(
            lambda x, g=gradient: jnp.sum(
                jnp.sin(warp_parts(x, transforms, exists, drawn, SIZE, gradient=g))
            )
        )(features)
        for gradient in warp.GRADIENT
    ]
    np.testing.assert_allclose(*found, atol=1e-6)
    assert np.abs(found[0]).max() > 0.1


@aggregates
def test_singular_transform_is_harmless_in_the_reference_gradient(aggregate):
    features, transforms, exists, drawn = scene()
    transforms = transforms.copy()
    transforms[:, 1, :, :2] = 0
    options = {"aggregate": aggregate, "gradient": "reference"}
    with jax.debug_nans(True):
        slopes = jax.grad(
            lambda x: jnp.sum(warp_parts(x, transforms, exists, drawn, SIZE, **options))
        )(features)
    assert np.isfinite(slopes).all()


@samplings
@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_transforms_that_do_not_exist_have_no_influence(sampling, value):
    features, transforms, exists, drawn = scene()
    expected = warp_parts(features, transforms, exists, drawn, SIZE, sampling=sampling)
    changed = np.where(exists[..., None, None], transforms, np.float32(value))
    warped = warp_parts(features, changed, exists, drawn, SIZE, sampling=sampling)
    np.testing.assert_array_equal(warped, expected)


def test_bfloat16_features_keep_their_type():
    features, *plan = scene()
    half = features.astype(jnp.bfloat16)
    warped, backward = jax.vjp(lambda x: warp_parts(x, *plan, SIZE), half)
    assert warped.dtype == jnp.bfloat16
    np.testing.assert_array_equal(warped, warp_parts(half.astype(np.float32), *plan, SIZE))
    assert backward(warped)[0].dtype == jnp.bfloat16


@aggregates
@gradients
def test_no_pass_holds_a_copy_for_each_part(aggregate, gradient):
    """Temporaries and result of both passes, in sizes of the features; ten parts."""
    features = jax.ShapeDtypeStruct((2, 32, 16, 64), jnp.float32)
    arrays = [jax.ShapeDtypeStruct((2, 10, *rest), jnp.float32) for rest in ((2, 3), (32, 16))]
    exists = jax.ShapeDtypeStruct((2, 10), bool)

    def value(features, transforms, exists, drawn):
        options = {"aggregate": aggregate, "gradient": gradient}
        warped = warp.warp_parts(features, transforms, exists, drawn, (32, 16), **options)
        return jnp.sum(jnp.square(warped))

    compiled = jax.jit(jax.value_and_grad(value)).lower(features, arrays[0], exists, arrays[1])
    memory = compiled.compile(tiny.USERS_FUSIONS).memory_analysis()
    held = memory.temp_size_in_bytes + memory.output_size_in_bytes
    assert held < 5 * 4 * features.size


@functools.partial(jax.jit, static_argnames=("size", "sampling", "aggregate", "gradient"))
def whole(features, source, target, size, **options):
    """Affines, warped features, and the gradient of their mean square."""
    affines = warp.part_affines(*source, *target)
    drawn = raster.part_masks(*target, size)

    def value(features):
        warped = warp.warp_parts(features, *affines, drawn, size, **options)
        return jnp.mean(jnp.square(warped)), warped

    (_, warped), slopes = jax.value_and_grad(value, has_aux=True)(features)
    return affines, warp.body_affine(*source, *target), warped, slopes


@pytest.mark.slow
@gradients
@samplings
def test_real_poses_with_joints_dropped_stay_finite(shared, sampling, gradient):
    found = read_annotations(shared / "data" / "market1501" / "market-annotation-train.csv")
    random = np.random.default_rng(0)
    chosen = random.choice(len(found.names), (2, 500), replace=False)
    features = random.normal(0, 1, (500, 32, 16, 2)).astype(np.float32)
    people = []
    for rows_ in chosen:
        visible = found.visible[rows_] & (random.random((500, 18)) > 0.15)
        # Where a joint is missing, anything may stand.
        anything = random.choice([np.nan, np.inf, -np.inf, 3e38, -1.0], (500, 18, 1))
        people.append((np.where(visible[..., None], found.keypoints[rows_], anything), visible))
    people = [(k.astype(np.float32), v) for k, v in people]
    results = whole(features, *people, (128, 64), sampling=sampling, gradient=gradient)
    for array in jax.tree.leaves(results):
        assert np.isfinite(array).all()
    (_, exists), *_, slopes = results
    # The drop leaves about half of the torsos in each of the two, and many other parts missing.
    assert 0.1 < exists[:, 0].mean() < 0.6
    assert np.asarray(exists).mean(axis=0).min() > 0.02
    assert (np.abs(slopes).max(axis=(1, 2, 3)) > 0).mean() > 0.1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sampling": "cubic"}, "nearest, bilinear, not 'cubic'"),
        ({"aggregate": "sum"}, "max, mean, not 'sum'"),
        ({"gradient": "none"}, "exact, reference, not 'none'"),
        ({"size": (8, 8)}, "larger than the image"),
        ({"masks": np.ones((3, 5, *SIZE))}, "don't fit"),
        ({"transforms": np.ones((3, 4, 3, 3))}, "don't fit"),
    ],
)
def test_bad_input_is_named(changes, message):
    features, transforms, exists, drawn = scene()
    options = {"transforms": transforms, "masks": drawn, "size": SIZE} | changes
    with pytest.raises(ValueError, match=message):
        warp.warp_parts(features, exists=exists, **options)
