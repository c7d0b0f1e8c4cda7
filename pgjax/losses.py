"""The two tables of losses. Losses know scenes and logits, never networks.

A term is `f(scene, image, features, **options)` -> scalar; images are (B, H, W, 3) in [-1, 1].
`features(images, layer)` -> (B, h, w, C) are a frozen network's activations; where a term's layer is
"none", it compares the pixels themselves and asks no network. An adversarial loss is a pair of
functions of the critic's logits on real and on fake images; both always arrive, so that relativistic
losses fit.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from pgjax.errors import InputError
from pgjax.scene import Scene
from pgjax.similarity import nearest_neighbour_map

PIXELS = "none"  # as the reference calls "no layer"

Features = Callable[[jax.Array, str], jax.Array]


def l1(scene: Scene, image: jax.Array, features: Features | None) -> jax.Array:
    """Mean absolute difference to the target."""
    del features
    return jnp.mean(jnp.abs(image - scene.target_image))


def mask_l1(scene: Scene, image: jax.Array, features: Features | None) -> jax.Array:
    """PG2's pose mask loss: mean of |image - target| * (1 + M) (Ma 2017, eq. 1; reference fact 2.4)."""
    del features
    weight = 1.0 + scene.pose_mask[..., None]
    return jnp.mean(jnp.abs(image - scene.target_image) * weight)


def _compared(scene: Scene, image: jax.Array, features: Features | None, layer: str):
    """(image, target) as the layer sees them; gradients flow to the image alone."""
    target = scene.target_image
    if layer != PIXELS:
        image, target = features(image, layer), features(target, layer)
    return image, jax.lax.stop_gradient(target)


def feature_l1(
    scene: Scene, image: jax.Array, features: Features | None, layer: str = "block2_conv1"
) -> jax.Array:
    """Mean absolute difference of the activations (Siarohin 2018, "PercLoss"; reference fact 1.3)."""
    image, target = _compared(scene, image, features, layer)
    return jnp.mean(jnp.abs(image - target))


def nearest(
    scene: Scene,
    image: jax.Array,
    features: Features | None,
    layer: str = "block1_conv2",
    window: int = 3,
) -> jax.Array:
    """Distance to the most similar place near by in the target (Siarohin 2018, eq. 9; fact 1.3).

    Sum over channels, smallest over the `window` x `window` places, mean over pixels and images.

    Raises:
      InputError: the window is not a positive odd number.
    """
    if window < 1 or window % 2 == 0:
        raise InputError(f"nearest: window must be a positive odd number, not {window}")
    image, target = _compared(scene, image, features, layer)
    return jnp.mean(nearest_neighbour_map(image, target, window))


def tv(scene: Scene, image: jax.Array, features: Features | None) -> jax.Array:
    """Total variation: sum of (dx^2 + dy^2)^1.25 over all but the last row and column (fact 1.3).

    Mean over images, where the reference sums them: else it would depend on the number of devices.
    """
    del scene, features
    here = image[:, :-1, :-1]
    squares = jnp.square(image[:, 1:, :-1] - here) + jnp.square(image[:, :-1, 1:] - here)
    return jnp.sum(squares**1.25) / image.shape[0]


TERMS: dict[str, Callable[..., jax.Array]] = {
    "l1": l1,
    "mask_l1": mask_l1,
    "feature_l1": feature_l1,
    "nearest": nearest,
    "tv": tv,
}


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
