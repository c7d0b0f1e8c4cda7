"""SSIM and mask-SSIM, each with the fixed data range and with the reference's.

See docs/reference_facts.md, 6.1 and 6.3.
"""

import jax
import jax.numpy as jnp

from pgjax.images import similarity


def data_ranges(generated: jax.Array) -> jax.Array:
    """255, and max - min of the generated image: uint8 (B, H, W, 3) to (2, B)."""
    spread = jnp.max(generated, axis=(1, 2, 3)) - jnp.min(generated, axis=(1, 2, 3))
    return jnp.stack([jnp.full(spread.shape, 255.0), spread.astype(jnp.float32)])


def masked(image: jax.Array, mask: jax.Array) -> jax.Array:
    """The image with black background: uint8 (B, H, W, 3) times mask (B, H, W)."""
    return image * (mask > 0).astype(jnp.uint8)[..., None]


def both(generated: jax.Array, target: jax.Array) -> jax.Array:
    """`ssim` and `ssim_reference` as (2, B), at the cost of one."""
    return similarity.ssim(generated, target, data_ranges(generated))


def ssim(generated: jax.Array, target: jax.Array, mask: jax.Array) -> jax.Array:
    """SSIM with Gaussian window and data range 255."""
    return similarity.ssim(generated, target, data_ranges(generated)[0])


def ssim_reference(generated: jax.Array, target: jax.Array, mask: jax.Array) -> jax.Array:
    """SSIM as the reference computes it: the data range is that of the generated image."""
    return similarity.ssim(generated, target, data_ranges(generated)[1])


def mask_ssim(generated: jax.Array, target: jax.Array, mask: jax.Array) -> jax.Array:
    """SSIM of both images with black background, data range 255."""
    return ssim(masked(generated, mask), masked(target, mask), mask)


def mask_ssim_reference(generated: jax.Array, target: jax.Array, mask: jax.Array) -> jax.Array:
    """Mask-SSIM as the reference computes it: the data range is the masked generated image's."""
    return ssim_reference(masked(generated, mask), masked(target, mask), mask)
