"""Largest and average of windows, of networks that are not trained.

On the CPU a window is a sum, or a maximum, of shifted maps, first along rows and then along columns: XLA's
own windows run there in one thread, an element at a time.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from pgjax.runtime import formulation


def largest(x: jax.Array, size: int, stride: int, beside: int = 0) -> jax.Array:
    """(B, H, W, C) to (B, h, w, C); `beside` pixels on every side that count as nothing."""
    if formulation.for_cpu():
        return _joined(x, jnp.maximum, -jnp.inf, size, stride, beside)
    return _window(x, -jnp.inf, lax.max, size, stride, beside)


def average(x: jax.Array, size: int, padded: bool) -> jax.Array:
    """Of every pixel's neighbours: an odd size, a stride of 1, (B, H, W, C) to (B, H, W, C).

    What lies beyond the border counts as zeros where `padded`, and else not at all.
    """
    if formulation.for_cpu():
        total = _joined(x, lax.add, 0.0, size, 1, size // 2)
    else:
        total = _window(x, 0.0, lax.add, size, 1, size // 2)
    if padded:
        return total / size**2
    rows, columns = (np.convolve(np.ones(n), np.ones(size), "same") for n in x.shape[1:3])
    return total / np.outer(rows, columns).astype(np.float32)[None, :, :, None]


def _joined(x, join, start: float, size: int, stride: int, beside: int):
    edge = (beside, beside, 0)
    x = lax.pad(x, jnp.asarray(start, x.dtype), [(0, 0, 0), edge, edge, (0, 0, 0)])
    for axis in (2, 1):
        count = (x.shape[axis] - size) // stride + 1
        shifted = (
            lax.slice_in_dim(x, i, i + stride * (count - 1) + 1, stride, axis) for i in range(size)
        )
        x = functools.reduce(join, shifted)
    return x


def _window(x, start: float, join, size: int, stride: int, beside: int):
    edge = (beside, beside)
    return lax.reduce_window(
        x, start, join, (1, size, size, 1), (1, stride, stride, 1), ((0, 0), edge, edge, (0, 0))
    )
