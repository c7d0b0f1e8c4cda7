"""Winograd's F(4 x 4, 3 x 3) (Lavin & Gray 2016, section 4.3), for networks that are not trained.

A tile of 4 x 4 outputs takes 36 products where it takes 144 otherwise. The multiples in the sums around
them, up to 8, cost a digit: a result is off by some 5e-6 of the largest one, not 5e-7.
"""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

_INPUT = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
_KERNEL = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
_OUTPUT = (
    (1, 1, 1, 1, 1, 0),
    (0, 1, -1, 2, -2, 0),
    (0, 1, 1, 4, 4, 0),
    (0, 1, -1, 8, -8, 1),
)
_SIDE, _FACTORS = len(_OUTPUT), len(_INPUT)


def convolve(x: jax.Array, kernel: jax.Array, padding: Sequence[tuple[int, int]]) -> jax.Array:
    """Convolution (B, H, W, C) with (3, 3, C, O) -> (B, h, w, O), stride 1; padding in pixels, by axis."""
    lengths = [n + sum(edge) - 2 for n, edge in zip(x.shape[1:3], padding, strict=True)]
    rows, columns = (-(-n // _SIDE) for n in lengths)
    edges = [
        (low, _SIDE * tiles + 2 - n - low, 0)
        for tiles, n, (low, _) in zip((rows, columns), x.shape[1:3], padding, strict=True)
    ]
    x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *edges, (0, 0, 0)])
    x = _stacked(_shifted(x, 1, rows), _INPUT)
    x = _stacked(_shifted(x, 3, columns), _INPUT)  # (6 of columns, 6 of rows, B, rows, columns, C)
    shape = x.shape
    for axis in (0, 1):  # what is transformed last comes first
        kernel = _stacked(jnp.unstack(kernel, axis=axis), _KERNEL)
    found = jnp.einsum(
        "ktc,kco->kto",
        x.reshape(_FACTORS**2, -1, shape[-1]),
        kernel.reshape(_FACTORS**2, *kernel.shape[2:]),
    )
    found = found.reshape(*shape[:-1], -1)
    found = _placed(_placed(found, 4), 2)  # (B, rows, 4, columns, 4, O)
    found = found.reshape(shape[2], _SIDE * rows, _SIDE * columns, -1)
    return found[:, : lengths[0], : lengths[1]]


def _shifted(x, axis: int, tiles: int):
    """What every tile reads along an axis, by place in the tile."""
    return [
        lax.slice_in_dim(x, i, i + _SIDE * (tiles - 1) + 1, _SIDE, axis) for i in range(_FACTORS)
    ]


def _stacked(parts, matrix):
    """The sums of n parts (...) by an m x n matrix: (m, ...)."""
    return jnp.stack(
        [_sum(w * part for w, part in zip(row, parts, strict=True) if w) for row in matrix]
    )


def _placed(x, there: int):
    """The products' first axis made to outputs, which come at `there`: one pass over memory."""
    shape = [1] * x.ndim
    shape[there] = _SIDE
    return _sum(
        np.asarray(column, x.dtype).reshape(shape) * lax.expand_dims(part, (there,))
        for column, part in zip(zip(*_OUTPUT, strict=True), x, strict=True)
    )


def _sum(terms):
    return functools.reduce(lax.add, terms)
