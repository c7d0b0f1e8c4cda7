"""PATN's generator and critics (Zhu et al., CVPR 2019; docs/reference_facts.md, 4.1, 4.2)."""

import math
from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp

from pgjax.errors import InputError
from pgjax.nets import conditions, layers

NORMS = ("batch", "instance")
"""Batch norm with running averages, or instance norm without scale and shift."""


class Style(NamedTuple):
    """A value of NORMS, and how kernels and the scales of batch norm start."""

    norm: str
    kernel_init: nn.initializers.Initializer
    scale_init: nn.initializers.Initializer

    def conv(self, x, features, name, kernel=3, stride=1):
        """Edges are reflected, but where it halves: there they are zeros."""
        pad = kernel // 2
        if stride == 1:
            x, pad = jnp.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)), mode="reflect"), 0
        edges = ((pad, pad), (pad, pad))
        return layers.Conv(
            features, kernel, stride, padding=edges, **self._linear(x, kernel, name)
        )(x)

    def double(self, x, features, name):
        """Transposed convolution to twice the size."""
        return layers.ConvTranspose(features, 3, crop=1, **self._linear(x, 3, name))(x)

    def normalise(self, x, train, name):
        if self.norm == "instance":
            return layers.InstanceNorm(affine=False, name=name)(x)
        return layers.RunningBatchNorm(scale_init=self.scale_init, name=name)(x, train)

    def _linear(self, x, kernel, name):
        return {
            "use_bias": self.norm == "instance",
            "kernel_init": self.kernel_init,
            "bias_init": bias_init(x, kernel),
            "name": name,
        }


def bias_init(x, kernel):
    """PyTorch's for a convolution of x: U(-b, b) with b = 1 / sqrt(fan-in)."""
    return layers.uniform(1 / math.sqrt(3 * kernel**2 * x.shape[-1]))


class Generator(nn.Module):
    """Source image and both poses -> an image (B, H, W, 3) in [-1, 1].

    Image and poses have an encoder each, to a quarter of the size; then every block moves the image's
    features by what it makes of them, times an attention that it makes of the poses'. No skips lead
    around the blocks. Dropout, where the scene has keys, acts in both branches of each block.
    `InputError` where an option or the size can't be.
    """

    features: int = 64
    """Channels at full size; twice and four times as many at a half and a quarter."""
    blocks: int = 9
    norm: str = "batch"
    """A value of NORMS."""
    dropout: float = 0.5
    pose: str = "heatmaps"
    """A value of conditions.POSES."""

    @nn.compact
    def __call__(self, scene, images, train):
        _check(self, scene.source_image, "the generator")
        layers.check_choice("pose", self.pose, conditions.POSES)
        style = Style(self.norm, nn.initializers.normal(0.02), _around_one)
        poses = [getattr(scene, f"{side}_{self.pose}") for side in ("source", "target")]
        x = Encoder(self.features, style, name="image_encoder")(scene.source_image, train)
        pose = jnp.concatenate(poses, axis=-1)
        pose = Encoder(self.features, style, name="pose_encoder")(pose, train)
        for number in range(self.blocks):
            block = Block(style, self.dropout, 2 * number, name=f"block{number}")
            x, pose = block(x, pose, scene.keys, train)
        for level in (1, 0):
            x = style.double(x, self.features * 2**level, f"up{level}")
            x = nn.relu(style.normalise(x, train, f"norm{level}"))
        # The only layer that has a bias with either norm.
        return jnp.tanh(style._replace(norm="instance").conv(x, 3, "out", kernel=7))


class ResidualCritic(nn.Module):
    """Image (B, H, W, 3) -> logits (B, H / 4, W / 4, 4 features), each of which is judged.

    An encoder and residual blocks, with dropout where the scene has keys. `InputError` where an option
    or the size can't be.
    """

    features: int = 64
    """Channels at full size; twice and four times as many at a half and a quarter."""
    condition: tuple[str, ...] = ("source_image",)
    """Image-like fields of the scene, concatenated after the image."""
    blocks: int = 3
    norm: str = "batch"
    """A value of NORMS."""
    dropout: float = 0.5

    @nn.compact
    def __call__(self, scene, image, train):
        _check(self, image, "the critic")
        # As PyTorch's layers start; its batch norms' scales did so up to version 0.4.
        style = Style(
            self.norm,
            nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform"),
            nn.initializers.uniform(1.0),
        )
        x = [image, *(conditions.field(scene, name) for name in self.condition)]
        x = jnp.concatenate(x, axis=-1)
        x = Encoder(self.features, style, name="encoder")(x, train)
        for number in range(self.blocks):
            pair = Pair(x.shape[-1], style, self.dropout, number, name=f"block{number}")
            x = x + pair(x, scene.keys, train)
        return x


class Encoder(nn.Module):
    """(B, H, W, C) -> (B, H / 4, W / 4, 4 features)."""

    features: int
    style: Style

    @nn.compact
    def __call__(self, x, train):
        for level in range(3):
            kernel, stride = (3, 2) if level else (7, 1)
            x = self.style.conv(x, self.features * 2**level, f"conv{level}", kernel, stride)
            x = nn.relu(self.style.normalise(x, train, f"norm{level}"))
        return x


class Block(nn.Module):
    """Pose-attentional transfer: the image's features (B, h, w, C) and the poses' -> both, moved.

    The poses' are (B, h, w, C) before the first block, (B, h, w, 2 C) after each: what the attention was
    made of, and the image's features.
    """

    style: Style
    dropout: float
    salt: int

    @nn.compact
    def __call__(self, x, pose, keys, train):
        image, poses = (
            Pair(x.shape[-1], self.style, self.dropout, self.salt + i, name=name)
            for i, name in enumerate(("image", "pose"))
        )
        moved, attention = image(x, keys, train), poses(pose, keys, train, last_norm=False)
        x = x + moved * nn.sigmoid(attention)
        return x, jnp.concatenate([attention, x], axis=-1)


class Pair(nn.Module):
    """Two 3x3 convolutions, (B, h, w, C) -> (B, h, w, features): the first keeps C and has a ReLU."""

    features: int
    style: Style
    dropout: float
    salt: int

    @nn.compact
    def __call__(self, x, keys, train, last_norm=True):
        x = self.style.conv(x, x.shape[-1], "conv0")
        x = nn.relu(self.style.normalise(x, train, "norm0"))
        x = layers.dropout(x, keys, self.dropout, self.salt)
        x = self.style.conv(x, self.features, "conv1")
        return self.style.normalise(x, train, "norm1") if last_norm else x


def _around_one(key, shape, dtype=jnp.float32):
    return 1 + nn.initializers.normal(0.02)(key, shape, dtype)


def _check(network, image, name):
    """Options that both have, and the size: reflection needs more pixels than it adds."""
    layers.check_widths(features=network.features)
    layers.check_choice("norm", network.norm, NORMS)
    if network.blocks < 0:
        raise InputError(f"blocks: expected 0 or more, got {network.blocks}")
    height, width = image.shape[1:3]
    if min(height, width) < 8:
        raise InputError(f"image size {height}x{width}: {name} needs 8 or more on either side")
    layers.check_halvings((height, width), 2, name)
