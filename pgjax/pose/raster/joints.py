"""Heat maps, discs, PG2's pose mask and the evaluation's person mask."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from pgjax.pose import geometry, skeleton


def _known(keypoints: jax.Array, visible: jax.Array) -> tuple[jax.Array, jax.Array]:
    """y and x, each (B, 18), finite also where nothing is known."""
    points = geometry.known(keypoints, visible)
    return points[..., 0], points[..., 1]


def _axes(size: tuple[int, int]) -> tuple[jax.Array, jax.Array]:
    height, width = size
    return jnp.arange(height, dtype=jnp.float32), jnp.arange(width, dtype=jnp.float32)


def _squared_offsets(keypoints, visible, size, truncate: bool) -> tuple[jax.Array, jax.Array]:
    """(row - y)^2 as (B, H, 18) and (column - x)^2 as (B, W, 18)."""
    y, x = _known(keypoints, visible)
    if truncate:
        y, x = jnp.trunc(y), jnp.trunc(x)
    rows, columns = _axes(size)
    return (
        jnp.square(rows[None, :, None] - y[:, None, :]),
        jnp.square(columns[None, :, None] - x[:, None, :]),
    )


@functools.partial(jax.jit, static_argnames=("size",))
def heatmaps(
    keypoints: jax.Array, visible: jax.Array, size: tuple[int, int], sigma: float = 6.0
) -> jax.Array:
    """A Gaussian with peak 1 at every visible joint, exp(-d^2 / (2 sigma^2)) (docs/reference_facts.md, 1.5).

    Args:
      keypoints: (B, 18, 2).
      visible: (B, 18).
      size: (height, width).
      sigma: in pixels, whatever the size.

    Returns:
      (B, H, W, 18); zeros for a missing joint.
    """
    vertical, horizontal = _squared_offsets(keypoints, visible, size, truncate=False)
    factor = -0.5 / jnp.square(sigma)
    # Separable: H + W exponentials a joint instead of H * W.
    rows = jnp.where(visible[:, None, :], jnp.exp(vertical * factor), 0.0)
    columns = jnp.exp(horizontal * factor)
    return rows[:, :, None, :] * columns[:, None, :, :]


@functools.partial(jax.jit, static_argnames=("size", "radius"))
def discs(
    keypoints: jax.Array, visible: jax.Array, size: tuple[int, int], radius: int = 4
) -> jax.Array:
    """1 within `radius` (inclusive) of every visible joint, else 0 (docs/reference_facts.md, 2.6).

    Coordinates are truncated toward zero, as the reference does.

    Args:
      keypoints: (B, 18, 2).
      visible: (B, 18).
      size: (height, width).
      radius: in pixels.

    Returns:
      (B, H, W, 18).
    """
    vertical, horizontal = _squared_offsets(keypoints, visible, size, truncate=True)
    vertical = jnp.where(visible[:, None, :], vertical, jnp.inf)
    inside = vertical[:, :, None, :] + horizontal[:, None, :, :] <= radius**2
    return inside.astype(jnp.float32)


def _limbs(keypoints: jax.Array, visible: jax.Array):
    """Both ends of the 23 limbs, y0, x0, y1, x1, and whether both are visible; each (B, 23)."""
    start, end = np.array(skeleton.LIMBS).T
    y, x = _known(keypoints, visible)
    return y[:, start], x[:, start], y[:, end], x[:, end], visible[:, start] & visible[:, end]


def _shifted_any(mask: jax.Array, axis: int, reach: int) -> jax.Array:
    """Where a pixel within `reach` along the axis is set; beyond the border nothing is."""
    length = mask.shape[axis]
    padding = [(0, 0)] * mask.ndim
    padding[axis] = (reach, reach)
    padded = jnp.pad(mask, padding)
    shifts = [jax.lax.slice_in_dim(padded, i, i + length, axis=axis) for i in range(2 * reach + 1)]
    return functools.reduce(jnp.logical_or, shifts)


def _dilate(mask: jax.Array) -> jax.Array:
    return _shifted_any(_shifted_any(mask, 1, 2), 2, 2)


def _close(mask: jax.Array) -> jax.Array:
    """Dilation, then erosion, of (B, H, W) bool with a 5x5 square.

    The border neither adds nor takes: what scikit-image's reflection amounts to for a square.
    """
    return ~_dilate(~_dilate(mask))


@functools.partial(jax.jit, static_argnames=("size", "radius"))
def pose_mask(
    keypoints: jax.Array, visible: jax.Array, size: tuple[int, int], radius: int = 4
) -> jax.Array:
    """PG2's mask of the person: discs along the 23 limbs, closed 5x5 (docs/reference_facts.md, 2.6).

    A limb whose ends are both visible gets discs at its ends and at N - 1 points between, N = its
    length / radius truncated, every point truncated toward zero. A joint without a visible partner
    leaves no trace. N is bounded by (height + width) / radius, more than any limb inside the image
    asks for; one that reaches far outside is sampled more sparsely.

    Args:
      keypoints: (B, 18, 2).
      visible: (B, 18).
      size: (height, width).
      radius: of the discs in pixels; PG2 trains with 4 and stores a second mask with 7.

    Returns:
      (B, H, W), 0 or 1.
    """
    height, width = size
    y0, x0, y1, x1, valid = _limbs(keypoints, visible)
    bound = math.ceil((height + width) / radius)
    # N counts the multiples of the radius that fit: exact for whole coordinates, needs no root.
    steps = jnp.arange(1, bound + 1, dtype=jnp.float32) * radius
    squared = jnp.square(y1 - y0) + jnp.square(x1 - x0)
    count = jnp.sum(jnp.square(steps)[None, None] <= squared[..., None], axis=-1)
    count = jnp.maximum(count, 1).astype(jnp.float32)[..., None]

    index = jnp.arange(bound + 1, dtype=jnp.float32)[None, None]
    y = _truncate(y0[..., None] + (y1 - y0)[..., None] * index / count)
    x = _truncate(x0[..., None] + (x1 - x0)[..., None] * index / count)
    # Mark the discs' centres, then grow all discs at once. The frame holds centres just outside.
    inside = (y >= -radius) & (y < height + radius) & (x >= -radius) & (x < width + radius)
    drawn = valid[..., None] & (index <= count) & inside
    framed = (height + 2 * radius, width + 2 * radius)
    row = jnp.where(drawn, y + radius, framed[0]).astype(jnp.int32)
    column = jnp.where(drawn, x + radius, 0).astype(jnp.int32)

    def mark(row: jax.Array, column: jax.Array) -> jax.Array:
        return jnp.zeros(framed, bool).at[row, column].set(True, mode="drop")

    return _close(_grow(jax.vmap(mark)(row, column), radius)).astype(jnp.float32)


def _truncate(values: jax.Array) -> jax.Array:
    """Toward zero, taking what rounding left just short of a whole number as that number.

    XLA divides by multiplying with reciprocals: 8 may come out as 7.9999995.
    """
    return jnp.trunc(values + jnp.sign(values) * 1e-3)


def _grow(centres: jax.Array, radius: int) -> jax.Array:
    """Discs (distance <= radius) around marked pixels: (B, H + 2r, W + 2r) to (B, H, W)."""
    width = centres.shape[2] - 2 * radius
    height = centres.shape[1] - 2 * radius

    def columns(shift: int) -> jax.Array:
        return centres[:, :, radius + shift : radius + shift + width]

    runs = [columns(0)]  # runs[w]: a centre lies in the same row, at most w columns away
    for reach in range(1, radius + 1):
        runs.append(runs[-1] | columns(-reach) | columns(reach))
    grown = jnp.zeros((centres.shape[0], height, width), bool)
    for shift in range(-radius, radius + 1):
        run = runs[math.isqrt(radius**2 - shift**2)]
        grown |= run[:, radius + shift : radius + shift + height]
    return grown


@functools.partial(jax.jit, static_argnames=("size", "radius"))
def person_mask(
    keypoints: jax.Array, visible: jax.Array, size: tuple[int, int], radius: int = 4
) -> jax.Array:
    """The evaluation's mask of the person, for mask-SSIM (docs/reference_facts.md, 6.3).

    A rectangle along each of the 23 limbs whose ends are both visible, `radius` to either side
    (inclusive), a disc (distance < radius) at every visible joint, then closed 5x5.

    Args:
      keypoints: (B, 18, 2); of the target pose.
      visible: (B, 18).
      size: (height, width).
      radius: in pixels.

    Returns:
      (B, H, W), 0 or 1.
    """
    y0, x0, y1, x1, valid = _limbs(keypoints, visible)
    rows, columns = _axes(size)
    dy, dx = y1 - y0, x1 - x0
    squared = jnp.square(dy) + jnp.square(dx)
    valid &= squared > 0
    # Distances along and across the limb, times its length: sums of a row's and a column's share.
    down, right = rows[None, :, None] - y0[:, None], columns[None, :, None] - x0[:, None]
    along = (down * dy[:, None])[:, :, None] + (right * dx[:, None])[:, None]
    across = (down * dx[:, None])[:, :, None] - (right * dy[:, None])[:, None]
    length = squared[:, None, None]
    inside = (along >= 0) & (along <= length) & (jnp.abs(across) <= radius * jnp.sqrt(length))
    limbs = jnp.any(inside & valid[:, None, None], axis=-1)

    vertical, horizontal = _squared_offsets(keypoints, visible, size, truncate=False)
    vertical = jnp.where(visible[:, None, :], vertical, jnp.inf)
    joints = jnp.any(vertical[:, :, None] + horizontal[:, None] < radius**2, axis=-1)
    return _close(limbs | joints).astype(jnp.float32)
