"""The deformable GAN's generator (Siarohin 2018, section 3; docs/reference_facts.md, 1.1)."""

import functools

import flax.linen as nn
import jax.numpy as jnp

from pgjax.errors import InputError
from pgjax.nets import conditions, layers
from pgjax.nets.padding import PAD, padded
from pgjax.pose import warp


def multiple(size):
    """What height and width of an image of that size must be multiples of."""
    return 1 << max(_levels(size) - 1, 0)


class Generator(nn.Module):
    """U-Net from the source and the target pose to an image (B, H, W, 3) in [-1, 1].

    The source, image and pose, and the target pose have an encoder each; the source's features are
    moved to the target pose where they enter the decoder. Without deformable skips one encoder reads
    everything. There are floor(log2 max(H, W)) - 1 levels. Dropout, where the scene has keys, acts in
    the three lowest blocks of the decoder. `InputError` where an option or the size can't be.
    """

    features: int = 64
    """Channels of the first level; doubled at each level up to eight times as many."""
    skip: str = "parts"
    """Key of `SKIPS`, or "none" for one encoder."""
    sampling: str = "nearest"
    """Of "body" and "parts", as the next two: a value of warp.SAMPLING."""
    aggregate: str = "max"
    """A value of warp.AGGREGATE."""
    gradient: str = "exact"
    """A value of warp.GRADIENT."""
    norm: str = "joint"
    """Key of layers.NORMS."""
    dropout: float = 0.5
    pose: str = "heatmaps"
    """A value of conditions.POSES."""
    source_pose: bool = True
    """Whether the source's pose is told."""
    background: bool = False
    """Whether the target's background is told."""
    warped_levels: int = 4
    """How many levels, from the finest on, are moved; those below are joined as they are."""
    spectral: float = 0.0
    """Lipschitz constant of every layer but a learned transform's, which gives pixels; 0: free."""
    attention: tuple[int, ...] = ()
    """Levels, 0 the finest, at which the decoder's block ends in self-attention (SAGAN's)."""
    pad: bool = False
    """Whether a size that cannot be halved so often is padded to one that can (nets.padding)."""

    @nn.compact
    @padded(multiple)
    def __call__(self, scene, images, train):
        size = scene.source_image.shape[1:3]
        levels = depth(size, PAD)
        layers.check_widths(features=self.features)
        conditions.check_warp(self.sampling, self.aggregate, self.gradient)
        layers.check_choice("skip", self.skip, ("none", *SKIPS))
        layers.check_choice("norm", self.norm, layers.NORMS)
        if self.warped_levels < 0:
            raise InputError(f"warped_levels: expected 0 or more, got {self.warped_levels}")
        layers.check_spectral(self.spectral)
        layers.check_attention(self.attention, range(levels - 1))
        source = conditions.source(scene, self.pose, self.source_pose)
        target = conditions.target(scene, self.pose, True, self.background)
        target = jnp.concatenate(target, axis=-1)

        def encode(x, name):
            return Encoder(self.features, levels, self.norm, self.spectral, name=name)(x)

        if self.skip == "none":
            skips = encode(jnp.concatenate([source, target], axis=-1), "encoder")
        else:
            options = (self.sampling, self.aggregate, self.gradient)
            move = SKIPS[self.skip](scene, size, options)
            sources = encode(source, "source_encoder")
            sources = [move(x) if i < self.warped_levels else x for i, x in enumerate(sources)]
            skips = [
                jnp.concatenate(pair, axis=-1)
                for pair in zip(sources, encode(target, "target_encoder"), strict=True)
            ]
        x = skips.pop()
        for block, level in enumerate(reversed(range(levels - 1))):
            channels = min(2 * self.features * 2**level, 8 * self.features)
            up = layers.ConvTranspose(channels, spectral=self.spectral, name=f"up{level}")
            x = up(nn.relu(x))
            x = layers.NORMS[self.norm](name=f"norm{level}")(x)
            if block < 3:
                x = layers.dropout(x, scene.keys, self.dropout, salt=block)
            if level in self.attention:
                x = layers.SelfAttention(self.spectral, name=f"attention{level}")(x)
            x = jnp.concatenate([x, skips.pop()], axis=-1)
        return jnp.tanh(layers.Conv(3, spectral=self.spectral, name="out")(nn.relu(x)))


class Encoder(nn.Module):
    """(B, H, W, C) -> the features of all levels, finest first; neither end has a norm."""

    features: int
    levels: int
    norm: str
    spectral: float = 0.0

    @nn.compact
    def __call__(self, x):
        conv = functools.partial(layers.Conv, spectral=self.spectral)
        found = [conv(self.features, name="in")(x)]
        for level in range(1, self.levels):
            channels = self.features * min(2**level, 8)
            x = nn.leaky_relu(found[-1], 0.2)
            x = conv(channels, 4, stride=2, use_bias=False, name=f"down{level}")(x)
            if level < self.levels - 1:
                x = layers.NORMS[self.norm](name=f"norm{level}")(x)
            found.append(x)
        return found


class Localisation(nn.Module):
    """Both poses -> one transform (B, 2, 3) for warp.spatial_transformer, at first the identity.

    Reads coordinates in pixels, (y, x) joint by joint, source first; -1 where a joint is missing.
    """

    @nn.compact
    def __call__(self, scene):
        poses = [
            jnp.where(visible[..., None], keypoints, -1).reshape(keypoints.shape[0], -1)
            for keypoints, visible in (
                (scene.source_keypoints, scene.source_visible),
                (scene.target_keypoints, scene.target_visible),
            )
        ]
        x = jnp.concatenate(poses, axis=-1)
        for number, width in enumerate((64, 32)):
            x = nn.Dense(
                width, kernel_init=nn.initializers.xavier_uniform(), name=f"dense{number}"
            )(x)
            x = nn.leaky_relu(x, 0.2)

        def identity(key, shape, dtype=jnp.float32):
            return jnp.eye(2, 3, dtype=dtype).reshape(shape)

        zeros = nn.initializers.zeros
        x = nn.Dense(6, kernel_init=zeros, bias_init=identity, name="transform")(x)
        return x.reshape(-1, 2, 3)


def body(scene, size, options):
    """One transform of the whole person, nothing masked ("full" in the reference)."""
    transforms, exists = scene.body_transform[:, None], scene.body_exists[:, None]
    return lambda x: warp.warp_parts(x, transforms, exists, None, size, *options)


def parts(scene, size, options):
    """Ten body parts, each by its own transform where its mask is.

    Siarohin 2018, section 3.1; docs/reference_facts.md, 1.6.
    """
    transforms, exists, masks = scene.part_transforms, scene.part_exists, scene.part_masks
    return lambda x: warp.warp_parts(x, transforms, exists, masks, size, *options)


def stn(scene, size, options):
    """One learned transform, the same at all levels."""
    transforms = Localisation(name="localisation")(scene)
    return lambda x: warp.spatial_transformer(x, transforms)


SKIPS = {"body": body, "parts": parts, "stn": stn}
"""(scene, image size, (sampling, aggregate, gradient)) -> what moves features (B, h, w, C)."""


def depth(size, remedy=""):
    """Levels of a U-Net for images of (height, width) pixels: floor(log2 max(H, W)) - 1.

    Args:
      remedy: what the error says at its end.

    Raises:
      InputError: the image is too small, or cannot be halved that often.
    """
    height, width = size
    levels = _levels(size)
    if levels < 2:
        raise InputError(
            f"image size {height}x{width}: the generator needs a longer side of 8 or more"
        )
    layers.check_halvings(size, levels - 1, "the generator", remedy)
    return levels


def _levels(size):
    return max(size).bit_length() - 2
