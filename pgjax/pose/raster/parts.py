"""Masks of the ten body parts, for deformable skip connections (docs/reference_facts.md, 1.6)."""

import functools

import jax
import jax.numpy as jnp

from pgjax.pose import geometry, skeleton

HEAD_HALF_SIDE = 0.4  # in torso scales


@functools.partial(jax.jit, static_argnames=("size",))
def part_masks(keypoints: jax.Array, visible: jax.Array, size: tuple[int, int]) -> jax.Array:
    """Where the ten body parts lie, in the order of skeleton.PARTS.

    The body's mask is all ones, as in the reference. The head's is a square around the mean of its
    visible joints. A limb's is its quadrilateral, border included; empty where one of its joints is
    missing. Sizes follow the torso: without both hips and both shoulders only the body remains.

    Args:
      keypoints: (B, 18, 2); of the target pose.
      visible: (B, 18).
      size: (height, width).

    Returns:
      (B, 10, H, W), 0 or 1.
    """
    body = jnp.ones((keypoints.shape[0], 1, *size), bool)
    head = _head(keypoints, visible, size)[:, None]
    masks = jnp.concatenate([body, head, _limbs(keypoints, visible, size)], axis=1)
    return masks.astype(jnp.float32)


def _whole(values: jax.Array) -> jax.Array:
    """Toward zero, taking what rounding left just short of a whole number as that number."""
    return jnp.trunc(values + jnp.sign(values) * 1e-4)


def _head(keypoints: jax.Array, visible: jax.Array, size: tuple[int, int]) -> jax.Array:
    chosen = geometry.joints(*skeleton.PARTS["head"])
    scale, complete = geometry.torso(keypoints, visible)
    seen = visible[:, chosen]
    count = jnp.sum(seen, axis=1)
    total = jnp.sum(geometry.known(keypoints, visible)[:, chosen], axis=1)
    centre = _whole(total / jnp.maximum(count, 1)[:, None])[:, None]
    reach = _whole(HEAD_HALF_SIDE * scale)[:, None, None]
    exists = (complete & (count > 0))[:, None]

    def near(axis: int) -> jax.Array:
        offset = jnp.arange(size[axis], dtype=jnp.float32)[None, :, None] - centre[..., axis, None]
        return ((offset >= -reach) & (offset < reach))[..., 0]

    return (near(0) & exists)[:, :, None] & near(1)[:, None, :]


def _limbs(keypoints: jax.Array, visible: jax.Array, size: tuple[int, int]) -> jax.Array:
    """(B, 8, H, W) bool: at most half a width beside the middle line, and between its ends."""
    limbs = geometry.limbs(keypoints, visible, "mask")
    along = limbs.end - limbs.start
    length = jnp.sum(jnp.square(along), axis=-1)
    across = jnp.sum(jnp.square(limbs.aside), axis=-1)
    # Two joints in one place leave a line, whose direction is the only one there is.
    turned = jnp.stack([-limbs.aside[..., 1], limbs.aside[..., 0]], axis=-1)
    along = jnp.where(length[..., None] > 0, along, turned)

    down = jnp.arange(size[0], dtype=jnp.float32)[None, None, :, None]
    right = jnp.arange(size[1], dtype=jnp.float32)[None, None, None, :]
    x, y = (limbs.start[..., axis, None, None] for axis in (0, 1))

    def project(direction: jax.Array) -> jax.Array:
        dx, dy = (direction[..., axis, None, None] for axis in (0, 1))
        return (right - x) * dx + (down - y) * dy

    # A pixel that lies exactly on the border is the reference's only as float64 happens to round.
    forward, sideways = project(along), jnp.abs(project(limbs.aside))
    inside = (forward >= 0) & (forward <= length[..., None, None])
    inside &= sideways <= across[..., None, None]
    return inside & limbs.exists[..., None, None]
