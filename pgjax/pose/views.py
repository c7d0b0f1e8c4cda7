"""Views of a person: from the front, the side or the back, as numbers in the order of skeleton.VIEWS.

The rule by the shoulders agrees with 90.7 % of the names of DeepFashion's photos (docs/reference_facts.md,
8.2).
"""

from typing import Any

import jax
import jax.numpy as jnp

from pgjax.pose import geometry
from pgjax.pose.skeleton import UNKNOWN_VIEW, VIEWS

FRONT, BACK = 0.46, -0.28
"""Front from here on, and back below: torsos by which the left shoulder is to the right of the other."""


def by_shoulders(keypoints: jax.Array, visible: jax.Array) -> jax.Array:
    """The view that the shoulders tell; the side where a shoulder or a hip is missing.

    A person's left shoulder is on the right of a photo from the front.

    Args:
      keypoints: (B, 18, 2), (y, x) in pixels.
      visible: (B, 18).

    Returns:
      int32 (B,).
    """
    points = geometry.known(keypoints, visible)
    shoulders = geometry.joints("right_shoulder", "left_shoulder")
    hips = geometry.joints("right_hip", "left_hip")
    sides = jnp.sqrt(jnp.sum(jnp.square(points[:, hips] - points[:, shoulders]), axis=-1))
    right, left = points[:, shoulders, 1].T
    # Without a division: a torso of no length is seen from the side.
    apart, torso = left - right, jnp.mean(sides, axis=1)
    found = jnp.where(
        apart >= FRONT * torso,
        VIEWS.index("front"),
        jnp.where(apart < BACK * torso, VIEWS.index("back"), VIEWS.index("side")),
    )
    _, complete = geometry.torso(keypoints, visible)
    return jnp.where(complete & (torso > 0), found, VIEWS.index("side"))


def one_hot(keypoints: jax.Array, visible: jax.Array, told: Any = None) -> jax.Array:
    """The view of each person, float32 (B, 3): as it was told, else by the shoulders.

    Args:
      keypoints: as by_shoulders.
      visible: as by_shoulders.
      told: (B,), numbers of views or UNKNOWN_VIEW; None where nothing is told.
    """
    found = by_shoulders(keypoints, visible)
    if told is not None:
        told = told.astype(jnp.int32)
        found = jnp.where(told == UNKNOWN_VIEW, found, told)
    return jax.nn.one_hot(found, len(VIEWS), dtype=jnp.float32)
