"""Winograd's F(4 x 4, 3 x 3) and its kind for other kernels, for networks that are not trained.

A tile of 4 outputs takes r + 3 products where it takes 4 r otherwise, along each axis on which the kernel has
r > 1 taps (Lavin & Gray 2016, sections 4.1 to 4.3): 36 for 144 of 3x3, 10 for 28 of 1x7. The multiples in the
sums around them cost a digit: a result is off by some 1e-5 of the largest one, not 5e-7.
"""

import functools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

_SIDE = 4
_POINTS = (0, 1, -1, 2, -2, Fraction(1, 2), Fraction(-1, 2), Fraction(3, 2), Fraction(-3, 2))
"""Where polynomials are evaluated, beside infinity: small ones first, since large powers cost digits."""
MOST = len(_POINTS) + 2 - _SIDE
"""Taps along an axis."""

Rows = tuple[tuple[float, ...], ...]


class Sums(NamedTuple):
    """Matrices of F(4, r), n = r + 3: B' (n, n) of a tile's inputs, G (n, r), A' (4, n) of its products."""

    inputs: Rows
    kernel: Rows
    outputs: Rows


@functools.cache
def sums(taps: int) -> Sums:
    """Of a kernel of 2 to `MOST` taps, by Toom-Cook's interpolation in exact fractions."""
    points = [Fraction(point) for point in _POINTS[: taps + _SIDE - 2]]
    inputs, kernel = [], []
    for point in points:
        others = [other for other in points if other != point]
        inputs.append([*_product_of_roots(others), Fraction(0)])
        scale = math.prod((point - other for other in others), start=Fraction(1))
        kernel.append([point**i / scale for i in range(taps)])
    inputs.append(_product_of_roots(points))  # of infinity: the highest powers
    kernel.append([Fraction(i == taps - 1) for i in range(taps)])
    outputs = [[*(point**i for point in points), Fraction(i == _SIDE - 1)] for i in range(_SIDE)]
    return Sums(*(tuple(tuple(map(float, row)) for row in x) for x in (inputs, kernel, outputs)))


def _product_of_roots(roots: Sequence[Fraction]) -> list[Fraction]:
    """The coefficients of the product of (x - root), the constant first."""
    found = [Fraction(1)]
    for root in roots:
        found = [a - root * b for a, b in zip([0, *found], [*found, 0], strict=True)]
    return found


def convolve(x: jax.Array, kernel: jax.Array, padding: Sequence[tuple[int, int]]) -> jax.Array:
    """Convolution (B, H, W, C) with (u, v, C, O) -> (B, h, w, O), stride 1; padding in pixels, by axis.

    A kernel has at most `MOST` taps along an axis, and more than one along one of them.
    """
    taps = kernel.shape[:2]
    lengths = [
        n + sum(pads) - k + 1 for n, pads, k in zip(x.shape[1:3], padding, taps, strict=True)
    ]
    tiles = [-(-length // _SIDE) if k > 1 else 0 for length, k in zip(lengths, taps, strict=True)]
    edges = [
        (low, _SIDE * count + k - 1 - n - low if k > 1 else high, 0)
        for count, k, n, (low, high) in zip(tiles, taps, x.shape[1:3], padding, strict=True)
    ]
    x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *edges, (0, 0, 0)])
    tiled = [axis for axis in (0, 1) if taps[axis] > 1]
    for done, axis in enumerate(tiled):  # what is transformed last comes first
        of_axis = sums(taps[axis])
        x = _stacked(_shifted(x, 1 + axis + done, tiles[axis], len(of_axis.inputs)), of_axis.inputs)
        kernel = _stacked(jnp.unstack(kernel, axis=axis), of_axis.kernel)
    shape = x.shape
    found = jnp.einsum(
        "ktc,kco->kto",
        x.reshape(math.prod(shape[: len(tiled)]), -1, shape[-1]),
        kernel.reshape(-1, *kernel.shape[2:]),
    )
    found = found.reshape(*shape[:-1], -1)
    for left, axis in reversed(list(enumerate(tiled))):
        found = _placed(found, left + axis + 2, sums(taps[axis]).outputs)
    # (B, rows, 4, columns, 4, O), or without the fours of an axis that has no tiles
    sides = (_SIDE * count or length for count, length in zip(tiles, lengths, strict=True))
    found = found.reshape(len(found), *sides, -1)
    return found[:, : lengths[0], : lengths[1]]


def _shifted(x, axis: int, tiles: int, count: int):
    """What every tile reads along an axis, by place in the tile."""
    return [lax.slice_in_dim(x, i, i + _SIDE * (tiles - 1) + 1, _SIDE, axis) for i in range(count)]


def _stacked(parts, matrix):
    """The sums of n parts (...) by an m x n matrix: (m, ...)."""
    return jnp.stack(
        [_sum(w * part for w, part in zip(row, parts, strict=True) if w) for row in matrix]
    )


def _placed(x, there: int, matrix):
    """The products' first axis made to outputs, which come at `there`: one pass over memory."""
    shape = [1] * x.ndim
    shape[there] = _SIDE
    return _sum(
        np.asarray(column, x.dtype).reshape(shape) * lax.expand_dims(part, (there,))
        for column, part in zip(zip(*matrix, strict=True), x, strict=True)
    )


def _sum(terms):
    return functools.reduce(lax.add, terms)
