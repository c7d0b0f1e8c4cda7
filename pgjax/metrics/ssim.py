"""What SSIM and mask-SSIM are fed with: data range and mask (docs/reference_facts.md, 6.1 and 6.3)."""

import jax
import jax.numpy as jnp


def data_ranges(generated: jax.Array) -> jax.Array:
    """255, and max - min of the generated image: uint8 (B, H, W, 3) to (2, B)."""
    spread = jnp.max(generated, axis=(1, 2, 3)) - jnp.min(generated, axis=(1, 2, 3))
    return jnp.stack([jnp.full(spread.shape, 255.0), spread.astype(jnp.float32)])


def masked(image: jax.Array, mask: jax.Array) -> jax.Array:
    """The image with black background: uint8 (B, H, W, 3) times mask (B, H, W)."""
    return image * (mask > 0).astype(jnp.uint8)[..., None]
