"""Convolutions, each in the formulation whose forward and backward passes are fastest.

On the CPU a convolution becomes matrix products, by its shape: of patches where the map or the channels
are few, of pixels where the result's channels are few, and else by Winograd's algorithm (Lavin & Gray
2016): two outputs a side from r taps take r + 1 products a side instead of 2 r. A stride of 2 is first
folded into the channels. There XLA's own convolutions run below the rate of its products, and its
gradient for the kernel of a transposed one takes a hundred times as long. Accelerators' libraries choose
for themselves and get the plain ones; so does bfloat16, which Winograd's sums would round twice.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax

from pgjax.convolution import plain, products


def convolve(x: jax.Array, kernel: jax.Array, stride: int, padding: plain.Padding) -> jax.Array:
    """Convolution (B, H, W, C) with (k, k, C, O) -> (B, h, w, O); no forward-mode derivative.

    Args:
      x: features.
      kernel: of x's type.
      stride: 1 or more.
      padding: "SAME" as TensorFlow's, "VALID", or pixels as ((top, bottom), (left, right)).
    """
    if not _as_products(x, stride):
        return plain.convolve(x, kernel, stride, padding)
    size = kernel.shape[0]
    if isinstance(padding, str):
        padding = lax.padtype_to_pads(x.shape[1:3], (size, size), (stride, stride), padding)
    return products.folded(x, kernel, stride, tuple(map(tuple, padding)))


def convolve_transposed(x: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    """Transposed convolution (B, h, w, C) with (k, k, C, O) -> (B, stride h, stride w, O).

    Pixel i adds to the pixels stride i - crop + (0 .. k - 1), crop = (k - stride) // 2. The kernel is not
    flipped. No forward-mode derivative.
    """
    if not _as_products(x, stride):
        return plain.transposed(x, kernel, stride)
    batch, height, width, _ = x.shape
    if products.few_pixels(batch, height, width):
        return products.scattered(x, kernel, stride)
    shape = (batch, height * stride, width * stride, kernel.shape[-1])
    # Of a linear function: at which point does not matter.
    strided = functools.partial(
        products.folded,
        kernel=kernel,
        stride=stride,
        padding=plain.crop_of(kernel, stride),
        swapped=True,
    )
    _, transpose = jax.vjp(strided, jnp.zeros(shape, x.dtype))
    return transpose(x)[0]


def _as_products(x, stride: int) -> bool:
    # Known when a function is traced; a program for another device than the default one is still right.
    return jax.default_backend() == "cpu" and x.dtype != jnp.bfloat16 and stride <= 2
