"""Layers that the networks share: convolution, batch norm over all devices, upsampling."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from pgjax.errors import InputError

DEVICES = "devices"
"""Name of the axis over which the training step is mapped."""


def check_widths(**widths: int) -> None:
    """Raises InputError where a network's width, given by its option's name, is not positive."""
    for name, width in widths.items():
        if width < 1:
            raise InputError(f"{name}: expected a positive number of channels, got {width}")


def uniform(std):
    """Initialiser U(-std sqrt 3, std sqrt 3), of standard deviation `std` (reference fact 2.3)."""
    limit = std * math.sqrt(3)

    def init(key, shape, dtype=jnp.float32):
        return jax.random.uniform(key, shape, dtype, -limit, limit)

    return init


class Conv(nn.Module):
    """Square convolution with bias, (B, H, W, C) -> (B, ceil(H / stride), ..., features).

    Padding is TensorFlow's SAME: 3x3 with stride 2 on an even size pads (0, 1), not (1, 1).
    """

    features: int
    kernel: int = 3
    stride: int = 1
    kernel_init: nn.initializers.Initializer = nn.initializers.xavier_uniform()

    @nn.compact
    def __call__(self, x):
        shape = (self.kernel, self.kernel, x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        strides = (self.stride, self.stride)
        numbers = ("NHWC", "HWIO", "NHWC")
        x = lax.conv_general_dilated(x, kernel, strides, "SAME", dimension_numbers=numbers)
        return x + bias[None, None, None]


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
