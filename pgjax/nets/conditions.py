"""What networks have in common: their inputs and, of the deformable GAN's, the options of the warp."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from pgjax.errors import InputError
from pgjax.nets import layers
from pgjax.pose import warp
from pgjax.pose.scene import Scene

POSES = ("heatmaps", "sticks")
"""How a pose enters: 18 heat maps or a stick figure of 3 channels (docs/reference_facts.md, 1.5)."""


def source(scene: Scene, pose: str, with_pose: bool) -> jax.Array:
    """The source image, with its pose where wanted: (B, H, W, C). InputError: unknown pose."""
    layers.check_choice("pose", pose, POSES)
    poses = [getattr(scene, f"source_{pose}")] if with_pose else []
    return jnp.concatenate([scene.source_image, *poses], axis=-1)


def target(scene: Scene, pose: str, with_pose: bool, with_background: bool) -> list[jax.Array]:
    """The target's pose and background where wanted, (B, H, W, C) each. InputError: unknown pose."""
    layers.check_choice("pose", pose, POSES)
    wanted = {f"target_{pose}": with_pose, "background": with_background}
    return [getattr(scene, name) for name, told in wanted.items() if told]


def earlier(images: Mapping[str, jax.Array], prior: str) -> jax.Array:
    """The image of the earlier generator `prior`, as a constant. InputError: there is none."""
    if prior not in images:
        raise InputError(f"prior: no earlier generator {prior!r}, there are {list(images)}")
    return lax.stop_gradient(images[prior])


def field(scene: Scene, name: str) -> jax.Array:
    """An image-like field of the scene, (B, H, W, C). InputError: there is none of that name."""
    found: Any = getattr(scene, name, None)
    if getattr(found, "ndim", None) != 4:
        raise InputError(f"condition: {name!r} is not a field (B, H, W, C) of the scene")
    return found


def check_warp(sampling: str, aggregate: str, gradient: str) -> None:
    """Raises InputError where an option of warp.warp_parts has an unknown value."""
    layers.check_choice("sampling", sampling, warp.SAMPLING)
    layers.check_choice("aggregate", aggregate, warp.AGGREGATE)
    layers.check_choice("gradient", gradient, warp.GRADIENT)
