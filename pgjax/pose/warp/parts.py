"""Moving features by several transforms at once, and both gradients of it (docs/reference_facts.md, 1.6)."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pgjax.pose import geometry

SAMPLING = ("nearest", "bilinear")
AGGREGATE = ("max", "mean")
GRADIENT = ("exact", "reference")


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

    The gradient reaches `features` alone. "exact" is the adjoint; of equal values, parts share it
    (nearest) or the first takes it (bilinear). "reference" moves the gradient of the pixels that a
    part has won by the inverse transform, as TensorFlow 1 did for the published models.

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
    transforms, exists, masks = (
        jnp.moveaxis(array, 1, 0)
        for array in (transforms, exists, masks.reshape(count, parts, height * width))
    )
    looks = _taps(transforms, exists[..., None] & masks, (height, width), sampling)
    back = None
    if gradient == "reference":
        inverse, invertible = _inverse(transforms, exists)
        back = _taps(inverse, invertible[..., None], (height, width), sampling)
    plan = jax.lax.stop_gradient(_Plan(looks, back, masks[..., None]))
    return _warp(features, plan, sampling, aggregate)


class _Taps(NamedTuple):
    """Which T pixels each pixel looks at, and with which weight: (P, T, B, h * w) each."""

    index: jax.Array
    weight: jax.Array


class _Plan(NamedTuple):
    """What to do for each of P parts; made once, so that both passes agree to the last bit.

    looks: the pixels to read where the part's mask is; back: those of the gradient for the
    reference's, None for the exact one; masks (P, B, h * w, 1) bool.
    """

    looks: _Taps
    back: _Taps | None
    masks: jax.Array


def _taps(transforms: jax.Array, allowed: jax.Array, size: tuple[int, int], sampling: str) -> _Taps:
    """Of transforms (P, B, 2, 3), where allowed (P, B, h * w or 1)."""
    height, width = size
    rows, columns = np.mgrid[:height, :width].astype(np.float32).reshape(2, 1, 1, -1)
    a, b, c = (transforms[..., i, None] for i in range(3))
    # Written out: a product on the matrix unit may be rounded to bfloat16 or TF32.
    x, y = (a[:, :, i] * columns + b[:, :, i] * rows + c[:, :, i] for i in range(2))
    # Nothing beyond FAR fits an index.
    x, y = x.clip(-geometry.FAR, geometry.FAR), y.clip(-geometry.FAR, geometry.FAR)

    def tap(row: jax.Array, column: jax.Array, weight: jax.Array | float) -> _Taps:
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width) & allowed
        index = jnp.where(inside, row * width + column, 0).astype(jnp.int32)
        return _Taps(index, jnp.where(inside, weight, 0.0))

    if sampling == "nearest":
        taps = [tap(_round(y), _round(x), 1.0)]
    else:
        top, left = jnp.floor(y), jnp.floor(x)
        down, right = y - top, x - left
        taps = [
            tap(top + i, left + j, (down if i else 1 - down) * (right if j else 1 - right))
            for i in (0, 1)
            for j in (0, 1)
        ]
    return jax.tree.map(lambda *arrays: jnp.stack(arrays, axis=1), *taps)


def _round(values: jax.Array) -> jax.Array:
    return jnp.sign(values) * jnp.floor(jnp.abs(values) + 0.5)


def _gather(flat: jax.Array, taps: _Taps) -> jax.Array:
    """Weighted sum of one part's taps, (T, B, h * w): (B, h * w, C)."""
    total: Any = 0.0
    for index, weight in zip(*taps, strict=True):
        found = jax.vmap(lambda values, index: values[index])(flat, index)
        total = total + found * weight[..., None].astype(flat.dtype)
    return total


def _scatter(total: jax.Array, flat: jax.Array, taps: _Taps) -> jax.Array:
    """Adds the adjoint of _gather to a total: (B, h * w, C)."""

    def add(total: jax.Array, index: jax.Array, added: jax.Array) -> jax.Array:
        return total.at[index].add(added)

    for index, weight in zip(*taps, strict=True):
        total = jax.vmap(add)(total, index, flat * weight[..., None].astype(flat.dtype))
    return total


def _inverse(transforms: jax.Array, exists: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Inverses of (P, B, 2, 3), and which have one."""
    a, b, c, d = (transforms[..., i, j] for i in (0, 1) for j in (0, 1))
    determinant = a * d - b * c
    exists = exists & (jnp.abs(determinant) > 1e-12)
    adjugate = jnp.stack([d, -b, -c, a], axis=-1).reshape(*exists.shape, 2, 2)
    linear = adjugate / jnp.where(exists, determinant, 1.0)[..., None, None]
    shift = -jnp.sum(linear * transforms[..., None, :, 2], axis=-1)
    return jnp.concatenate([linear, shift[..., None]], axis=-1), exists


def _covering(plan: _Plan, dtype) -> jax.Array:
    """How many masks cover a pixel, at least 1: (B, h * w, 1)."""
    return jnp.maximum(jnp.sum(plan.masks, axis=0), 1).astype(dtype)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _warp(features, plan, sampling, aggregate):
    # One carried array, used once a turn: XLA then fuses each turn into one loop without a
    # temporary. Carrying the winner's number beside it takes four times as long.
    flat = features.reshape(features.shape[0], -1, features.shape[3])

    def one(total, looks: _Taps):
        moved = _gather(flat, looks)
        return (jnp.maximum(total, moved) if aggregate == "max" else total + moved), None

    start = jnp.full_like(flat, -jnp.inf if aggregate == "max" else 0)
    total, _ = jax.lax.scan(one, start, plan.looks)
    if aggregate == "mean":
        total = total / _covering(plan, total.dtype)
    return total.reshape(features.shape)


def _warp_forward(features, plan, sampling, aggregate):
    result = _warp(features, plan, sampling, aggregate)
    return result, (features, result, plan)


def _winner(flat: jax.Array, plan: _Plan) -> jax.Array:
    """The number of the first part that holds the maximum: (B, h * w, C) int8."""

    def one(carry, looks: _Taps):
        total, winner, number = carry
        moved = _gather(flat, looks)
        winner = jnp.where(moved > total, number, winner)
        return (jnp.maximum(total, moved), winner, number + 1), None

    start = (jnp.full_like(flat, -jnp.inf), jnp.zeros(flat.shape, jnp.int8), jnp.int8(0))
    (_, winner, _), _ = jax.lax.scan(one, start, plan.looks)
    return winner


def _warp_backward(sampling, aggregate, kept, cotangent):
    """Finds the winners again, so that nothing as large as the features is kept for each part."""
    features, result, plan = kept
    flat, result, cotangent = (
        array.reshape(features.shape[0], -1, features.shape[3])
        for array in (features, result, cotangent)
    )
    if aggregate == "mean":
        cotangent = cotangent / _covering(plan, cotangent.dtype)
    elif sampling == "nearest":
        # Copies compare exactly, so that the winners show in the result, which is faster. Equal
        # values share, as in TensorFlow.
        def tally(total, looks: _Taps):
            return total + (_gather(flat, looks) == result).astype(jnp.int8), None

        winners, _ = jax.lax.scan(tally, jnp.zeros(flat.shape, jnp.int8), plan.looks)
        cotangent = cotangent / jnp.maximum(winners, 1).astype(cotangent.dtype)
    else:
        winner = _winner(flat, plan)

    def one(carry, part: _Plan):
        total, number = carry
        share = part.masks
        if aggregate == "max" and sampling == "nearest":
            share = share & (_gather(flat, part.looks) == result)
        elif aggregate == "max":
            share = share & (winner == number)
        share = jnp.where(share, cotangent, 0).astype(jnp.float32)
        if part.back is None:
            return (_scatter(total, share, part.looks), number + 1), None
        return (total + _gather(share, part.back), number + 1), None

    start = (jnp.zeros(flat.shape, jnp.float32), jnp.int8(0))
    (total, _), _ = jax.lax.scan(one, start, plan)
    return total.astype(features.dtype).reshape(features.shape), None


_warp.defvjp(_warp_forward, _warp_backward)
