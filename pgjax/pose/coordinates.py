"""A pose as a vector of numbers, and back (docs/reference_facts.md, 3.5)."""

import jax
import jax.numpy as jnp
import numpy as np

from pgjax.pose import geometry


def encode(keypoints: jax.Array, visible: jax.Array, size: tuple[int, int]) -> jax.Array:
    """(2 y / H - 1, 2 x / W - 1, 1) of every visible joint, (-1, -1, 0) of a missing one.

    Args:
      keypoints: (B, 18, 2), (y, x) in pixels.
      visible: (B, 18).
      size: (height, width).

    Returns:
      (B, 18, 3) float32; (B, 54) in this order is the input of PDIG's pose auto-encoder.
    """
    points = 2 * geometry.known(keypoints, visible) / _lengths(size) - 1
    return jnp.concatenate([points, visible[..., None].astype(jnp.float32)], axis=-1)


def decode(vector: jax.Array, size: tuple[int, int]) -> tuple[jax.Array, jax.Array]:
    """The joints of what `encode` gives, or of anything like it.

    Args:
      vector: (B, 18, 3); the last number counts as visible from 0.5 on.
      size: (height, width).

    Returns:
      keypoints (B, 18, 2), whole pixels within the image (truncated toward zero), and visible (B, 18).
    """
    length = _lengths(size)
    points = ((vector[..., :2] + 1) / 2 * length).clip(0, length - 1)
    return jnp.trunc(points), vector[..., 2] >= 0.5


def _lengths(size: tuple[int, int]) -> np.ndarray:
    return np.array(size, np.float32)[None, None]
