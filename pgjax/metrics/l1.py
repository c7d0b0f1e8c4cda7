"""Mean absolute difference."""

import jax
import jax.numpy as jnp


def l1(generated: jax.Array, target: jax.Array, mask: jax.Array) -> jax.Array:
    """Mean absolute difference of images in [-1, 1], from 0 to 2 (docs/reference_facts.md, 6.5)."""
    difference = jnp.abs(generated.astype(jnp.float32) - target.astype(jnp.float32))
    return jnp.mean(difference, axis=(1, 2, 3)) / 127.5
