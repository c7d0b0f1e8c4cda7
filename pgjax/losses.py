"""The two tables of losses. Losses know scenes and logits, never networks.

A term is `f(scene, image, **options)` -> scalar. An adversarial loss is a pair of functions of the
critic's logits on real and on fake images; both always arrive, so that relativistic losses fit.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from pgjax.scene import Scene


def l1(scene: Scene, image: jax.Array) -> jax.Array:
    """Mean absolute difference to the target, images (B, H, W, 3) in [-1, 1]."""
    return jnp.mean(jnp.abs(image - scene.target_image))


def mask_l1(scene: Scene, image: jax.Array) -> jax.Array:
    """PG2's pose mask loss: mean of |image - target| * (1 + M) (Ma 2017, eq. 1; reference fact 2.4)."""
    weight = 1.0 + scene.pose_mask[..., None]
    return jnp.mean(jnp.abs(image - scene.target_image) * weight)


TERMS: dict[str, Callable[..., jax.Array]] = {"l1": l1, "mask_l1": mask_l1}


class Adversarial(NamedTuple):
    """`critic(real, fake)` -> (loss on real, loss on fake); `generator(real, fake)` -> loss."""

    critic: Callable[..., tuple[jax.Array, jax.Array]]
    generator: Callable[..., jax.Array]


def _bce_critic(real, fake):
    # -log sigmoid(x) = softplus(-x), without the overflow of the exponential.
    return jnp.mean(jax.nn.softplus(-real)), jnp.mean(jax.nn.softplus(fake))


def _bce_generator(real, fake):
    del real
    return jnp.mean(jax.nn.softplus(-fake))


# Binary cross-entropy on logits, non-saturating for the generator (Ma 2017, eq. 2 and 3).
ADVERSARIAL: dict[str, Adversarial] = {"bce": Adversarial(_bce_critic, _bce_generator)}
