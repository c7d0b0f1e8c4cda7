"""Spectral normalisation against numpy's singular values and finite differences."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pgjax.nets import layers, spectral

# Layer, a shape of its input; matrices that are wide, square and tall.
KINDS = {
    "conv": (functools.partial(layers.Conv, 24), (2, 6, 5, 16)),
    "square_conv": (functools.partial(layers.Conv, 48, 2), (2, 6, 5, 12)),
    "transposed": (functools.partial(layers.ConvTranspose, 24), (2, 3, 4, 16)),
    "tall_transposed": (functools.partial(layers.ConvTranspose, 48), (2, 3, 4, 2)),
    "dense": (functools.partial(layers.Dense, 64), (3, 64)),
}


def matrix(kernel):
    """W (output channels, all others)."""
    return np.moveaxis(np.float64(kernel), -1, 0).reshape(kernel.shape[-1], -1)


def unit(x):
    return x / np.sqrt(np.sum(np.square(x)))


def random_vectors(kernel, seed=0):
    """Of length 1, from nowhere."""
    rng = np.random.default_rng(seed)
    n, m = matrix(kernel).shape
    return {name: np.float32(unit(rng.normal(size=k))) for name, k in (("u", n), ("v", m))}


@functools.partial(jax.jit, static_argnums=2)
def iterated(params, vectors, times):
    return jax.lax.fori_loop(0, times, lambda _, v: spectral.iterate(params, v), vectors)


@pytest.mark.parametrize("constant", [1.0, 0.3])
@pytest.mark.parametrize("kind", KINDS)
def test_the_largest_singular_value_becomes_the_constant(kind, constant):
    make, shape = KINDS[kind]
    x = np.float32(np.random.default_rng(1).normal(size=shape))
    params = make().init(jax.random.key(0), x)["params"]
    largest = np.linalg.norm(matrix(params["kernel"]), 2)
    free = make().apply({"params": params}, x)
    for times, tolerance in ((30, 0.03), (300, 0.01)):
        vectors = iterated(params, random_vectors(params["kernel"]), times)
        variables = {"params": params, "spectral": vectors}
        y = make(spectral=constant).apply(variables, x)
        # The biases are 0: the layer is the free one with its kernel times a number.
        scale = np.vdot(y, free) / np.vdot(free, free)
        np.testing.assert_allclose(y, scale * free, atol=1e-6)
        assert scale * largest == pytest.approx(constant, rel=tolerance)


def test_an_iteration_is_miyatos():
    rng = np.random.default_rng(0)
    kernel = np.float32(rng.normal(size=(2, 3, 4, 5)))
    before = random_vectors(kernel)
    params = {"a": {"b": {"kernel": kernel, "bias": np.ones(5)}, "free": {"kernel": kernel}}}
    found = spectral.iterate(params, {"a": {"b": before}})
    v = unit(matrix(kernel).T @ before["u"])
    u = unit(matrix(kernel) @ v)
    assert jax.tree.structure(found) == jax.tree.structure({"a": {"b": before}})
    for name, expected in (("u", u), ("v", v)):
        assert found["a"]["b"][name].dtype == np.float32
        np.testing.assert_allclose(found["a"]["b"][name], expected, atol=1e-6)


def test_nothing_to_iterate():
    assert spectral.iterate({"in": {"kernel": np.ones((2, 2))}}, {}) == {}
    assert spectral.iterate({"kernel": np.ones((2, 2))}, {}) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_layers_start_as_free_ones_with_warm_vectors(kind):
    make, shape = KINDS[kind]
    x = np.ones(shape, np.float32)
    free = make().init(jax.random.key(0), x)
    assert set(free) == {"params"}
    started = make(spectral=1.0).init(jax.random.key(0), x)
    assert set(started) == {"params", "spectral"}
    jax.tree.map(np.testing.assert_array_equal, started["params"], free["params"])
    w = matrix(free["params"]["kernel"])
    u, v = (started["spectral"][name] for name in ("u", "v"))
    assert u.dtype == v.dtype == np.float32
    assert u.shape + v.shape == w.shape
    np.testing.assert_allclose([np.linalg.norm(u), np.linalg.norm(v)], 1, rtol=1e-6)
    assert 0.9 < u @ w @ v / np.linalg.norm(w, 2) < 1 + 1e-6


@pytest.mark.parametrize("kind", ["conv", "transposed", "dense"])
def test_gradients_are_the_finite_differences(kind):
    """Those of a layer whose vectors stand still; to the kernel, the bias and the input."""
    kinds = {
        "conv": (layers.Conv(3, 3, 2, spectral=1.5), (2, 4, 5, 2)),
        "transposed": (layers.ConvTranspose(3, use_bias=True, spectral=1.5), (2, 2, 3, 2)),
        "dense": (layers.Dense(3, spectral=1.5), (2, 5)),
    }
    layer, shape = kinds[kind]
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape)
    with jax.enable_x64(True):
        params = layer.init(jax.random.key(0), x)["params"]
        params = jax.tree.map(lambda p: np.float64(p) + 0.1 * rng.normal(size=p.shape), params)
        vectors = jax.tree.map(np.float64, random_vectors(params["kernel"], seed=1))

        @jax.jit
        def loss(params, x):
            return jnp.sum(jnp.sin(layer.apply({"params": params, "spectral": vectors}, x)))

        found = jax.grad(loss, argnums=(0, 1))(params, x)
        leaves, tree = jax.tree.flatten((params, x))
        for place, gradient in enumerate(jax.tree.leaves(found)):
            assert gradient.dtype == np.float64
            expected = np.zeros(gradient.shape)
            for index in np.ndindex(expected.shape):
                sides = []
                for step in (1e-6, -1e-6):
                    moved = [leaf.copy() for leaf in leaves]
                    moved[place][index] += step
                    sides.append(loss(*tree.unflatten(moved)))
                expected[index] = (sides[0] - sides[1]) / 2e-6
            np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-7)


def test_vectors_take_no_gradient():
    layer = layers.Dense(3, spectral=1.0)
    x = jnp.ones((1, 4))
    variables = layer.init(jax.random.key(0), x)
    gradient = jax.grad(lambda v: jnp.sum(layer.apply(v, x)))(variables)
    assert gradient["params"]["kernel"].any()
    assert not any(leaf.any() for leaf in jax.tree.leaves(gradient["spectral"]))
