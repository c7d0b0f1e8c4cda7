"""VariGAN as a reading (Zhao 2018): a coarse image from a view alone, then a finer one.

No table of layers was at hand (docs/reference_facts.md, 8.1). Known is: the coarse generator is
variational, the fine one has skip connections and reads the source and the coarse image, a critic is
conditional. All else is this project's choice: blocks, depth and widths are the deformable GAN's.
"""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp

from pgjax.nets import conditions, layers
from pgjax.nets.deformable import Encoder, depth
from pgjax.nets.vdg import Decoder


class Coarse(nn.Module):
    """Source image and view -> the coarse image (B, H, W, 3) in [-1, 1], drawn at half size and enlarged.

    A conditional variational auto-encoder, whose decoder reads a latent, the view and a code of the source.
    In training the latent is drawn from q(z | target, view, code), a normal distribution with a variance of
    its own in each dimension, and the network's own term "kl" is the divergence of q from the prior N(0, I).
    Otherwise nothing reads the target: the latent is drawn from the prior. Without keys, the latent is the
    mean of either, 0 for the prior. `InputError` where an option or the size can't be.
    """

    features: int = 64
    """Channels of the first level; doubled at each level up to eight times as many."""
    code: int = 256
    """How many numbers the source is told by, and the view too."""
    latent: int = 256
    norm: str = "joint"
    """Key of layers.NORMS."""

    @nn.compact
    def __call__(self, scene, images, train):
        layers.check_widths(features=self.features, code=self.code, latent=self.latent)
        layers.check_choice("norm", self.norm, layers.NORMS)
        layers.check_halvings(scene.source_image.shape[1:3], 1, "the generator")
        source = halved(scene.source_image)
        levels = depth(source.shape[1:3])

        def encode(image, name):
            found = Encoder(self.features, levels, self.norm, name=f"{name}_encoder")(image)[-1]
            return found.shape[1:], nn.leaky_relu(found, 0.2).reshape(found.shape[0], -1)

        shape, flat = encode(source, "source")
        code = layers.Dense(self.code, name="code")(flat)
        # As many numbers as the code: of three alone Adam hears little.
        view = layers.Dense(self.code, name="view")(scene.target_view)
        given = jnp.concatenate([view, code], axis=-1)
        latent = _normal(scene.keys, (given.shape[0], self.latent))
        if train or self.is_initializing():
            _, flat = encode(halved(scene.target_image), "posterior")
            flat = jnp.concatenate([flat, given], axis=-1)
            mean, log_variance = (
                layers.Dense(self.latent, name=name)(flat).astype(jnp.float32)
                for name in ("mean", "log_variance")
            )
            if train:
                latent = mean + jnp.exp(log_variance / 2) * latent
                self.sow(layers.OWN_TERMS, "kl", divergence(mean, log_variance))
        x = jnp.concatenate([latent.astype(given.dtype), given], axis=-1)
        x = layers.Dense(math.prod(shape), name="spread")(x).reshape(-1, *shape)
        for level in reversed(range(levels - 1)):
            channels = self.features * min(2 ** (level + 1), 8)
            x = layers.ConvTranspose(channels, name=f"up{level}")(nn.relu(x))
            x = layers.NORMS[self.norm](name=f"norm{level}")(x)
        return layers.upsample(jnp.tanh(layers.Conv(3, name="out")(nn.relu(x))))


class Fine(nn.Module):
    """Coarse image and source -> the image (B, H, W, 3) in [-1, 1].

    A U-Net with two encoders, of `images[prior]`, a constant to it, and of the source. The decoder has skips
    from both. `InputError` where an option or the size can't be.
    """

    features: int = 64
    """Channels of the first level; doubled at each level up to eight times as many."""
    norm: str = "joint"
    """Key of layers.NORMS."""
    dropout: float = 0.5
    """In the decoder's three lowest blocks: the noise, as in the deformable GAN."""
    prior: str = "g"
    """Name of the generator of the coarse image."""

    @nn.compact
    def __call__(self, scene, images, train):
        layers.check_widths(features=self.features)
        layers.check_choice("norm", self.norm, layers.NORMS)
        levels = depth(scene.source_image.shape[1:3])
        read = {"coarse": conditions.earlier(images, self.prior), "source": scene.source_image}
        found = [
            Encoder(self.features, levels, self.norm, name=f"{name}_encoder")(image)
            for name, image in read.items()
        ]
        skips = [jnp.concatenate(both, axis=-1) for both in zip(*found, strict=True)]
        last_init = layers.Conv.kernel_init
        decoder = Decoder(self.features, self.norm, self.dropout, last_init, name="decoder")
        return jnp.tanh(decoder(skips, scene.keys))


def halved(image: jax.Array) -> jax.Array:
    """(B, H, W, C) -> (B, H / 2, W / 2, C): means of 2 x 2 pixels."""
    batch, height, width, channels = image.shape
    return jnp.mean(image.reshape(batch, height // 2, 2, width // 2, 2, channels), axis=(2, 4))


def divergence(mean: jax.Array, log_variance: jax.Array) -> jax.Array:
    """Kullback-Leibler divergence (B,) of N(mean, diag exp log_variance), (B, D) each, from N(0, I); nats."""
    return jnp.sum(jnp.square(mean) + jnp.exp(log_variance) - 1 - log_variance, axis=-1) / 2


def _normal(keys: jax.Array | None, shape: tuple[int, int]) -> jax.Array:
    """A draw of N(0, I) for each example's key; 0 without keys."""
    if keys is None:
        return jnp.zeros(shape)
    # No dropout has this number.
    keys = jax.vmap(lambda key: jax.random.fold_in(key, 1 << 16))(keys)
    return jax.vmap(lambda key: jax.random.normal(key, shape[1:]))(keys)
