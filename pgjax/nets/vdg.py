"""VDG, the view-disentangled generator (Lakhal 2018, slides "Proposed VDG model").

What is public gives no layer table. Said there: stage one fuses late, to "separate the processing of
the input and the target in the encoder"; it reads the target pose, the source image and the source
pose, each in a branch of its own; stage two refines its image. All else is this project's choice: both
are U-Nets of the deformable GAN's blocks, depth and widths (docs/reference_facts.md, 1.1).
"""

import flax.linen as nn
import jax.numpy as jnp

from pgjax.nets import conditions, layers
from pgjax.nets.deformable import Encoder, depth


class Stage1(nn.Module):
    """Target pose, source image and source pose -> the coarse image (B, H, W, 3) in [-1, 1].

    The branches are equal encoders that share nothing. They meet level by level, the bottleneck
    included, only before decoding: concatenated, then mixed by a 1x1 convolution to the width of one
    branch. `InputError` where an option or the size can't be.
    """

    features: int = 64
    """Channels of the first level; doubled at each level up to eight times as many."""
    norm: str = "joint"
    """Key of layers.NORMS."""
    dropout: float = 0.0
    """In the decoder's three lowest blocks; without an adversary noise has nothing to do here."""
    pose: str = "heatmaps"
    """A value of conditions.POSES."""

    @nn.compact
    def __call__(self, scene, images, train):
        levels = _levels(self, scene)
        branches = {
            "target_pose": getattr(scene, f"target_{self.pose}"),
            "source_image": scene.source_image,
            "source_pose": getattr(scene, f"source_{self.pose}"),
        }
        found = [
            Encoder(self.features, levels, self.norm, name=f"{name}_encoder")(x)
            for name, x in branches.items()
        ]
        fused = []
        for level, parts in enumerate(zip(*found, strict=True)):
            # The blocks' activation comes first (docs/reference_facts.md, 1.1).
            x = nn.leaky_relu(jnp.concatenate(parts, axis=-1), 0.2)
            fused.append(layers.Conv(parts[0].shape[-1], 1, name=f"fuse{level}")(x))
        return jnp.tanh(_decoder(self)(fused, scene.keys))


class Stage2(nn.Module):
    """Refiner: earlier image + difference map, (B, H, W, 3), not clipped, as PG2's (Ma 2017, 3.2).

    One encoder reads `images[prior]`, a constant to it, the source image and the target pose. The
    last layer starts at 0, so that the refined image is at first the earlier one. `InputError`
    where an option or the size can't be.
    """

    features: int = 64
    """Channels of the first level; doubled at each level up to eight times as many."""
    norm: str = "joint"
    """Key of layers.NORMS."""
    dropout: float = 0.5
    """In the decoder's three lowest blocks: the noise, as in the deformable GAN."""
    pose: str = "heatmaps"
    """A value of conditions.POSES."""
    prior: str = "g"
    """Name of the generator whose image is refined."""

    @nn.compact
    def __call__(self, scene, images, train):
        levels = _levels(self, scene)
        prior = conditions.earlier(images, self.prior)
        pose = getattr(scene, f"target_{self.pose}")
        x = jnp.concatenate([prior, scene.source_image, pose], axis=-1)
        skips = Encoder(self.features, levels, self.norm, name="encoder")(x)
        return prior + _decoder(self, nn.initializers.zeros)(skips, scene.keys)


class Decoder(nn.Module):
    """The features of all levels, finest first -> (B, H, W, 3), linear; keys (B,) or None."""

    features: int
    norm: str
    dropout: float
    last_init: nn.initializers.Initializer

    @nn.compact
    def __call__(self, skips, keys):
        x = skips[-1]
        for block, level in enumerate(reversed(range(len(skips) - 1))):
            channels = self.features * min(2 ** (level + 1), 8)
            x = layers.ConvTranspose(channels, name=f"up{level}")(nn.relu(x))
            x = layers.NORMS[self.norm](name=f"norm{level}")(x)
            if block < 3:
                x = layers.dropout(x, keys, self.dropout, salt=block)
            x = jnp.concatenate([x, skips[level]], axis=-1)
        return layers.Conv(3, kernel_init=self.last_init, name="out")(nn.relu(x))


def _decoder(network, last_init=layers.Conv.kernel_init):
    return Decoder(network.features, network.norm, network.dropout, last_init, name="decoder")


def _levels(network, scene):
    """How many levels the network has; checks its options."""
    layers.check_widths(features=network.features)
    layers.check_choice("norm", network.norm, layers.NORMS)
    layers.check_choice("pose", network.pose, conditions.POSES)
    return depth(scene.source_image.shape[1:3])
