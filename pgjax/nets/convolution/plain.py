"""XLA's own convolutions, the kernel's gradient of the transposed one written differently."""

import functools

import jax
from jax import lax

Padding = str | tuple[tuple[int, int], tuple[int, int]]


def crop_of(kernel, stride: int, first: int | None):
    """The padding of the convolution that a transposed one is the transpose of; half first where None."""
    crop = kernel.shape[0] - stride
    first = crop // 2 if first is None else first
    return ((first, crop - first),) * 2


def convolve(x, kernel, stride: int, padding: Padding, numbers: str = "HWIO"):
    """XLA's, of (B, H, W, C)."""
    dimensions = ("NHWC", numbers, "NHWC")
    return lax.conv_general_dilated(
        x, kernel, (stride, stride), padding, dimension_numbers=dimensions
    )


def _strided(x, kernel, stride: int, crop: int | None):
    """What transposed is the transpose of; its input has the kernel's last number of channels."""
    return convolve(x, kernel, stride, crop_of(kernel, stride, crop), "HWOI")


# The kernel's gradient is that of the strided convolution, input and cotangent exchanged.
@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def transposed(x, kernel, stride, crop):
    batch, height, width, _ = x.shape
    shape = (batch, height * stride, width * stride, kernel.shape[-1])
    strided = functools.partial(_strided, kernel=kernel, stride=stride, crop=crop)
    return jax.linear_transpose(strided, jax.ShapeDtypeStruct(shape, x.dtype))(x)[0]


def _transposed_forward(x, kernel, stride, crop):
    return transposed(x, kernel, stride, crop), (x, kernel)


def _transposed_backward(stride, crop, kept, cotangent):
    x, kernel = kept
    (to_kernel,) = jax.linear_transpose(lambda k: _strided(cotangent, k, stride, crop), kernel)(x)
    return _strided(cotangent, kernel, stride, crop), to_kernel


transposed.defvjp(_transposed_forward, _transposed_backward)
