"""Peak signal-to-noise ratio."""

import jax
import jax.numpy as jnp

CEILING = 100.0


def psnr(generated: jax.Array, target: jax.Array, mask: jax.Array) -> jax.Array:
    """10 log10(255^2 / mean squared difference) in dB, at most 100 (docs/reference_facts.md, 6.5).

    The ceiling, which identical images reach, keeps means and JSON files finite.
    """
    difference = generated.astype(jnp.float32) - target.astype(jnp.float32)
    error = jnp.mean(jnp.square(difference), axis=(1, 2, 3))
    return 10 * jnp.log10(255.0**2 / jnp.maximum(error, 255.0**2 / 10 ** (CEILING / 10)))
