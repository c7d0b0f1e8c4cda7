"""The deformable GAN's critics of (source, image) pairs (docs/reference_facts.md, 1.2)."""

import flax.linen as nn
import jax.numpy as jnp

from pgjax.errors import InputError
from pgjax.nets import conditions, layers
from pgjax.pose import warp


class PatchCritic(nn.Module):
    """Conditional PatchGAN critic: image (B, H, W, 3) -> logits (B, P) of P patches.

    A convolution without padding, `blocks` that halve and a last one to one channel: 3x1 patches at
    128x64, 3x3 at 128x128, 7x7 at 256x256. The mode "siamese" has one logit. `InputError` where an
    option or the size can't be.
    """

    features: int = 64
    """Channels of the first level; doubled at each block up to eight times as many."""
    mode: str = "concat"
    """Key of `MODES`: how the source meets the image."""
    blocks: int = 3
    norm: str = "joint"
    """Key of layers.NORMS."""
    pose: str = "heatmaps"
    """A value of conditions.POSES."""
    source_pose: bool = True
    """Whether the source's pose is told."""
    target_pose: bool = True
    """Whether the target's pose is told."""
    background: bool = False
    """Whether the target's background is told."""
    sampling: str = "nearest"
    """Of the mode "warp", as the next two: a value of warp.SAMPLING."""
    aggregate: str = "max"
    """A value of warp.AGGREGATE."""
    gradient: str = "exact"
    """A value of warp.GRADIENT."""
    spectral: float = 0.0
    """Lipschitz constant of every layer; 0 leaves them free."""
    attention: tuple[int, ...] = ()
    """Blocks, 1 the first, that end in self-attention (SAGAN's)."""

    @nn.compact
    def __call__(self, scene, image, train):
        height, width = image.shape[1:3]
        layers.check_widths(features=self.features)
        layers.check_choice("mode", self.mode, MODES)
        layers.check_choice("norm", self.norm, layers.NORMS)
        conditions.check_warp(self.sampling, self.aggregate, self.gradient)
        if self.blocks < 0:
            raise InputError(f"blocks: expected 0 or more, got {self.blocks}")
        layers.check_spectral(self.spectral)
        layers.check_attention(self.attention, range(1, self.blocks + 1))
        least = (4 << self.blocks) + 2
        if min(height, width) < least:
            raise InputError(
                f"image size {height}x{width}: a critic with blocks={self.blocks} needs {least} or "
                "more on either side"
            )
        source = conditions.source(scene, self.pose, self.source_pose)
        told = conditions.target(scene, self.pose, self.target_pose, self.background)
        target = jnp.concatenate([image, *told], axis=-1)
        return MODES[self.mode](self, scene, source, target)


def concat(critic, scene, source, target):
    """All inputs are channels of one ("call" in the reference)."""
    x = _first(critic, "in", jnp.concatenate([source, target], axis=-1))
    return _patches(critic, x)


def siamese(critic, scene, source, target):
    """The same layers look at source and target, a dense one at what both found ("sim")."""
    if source.shape != target.shape:
        raise InputError(
            "mode: 'siamese' reads source and target with the same layers, so it needs "
            f"source_pose={critic.target_pose} and background=False"
        )
    x = _blocks(critic, _first(critic, "in", jnp.concatenate([source, target])))
    x = jnp.concatenate(jnp.split(x, 2), axis=-1)
    x = nn.leaky_relu(x, 0.2).reshape(source.shape[0], -1)
    return layers.Dense(1, spectral=critic.spectral, name="logit")(x)


def warped(critic, scene, source, target):
    """The source's first features are moved to the target pose, then joined to the image's."""
    moved = warp.warp_parts(
        _first(critic, "source", source),
        scene.part_transforms,
        scene.part_exists,
        scene.part_masks,
        target.shape[1:3],
        critic.sampling,
        critic.aggregate,
        critic.gradient,
    )
    return _patches(critic, jnp.concatenate([moved, _first(critic, "target", target)], axis=-1))


MODES = {"concat": concat, "siamese": siamese, "warp": warped}
"""(critic, scene, source (B, H, W, C), target and image (B, H, W, D)) -> logits (B, P)."""


def _first(critic, name, x):
    return _conv(critic, critic.features, name, pad=0)(x)


def _blocks(critic, x):
    for block in range(critic.blocks):
        channels = critic.features * min(2 ** (block + 1), 8)
        x = _halve(critic, channels, f"block{block}", x)
        x = layers.NORMS[critic.norm](name=f"norm{block}")(x)
        if block + 1 in critic.attention:
            x = layers.SelfAttention(critic.spectral, name=f"attention{block}")(x)
    return x


def _patches(critic, x):
    x = _halve(critic, 1, "logit", _blocks(critic, x))
    return x.reshape(x.shape[0], -1)


def _halve(critic, channels, name, x):
    x = nn.leaky_relu(x, 0.2)
    # Sizes are odd here, for which SAME would pad (1, 2).
    return _conv(critic, channels, name, pad=1, use_bias=False)(x)


def _conv(critic, features, name, pad, use_bias=True):
    return layers.Conv(
        features,
        4,
        stride=2,
        padding=((pad, pad), (pad, pad)),
        use_bias=use_bias,
        spectral=critic.spectral,
        name=name,
    )
