"""Layers that the networks share: convolutions, norms, dropout, upsampling."""

import functools
import math
from collections.abc import Iterable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from pgjax.devices import DEVICES
from pgjax.errors import InputError


def check_widths(**widths: int) -> None:
    """Raises InputError where a network's width, given by its option's name, is not positive."""
    for name, width in widths.items():
        if width < 1:
            raise InputError(f"{name}: expected a positive number of channels, got {width}")


def check_choice(name: str, value: str, known: Iterable[str]) -> None:
    """Raises InputError where a network's option `name` has a value that is not among the known."""
    if value not in known:
        raise InputError(f"{name}: unknown value {value!r}, expected one of {', '.join(known)}")


def uniform(std):
    """Initialiser U(-std sqrt 3, std sqrt 3), of standard deviation `std` (reference fact 2.3)."""
    limit = std * math.sqrt(3)

    def init(key, shape, dtype=jnp.float32):
        return jax.random.uniform(key, shape, dtype, -limit, limit)

    return init


class Conv(nn.Module):
    """Square convolution, (B, H, W, C) -> (B, h, w, features).

    Padding is TensorFlow's SAME, h = ceil(H / stride), unless given in pixels as ((top, bottom),
    (left, right)): 3x3 with stride 2 on an even size pads (0, 1), not (1, 1).
    """

    features: int
    kernel: int = 3
    stride: int = 1
    padding: str | tuple[tuple[int, int], tuple[int, int]] = "SAME"
    use_bias: bool = True
    kernel_init: nn.initializers.Initializer = nn.initializers.xavier_uniform()

    @nn.compact
    def __call__(self, x):
        shape = (self.kernel, self.kernel, x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape)
        strides = (self.stride, self.stride)
        numbers = ("NHWC", "HWIO", "NHWC")
        x = lax.conv_general_dilated(x, kernel, strides, self.padding, dimension_numbers=numbers)
        return _with_bias(self, x)


class ConvTranspose(nn.Module):
    """Square transposed convolution, (B, h, w, C) -> (B, stride h, stride w, features).

    Keras' VALID one with kernel - stride rows and columns cropped in all, half of them on either
    side (reference fact 1.1): pixel i adds to the pixels stride i - crop + (0 .. kernel - 1). The
    kernel is (kernel, kernel, C, features), not flipped. No forward-mode derivative.
    """

    features: int
    kernel: int = 4
    stride: int = 2
    use_bias: bool = False
    kernel_init: nn.initializers.Initializer = nn.initializers.xavier_uniform()

    @nn.compact
    def __call__(self, x):
        shape = (self.kernel, self.kernel, x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape)
        return _with_bias(self, _transposed(x, kernel, self.stride))


def _with_bias(layer, x):
    if not layer.use_bias:
        return x
    return x + layer.param("bias", nn.initializers.zeros, x.shape[-1:])[None, None, None]


def _strided(x, kernel, stride):
    """What _transposed is the transpose of; its input has the kernel's last number of channels."""
    crop = kernel.shape[0] - stride
    padding = [(crop // 2, crop - crop // 2)] * 2
    numbers = ("NHWC", "HWOI", "NHWC")
    return lax.conv_general_dilated(x, kernel, (stride, stride), padding, dimension_numbers=numbers)


# XLA's own gradient for the kernel of a transposed convolution takes a hundred times as long on the
# CPU. It is the kernel's gradient of the strided one, input and cotangent exchanged.
@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _transposed(x, kernel, stride):
    batch, height, width, _ = x.shape
    shape = (batch, height * stride, width * stride, kernel.shape[-1])
    strided = functools.partial(_strided, kernel=kernel, stride=stride)
    return jax.linear_transpose(strided, jax.ShapeDtypeStruct(shape, x.dtype))(x)[0]


def _transposed_forward(x, kernel, stride):
    return _transposed(x, kernel, stride), (x, kernel)


def _transposed_backward(stride, kept, cotangent):
    x, kernel = kept
    (to_kernel,) = jax.linear_transpose(lambda k: _strided(cotangent, k, stride), kernel)(x)
    return _strided(cotangent, kernel, stride), to_kernel


_transposed.defvjp(_transposed_forward, _transposed_backward)


class JointNorm(nn.Module):
    """Normalises each example over H, W and C jointly, with one scale and one shift for all.

    Epsilon is added to the standard deviation: Keras-contrib's InstanceNormalization without an
    axis, which is the deformable GAN's (reference fact 1.1).
    """

    epsilon: float = 1e-3

    @nn.compact
    def __call__(self, x):
        scale = self.param("scale", nn.initializers.ones, ())
        bias = self.param("bias", nn.initializers.zeros, ())
        x = x - jnp.mean(x, axis=(1, 2, 3), keepdims=True)
        variance = jnp.mean(jnp.square(x), axis=(1, 2, 3), keepdims=True)
        # The root's slope at 0 is infinite: a constant example takes 0 for its deviation, and no
        # gradient through it.
        spread = variance > 0
        deviation = jnp.where(spread, jnp.sqrt(jnp.where(spread, variance, 1)), 0)
        return x * (scale / (deviation + self.epsilon)) + bias


class InstanceNorm(nn.Module):
    """Normalises each example over H and W, channel by channel (Ulyanov 2016)."""

    epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x):
        scale = self.param("scale", nn.initializers.ones, x.shape[-1:])
        bias = self.param("bias", nn.initializers.zeros, x.shape[-1:])
        x = x - jnp.mean(x, axis=(1, 2), keepdims=True)
        variance = jnp.mean(jnp.square(x), axis=(1, 2), keepdims=True)
        return x * (lax.rsqrt(variance + self.epsilon) * _match(scale, x)) + _match(bias, x)


NORMS = {"joint": JointNorm, "instance": InstanceNorm}
"""Norms over one example, by the names that configs use."""


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
        return jax.random.bernoulli(jax.random.fold_in(key, salt), 1 - rate, x.shape[1:])

    return jnp.where(jax.vmap(kept)(keys), x / (1 - rate), 0)


class BatchNorm(nn.Module):
    """Normalises (..., C) by the batch's statistics, in evaluation too: no running averages.

    The statistics are means over all devices: n devices with a shard each equal one device with the
    whole batch, if the shards are equally large. So apply it under an axis named `DEVICES`; init
    needs none.
    """

    epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x):
        scale = self.param("scale", nn.initializers.ones, x.shape[-1:])
        bias = self.param("bias", nn.initializers.zeros, x.shape[-1:])
        mean = self._mean(x)
        # E[(x - mean)^2] rather than E[x^2] - mean^2, which cancels in float32.
        variance = self._mean(jnp.square(x - mean))
        return (x - mean) * (lax.rsqrt(variance + self.epsilon) * _match(scale, x)) + _match(
            bias, x
        )

    def _mean(self, x):
        mean = jnp.mean(x, axis=tuple(range(x.ndim - 1)), keepdims=True)
        return mean if self.is_initializing() else lax.pmean(mean, DEVICES)


def upsample(x):
    """Nearest-neighbour enlargement (B, H, W, C) -> (B, 2 H, 2 W, C)."""
    batch, height, width, channels = x.shape
    x = jnp.broadcast_to(x[:, :, None, :, None], (batch, height, 2, width, 2, channels))
    return x.reshape(batch, 2 * height, 2 * width, channels)


def _match(vector, x):
    return vector.reshape((1,) * (x.ndim - 1) + vector.shape)
