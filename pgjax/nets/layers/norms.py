"""Norms over one example, and over the batch of all devices; float32 within, whatever their input."""

import flax.linen as nn
import jax.numpy as jnp
from jax import lax

from pgjax.runtime.devices import DEVICES


class JointNorm(nn.Module):
    """Normalises each example over H, W and C jointly, with one scale and one shift for all.

    Epsilon is added to the standard deviation: Keras-contrib's InstanceNormalization without an
    axis, which is the deformable GAN's (docs/reference_facts.md, 1.1).
    """

    epsilon: float = 1e-3

    @nn.compact
    def __call__(self, x):
        scale = self.param("scale", nn.initializers.ones, ())
        bias = self.param("bias", nn.initializers.zeros, ())
        kind, x = x.dtype, _precise(x)
        x = x - jnp.mean(x, axis=(1, 2, 3), keepdims=True)
        variance = jnp.mean(jnp.square(x), axis=(1, 2, 3), keepdims=True)
        # The root's slope at 0 is infinite: a constant example takes 0 for its deviation, and no
        # gradient through it.
        spread = variance > 0
        deviation = jnp.where(spread, jnp.sqrt(jnp.where(spread, variance, 1)), 0)
        return (x * (scale / (deviation + self.epsilon)) + bias).astype(kind)


class InstanceNorm(nn.Module):
    """Normalises each example over H and W, channel by channel (Ulyanov 2016)."""

    epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x):
        scale = self.param("scale", nn.initializers.ones, x.shape[-1:])
        bias = self.param("bias", nn.initializers.zeros, x.shape[-1:])
        kind, x = x.dtype, _precise(x)
        x = x - jnp.mean(x, axis=(1, 2), keepdims=True)
        variance = jnp.mean(jnp.square(x), axis=(1, 2), keepdims=True)
        x = x * (lax.rsqrt(variance + self.epsilon) * _match(scale, x)) + _match(bias, x)
        return x.astype(kind)


NORMS = {"joint": JointNorm, "instance": InstanceNorm}
"""Norms over one example, by the names that configs use."""


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
        kind, x = x.dtype, _precise(x)
        mean = self._mean(x)
        # E[(x - mean)^2] rather than E[x^2] - mean^2, which cancels in float32.
        variance = self._mean(jnp.square(x - mean))
        x = (x - mean) * (lax.rsqrt(variance + self.epsilon) * _match(scale, x)) + _match(bias, x)
        return x.astype(kind)

    def _mean(self, x):
        mean = jnp.mean(x, axis=tuple(range(x.ndim - 1)), keepdims=True)
        return mean if self.is_initializing() else lax.pmean(mean, DEVICES)


def _precise(x):
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def _match(vector, x):
    return vector.reshape((1,) * (x.ndim - 1) + vector.shape)
