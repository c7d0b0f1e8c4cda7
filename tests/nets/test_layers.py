"""Layers against numpy float64, and batch norm over shards against the whole batch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import signal

from pgjax.errors import InputError
from pgjax.nets import layers


def same_conv(x, kernel, bias, stride):
    """TensorFlow's SAME convolution by scipy, at stride 1, then subsampled."""
    size = np.array(x.shape[1:3])
    total = np.maximum((-(-size // stride) - 1) * stride + kernel.shape[0] - size, 0)
    pad = [(n // 2, n - n // 2) for n in total]
    x = np.pad(x.astype(np.float64), [(0, 0), *pad, (0, 0)])
    out = [
        [
            sum(
                signal.correlate(image[..., i], kernel[..., i, o].astype(np.float64), "valid")
                for i in range(kernel.shape[2])
            )
            for o in range(kernel.shape[3])
        ]
        for image in x
    ]
    return np.moveaxis(np.array(out), 1, -1)[:, ::stride, ::stride] + bias


@pytest.mark.parametrize(
    ("kernel", "stride", "size"),
    [(3, 1, (6, 4)), (3, 2, (6, 4)), (5, 2, (6, 4)), (5, 2, (7, 5)), (1, 1, (3, 2))],
)
def test_convolution_pads_as_tensorflow(kernel, stride, size):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, *size, 3)).astype(np.float32)
    layer = layers.Conv(4, kernel, stride)
    params = layer.init(jax.random.key(0), x)["params"]
    assert not params["bias"].any()
    params["bias"] = jnp.arange(4.0)
    expected = same_conv(x, np.asarray(params["kernel"]), np.arange(4.0), stride)
    np.testing.assert_allclose(layer.apply({"params": params}, x), expected, atol=2e-6)


def test_convolution_starts_as_xavier():
    params = layers.Conv(64).init(jax.random.key(0), jnp.zeros((1, 2, 2, 32)))["params"]
    limit = np.sqrt(6 / (9 * 32 + 9 * 64))
    assert np.abs(params["kernel"]).max() == pytest.approx(limit, rel=1e-3)
    assert np.std(params["kernel"]) == pytest.approx(limit / np.sqrt(3), rel=1e-2)


def test_uniform_has_the_standard_deviation():
    x = np.asarray(layers.uniform(0.02)(jax.random.key(0), (100, 100)))
    assert np.std(x) == pytest.approx(0.02, rel=2e-2)
    assert np.abs(x).max() == pytest.approx(0.02 * np.sqrt(3), rel=1e-3)
    assert abs(x.mean()) < 1e-3


def test_upsample_repeats_pixels():
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    np.testing.assert_array_equal(layers.upsample(x), x.repeat(2, axis=1).repeat(2, axis=2))


@pytest.fixture(scope="module")
def batch():
    """Eight rows whose statistics differ, far from zero, and a cotangent."""
    rng = np.random.default_rng(1)
    x = 300 + np.arange(8)[:, None, None, None] + rng.normal(size=(8, 3, 2, 4))
    return x.astype(np.float32), rng.normal(size=x.shape).astype(np.float32)


PARAMS = {"scale": np.float32([1, 2, -1, 0.5]), "bias": np.float32([0, 1, 2, -3])}


def norm(params, x):
    return layers.BatchNorm().apply({"params": params}, x)


def loss(params, x, weight):
    return jnp.mean(norm(params, x) * weight)


def shards(x, n):
    return x.reshape(n, -1, *x.shape[1:])


def test_batch_norm_is_the_textbook(batch):
    x = batch[0].astype(np.float64)
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    expected = (x - mean) / np.sqrt(variance + 1e-5) * PARAMS["scale"] + PARAMS["bias"]
    for n in (1, 4, 8):
        mapped = jax.vmap(norm, in_axes=(None, 0), axis_name=layers.DEVICES)
        y = mapped(PARAMS, shards(batch[0], n)).reshape(x.shape)
        np.testing.assert_allclose(y, expected, atol=1e-4)


def test_batch_norm_of_a_constant_is_its_bias():
    """Also says that epsilon lies inside the root: rsqrt(0) would be infinite."""
    x = jnp.full((1, 2, 3, 3, 4), 7.0)
    y = jax.vmap(norm, in_axes=(None, 0), axis_name=layers.DEVICES)(PARAMS, x)
    np.testing.assert_array_equal(y, np.broadcast_to(PARAMS["bias"], y.shape))


def test_batch_norm_init_needs_no_axis():
    variables = layers.BatchNorm().init(jax.random.key(0), jnp.ones((2, 3, 3, 4)))
    assert set(variables) == {"params"}
    np.testing.assert_array_equal(variables["params"]["scale"], np.ones(4))
    np.testing.assert_array_equal(variables["params"]["bias"], np.zeros(4))


@pytest.mark.parametrize("mapping", ["vmap", "pmap"])
def test_gradients_over_shards_are_those_of_the_batch(batch, mapping):
    """With gradients averaged over the axis, as in the step; through the shared statistics too."""
    n = 4 if mapping == "vmap" else 2

    def grads(params, x, weight):
        to_params, to_x = jax.grad(loss, argnums=(0, 1))(params, x, weight)
        return jax.lax.pmean(to_params, layers.DEVICES), to_x

    x, weight = batch
    whole = jax.vmap(grads, in_axes=(None, 0, 0), axis_name=layers.DEVICES)
    to_params, to_x = whole(PARAMS, x[None], weight[None])
    mapped = getattr(jax, mapping)(grads, in_axes=(None, 0, 0), axis_name=layers.DEVICES)
    sharded_params, sharded_x = mapped(PARAMS, shards(x, n), shards(weight, n))
    for name in PARAMS:
        for row in sharded_params[name]:
            np.testing.assert_allclose(row, to_params[name][0], atol=1e-5)
    # Each shard's loss is a mean over 1 / n of the rows.
    np.testing.assert_allclose(np.reshape(sharded_x, x.shape) / n, to_x[0], atol=1e-6)
    assert np.abs(to_x).max() > 1e-3


# ------------------------------------------------------------------ batch norm with running averages


def running(train, n, momentum=0.1):
    """(x, averages) -> what comes out of training or evaluation on n devices, and the averages after it."""
    layer = layers.RunningBatchNorm(momentum=momentum)

    def apply(x, averages):
        variables = {"params": PARAMS, layers.STATISTICS: averages}
        return layer.apply(variables, x, train, mutable=[layers.STATISTICS])

    mapped = jax.vmap(apply, in_axes=(0, None), axis_name=layers.DEVICES, out_axes=(0, None))
    return lambda x, averages: mapped(shards(x, n), averages)


AVERAGES = {"mean": np.float32([3, 1, 0, -2]), "var": np.float32([1, 2, 0.5, 3])}


@pytest.mark.parametrize("n", [1, 4])
def test_running_averages_are_pytorchs(batch, n):
    x = batch[0].astype(np.float64)
    y, moved = running(True, n)(batch[0], AVERAGES)
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2), ddof=1)
    for name, value in (("mean", mean), ("var", variance)):
        expected = 0.9 * AVERAGES[name] + 0.1 * value
        np.testing.assert_allclose(moved[layers.STATISTICS][name], expected, rtol=1e-5)
    whole = jax.vmap(norm, in_axes=(None, 0), axis_name=layers.DEVICES)(PARAMS, batch[0][None])
    np.testing.assert_allclose(y.reshape(x.shape), whole[0], atol=1e-4)


def test_evaluation_reads_the_running_averages_and_needs_no_axis(batch):
    variables = {"params": PARAMS, layers.STATISTICS: AVERAGES}
    y = layers.RunningBatchNorm().apply(variables, batch[0], train=False)
    deviation = np.sqrt(AVERAGES["var"] + 1e-5)
    expected = (batch[0] - AVERAGES["mean"]) / deviation * PARAMS["scale"] + PARAMS["bias"]
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-4)


def test_running_averages_stay_where_they_are_not_mutable(batch):
    variables = {"params": PARAMS, layers.STATISTICS: AVERAGES}
    train = jax.vmap(
        lambda x: layers.RunningBatchNorm().apply(variables, x, train=True),
        axis_name=layers.DEVICES,
    )
    expected, _ = running(True, 1)(batch[0], AVERAGES)
    np.testing.assert_array_equal(train(batch[0][None]), expected)


@pytest.mark.parametrize("train", [False, True])
def test_running_averages_start_at_0_and_1(train):
    layer = layers.RunningBatchNorm()
    variables = layer.init(jax.random.key(0), jnp.full((2, 3, 3, 4), 5.0), train)
    np.testing.assert_array_equal(variables[layers.STATISTICS]["mean"], np.zeros(4))
    np.testing.assert_array_equal(variables[layers.STATISTICS]["var"], np.ones(4))


# ------------------------------------------------------------------ transposed convolution


def numpy_transposed(x, kernel, stride, crop=None):
    """Every input pixel adds its products to a canvas, which is then cropped."""
    size, (batch, height, width, _) = kernel.shape[0], x.shape
    canvas = [stride * (n - 1) + size for n in (height, width)]
    out = np.zeros((batch, *canvas, kernel.shape[-1]))
    for i in range(height):
        for j in range(width):
            rows, columns = (slice(stride * n, stride * n + size) for n in (i, j))
            out[:, rows, columns] += np.einsum("bc,uvco->buvo", x[:, i, j], kernel)
    crop = (size - stride) // 2 if crop is None else crop
    return out[:, crop : crop + stride * height, crop : crop + stride * width]


def plain_transposed(x, kernel, stride, crop=None):
    """The same as one dilated convolution, for XLA's own gradients."""
    size, cropped = kernel.shape[0], kernel.shape[0] - stride
    crop = cropped // 2 if crop is None else crop
    padding = [(size - 1 - crop, size - 1 - (cropped - crop))] * 2
    return jax.lax.conv_general_dilated(
        x,
        kernel[::-1, ::-1],
        (1, 1),
        padding,
        lhs_dilation=(stride, stride),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


@pytest.mark.parametrize(
    ("kernel", "stride", "crop"),
    [(4, 2, None), (3, 1, None), (5, 2, None), (3, 2, 1)],
)
def test_transposed_convolution_and_its_gradients(kernel, stride, crop):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 3, 5, 4))
    weight = rng.normal(size=(2, 3 * stride, 5 * stride, 6))
    layer = layers.ConvTranspose(6, kernel, stride, crop)
    with jax.enable_x64(True):
        params = {"kernel": rng.normal(size=(kernel, kernel, 4, 6))}

        def ours(params, x):
            y = layer.apply({"params": params}, x)
            return jnp.sum(y * weight), y

        def plain(params, x):
            y = plain_transposed(x, params["kernel"], stride, crop)
            return jnp.sum(y * weight), y

        found, y = jax.grad(ours, argnums=(0, 1), has_aux=True)(params, x)
        expected, _ = jax.grad(plain, argnums=(0, 1), has_aux=True)(params, x)
        assert y.dtype == np.float64
        expected_y = numpy_transposed(x, params["kernel"], stride, crop)
        np.testing.assert_allclose(y, expected_y, atol=1e-12)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-12), found, expected)


def test_transposed_convolution_starts_as_xavier():
    layer = layers.ConvTranspose(64, use_bias=True)
    params = layer.init(jax.random.key(0), jnp.zeros((1, 2, 2, 32)))["params"]
    assert params["kernel"].shape == (4, 4, 32, 64)
    limit = np.sqrt(6 / (16 * 32 + 16 * 64))
    assert np.abs(params["kernel"]).max() == pytest.approx(limit, rel=1e-3)
    np.testing.assert_array_equal(params["bias"], np.zeros(64))


def test_convolution_with_given_padding_and_without_bias():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 6, 7, 3)).astype(np.float32)
    layer = layers.Conv(4, 4, stride=2, padding=((1, 0), (2, 1)), use_bias=False)
    params = layer.init(jax.random.key(0), x)["params"]
    assert set(params) == {"kernel"}
    padded = np.pad(x.astype(np.float64), [(0, 0), (1, 0), (2, 1), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (4, 4), axis=(1, 2))[:, ::2, ::2]
    expected = np.einsum("bijcuv,uvco->bijo", windows, np.float64(params["kernel"]))
    np.testing.assert_allclose(layer.apply({"params": params}, x), expected, atol=2e-6)


# ------------------------------------------------------------------ norms over one example


def normalised(x, name, scale, bias):
    x = np.float64(x)
    if name == "joint":
        axes = (1, 2, 3)
        deviation = x.std(axes, keepdims=True) + 1e-3
    else:
        axes = (1, 2)
        deviation = np.sqrt(x.var(axes, keepdims=True) + 1e-5)
    return (x - x.mean(axes, keepdims=True)) / deviation * scale + bias


@pytest.mark.parametrize("spread", [1.0, 1e-3])
@pytest.mark.parametrize("name", layers.NORMS)
def test_norms_are_the_textbook(name, spread):
    """With the small spread, epsilon and where it stands show."""
    x = np.float32(np.random.default_rng(0).normal(2 * spread, spread, size=(3, 4, 5, 4)))
    shape = () if name == "joint" else (4,)
    scale, bias = np.full(shape, 1.5, np.float32), np.full(shape, -0.5, np.float32)
    if name == "instance":
        scale, bias = scale + np.arange(4, dtype=np.float32), bias - np.arange(4, dtype=np.float32)
    layer = layers.NORMS[name]()
    variables = layer.init(jax.random.key(0), x)["params"]
    assert {key: value.shape for key, value in variables.items()} == {"scale": shape, "bias": shape}
    assert (variables["scale"] == 1).all() and not variables["bias"].any()
    found = layer.apply({"params": {"scale": scale, "bias": bias}}, x)
    np.testing.assert_allclose(found, normalised(x, name, scale, bias), rtol=1e-4, atol=2e-5)


def test_instance_norm_without_scale_and_shift():
    x = np.float32(np.random.default_rng(0).normal(2e-3, 1e-3, size=(3, 4, 5, 4)))
    found, variables = layers.InstanceNorm(affine=False).init_with_output(jax.random.key(0), x)
    assert not variables
    np.testing.assert_allclose(found, normalised(x, "instance", 1, 0), rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("name", layers.NORMS)
def test_norm_of_a_constant_is_its_bias_and_has_a_gradient(name):
    layer = layers.NORMS[name]()
    x = jnp.full((1, 3, 3, 2), 7.0)
    params = layer.init(jax.random.key(0), x)["params"]

    def loss(params, x):
        return jnp.sum(layer.apply({"params": params}, x) ** 2)

    np.testing.assert_array_equal(layer.apply({"params": params}, x), jnp.zeros_like(x))
    for leaf in jax.tree.leaves(jax.grad(loss, argnums=(0, 1))(params, x)):
        assert np.isfinite(leaf).all()


# ------------------------------------------------------------------ dropout


def example_keys(*numbers):
    return jax.vmap(jax.random.key)(np.array(numbers))


def test_dropout_has_its_rate_and_keeps_the_mean():
    x = jnp.full((2, 100, 100), 3.0)
    for rate in (0.5, 0.2):
        y = np.asarray(layers.dropout(x, example_keys(0, 1), rate, salt=0))
        np.testing.assert_allclose(y[y != 0], 3 / (1 - rate), rtol=1e-6)
        # Five standard deviations of 10,000 draws.
        np.testing.assert_allclose((y == 0).mean((1, 2)), rate, atol=5 * 0.5 / 100)


def test_dropout_follows_from_key_and_salt_alone():
    x = jnp.ones((3, 8, 8))
    three = layers.dropout(x, example_keys(5, 6, 7), 0.5, salt=1)
    assert (three[0] != three[1]).any() and (three[1] != three[2]).any()
    two = layers.dropout(x[:2], example_keys(7, 5), 0.5, salt=1)
    np.testing.assert_array_equal(two, three[np.array([2, 0])])
    assert (layers.dropout(x, example_keys(5, 6, 7), 0.5, salt=2) != three).any()


def test_dropout_without_keys_or_rate_is_nothing():
    x = jnp.ones((2, 3))
    assert layers.dropout(x, None, 0.5, salt=0) is x
    assert layers.dropout(x, example_keys(0, 1), 0.0, salt=0) is x


@pytest.mark.parametrize("rate", [1.0, -0.1])
def test_dropout_rate_must_leave_something(rate):
    with pytest.raises(InputError, match=r"dropout: expected a rate from 0 to below 1"):
        layers.dropout(jnp.ones((1, 2)), None, rate, salt=0)
