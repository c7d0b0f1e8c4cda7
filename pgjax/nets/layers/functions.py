"""Layers without parameters."""

import math

import jax
import jax.numpy as jnp

from pgjax.errors import InputError

OWN_TERMS = "own_terms"
"""Collection of a network's own terms: what it is moved by beside its image, (B,) each, by name.

The network itself sows them in training; nets.TERMS_OF has their names.
"""


def dropout(x, keys, rate: float, salt: int):
    """Sets elements to 0 with probability `rate` and divides the others by 1 - rate.

    Args:
      x: (B, ...).
      keys: (B,) typed keys, one per example; None to return x as it is.
      rate: from 0 to below 1, else InputError.
      salt: the layer's number. An example's mask follows from its key and the salt alone, wherever
        in whichever batch it lies.
    """
    if not 0 <= rate < 1:
        raise InputError(f"dropout: expected a rate from 0 to below 1, got {rate}")
    if keys is None or rate == 0:
        return x

    def kept(key):
        # The bits are the same in any shape; in three dimensions XLA compiles four times as long.
        shape = (math.prod(x.shape[1:]),)
        return jax.random.bernoulli(jax.random.fold_in(key, salt), 1 - rate, shape)

    return jnp.where(jax.vmap(kept)(keys).reshape(x.shape), x / (1 - rate), 0)


def upsample(x):
    """Nearest-neighbour enlargement (B, H, W, C) -> (B, 2 H, 2 W, C)."""
    batch, height, width, channels = x.shape
    x = jnp.broadcast_to(x[:, :, None, :, None], (batch, height, 2, width, 2, channels))
    return x.reshape(batch, 2 * height, 2 * width, channels)
