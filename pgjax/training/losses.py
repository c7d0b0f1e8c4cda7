"""The two tables of losses. Losses know scenes and logits, never networks.

A term is `f(scene, image, features, **options)` -> scalar; images are (B, H, W, 3) in [-1, 1]. The image
of a generator that makes something else is what it makes.
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
from pgjax.images import similarity
from pgjax.pose import coordinates
from pgjax.pose.scene import Scene
from pgjax.runtime.devices import DEVICES

PIXELS = "none"  # as the reference calls "no layer"

Features = Callable[[jax.Array, str], jax.Array]


def distance(a: jax.Array, b: jax.Array) -> jax.Array:
    """|a - b|, of arrays of one shape, with slope 0 where they are equal (docs/reference_facts.md, 7.6)."""
    difference = a - b
    return difference * jnp.sign(difference)  # jnp.abs has slope 1 there


def l1(scene: Scene, image: jax.Array, features: Features | None) -> jax.Array:
    """Mean absolute difference to the target."""
    del features
    return jnp.mean(distance(image, scene.target_image))


def mask_l1(scene: Scene, image: jax.Array, features: Features | None) -> jax.Array:
    """PG2's pose mask loss: mean of |image - target| * (1 + M).

    Ma 2017, eq. 1; docs/reference_facts.md, 2.4.
    """
    del features
    weight = 1.0 + scene.pose_mask[..., None]
    return jnp.mean(distance(image, scene.target_image) * weight)


def _compared(scene: Scene, image: jax.Array, features: Features | None, layer: str):
    """(image, target) as the layer sees them; gradients flow to the image alone."""
    target = scene.target_image
    if layer != PIXELS:
        assert features is not None  # a recipe with such a layer has them
        image, target = features(image, layer), features(target, layer)
    return image, jax.lax.stop_gradient(target)


def feature_l1(
    scene: Scene, image: jax.Array, features: Features | None, layer: str = "block2_conv1"
) -> jax.Array:
    """Mean absolute difference of activations (Siarohin 2018, "PercLoss"; docs/reference_facts.md, 1.3)."""
    image, target = _compared(scene, image, features, layer)
    return jnp.mean(distance(image, target))


def nearest(
    scene: Scene,
    image: jax.Array,
    features: Features | None,
    layer: str = "block1_conv2",
    window: int = 3,
) -> jax.Array:
    """Distance to the most similar place near by in the target (Siarohin 2018, eq. 9).

    Sum over channels, smallest over the `window` x `window` places, mean over pixels and images
    (docs/reference_facts.md, 1.3).

    Raises:
      InputError: the window is not a positive odd number.
    """
    if window < 1 or window % 2 == 0:
        raise InputError(f"nearest: window must be a positive odd number, not {window}")
    image, target = _compared(scene, image, features, layer)
    return jnp.mean(similarity.nearest_neighbour_map(image, target, window))


def tv(scene: Scene, image: jax.Array, features: Features | None) -> jax.Array:
    """Total variation: sum of (dx^2 + dy^2)^1.25 over all but the last row and column.

    Mean over images, where the reference (docs/reference_facts.md, 1.3) sums them: else it would
    depend on the number of devices.
    """
    del scene, features
    here = image[:, :-1, :-1]
    squares = jnp.square(image[:, 1:, :-1] - here) + jnp.square(image[:, :-1, 1:] - here)
    return jnp.sum(squares**1.25) / image.shape[0]


def _in_unit(images: jax.Array) -> jax.Array:
    """[-1, 1] -> [0, 1]."""
    return (images + 1) / 2


def ssim(scene: Scene, image: jax.Array, features: Features | None) -> jax.Array:
    """1 - SSIM of the images mapped to [0, 1], data_range 1, Gaussian window (Lakhal 2018, stage II).

    Raises:
      ValueError: the images are smaller than the window of 11 pixels.
    """
    del features
    target = _in_unit(scene.target_image)
    return 1 - jnp.mean(similarity.ssim(_in_unit(image), target, data_range=1.0))


def mask_ssim(scene: Scene, image: jax.Array, features: Features | None) -> jax.Array:
    """1 - SSIM of both images times 1 + M (Lakhal 2018, stage II's masked SSIM); raises like `ssim`.

    Images are mapped to [0, 1] first: black then stays black under any weight. Weighted ones lie in
    [0, 2], hence data_range 2.
    """
    del features
    weight = 1.0 + scene.pose_mask[..., None]
    image, target = (_in_unit(x) * weight for x in (image, scene.target_image))
    return 1 - jnp.mean(similarity.ssim(image, target, data_range=2.0))


def pose(scene: Scene, image: jax.Array, features: Features | None) -> jax.Array:
    """Mean squared error of a pose (B, 18, 3) to the target's, as coordinates.encode gives it.

    PDIG's pose auto-encoder; docs/reference_facts.md, 3.5.
    """
    del features
    size = scene.target_image.shape[1:3]
    target = coordinates.encode(scene.target_keypoints, scene.target_visible, size)
    return jnp.mean(jnp.square(image - target))


TERMS: dict[str, Callable[..., jax.Array]] = {
    "l1": l1,
    "mask_l1": mask_l1,
    "feature_l1": feature_l1,
    "nearest": nearest,
    "tv": tv,
    "ssim": ssim,
    "mask_ssim": mask_ssim,
    "pose": pose,
}
"""Image losses: `term(scene, image, features, **options)` -> the loss, a mean over images."""

OF_POSES = frozenset({"pose"})
"""Terms of a generator that makes something else than images (nets.NO_IMAGES)."""

OF_IMAGES = frozenset(TERMS) - OF_POSES
"""Terms of images alone; a user's own term may be of anything."""


class Adversarial(NamedTuple):
    """`critic(real, fake)` -> (loss on real, loss on fake); `generator(real, fake)` -> loss.

    Both take the same options; logits are arrays of any shape, images first. A generator's loss takes None
    for the real ones, unless it is in OVER_BATCH.
    """

    critic: Callable[..., tuple[jax.Array, jax.Array]]
    generator: Callable[..., jax.Array]


# Binary cross-entropy on logits, non-saturating for the generator (Ma 2017, eq. 2 and 3).
def _bce_critic(real, fake):
    # -log sigmoid(x) = softplus(-x), without the overflow of the exponential.
    return jnp.mean(jax.nn.softplus(-real)), jnp.mean(jax.nn.softplus(fake))


def _bce_generator(real, fake):
    del real
    return jnp.mean(jax.nn.softplus(-fake))


def _mean_hinge(margin):
    return jnp.mean(jax.nn.relu(1 - margin))


# Kurupathi 2020, eq. 2 and 3. His hinge on real images in eq. 2 does not depend on the generator. Not
# SAGAN's: the generator's is a hinge as well. His critic ends in a sigmoid (section 4.3): on
# probabilities no hinge is ever slack, and the losses are linear in them.
def _hinge_critic(real, fake, on_probability: bool = False):
    if on_probability:
        real, fake = jax.nn.sigmoid(real), jax.nn.sigmoid(fake)
    return _mean_hinge(real), _mean_hinge(-fake)


def _hinge_generator(real, fake, on_probability: bool = False):
    del real
    return _mean_hinge(jax.nn.sigmoid(fake) if on_probability else fake)


# Relativistic average hinge (Jolicoeur-Martineau 2018): how much more real an image is than the other
# side's mean, which is over all of the batch and, where a critic judges patches, over all patches.
def _relativistic_hinge_critic(real, fake):
    mean_real, mean_fake = jax.lax.pmean((jnp.mean(real), jnp.mean(fake)), DEVICES)
    return _mean_hinge(real - mean_fake), _mean_hinge(mean_real - fake)


def _relativistic_hinge_generator(real, fake):
    # The critic's with the sides exchanged. Real images count as well: they are judged against fakes.
    return sum(_relativistic_hinge_critic(fake, real))


# Mao 2017 (LSGAN), eq. 2 with the targets of eq. 9: real 1, fake 0, and 1 for the generator.
def _least_squares_critic(real, fake):
    return jnp.mean(jnp.square(real - 1)) / 2, jnp.mean(jnp.square(fake)) / 2


def _least_squares_generator(real, fake):
    del real
    return jnp.mean(jnp.square(fake - 1)) / 2


# Arjovsky 2017: the critic of a Wasserstein distance, whose weights the optimizer has to bound.
def _wgan_critic(real, fake):
    return -jnp.mean(real), jnp.mean(fake)


def _wgan_generator(real, fake):
    del real
    return -jnp.mean(fake)


ADVERSARIAL: dict[str, Adversarial] = {
    "bce": Adversarial(_bce_critic, _bce_generator),
    "hinge": Adversarial(_hinge_critic, _hinge_generator),
    "relativistic_hinge": Adversarial(_relativistic_hinge_critic, _relativistic_hinge_generator),
    "least_squares": Adversarial(_least_squares_critic, _least_squares_generator),
    "wgan": Adversarial(_wgan_critic, _wgan_generator),
}
"""By the names that configs use; relativistic_hinge is applied under the axis `devices.DEVICES`."""

OVER_BATCH = {"relativistic_hinge"}
"""Those that set images against each other: the whole batch cannot go through in parts, and a generator's
loss reads the real images' logits, which all others ignore."""
