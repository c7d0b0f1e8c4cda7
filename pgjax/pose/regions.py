"""PDIG's seven body regions: their boxes around the joints, and crops of them (docs/reference_facts.md, 3.1).

Batched and safe inside jit; float32. What a missing joint's coordinates hold influences nothing.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pgjax.pose import geometry, skeleton

_ARM = ("shoulder", "elbow", "wrist")
_LEG = ("hip", "knee", "ankle")


def _both(*names: str) -> tuple[str, ...]:
    return tuple(f"{side}_{name}" for side in ("right", "left") for name in names)


REGIONS = {
    "head": ("nose", "neck", *_both("shoulder", "eye", "ear")),
    "torso": _both(*_ARM, "hip"),
    "legs": _both(*_LEG),
    "left_arm": tuple(f"left_{name}" for name in _ARM),
    "right_arm": tuple(f"right_{name}" for name in _ARM),
    "left_leg": tuple(f"left_{name}" for name in _LEG),
    "right_leg": tuple(f"right_{name}" for name in _LEG),
}
"""Joints by region, in the reference's order; the torso has the arms with it."""

_MEMBERS = np.array([[joint in names for joint in skeleton.JOINTS] for names in REGIONS.values()])
_NOWHERE = np.array([0, 0, 1, 1], np.float32)


class Margins(NamedTuple):
    """Pixels that a box is grown by on every side, where it holds one joint alone, and how far the
    nose is raised before."""

    several: int
    single: int
    nose: int = 0


class Rule(NamedTuple):
    """Margins in images of this height, where both lower legs show a joint, and where they do not."""

    height: int
    whole: Margins
    cut: Margins

    def margins(self, height: int) -> tuple[Margins, Margins]:
        """In proportion to an image's height, rounded half up."""

        def scaled(margins: Margins) -> Margins:
            return Margins(*(int(m * height / self.height + 0.5) for m in margins))

        return scaled(self.whole), scaled(self.cut)


RULES = {
    "market1501": Rule(128, Margins(6, 10), Margins(6, 10)),
    "deepfashion": Rule(256, Margins(10, 20, 10), Margins(20, 40, 25)),
}


def boxes(
    keypoints: jax.Array, visible: jax.Array, size: tuple[int, int], rule: str = "market1501"
) -> tuple[jax.Array, jax.Array]:
    """The extent of every region's joints with a margin, clipped to the image.

    Coordinates are truncated toward zero, as the reference does.

    Args:
      keypoints: (B, 18, 2), (y, x) in pixels.
      visible: (B, 18).
      size: (height, width).
      rule: key of RULES: how large the margins are.

    Returns:
      (B, 7, 4), whole numbers (y1, x1, y2, x2), the last row and column included, and (B, 7) bool:
      whether any joint of the region is visible. Where none is, the box is (0, 0, 1, 1).
    """
    points = jnp.trunc(geometry.known(keypoints, visible))
    legs = [visible[:, geometry.joints(f"{s}_knee", f"{s}_ankle")] for s in ("right", "left")]
    person = jnp.all(jnp.stack([jnp.any(leg, axis=1) for leg in legs]), axis=0)
    whole, cut = RULES[rule].margins(size[0])
    several, single, raised = (
        jnp.where(person, *pair).astype(jnp.float32) for pair in zip(whole, cut, strict=True)
    )
    nose = skeleton.INDEX["nose"]
    points = points.at[:, nose, 0].set(jnp.maximum(points[:, nose, 0] - raised, 0.0))

    members = visible[:, None] & _MEMBERS[None]
    count = jnp.sum(members, axis=2)
    margin = jnp.where(count == 1, single[:, None], several[:, None])[..., None]
    here, there = members[..., None], points[:, None]
    low = jnp.min(jnp.where(here, there, jnp.inf), axis=2) - margin
    high = jnp.max(jnp.where(here, there, -jnp.inf), axis=2) + margin
    last = (np.array(size, np.float32) - 1)[None, None]
    found = jnp.concatenate([low.clip(0, last), high.clip(0, last)], axis=-1)
    seen = count > 0
    return jnp.where(seen[..., None], found, _NOWHERE[None, None]), seen


def crops(features: jax.Array, boxes: jax.Array, side: int) -> jax.Array:
    """Every box of every image, resized to a square; bilinear.

    Sample i of a box from y1 to y2 lies at row (y1 + i (y2 - y1) / (side - 1)) (H - 1) / H, columns
    likewise: the reference divides boxes by the size and multiplies by the last index.

    Args:
      features: (B, H, W, C), as large as the image.
      boxes: (B, R, 4) within the image.
      side: of the crops, pixels, at least 2.

    Returns:
      (B, R, side, side, C), differentiable in the features alone.
    """
    boxes = jax.lax.stop_gradient(boxes)

    def weights(axis: int) -> jax.Array:
        """(B, R, side, length): of every pixel along the axis in every sample."""
        length = features.shape[1 + axis]
        first, last = (boxes[..., i] / length * (length - 1) for i in (axis, axis + 2))
        step = (last - first) / (side - 1)
        samples = jnp.arange(side, dtype=jnp.float32)[None, None]
        pixels = jnp.arange(length, dtype=jnp.float32)[None, None, None]
        places = first[..., None] + step[..., None] * samples
        return jax.nn.relu(1 - jnp.abs(places[..., None] - pixels)).astype(features.dtype)

    # Products, since the adjoint of a gather is a scatter. No rounding to TF32: it would blur.
    exact = jax.lax.Precision.HIGHEST
    rows = jnp.einsum("brih,bhwc->briwc", weights(0), features, precision=exact)
    return jnp.einsum("brjw,briwc->brijc", weights(1), rows, precision=exact)
