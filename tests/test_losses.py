import jax.numpy as jnp
import numpy as np
import pytest

from pgjax import losses
from pgjax.scene import Scene


def _scene(target, mask):
    fields = dict.fromkeys(Scene._fields)
    return Scene(**fields | {"target_image": jnp.asarray(target), "pose_mask": jnp.asarray(mask)})


@pytest.fixture(scope="module")
def pair():
    rng = np.random.default_rng(0)
    image, target = rng.uniform(-1, 1, (2, 2, 6, 4, 3)).astype(np.float32)
    return image, target, (rng.random((2, 6, 4)) < 0.5).astype(np.float32)


def test_l1(pair):
    image, target, mask = pair
    expected = np.abs(image.astype(float) - target).mean()
    np.testing.assert_allclose(losses.l1(_scene(target, mask), image), expected, rtol=1e-6)


def test_mask_l1_is_the_released_codes_sum_of_two_means(pair):
    image, target, mask = pair
    difference = np.abs(image.astype(float) - target)
    expected = difference.mean() + (difference * mask[..., None]).mean()
    np.testing.assert_allclose(losses.mask_l1(_scene(target, mask), image), expected, rtol=1e-6)


def test_bce_is_the_cross_entropy_of_the_sigmoid():
    real, fake = np.array([2.0, -1.0, 0.5], np.float32), np.array([-3.0, 0.0, 1.5], np.float32)

    def probability(x):
        return 1 / (1 + np.exp(-x.astype(float)))

    on_real, on_fake = losses.ADVERSARIAL["bce"].critic(real, fake)
    np.testing.assert_allclose(on_real, -np.log(probability(real)).mean(), rtol=1e-6)
    np.testing.assert_allclose(on_fake, -np.log(1 - probability(fake)).mean(), rtol=1e-6)
    generator = losses.ADVERSARIAL["bce"].generator(real, fake)
    np.testing.assert_allclose(generator, -np.log(probability(fake)).mean(), rtol=1e-6)


def test_bce_is_finite_where_the_sigmoid_saturates():
    far = np.array([200.0, -200.0], np.float32)
    assert np.isfinite(losses.ADVERSARIAL["bce"].critic(far, far)).all()
