"""Self-attention against a plain einsum in numpy float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pgjax.nets.layers import SelfAttention
from scenes import attention, noisy


@pytest.mark.parametrize("shape", [(2, 4, 6, 16), (1, 5, 3, 8), (1, 2, 1, 3)])
def test_attention_is_the_einsum(shape):
    """Odd sides too, and channels so few that an eighth of them is none."""
    layer = SelfAttention()
    x = np.random.default_rng(0).normal(size=shape)
    with jax.enable_x64(True):
        params = noisy(jax.eval_shape(lambda: layer.init(jax.random.key(0), x)["params"]))
        params = jax.tree.map(np.float64, params)
        found = layer.apply({"params": params}, x)
        assert found.dtype == np.float64
    expected = attention(x, params)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert np.abs(expected - x).max() > 1e-2


def test_attention_starts_as_the_identity_and_learns():
    layer = SelfAttention()
    x = jnp.float32(np.random.default_rng(0).normal(size=(2, 4, 4, 8)))
    params = layer.init(jax.random.key(0), x)["params"]
    assert params["gamma"].shape == () and params["gamma"] == 0
    shapes = {name: part["kernel"].shape for name, part in params.items() if name != "gamma"}
    assert shapes == {
        "query": (1, 1, 8, 1),
        "key": (1, 1, 8, 1),
        "value": (1, 1, 8, 4),
        "out": (1, 1, 4, 8),
    }
    np.testing.assert_array_equal(layer.apply({"params": params}, x), x)
    gradient = jax.grad(lambda p: jnp.sum(layer.apply({"params": p}, x) ** 3))(params)
    assert gradient["gamma"] != 0


def test_all_four_convolutions_are_normalised():
    layer = SelfAttention(spectral=2.0)
    x = jnp.ones((1, 4, 4, 8))
    variables = layer.init(jax.random.key(0), x)
    assert set(variables["spectral"]) == {"query", "key", "value", "out"}
