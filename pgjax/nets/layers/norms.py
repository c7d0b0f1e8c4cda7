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
    affine: bool = True
    """Whether a scale and a shift of each channel follow."""

    @nn.compact
    def __call__(self, x):
        kind, x = x.dtype, _precise(x)
        x = x - jnp.mean(x, axis=(1, 2), keepdims=True)
        variance = jnp.mean(jnp.square(x), axis=(1, 2), keepdims=True)
        inverse = lax.rsqrt(variance + self.epsilon)
        if not self.affine:
            return (x * inverse).astype(kind)
        scale = self.param("scale", nn.initializers.ones, x.shape[-1:])
        bias = self.param("bias", nn.initializers.zeros, x.shape[-1:])
        return (x * (inverse * _match(scale, x)) + _match(bias, x)).astype(kind)


NORMS = {"joint": JointNorm, "instance": InstanceNorm}
"""Norms over one example, by the names that configs use."""


STATISTICS = "batch_stats"
"""The flax collection of running averages: "mean" and "var" (C,) at their norm's path."""


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
        mean, variance = _moments(x, self.is_initializing())
        return _normalised(x, mean, variance, scale, bias, self.epsilon)


class RunningBatchNorm(nn.Module):
    """Normalises (..., C) by the batch's statistics in training, by their running averages otherwise.

    In training the statistics are over all devices, as BatchNorm's are. Where STATISTICS is mutable,
    the averages then go a share `momentum` of the way to them; the average of the variance is that of
    the unbiased one, as PyTorch keeps it (docs/reference_facts.md, 4.1).
    """

    epsilon: float = 1e-5
    momentum: float = 0.1
    scale_init: nn.initializers.Initializer = nn.initializers.ones

    @nn.compact
    def __call__(self, x, train):
        shape = x.shape[-1:]
        scale = self.param("scale", self.scale_init, shape)
        bias = self.param("bias", nn.initializers.zeros, shape)
        means = self.variable(STATISTICS, "mean", jnp.zeros, shape)
        variances = self.variable(STATISTICS, "var", jnp.ones, shape)
        if not train:
            mean, variance = (_match(kept.value, x) for kept in (means, variances))
            return _normalised(x, mean, variance, scale, bias, self.epsilon)
        starting = self.is_initializing()
        mean, variance = _moments(x, starting)
        if self.is_mutable_collection(STATISTICS) and not starting:
            count = x.size // shape[0] * lax.axis_size(DEVICES)
            unbiased = variance * (count / max(count - 1, 1))
            for kept, value in ((means, mean), (variances, unbiased)):
                moved = self.momentum * lax.stop_gradient(value.reshape(shape))
                kept.value = (1 - self.momentum) * kept.value + moved
        return _normalised(x, mean, variance, scale, bias, self.epsilon)


def _moments(x, starting):
    """Mean and variance (1, ..., C) over all devices; over this one while a network is made."""
    x = _precise(x)

    def mean_of(x):
        mean = jnp.mean(x, axis=tuple(range(x.ndim - 1)), keepdims=True)
        return mean if starting else lax.pmean(mean, DEVICES)

    mean = mean_of(x)
    # E[(x - mean)^2] rather than E[x^2] - mean^2, which cancels in float32.
    return mean, mean_of(jnp.square(x - mean))


def _normalised(x, mean, variance, scale, bias, epsilon):
    kind, x = x.dtype, _precise(x)
    x = (x - mean) * (lax.rsqrt(variance + epsilon) * _match(scale, x)) + _match(bias, x)
    return x.astype(kind)


def _precise(x):
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def _match(vector, x):
    return vector.reshape((1,) * (x.ndim - 1) + vector.shape)
