"""Keys of random numbers."""

import jax

GENERATOR = "threefry2x32"
"""Named, whatever JAX_DEFAULT_PRNG_IMPL says: with rbg, which guides to TPUs advise, all examples of a
vmap draw from the first one's key, so that a mask would depend on the batch that an example lies in."""


def key(seed: int) -> jax.Array:
    """The key () of a seed, of GENERATOR."""
    return jax.random.key(seed, impl=GENERATOR)
