"""Stick figures: the pose as a picture of three channels (docs/reference_facts.md, 1.5)."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np

from pgjax.pose import geometry

# One line from foot to hand; between hip and shoulder it is the torso's border.
CHAIN = ("ankle", "knee", "hip", "shoulder", "elbow", "wrist")
TORSO = ("right_hip", "left_hip", "left_shoulder", "right_shoulder")
HEAD_VALUE = 0.5


@functools.partial(jax.jit, static_argnames=("size",))
def sticks(keypoints: jax.Array, visible: jax.Array, size: tuple[int, int]) -> jax.Array:
    """The stick figure of every pose (docs/reference_facts.md, 1.5).

    Channel 0, the person's right, and channel 1, the left: ankle-knee-hip-shoulder-elbow-wrist of
    that side with value 1; over them, with 0.5, neck-nose (in both channels) and nose-eye-ear of
    that side. Channel 2: the polygon of both hips and both shoulders, border included, with 1;
    where it crosses itself, what lies inside an odd number of times. Sides are the true ones.

    A line is drawn where both its ends are visible, the polygon where all its corners are. A line's
    pixels are those at most half the thickness away, which is int(3 * width / 128), at least 1. The
    reference has no eye-ear lines, draws eyes only where both are visible, starts the nose's line
    midway between the shoulders, and goes a whole thickness to either side.

    Args:
      keypoints: (B, 18, 2).
      visible: (B, 18).
      size: (height, width).

    Returns:
      (B, H, W, 3): 0, 0.5 or 1.
    """
    points = geometry.known(keypoints, visible)
    torso = _polygon(points, visible, size)
    channels = [_side(points, visible, size, side) for side in ("right", "left")]
    return jnp.stack([*channels, torso.astype(jnp.float32)], axis=-1)


def _side(points: jax.Array, visible: jax.Array, size: tuple[int, int], side: str) -> jax.Array:
    """(B, H, W): the limbs of one side, and the head over them."""
    chain = [f"{side}_{name}" for name in CHAIN]
    limbs = _lines(points, visible, size, chain)
    head = _lines(points, visible, size, ["neck", "nose", f"{side}_eye", f"{side}_ear"])
    return jnp.where(head, HEAD_VALUE, limbs.astype(jnp.float32))


def _pixels(size: tuple[int, int]) -> tuple[jax.Array, jax.Array]:
    """Rows (1, H, 1, 1) and columns (1, 1, W, 1); the last axis is for lines."""
    rows, columns = (jnp.arange(length, dtype=jnp.float32) for length in size)
    return rows[None, :, None, None], columns[None, None, :, None]


def _lines(
    points: jax.Array, visible: jax.Array, size: tuple[int, int], names: list[str]
) -> jax.Array:
    """(B, H, W) bool: near a line between two successive joints."""
    start, end = np.array(list(itertools.pairwise(geometry.joints(*names)))).T
    origin = points[:, None, None, start]
    along = points[:, None, None, end] - origin
    dy, dx = along[..., 0], along[..., 1]
    rows, columns = _pixels(size)
    down, right = rows - origin[..., 0], columns - origin[..., 1]
    squared = jnp.square(dy) + jnp.square(dx)
    # Two joints in one place: a dot.
    nearest = (down * dy + right * dx) / jnp.where(squared > 0, squared, 1.0)
    nearest = nearest.clip(0.0, 1.0)
    distance = jnp.square(down - nearest * dy) + jnp.square(right - nearest * dx)
    thickness = max(int(3 * size[1] / 128), 1)
    drawn = visible[:, start] & visible[:, end]
    return jnp.any((distance <= (thickness / 2) ** 2) & drawn[:, None, None], axis=-1)


def _polygon(points: jax.Array, visible: jax.Array, size: tuple[int, int]) -> jax.Array:
    """(B, H, W) bool: in the torso by the even-odd rule, or on its border."""
    corners = geometry.joints(*TORSO)
    y0, x0 = (points[:, None, None, corners, axis] for axis in (0, 1))
    y1, x1 = (jnp.roll(values, -1, axis=-1) for values in (y0, x0))
    rows, columns = _pixels(size)
    # Whole coordinates give whole numbers here: the border is exact.
    turn = (x1 - x0) * (rows - y0) - (y1 - y0) * (columns - x0)
    crossed = ((y0 > rows) != (y1 > rows)) & ((turn > 0) == (y1 > y0))
    between_rows = (rows >= jnp.minimum(y0, y1)) & (rows <= jnp.maximum(y0, y1))
    between_columns = (columns >= jnp.minimum(x0, x1)) & (columns <= jnp.maximum(x0, x1))
    border = jnp.any((turn == 0) & between_rows & between_columns, axis=-1)
    inside = jnp.sum(crossed, axis=-1) % 2 == 1
    complete = jnp.all(visible[:, corners], axis=1)
    return (inside | border) & complete[:, None, None]
