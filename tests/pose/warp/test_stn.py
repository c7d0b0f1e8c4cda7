"""The learned transform's sampler against scipy and finite differences, in float64."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy.ndimage import map_coordinates

from pgjax.pose import warp

RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(2, 7, 5, 3))
IDENTITY = np.eye(2, 3)
TRANSFORMS = IDENTITY + 0.3 * RNG.normal(size=(2, 2, 3))


def expected(features, transforms):
    """From normalised coordinates, as docs/reference_facts.md, 1.6 has them."""
    height, width = features.shape[1:3]
    out = np.zeros_like(features)
    for b, i, j in np.ndindex(*features.shape[:3]):
        point = (2 * j / (width - 1) - 1, 2 * i / (height - 1) - 1, 1)
        x, y = transforms[b] @ point
        at = [[0.5 * (y + 1) * height], [0.5 * (x + 1) * width]]
        for c in range(features.shape[3]):
            image = features[b, :, :, c]
            out[b, i, j, c] = map_coordinates(image, at, order=1, mode="grid-constant")[0]
    return out


def test_samples_as_scipy():
    found = jax.jit(warp.spatial_transformer)(jnp.float32(FEATURES), jnp.float32(TRANSFORMS))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected(FEATURES, TRANSFORMS), atol=1e-5)
    assert (np.asarray(found) == 0).any() and (np.asarray(found) != 0).any()


def test_identity_magnifies_and_leaves_the_last_row_and_column():
    twice = np.broadcast_to(IDENTITY, (2, 2, 3))
    found = warp.spatial_transformer(jnp.float32(FEATURES), jnp.float32(twice))
    np.testing.assert_allclose(found, expected(FEATURES, twice), atol=1e-5)
    np.testing.assert_allclose(found[:, 0, 0], FEATURES[:, 0, 0], atol=1e-6)
    assert not found[:, -1].any() and not found[:, :, -1].any()


def test_gradients_are_the_finite_differences():
    weight = RNG.normal(size=FEATURES.shape)
    with jax.enable_x64(True):
        sample = jax.jit(warp.spatial_transformer)

        def loss(features, transforms):
            return jnp.sum(sample(features, transforms) * weight)

        grads = jax.grad(loss, argnums=(0, 1))(FEATURES, TRANSFORMS)
        for number, grad in enumerate(grads):
            assert grad.dtype == np.float64
            for _ in range(5):
                values = [FEATURES, TRANSFORMS]
                step = 1e-6 * RNG.normal(size=values[number].shape)
                ends = []
                for sign in (1, -1):
                    values[number] = (FEATURES, TRANSFORMS)[number] + sign * step
                    ends.append(loss(*values))
                np.testing.assert_allclose(ends[0] - ends[1], 2 * np.sum(grad * step), rtol=1e-4)


def test_far_transforms_show_nothing_and_have_a_gradient():
    far = jnp.float32(1e12 * TRANSFORMS)
    sample = jax.jit(warp.spatial_transformer)
    assert np.isfinite(sample(jnp.float32(FEATURES), far)).all()
    grad = jax.grad(lambda t: jnp.sum(sample(jnp.float32(FEATURES), t)))(far)
    assert np.isfinite(grad).all()
