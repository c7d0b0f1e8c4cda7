"""What SSIM and mask-SSIM are fed with: data range, mask, grey (docs/reference_facts.md, 6.1 and 6.3)."""

import jax
import jax.numpy as jnp
import numpy as np

LUMINANCE = np.array([0.2125, 0.7154, 0.0721], np.float32)
"""Of red, green and blue: scikit-image's rgb2gray."""


def data_ranges(generated: jax.Array, target: jax.Array) -> jax.Array:
    """255, max - min of the generated image, and of the target: (B, H, W, C) each, to (3, B)."""

    def spread(images: jax.Array) -> jax.Array:
        found = jnp.max(images, axis=(1, 2, 3)) - jnp.min(images, axis=(1, 2, 3))
        return found.astype(jnp.float32)

    of_both = spread(generated), spread(target)
    return jnp.stack([jnp.full(of_both[0].shape, 255.0), *of_both])


def grey(image: jax.Array) -> jax.Array:
    """The luminance of an image: uint8 (B, H, W, 3) to float32 (B, H, W, 1), from 0 to 255."""
    weighted = image.astype(jnp.float32) * LUMINANCE[None, None, None]
    return jnp.sum(weighted, axis=-1, keepdims=True)


def masked(image: jax.Array, mask: jax.Array) -> jax.Array:
    """The image with black background: uint8 (B, H, W, 3) times mask (B, H, W)."""
    return image * (mask > 0).astype(jnp.uint8)[..., None]
