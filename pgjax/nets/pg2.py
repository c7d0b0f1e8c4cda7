"""PG2 (Ma et al. 2017): generators of stage one, G1, and two, G2 (docs/reference_facts.md, 2.1, 2.2)."""

import flax.linen as nn
import jax.numpy as jnp

from pgjax.errors import InputError
from pgjax.nets import conditions, layers
from pgjax.nets.padding import PAD, padded
from pgjax.pose import coordinates

COARSE, REFINER = 2, 4
"""By how much the levels of G1 and of G2 are fewer than floor(log2 H)."""


def coarse_multiple(size):
    """What height and width of an image of that size must be multiples of for G1."""
    return _multiple(size, COARSE)


def refiner_multiple(size):
    """The same for G2."""
    return _multiple(size, REFINER)


class G1(nn.Module):
    """Coarse generator: a U-Net of residual blocks, fully connected bottleneck (paper 3.1, 3.3).

    Reads the source image and the target pose; returns an image (B, H, W, 3), linear, not clipped.
    It has floor(log2 H) - 2 levels; `InputError` where the size does not allow them.
    """

    features: int = 128
    """Channels of the first level; level i has (i + 1) times as many."""
    code: int = 64
    """Width of the bottleneck's code."""
    pose: str = "concat"
    """Key of `POSES`: how the target pose enters."""
    pose_range: tuple[float, float] = (0.0, 1.0)
    """Values of the discs outside and inside; the released code has (-1, 1)."""
    pad: bool = False
    """Whether a size that cannot be halved so often is padded to one that can (nets.padding)."""

    @nn.compact
    @padded(coarse_multiple)
    def __call__(self, scene, images, train):
        size = scene.source_image.shape[1:3]
        levels = coarse_levels(size)
        layers.check_widths(features=self.features, code=self.code)
        if self.pose not in POSES:
            raise InputError(
                f"pose: unknown embedding {self.pose!r}, expected one of {list(POSES)}"
            )
        inputs, codes = POSES[self.pose](scene, self.pose_range, (self.features, levels, self.code))
        return u_net(inputs, self.features, levels, self.code, codes)


class G2(nn.Module):
    """Refiner: earlier image + difference map of a fully convolutional U-Net (paper 3.2, 3.3).

    Reads `images[prior]`, a constant to it, and the source image; returns an image (B, H, W, 3),
    not clipped. It has floor(log2 H) - 4 levels; `InputError` where the size does not allow them.
    """

    features: int = 128
    """Channels of the first level and of the whole decoder; level i has (i + 1) times as many."""
    prior: str = "g1"
    """Name of the generator whose image is refined."""
    skip_from: int = 1
    """The first level with a skip: 1 in the released 128x64 network, 0 in the 256x256 one."""
    pad: bool = False
    """Whether a size that cannot be halved so often is padded to one that can (nets.padding)."""

    @nn.compact
    @padded(refiner_multiple)
    def __call__(self, scene, images, train):
        levels = refiner_levels(scene.source_image.shape[1:3])
        layers.check_widths(features=self.features)
        prior = conditions.earlier(images, self.prior)
        x = jnp.concatenate([prior, scene.source_image], axis=-1)
        x = nn.relu(layers.Conv(self.features, name="in")(x))
        skips = []
        for level in range(levels):
            if level:
                x = nn.relu(layers.Conv(x.shape[-1], stride=2, name=f"halve{level}")(x))
            x = Pair(self.features * (level + 1), name=f"down{level}")(x)
            skips.append(x)
        for level in reversed(range(levels)):
            if level >= self.skip_from:
                # At the lowest level x is the skip itself; the released code concatenates it too.
                x = jnp.concatenate([x, skips[level]], axis=-1)
            x = Pair(self.features, name=f"up{level}")(x)
            if level:
                x = layers.upsample(x)
        return prior + layers.Conv(3, name="out")(x)


def u_net(x, features, levels, code, codes=()):
    """G1 without its inputs: (B, H, W, C) -> (B, H, W, 3), in layers of the module that calls it.

    `codes`, (B, N) each, are joined to the bottleneck's code. H and W are multiples of 2^(levels - 1).
    """
    height, width = (n >> (levels - 1) for n in x.shape[1:3])
    found, skips = Encoder(features, levels, code, name="encoder")(x)
    x = layers.Dense(height * width * features, name="decode")(
        jnp.concatenate([found, *codes], axis=-1)
    )
    x = x.reshape(-1, height, width, features)
    for level in reversed(range(levels)):
        x = jnp.concatenate([x, skips[level]], axis=-1)
        x = x + Pair(x.shape[-1], name=f"up{level}")(x)
        if level:
            # The reference enlarges first: the same for 1x1, at four times the work.
            x = nn.relu(layers.Conv(features * level, 1, name=f"reduce{level}")(x))
            x = layers.upsample(x)
    return layers.Conv(3, name="out")(x)


class Encoder(nn.Module):
    """(B, H, W, C) -> a code (B, code) and the features of all levels, finest first.

    See docs/reference_facts.md, 2.1.
    """

    features: int
    levels: int
    code: int
    stem: bool = True
    """Whether a convolution comes first; without it the input has as many channels as the first level."""

    @nn.compact
    def __call__(self, x):
        if self.stem:
            x = nn.relu(layers.Conv(self.features, name="in")(x))
        skips = []
        for level in range(self.levels):
            if level:
                channels = self.features * (level + 1)
                x = nn.relu(layers.Conv(channels, stride=2, name=f"halve{level}")(x))
            x = x + Pair(x.shape[-1], name=f"down{level}")(x)
            skips.append(x)
        return _dense(self.code, "code")(x.reshape(x.shape[0], -1)), skips


class Pair(nn.Module):
    """Two 3x3 convolutions with ReLU; G1's residual blocks add the identity after the last ReLU."""

    features: int

    @nn.compact
    def __call__(self, x):
        x = nn.relu(layers.Conv(self.features, name="conv0")(x))
        return nn.relu(layers.Conv(self.features, name="conv1")(x))


def concat(scene, pose_range, encoder):
    """The paper's own: the discs are further channels of the encoder's input."""
    return jnp.concatenate([scene.source_image, _discs(scene, pose_range)], axis=-1), ()


def coordinate_embedding(scene, pose_range, encoder):
    """CE (paper 4.2): coordinates through two fully connected layers, joined to the image's code.

    Input: (y, x) of the 18 joints in [-1, 1], 0 where missing, and their visibility. The paper
    gives no widths: both have the code's. ReLU after the first, without which the two would be one.
    """
    _, _, code = encoder
    seen, size = scene.target_visible, scene.source_image.shape[1:3]
    vector = coordinates.encode(scene.target_keypoints, seen, size)
    x = jnp.where(seen[..., None], vector, 0).reshape(vector.shape[0], -1)
    x = nn.relu(_dense(code, "pose0")(x))
    return scene.source_image, (_dense(code, "pose1")(x).astype(scene.source_image.dtype),)


def heatmap_embedding(scene, pose_range, encoder):
    """HME (paper 4.2): the discs through their own encoder; its code is joined to the image's."""
    code, _ = Encoder(*encoder, name="pose_encoder")(_discs(scene, pose_range))
    return scene.source_image, (code,)


POSES = {"concat": concat, "ce": coordinate_embedding, "hme": heatmap_embedding}
"""(scene, pose_range, (features, levels, code)) -> the encoder's input, more bottleneck codes."""


def _discs(scene, pose_range):
    low, high = pose_range
    return low + (high - low) * scene.target_discs


def _dense(features, name):
    return layers.Dense(features, name=name)


def coarse_levels(size):
    """Levels of G1 for (height, width) pixels. InputError: the size does not allow them."""
    return _levels(size, COARSE, "G1")


def refiner_levels(size):
    """Levels of G2; else as `coarse_levels`."""
    return _levels(size, REFINER, "G2")


def _levels(size, less, network):
    """floor(log2 H) - less (trainer.py:95), checked against the size."""
    height, width = size
    levels = _count(height, less)
    if levels < 1:
        raise InputError(
            f"image size {height}x{width}: {network} needs a height of {2 << less} or more"
        )
    layers.check_halvings(size, levels - 1, network, PAD)
    return levels


def _count(height, less):
    return height.bit_length() - 1 - less


def _multiple(size, less):
    return 1 << max(_count(size[0], less) - 1, 0)
