"""Convolutions of networks that are not trained: any kernel, no thought for gradients.

On CPUs those of a stride of 1 are Winograd's in float32; others are XLA's own, which runs at the rate of its
products. It has none of bfloat16, though, and CPUs with AMX multiply that four times as fast. So rounded
convolutions are written as products there.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax

from pgjax.nets.convolution import plain, tiles
from pgjax.runtime import formulation

_WIDE = 16
"""Maps of this side have many tiles, beside which Winograd's kernel, up to four times as large, costs little.
Of narrower maps it would take much memory."""
_FEW_CHANNELS = 32
"""Below, the sums around Winograd's products cost more than these."""


def convolve(
    x: jax.Array, kernel: jax.Array, stride: int, padding: plain.Padding, rounded: bool = False
) -> jax.Array:
    """Convolution (B, H, W, C) with (u, v, C, O) -> (B, h, w, O) float32.

    Args:
      x: features, float32.
      kernel: float32.
      stride: of both axes.
      padding: "SAME" as TensorFlow's, "VALID", or pixels as ((top, bottom), (left, right)).
      rounded: whether what is multiplied is rounded to bfloat16; sums are float32 always.
    """
    size = kernel.shape[:2]
    pads = (
        lax.padtype_to_pads(x.shape[1:3], size, (stride, stride), padding)
        if isinstance(padding, str)
        else padding
    )
    cpu = formulation.for_cpu()
    if not rounded:
        enough = min(x.shape[1:3]) >= _WIDE and x.shape[3] >= _FEW_CHANNELS
        if cpu and 1 < max(size) <= tiles.MOST and stride == 1 and enough:
            return tiles.convolve(x, kernel, pads)
        return _plain(x, kernel, stride, pads)
    x, kernel = x.astype(jnp.bfloat16), kernel.astype(jnp.bfloat16)
    if not cpu:
        return _plain(x, kernel, stride, pads)
    edges = [(0, 0, 0), *((low, high, 0) for low, high in pads), (0, 0, 0)]
    return _products(lax.pad(x, jnp.zeros((), x.dtype), edges), kernel, stride)


def _plain(x, kernel, stride, padding):
    return lax.conv_general_dilated(
        x,
        kernel,
        (stride, stride),
        padding,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        precision=lax.Precision.DEFAULT if x.dtype == jnp.bfloat16 else None,
        preferred_element_type=jnp.float32,
    )


def _products(x, kernel, stride: int):
    """One product of what a row of the kernel reads, side by side, with all rows; their results are then
    shifted and added in float32: three copies of the input for a 3x3 kernel, where patches are nine."""
    rows, columns, channels, features = kernel.shape
    height, width = (
        (n - k) // stride + 1 for n, k in zip(x.shape[1:3], (rows, columns), strict=True)
    )
    read = [
        lax.slice_in_dim(x, j, j + stride * (width - 1) + 1, stride, axis=2) for j in range(columns)
    ]
    # XLA fuses what is stacked with its slices, but not what is concatenated on channels.
    x = jnp.stack(read, axis=3).reshape(*x.shape[:2], width, columns * channels)
    kernel = kernel.transpose(1, 2, 0, 3).reshape(columns * channels, rows * features)
    found = jnp.einsum(
        "bhwc,co->bhwo",
        x,
        kernel,
        precision=lax.Precision.DEFAULT,
        preferred_element_type=jnp.float32,
    )
    found = found.reshape(*found.shape[:3], rows, features)
    return functools.reduce(
        lax.add,
        (
            lax.slice_in_dim(found[:, :, :, i], i, i + stride * (height - 1) + 1, stride, axis=1)
            for i in range(rows)
        ),
    )
