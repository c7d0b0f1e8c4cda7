"""The geometry of the ten body parts: limb quadrilaterals, torso scale, affine estimation.

Batched and safe inside jit; float32. Points are (x, y) in pixels here, since transforms act on
(x, y, 1); keypoints (B, 18, 2) come as (y, x) like everywhere. What a missing joint's coordinates
hold influences nothing. See docs/reference_facts.md, 1.6.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pgjax.pose import skeleton

# Beyond every image, yet small enough for float32 products of two coordinates and for int32.
FAR = 1e6

# How far a limb's quadrilateral reaches beyond its second joint, as a share of the limb's length:
# for estimating the transform, and for the mask. Elbow and knee are followed by another part.
REACH = {
    "thigh": (0.1, 0.1),
    "shin": (0.3, 0.5),
    "upper_arm": (0.1, 0.1),
    "forearm": (0.3, 0.5),
}
REACH_BACK = 0.1  # beyond the first joint
HALF_WIDTH = 0.2  # of the quadrilateral, in torso scales

LIMBS = tuple(name for name in skeleton.PARTS if name.partition("_")[2] in REACH)
_REACH = np.array([REACH[name.partition("_")[2]] for name in LIMBS], np.float32)
_ENDS = np.array([[skeleton.INDEX[j] for j in skeleton.PARTS[name]] for name in LIMBS])
# Which limb is the same one of the other side.
OPPOSITE = tuple(
    next(i for i, ends in enumerate(_ENDS) if list(ends) == [skeleton.MIRROR[j] for j in limb])
    for limb in _ENDS
)

# Points whose spread along their thinner axis is less than the root of this times their whole
# spread count as lying on a line; float32 can't tell such from truly collinear ones.
THIN = 1e-6

# Newton's steps to the smallest eigenvalue; 6 suffice for all of 3,000 Market-1501 pairs.
STEPS = 12
TINY = 1e-12

# Where there is no transform: the reference's, which looks far outside of every image.
NO_TRANSFORM = np.array([[1, 0, 1000], [0, 1, 1000]], np.float32)


def known(keypoints: jax.Array, visible: jax.Array) -> jax.Array:
    """Keypoints (B, 18, 2) in float32, missing joints at 0, none farther out than FAR."""
    return jnp.where(visible[..., None], keypoints.astype(jnp.float32), 0.0).clip(-FAR, FAR)


def joints(*names: str) -> np.ndarray:
    """Indices of joints."""
    return np.array([skeleton.INDEX[name] for name in names])


def torso(keypoints: jax.Array, visible: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Root mean square of the torso's two sides, hip to shoulder: the unit of a person's widths.

    Args:
      keypoints: (B, 18, 2), (y, x) in pixels.
      visible: (B, 18).

    Returns:
      (B,) in pixels, and (B,) bool: whether both hips and both shoulders are visible. The scale
      means nothing where they are not.
    """
    points = known(keypoints, visible)
    hips, shoulders = joints("right_hip", "left_hip"), joints("right_shoulder", "left_shoulder")
    sides = points[:, hips] - points[:, shoulders]
    complete = jnp.all(visible[:, np.concatenate([hips, shoulders])], axis=1)
    return jnp.sqrt(jnp.sum(jnp.square(sides), axis=(1, 2)) / 2), complete


class Limbs(NamedTuple):
    """The eight limbs as rectangles: the middle line's ends and half the width as a vector.

    `start`, `end`, `aside` are (B, 8, 2), (x, y) in pixels; `exists` (B, 8): both joints visible
    and the torso, which gives the width, complete. Limbs are in the order of LIMBS.
    """

    start: jax.Array
    end: jax.Array
    aside: jax.Array
    exists: jax.Array

    def corners(self) -> jax.Array:
        """(B, 8, 4, 2)."""
        return jnp.stack(
            [
                self.start + self.aside,
                self.start - self.aside,
                self.end - self.aside,
                self.end + self.aside,
            ],
            axis=2,
        )


def limbs(keypoints: jax.Array, visible: jax.Array, purpose: str) -> Limbs:
    """The limbs' quadrilaterals, the reference's `estimate_polygon` (docs/reference_facts.md, 1.6).

    Args:
      keypoints: (B, 18, 2), (y, x) in pixels.
      visible: (B, 18).
      purpose: "transform" or "mask"; masks of shins and forearms reach farther, over foot and hand.
    """
    points = known(keypoints, visible)[..., ::-1]
    scale, complete = torso(keypoints, visible)
    first, last = points[:, _ENDS[:, 0]], points[:, _ENDS[:, 1]]
    start = first + REACH_BACK * (first - last)
    # From the start as already moved, as the reference does it.
    end = last + _REACH[None, :, {"transform": 0, "mask": 1}[purpose], None] * (last - start)
    along = start - end
    length = jnp.sqrt(jnp.sum(jnp.square(along), axis=-1, keepdims=True))
    normal = jnp.stack([-along[..., 1], along[..., 0]], axis=-1) / jnp.where(length > 0, length, 1)
    # Two joints in one place: the reference's diagonal of two pixels.
    aside = jnp.where(length > 0, HALF_WIDTH * scale[:, None, None] * normal, 1.0)
    both = visible[:, _ENDS[:, 0]] & visible[:, _ENDS[:, 1]]
    return Limbs(start, end, aside, both & complete[:, None])


def _normalise(points: jax.Array, used: jax.Array):
    """Points with centroid 0 and rms distance sqrt 2, centroid, scale, and whether they span a plane."""
    count = jnp.maximum(jnp.sum(used, axis=-1), 1).astype(jnp.float32)
    points = jnp.where(used[..., None], points, 0.0)
    centroid = jnp.sum(points, axis=-2) / count[..., None]
    points = jnp.where(used[..., None], points - centroid[..., None, :], 0.0)
    scale = jnp.sqrt(jnp.sum(jnp.square(points), axis=(-1, -2)) / (2 * count))
    points = points / jnp.where(scale > 0, scale, 1.0)[..., None, None]
    x, y = points[..., 0], points[..., 1]
    spread = jnp.sum(x * x, axis=-1) * jnp.sum(y * y, axis=-1) - jnp.square(jnp.sum(x * y, axis=-1))
    return points, centroid, scale, spread > THIN * jnp.square(2 * count)


def _smallest(
    spread: jax.Array, shared: jax.Array, total: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Distances of the two spreads s1 >= s2 from the smallest eigenvalue l < s2 of the arrow matrix

    ((s1, 0, -n1), (0, s2, -n2), (-n1, -n2, total)), n the norms of the columns of `shared`. Solves
    total - l = n1^2 / (s1 - l) + n2^2 / (s2 - l) for d = s2 - l, which may be far smaller than
    either. An eigensolver in float32 misses d: of 3,000 Market-1501 pairs, 6 bodies then lie off by
    more than 1e-4, one by 3.5 pixels.
    """
    first, second = spread[..., 0], jnp.maximum(spread[..., 1], TINY)
    gap = jnp.maximum(first - second, 0.0)
    n1, n2 = (jnp.sum(jnp.square(shared[..., i]), axis=-1) for i in (0, 1))

    def newton(_, d: jax.Array) -> jax.Array:
        # The equation times d is convex and not negative at l = 0: the steps go down to the root.
        share = n1 / jnp.maximum(gap + d, TINY)
        rest = total - second + d - share
        slope = rest + d + d * share / jnp.maximum(gap + d, TINY)
        return jnp.clip(d - (d * rest - n2) / jnp.maximum(slope, TINY), TINY, second)

    d = jax.lax.fori_loop(0, STEPS, newton, second)
    return jnp.stack([gap + d, d], axis=-1), d > TINY


def affine(
    target: jax.Array, source: jax.Array, used: jax.Array, exists: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Affine transforms from target to source points, as scikit-image estimates them.

    That is `estimate_transform("affine", target, source)`: both sets are normalised, then the
    smallest eigenvector of the homogeneous system's normal matrix is taken (ordinary least squares
    gives other numbers where more than three points don't fit exactly). The result is a constant to
    differentiation.

    Args:
      target: (..., N, 2), (x, y); any values where not used.
      source: like target.
      used: (..., N) bool, which points count.
      exists: (...) bool, whether a transform is wanted.

    Returns:
      (..., 2, 3) and (...) bool: False also where fewer than three points are used, or one of the
      two sets lies on a line. The transform is then NO_TRANSFORM.
    """
    target, source = jax.lax.stop_gradient((target, source))
    target, target_centroid, target_scale, target_plane = _normalise(target, used)
    source, source_centroid, source_scale, source_plane = _normalise(source, used)

    # In the target's principal axes the 7x7 normal matrix falls apart: the translation's columns
    # are orthogonal to the rest, and what couples the others is one column alone.
    x, y = target[..., 0], target[..., 1]
    angle = jnp.arctan2(2 * jnp.sum(x * y, axis=-1), jnp.sum(x * x - y * y, axis=-1)) / 2
    cosine, sine = jnp.cos(angle), jnp.sin(angle)
    axes = jnp.stack([jnp.stack([cosine, sine], -1), jnp.stack([-sine, cosine], -1)], axis=-2)
    turned = jnp.sum(axes[..., None, :, :] * target[..., None, :], axis=-1)
    spread = jnp.sum(jnp.square(turned), axis=-2)
    shared = jnp.sum(source[..., :, None] * turned[..., None, :], axis=-3)
    distances, solved = _smallest(spread, shared, jnp.sum(jnp.square(source), axis=(-1, -2)))
    linear = jnp.sum((shared / distances[..., None, :])[..., None] * axes[..., None, :, :], axis=-2)

    exists = exists & target_plane & source_plane & solved & (jnp.sum(used, axis=-1) >= 3)
    linear = linear * (source_scale / jnp.where(exists, target_scale, 1.0))[..., None, None]
    # Written out: a product on the matrix unit may be rounded to bfloat16 or TF32.
    moved = jnp.sum(linear * target_centroid[..., None, :], axis=-1)
    shift = source_centroid - moved
    transforms = jnp.concatenate([linear, shift[..., None]], axis=-1)
    none = jnp.broadcast_to(NO_TRANSFORM, transforms.shape)
    return jnp.where(exists[..., None, None], transforms, none), exists
