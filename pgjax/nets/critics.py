"""Critics: (scene, image) -> logits."""

import flax.linen as nn
import jax.numpy as jnp

from pgjax.errors import InputError
from pgjax.nets import conditions, layers


class DCGANCritic(nn.Module):
    """PG2's DCGAN critic (docs/reference_facts.md, 2.3): image (B, H, W, 3) -> logits (B,).

    It halves the image floor(log2 H) - 3 times: four at 128x64, five at 256x256. Batch norm is over
    all devices: apply it under the axis `devices.DEVICES`, to real and generated images in one call.
    """

    features: int = 64
    """Channels of the first level; doubled at each level up to eight times as many."""
    condition: tuple[str, ...] = ("source_image",)
    """Image-like fields of the scene, concatenated before the image; () in the released code."""

    @nn.compact
    def __call__(self, scene, image, train):
        height, width = image.shape[1:3]
        levels = height.bit_length() - 1 - 3
        if levels < 1:
            raise InputError(
                f"image size {height}x{width}: the critic needs a height of 16 or more"
            )
        layers.check_widths(features=self.features)
        init = layers.uniform(0.02)
        x = jnp.concatenate(
            [*(conditions.field(scene, name) for name in self.condition), image], axis=-1
        )
        for level in range(levels):
            channels = self.features * min(2**level, 8)
            x = layers.Conv(channels, 5, stride=2, kernel_init=init, name=f"conv{level}")(x)
            if level:
                x = layers.BatchNorm(name=f"norm{level}")(x)
            x = nn.leaky_relu(x, 0.2)
        x = x.reshape(x.shape[0], -1)
        return layers.Dense(1, kernel_init=init, name="logit")(x)[:, 0]
