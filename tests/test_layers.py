"""Layers against numpy float64, and batch norm over shards against the whole batch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import signal

from pgjax import layers


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
