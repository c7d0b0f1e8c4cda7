"""Convolutions as matrix products: of patches, of pixels, or by Winograd's algorithm."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from pgjax.nets.convolution import plain

# Winograd's F(2, r): the matrices that make the products' factors from r + 1 inputs and from r taps, and
# two outputs from the products.
_INPUT = {
    2: ((1, -1, 0), (0, 1, 0), (0, -1, 1)),
    3: ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1)),
}
_KERNEL = {
    2: ((1, 0), (1, 1), (0, 1)),
    3: ((1, 0, 0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0, 0, 1)),
}
_OUTPUT = {2: ((1, 1, 0), (0, 1, 1)), 3: ((1, 1, 1, 0), (0, 1, -1, -1))}
_FEW_CHANNELS = 32
_FEW_PIXELS = 256
"""In the whole batch. Below, reading a kernel costs more than multiplying, and Winograd's is larger."""


def few_pixels(*shape: int) -> bool:
    return math.prod(shape) < _FEW_PIXELS


def folded(x, kernel, stride: int, padding, swapped: bool = False, einsum=jnp.einsum):
    """Convolution by products; a stride of 2 folds 2x2 pixels into channels and halves the kernel.

    A swapped kernel is (k, k, O, C): exchanging its axes would cost more than many a product. einsum
    multiplies, except for kernels that stride leaves four taps a side or more: these stay XLA's own.
    """
    size, channels = kernel.shape[0], x.shape[-1]
    lengths = tuple(
        (n + sum(pads) - size) // stride + 1 for n, pads in zip(x.shape[1:3], padding, strict=True)
    )
    taps = -(-size // stride)
    # As many rows and columns as taps read; where the stride does not divide a kernel's side, its last
    # tap is a zero.
    height, width = (stride * (n + taps - 1) for n in lengths)
    x = _edged(
        x,
        *(
            (low, n - low - have)
            for n, have, (low, _) in zip((height, width), x.shape[1:3], padding, strict=True)
        ),
    )
    if stride == 1:
        return _correlate(x, kernel, lengths, swapped, einsum)
    if few_pixels(x.shape[0], *lengths) and not swapped:
        return _patches(x, kernel, stride, lengths, einsum)
    x = x.reshape(-1, height // 2, 2, width // 2, 2, channels).transpose(0, 1, 3, 2, 4, 5)
    x = x.reshape(-1, height // 2, width // 2, 4 * channels)
    extra = 2 * taps - size
    kernel = jnp.pad(kernel, ((0, extra), (0, extra), (0, 0), (0, 0)))
    kernel = kernel.reshape(taps, 2, taps, 2, *kernel.shape[2:])
    # (taps, taps, 2, 2, C, O) or, swapped, (taps, taps, O, 2, 2, C).
    kernel = kernel.transpose((0, 2, 4, 1, 3, 5) if swapped else (0, 2, 1, 3, 4, 5))
    return _correlate(x, kernel, lengths, swapped, einsum)


def _edged(x, rows, columns):
    """Zeros around (B, H, W, C), or what is there cut off where a number is negative."""
    config = [(0, 0, 0), (*rows, 0), (*columns, 0), (0, 0, 0)]
    return lax.pad(x, jnp.zeros((), x.dtype), config)


def _correlate(x, kernel, lengths, swapped: bool, einsum):
    """Stride 1, no padding, `lengths` rows and columns: in the best formulation for the shape.

    The kernel is (taps, taps, C, O), swapped (taps, taps, O, C). C may lie in several axes, as a stride of 2
    leaves it: Winograd's sums run faster over these.
    """
    taps, channels = kernel.shape[0], x.shape[-1]
    features = kernel.size // (taps**2 * channels)
    few = channels < _FEW_CHANNELS or few_pixels(x.shape[0], *lengths)
    if taps in _INPUT and features * taps**2 > channels and not few:
        return _winograd(x, kernel, lengths, swapped, einsum)
    kernel = kernel.reshape(
        taps, taps, *((features, channels) if swapped else (channels, features))
    )
    kernel = jnp.swapaxes(kernel, 2, 3) if swapped else kernel
    if taps == 1:
        return einsum("bhwc,co->bhwo", x, kernel[0, 0])
    if features * taps**2 <= channels:
        return _pixels(x, kernel, lengths, einsum)
    if few:
        return _patches(x, kernel, 1, lengths, einsum)
    return plain.convolve(x, kernel, 1, "VALID")


def _patches(x, kernel, stride: int, lengths, einsum):
    """One product of all that an output reads, laid side by side."""
    size, features = kernel.shape[0], kernel.shape[-1]
    # A row's pixels first, `stride` of them at once; then the rows: pixel by pixel there are size^2 slices,
    # and XLA compiles those of more than eight each by itself.
    x = x.reshape(*x.shape[:2], x.shape[2] // stride, stride * x.shape[3])
    read = [x[:, :, i : i + lengths[1]] for i in range(-(-size // stride))]
    # One pixel too many where the stride does not divide the kernel's side.
    x = _beside(read)[..., : size * kernel.shape[2]]
    height = stride * (lengths[0] - 1) + 1
    x = _beside([x[:, i : i + height : stride] for i in range(size)])
    return einsum("bhwc,co->bhwo", x, kernel.reshape(-1, features))


def _beside(parts):
    """The channels of n parts (..., C) one after another: (..., n C).

    XLA fuses what is stacked with the slices that it is made of, but not what is concatenated on channels.
    """
    x = jnp.stack(parts, axis=-2)
    return x.reshape(*x.shape[:-2], len(parts) * x.shape[-1])


def _pixels(x, kernel, lengths, einsum):
    """One product of a pixel with all taps; the taps' results are then shifted and added."""
    taps, (height, width) = kernel.shape[0], lengths
    found = einsum("bhwc,uvco->bhwuvo", x, kernel)
    # Columns, then rows: in one sum, the product's cotangent would be taps^2 padded arrays to add, twice.
    found = functools.reduce(lax.add, [found[:, :, j : j + width, :, j] for j in range(taps)])
    return functools.reduce(lax.add, [found[:, i : i + height, :, i] for i in range(taps)])


def scattered(x, kernel, stride: int, crop: int | None, einsum=jnp.einsum):
    """Transposed convolution of few pixels: a product for each tap, the kernel read where it lies."""
    size, (batch, height, width, channels) = kernel.shape[0], x.shape
    pixels = x.reshape(1, -1, channels)
    pixels = jnp.broadcast_to(pixels, (size**2, *pixels.shape[1:]))
    found = einsum("kpc,kco->kpo", pixels, kernel.reshape(size**2, channels, -1))
    found = found.reshape(size, size, batch, height, width, -1)
    first = plain.crop_of(kernel, stride, crop)[0][0]
    # Tap k of pixel i lies at stride i + low, of stride * length pixels in all.
    edges = [(low, stride - 1 - low, stride - 1) for low in (k - first for k in range(size))]
    placed = [
        lax.pad(found[i, j], jnp.zeros((), x.dtype), [(0, 0, 0), edges[i], edges[j], (0, 0, 0)])
        for i in range(size)
        for j in range(size)
    ]
    return functools.reduce(lax.add, placed)


def _winograd(x, kernel, lengths, swapped: bool, einsum):
    """F(2 x 2, taps x taps): a tile of 2 x 2 outputs takes (taps + 1)^2 products of C with O channels."""
    taps, channels = kernel.shape[0], x.shape[-1]
    rows, columns = (-(-n // 2) for n in lengths)
    height, width = 2 * (rows + 1), 2 * (columns + 1)
    x = _edged(x, (0, height - x.shape[1]), (0, width - x.shape[2]))
    x = x.reshape(-1, rows + 1, 2, width, channels)
    x = _window(x, 1, taps).reshape(taps + 1, -1, rows, columns + 1, 2, channels)
    x = _window(x, 3, taps).reshape((taps + 1) ** 2, -1, channels)
    for axis in (0, 1):
        # What was transformed last comes first: columns, as in the input.
        kernel = _factors(jnp.unstack(kernel, axis=axis), _KERNEL[taps])
    kernel = kernel.reshape((taps + 1) ** 2, *((-1, channels) if swapped else (channels, -1)))
    found = einsum("ktc,koc->kto" if swapped else "ktc,kco->kto", x, kernel)
    features = found.shape[-1]
    found = found.reshape(taps + 1, taps + 1, -1, rows, columns, features)
    found = _transform(found, _OUTPUT[taps], 0, 4)
    found = _transform(found, _OUTPUT[taps], 0, 2)
    found = found.reshape(-1, 2 * rows, 2 * columns, features)
    return found[:, : lengths[0], : lengths[1]]


def _window(x, axis: int, taps: int):
    """The input's transform along pairs (.., n + 1, 2, ..) at `axis`: n tiles, each of its own pair and the
    next; the factors' axis comes first."""
    before = (slice(None),) * axis
    pairs = (x[(*before, which)] for which in (slice(0, -1), slice(1, None)))
    parts = [part for pair in pairs for part in jnp.unstack(pair, axis=axis + 1)]
    # Two taps leave the last of them unread.
    return _factors(parts[: taps + 1], _INPUT[taps])


def _factors(parts, matrix):
    """The sums of n parts (...) by an m x n matrix, stacked to (m, ...): one pass over memory."""
    return jnp.stack([_sum(row, parts) for row in matrix])


def _sum(weights, parts):
    terms = [_multiple(w, part) for w, part in zip(weights, parts, strict=True) if w]
    return functools.reduce(lax.add, terms)


def _multiple(weight, part):
    # What is not multiplied need not be traced: a step has hundreds of these.
    if abs(weight) != 1:
        return weight * part
    return part if weight > 0 else lax.neg(part)


@functools.partial(jax.custom_vjp, nondiff_argnums=(1, 2, 3))
def _transform(x, matrix, here: int, there: int):
    """Multiplies the axis `here` of x by a small matrix and puts it at `there`.

    Written as sums of multiples: the outputs' axes lie within, where stacking is slow. One pass over memory,
    and so is its transpose.
    """
    shape = tuple(len(matrix) if axis == there else 1 for axis in range(x.ndim))
    terms = [
        np.asarray(np.reshape(column, shape), x.dtype) * lax.expand_dims(part, (there,))
        for column, part in zip(zip(*matrix, strict=True), jnp.unstack(x, axis=here), strict=True)
    ]
    return functools.reduce(lax.add, terms)


def _transform_forward(x, matrix, here, there):
    return _transform(x, matrix, here, there), None


def _transform_backward(matrix, here, there, kept, cotangent):
    del kept
    return (_transform(cotangent, tuple(zip(*matrix, strict=True)), there, here),)


_transform.defvjp(_transform_forward, _transform_backward)
