"""From two poses to the transforms between them (docs/reference_facts.md, 1.6)."""

import jax
import jax.numpy as jnp
import numpy as np

from pgjax.pose import geometry, skeleton


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

    four = jnp.broadcast_to(np.arange(7) < 4, (seen.shape[0], 9, 7))
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
