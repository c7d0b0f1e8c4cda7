"""Deformable skip connections: features of the source moved, part by part, to the target's pose.

Transforms map target to source: (x, y, 1) of an output pixel to the (x, y) that it shows, in pixels
of the full image. Batched and safe inside jit. Siarohin 2018, section 3.2; reference fact 1.6.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pgjax import geometry, skeleton

SAMPLING = ("nearest", "bilinear")
AGGREGATE = ("max", "mean")
GRADIENT = ("exact", "reference")


def part_affines(
    source_keypoints: jax.Array,
    source_visible: jax.Array,
    target_keypoints: jax.Array,
    target_visible: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """The affine transforms of the ten body parts, in the order of skeleton.PARTS.

    The body follows both hips and shoulders; the head the joints of the head that both poses show,
    at least one, and the shoulders; a limb its quadrilateral. Where the source hides a limb, the
    same one of its other side stands in.

    Args:
      source_keypoints: (B, 18, 2), (y, x) in pixels.
      source_visible: (B, 18).
      target_keypoints: like source_keypoints.
      target_visible: (B, 18).

    Returns:
      (B, 10, 2, 3), target (x, y, 1) to source (x, y), and (B, 10) bool: False where there is
      nothing to follow, where one pose lacks a hip or a shoulder, and where the points lie on a
      line. The transform is then geometry.NO_TRANSFORM. Constant to differentiation.
    """
    source, target = (source_keypoints, source_visible), (target_keypoints, target_visible)
    torsos = geometry.torso(*source)[1] & geometry.torso(*target)[1]
    body = geometry.joints(*skeleton.PARTS["body"])
    shoulders = geometry.joints("right_shoulder", "left_shoulder")
    head = geometry.joints(*skeleton.PARTS["head"])
    seen = source_visible[:, head] & target_visible[:, head]
    seen = jnp.pad(seen, ((0, 0), (0, len(shoulders))), constant_values=True)

    limbs, seen_limbs = geometry.limbs(*target, "transform"), geometry.limbs(*source, "transform")
    opposite = np.array(geometry.OPPOSITE)
    own = seen_limbs.exists
    corners = seen_limbs.corners()
    corners = jnp.where(own[..., None, None], corners, corners[:, opposite])
    followed = limbs.exists & (own | own[:, opposite])

    def points(keypoints: jax.Array, visible: jax.Array, corners: jax.Array) -> jax.Array:
        """(B, 10, 7, 2): up to seven points a part."""
        found = geometry.known(keypoints, visible)[..., ::-1]
        rows = (found[:, None, body], found[:, None, np.concatenate([head, shoulders])], corners)
        return jnp.concatenate([_fill(row, 7) for row in rows], axis=1)

    four = jnp.broadcast_to(np.arange(7) < 4, (len(seen), 9, 7))
    used = jnp.concatenate([four[:, :1], seen[:, None], four[:, 1:]], axis=1)
    wanted = jnp.concatenate(
        [torsos[:, None], (torsos & jnp.any(seen[:, : len(head)], axis=1))[:, None], followed],
        axis=1,
    )
    return geometry.affine(points(*target, limbs.corners()), points(*source, corners), used, wanted)


def _fill(points: jax.Array, count: int) -> jax.Array:
    return jnp.pad(points, ((0, 0), (0, 0), (0, count - points.shape[2]), (0, 0)))


def body_affine(
    source_keypoints: jax.Array,
    source_visible: jax.Array,
    target_keypoints: jax.Array,
    target_visible: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """One transform of the whole person: both hips and shoulders, and the knees that both poses show.

    Args:
      source_keypoints: (B, 18, 2), (y, x) in pixels.
      source_visible: (B, 18).
      target_keypoints: like source_keypoints.
      target_visible: (B, 18).

    Returns:
      (B, 2, 3) and (B,), as part_affines.
    """
    source, target = (source_keypoints, source_visible), (target_keypoints, target_visible)
    chosen = geometry.joints(*skeleton.PARTS["body"], "right_knee", "left_knee")
    wanted = geometry.torso(*source)[1] & geometry.torso(*target)[1]
    return geometry.affine(
        geometry.known(*target)[:, chosen, ::-1],
        geometry.known(*source)[:, chosen, ::-1],
        source_visible[:, chosen] & target_visible[:, chosen],
        wanted,
    )


def warp_parts(
    features: jax.Array,
    transforms: jax.Array,
    exists: jax.Array,
    masks: jax.Array | None,
    size: tuple[int, int],
    sampling: str = "nearest",
    aggregate: str = "max",
    gradient: str = "exact",
) -> jax.Array:
    """Moves features by several transforms at once, each where its mask lets it.

    Features at 1/k of the image's resolution take a transform with its translations divided by k,
    k = size // feature size, and every k-th pixel of the masks. Outside of the source is 0, and so
    is a part without a transform. For "max" a part counts as 0 where its mask is 0, so that the
    result is negative only where all masks are 1. For "mean" only the parts whose mask covers the
    pixel count (also those without a transform, as in the reference); 0 where there is none.

    The gradient reaches `features` alone. "exact" is the adjoint; of equal values the first part's
    counts. "reference" moves the gradient of the pixels that a part has won by the inverse
    transform, as TensorFlow 1 did for the published models.

    Args:
      features: (B, h, w, C) of the source.
      transforms: (B, P, 2, 3), target (x, y, 1) to source (x, y) in pixels of the full image.
      exists: (B, P) bool.
      masks: (B, P, H, W), 0 or 1, of the target pose; None for ones.
      size: (H, W) of the full image.
      sampling: "nearest" (half is rounded away from zero) or "bilinear".
      aggregate: "max" or "mean" over the parts.
      gradient: "exact" or "reference".

    Returns:
      Like features.

    Raises:
      ValueError: an unknown option, or shapes that don't fit.
    """
    for value, allowed in ((sampling, SAMPLING), (aggregate, AGGREGATE), (gradient, GRADIENT)):
        if value not in allowed:
            raise ValueError(f"expected one of {', '.join(allowed)}, not {value!r}")
    count, height, width, _ = features.shape
    parts = transforms.shape[1]
    steps = (size[0] // height, size[1] // width)
    if min(steps) < 1:
        raise ValueError(f"features of {height}x{width} are larger than the image, {size}")
    if masks is None:
        masks = jnp.ones((count, parts, *size), bool)
    if transforms.shape != (count, parts, 2, 3) or masks.shape != (count, parts, *size):
        raise ValueError(
            f"{count} features, size {size}, transforms {transforms.shape} and masks {masks.shape} "
            "don't fit: expected (B, P, 2, 3) and (B, P, H, W)"
        )
    masks = masks[:, :, :: steps[0], :: steps[1]][:, :, :height, :width] > 0
    scale = np.array([steps[1], steps[0]], np.float32)  # of x, of y
    shift = transforms[..., 2] / scale[None, None]
    transforms = jnp.concatenate([transforms[..., :2], shift[..., None]], axis=-1)
    transforms = jnp.where(exists[..., None, None], transforms, 0.0)
    plan = _Plan(*(jnp.moveaxis(array, 1, 0) for array in (transforms, exists, masks)))
    return _warp(features, jax.lax.stop_gradient(plan), sampling, aggregate, gradient)


class _Plan(NamedTuple):
    """What to do for each part, parts first: transforms (P, B, 2, 3) in pixels of the features,

    exists (P, B), masks (P, B, h, w) bool."""

    transforms: jax.Array
    exists: jax.Array
    masks: jax.Array


def _taps(transforms: jax.Array, exists: jax.Array, size: tuple[int, int], sampling: str):
    """Which pixels a transform (B, 2, 3) looks at: [(flat index, weight), ...], each (B, h * w)."""
    height, width = size
    rows, columns = np.mgrid[:height, :width].astype(np.float32).reshape(2, 1, -1)
    a, b, c = (transforms[:, :, i, None] for i in range(3))
    # Written out: a product on the matrix unit may be rounded to bfloat16 or TF32.
    x, y = (a[:, i] * columns + b[:, i] * rows + c[:, i] for i in range(2))
    # Nothing beyond FAR fits an index.
    x, y = x.clip(-geometry.FAR, geometry.FAR), y.clip(-geometry.FAR, geometry.FAR)

    def tap(row: jax.Array, column: jax.Array, weight: jax.Array | float):
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width) & exists[:, None]
        index = jnp.where(inside, row * width + column, 0).astype(jnp.int32)
        return index, jnp.where(inside, weight, 0.0)

    if sampling == "nearest":
        return [tap(_round(y), _round(x), 1.0)]
    top, left = jnp.floor(y), jnp.floor(x)
    down, right = y - top, x - left
    return [
        tap(top + i, left + j, (down if i else 1 - down) * (right if j else 1 - right))
        for i in (0, 1)
        for j in (0, 1)
    ]


def _round(values: jax.Array) -> jax.Array:
    return jnp.sign(values) * jnp.floor(jnp.abs(values) + 0.5)


def _gather(flat: jax.Array, taps) -> jax.Array:
    """Weighted sum of the taps: (B, h * w, C)."""
    total = 0.0
    for index, weight in taps:
        found = jax.vmap(lambda values, index: values[index])(flat, index)
        total = total + found * weight[..., None].astype(flat.dtype)
    return total


def _scatter(total: jax.Array, flat: jax.Array, taps) -> jax.Array:
    """Adds the adjoint of _gather to a total: (B, h * w, C)."""
    for index, weight in taps:
        added = flat * weight[..., None].astype(flat.dtype)
        total = jax.vmap(lambda total, index, added: total.at[index].add(added))(
            total, index, added
        )
    return total


def _inverse(transforms: jax.Array, exists: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Inverses of (B, 2, 3), and which have one."""
    a, b, c, d = (transforms[:, i, j] for i in (0, 1) for j in (0, 1))
    determinant = a * d - b * c
    exists = exists & (jnp.abs(determinant) > 1e-12)
    adjugate = jnp.stack([d, -b, -c, a], axis=-1).reshape(-1, 2, 2)
    linear = adjugate / jnp.where(exists, determinant, 1.0)[:, None, None]
    shift = -jnp.sum(linear * transforms[:, None, :, 2], axis=-1)
    return jnp.concatenate([linear, shift[..., None]], axis=-1), exists


def _forward(features: jax.Array, plan: _Plan, sampling: str, aggregate: str):
    """The result, and which part it is from: (B, h * w, C) int8, or how many: (B, h * w, 1)."""
    count, height, width, channels = features.shape
    flat = features.reshape(count, height * width, channels)

    def one(carry, part: _Plan):
        total, best, number = carry
        covered = part.masks.reshape(count, -1, 1)
        moved = _gather(flat, _taps(part.transforms, part.exists, (height, width), sampling))
        moved = jnp.where(covered, moved, 0)
        if aggregate == "mean":
            return (total + moved, best + covered, number), None
        better = moved > total
        return (jnp.where(better, moved, total), jnp.where(better, number, best), number + 1), None

    if aggregate == "mean":
        start = (jnp.zeros_like(flat), jnp.zeros((count, height * width, 1), jnp.int8))
    else:
        start = (jnp.full_like(flat, -jnp.inf), jnp.zeros(flat.shape, jnp.int8))
    (total, best, _), _ = jax.lax.scan(one, (*start, jnp.int8(0)), plan)
    if aggregate == "mean":
        best = jnp.maximum(best, 1)
        total = total / best.astype(total.dtype)
    return total.reshape(features.shape), best


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def _warp(features, plan, sampling, aggregate, gradient):
    return _forward(features, plan, sampling, aggregate)[0]


def _warp_forward(features, plan, sampling, aggregate, gradient):
    result, best = _forward(features, plan, sampling, aggregate)
    return result, (plan, best)


def _warp_backward(sampling, aggregate, gradient, kept, cotangent):
    """Part by part, so that no more than one part's share is held; no features are needed."""
    plan, best = kept
    count, height, width, channels = cotangent.shape
    flat = cotangent.reshape(count, height * width, channels)
    if aggregate == "mean":
        flat = flat / best.astype(flat.dtype)

    def one(carry, part: _Plan):
        total, number = carry
        share = part.masks.reshape(count, -1, 1)
        if aggregate == "max":
            share = share & (best == number)
        share = jnp.where(share, flat, 0).astype(jnp.float32)
        if gradient == "exact":
            taps = _taps(part.transforms, part.exists, (height, width), sampling)
            return (_scatter(total, share, taps), number + 1), None
        inverse = _inverse(part.transforms, part.exists)
        taps = _taps(*inverse, (height, width), sampling)
        return (total + _gather(share, taps), number + 1), None

    start = jnp.zeros(flat.shape, jnp.float32)
    (total, _), _ = jax.lax.scan(one, (start, jnp.int8(0)), plan)
    return total.astype(cotangent.dtype).reshape(cotangent.shape), None


_warp.defvjp(_warp_forward, _warp_backward)
