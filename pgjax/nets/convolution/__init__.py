"""Convolutions, each in the formulation whose forward and backward passes are fastest.

On the CPU a convolution becomes matrix products, by its shape: of patches where the map or the channels
are few, of pixels where the result's channels are few, and else by Winograd's algorithm (Lavin & Gray
2016): two outputs a side from r taps take r + 1 products a side instead of 2 r. A stride of 2 is first
folded into the channels. There XLA's own convolutions run below the rate of its products, and its
gradient for the kernel of a transposed one takes a hundred times as long. Accelerators' libraries choose
for themselves and get the plain ones. Where products are rounded to bfloat16 (pgjax.runtime.precision),
all that surrounds them on the CPU is float32.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax

from pgjax.nets.convolution import plain, products, rounding
from pgjax.runtime import formulation, precision


def convolve(x: jax.Array, kernel: jax.Array, stride: int, padding: plain.Padding) -> jax.Array:
    """Convolution (B, H, W, C) with (k, k, C, O) -> (B, h, w, O); no forward-mode derivative.

    Args:
      x: features.
      kernel: of x's type.
      stride: 1 or more.
      padding: "SAME" as TensorFlow's, "VALID", or pixels as ((top, bottom), (left, right)).
    """
    if not _as_products(stride):
        return _plainly(plain.convolve, x, kernel, stride, padding)
    size = kernel.shape[0]
    sides = (
        lax.padtype_to_pads(x.shape[1:3], (size, size), (stride, stride), padding)
        if isinstance(padding, str)
        else padding
    )
    precise, einsum = _arithmetic(x)
    found = products.folded(
        precise(x), precise(kernel), stride, tuple(map(tuple, sides)), einsum=einsum
    )
    return found.astype(x.dtype)


def convolve_transposed(
    x: jax.Array, kernel: jax.Array, stride: int, crop: int | None = None
) -> jax.Array:
    """Transposed convolution (B, h, w, C) with (k, k, C, O) -> (B, stride h, stride w, O).

    Pixel i adds to the pixels stride i - crop + (0 .. k - 1); crop is (k - stride) // 2 unless said. The
    kernel is not flipped. No forward-mode derivative.
    """
    if not _as_products(stride):
        return _plainly(plain.transposed, x, kernel, stride, crop)
    batch, height, width, _ = x.shape
    precise, einsum = _arithmetic(x)
    if products.few_pixels(batch, height, width):
        found = products.scattered(precise(x), precise(kernel), stride, crop, einsum)
        return found.astype(x.dtype)
    # Of a linear function: at which point does not matter.
    strided = functools.partial(
        products.folded,
        kernel=precise(kernel),
        stride=stride,
        padding=plain.crop_of(kernel, stride, crop),
        swapped=True,
        einsum=rounding.transposable if einsum is rounding.einsum else einsum,
    )
    shape = (batch, height * stride, width * stride, kernel.shape[-1])
    _, transpose = jax.vjp(strided, precise(jnp.zeros(shape, x.dtype)))
    return transpose(precise(x))[0].astype(x.dtype)


def _as_products(stride: int) -> bool:
    return formulation.for_cpu() and stride <= 2


def _arithmetic(x):
    """What x is computed in where it is by products, and the product."""
    if not precision.rounded(x):
        return (lambda array: array), jnp.einsum
    return (lambda array: array.astype(jnp.float32)), rounding.einsum


def _plainly(function, x, kernel, *options):
    if not precision.rounded(x):
        return function(x, kernel, *options)
    return function(*(array.astype(jnp.bfloat16) for array in (x, kernel)), *options).astype(
        x.dtype
    )
