import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pgjax import frozen, losses
from pgjax.errors import InputError
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
    np.testing.assert_allclose(losses.l1(_scene(target, mask), image, None), expected, rtol=1e-6)


def test_mask_l1_is_the_released_codes_sum_of_two_means(pair):
    image, target, mask = pair
    difference = np.abs(image.astype(float) - target)
    expected = difference.mean() + (difference * mask[..., None]).mean()
    np.testing.assert_allclose(
        losses.mask_l1(_scene(target, mask), image, None), expected, rtol=1e-6
    )


# Linear "networks" of two layers, so that NumPy can follow them.
MIXED = {name: np.random.default_rng(1).normal(size=(3, 5)) for name in ("low", "high")}


def _features(images, layer):
    return jnp.einsum("bhwc,cd->bhwd", images, MIXED[layer].astype(np.float32))


def _seen(image, layer):
    image = image.astype(float)
    return image if layer == "none" else image @ MIXED[layer]


def _nearest(image, target, window):
    reach = window // 2
    total = []
    for b, y, x in np.ndindex(image.shape[:3]):
        near = target[b, max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1]
        total.append(np.abs(near - image[b, y, x]).sum(axis=-1).min())
    return np.mean(total)


@pytest.mark.parametrize("layer", ["none", "low", "high"])
def test_feature_l1(pair, layer):
    image, target, mask = pair
    expected = np.abs(_seen(image, layer) - _seen(target, layer)).mean()
    found = losses.feature_l1(_scene(target, mask), image, _features, layer=layer)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("layer", ["none", "low"])
@pytest.mark.parametrize("window", [1, 3, 5])
def test_nearest_sums_channels_and_averages_places(pair, layer, window):
    image, target, mask = pair
    expected = _nearest(_seen(image, layer), _seen(target, layer), window)
    found = losses.nearest(_scene(target, mask), image, _features, layer=layer, window=window)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("window", [-1, 0, 2])
def test_nearest_names_a_wrong_window(pair, window):
    image, target, mask = pair
    with pytest.raises(InputError, match=f"window.*{window}"):
        losses.nearest(_scene(target, mask), image, _features, layer="none", window=window)


def test_terms_ask_for_the_layers_of_the_published_rows(pair):
    image, target, mask = pair
    asked = []

    def features(images, layer):
        asked.append(layer)
        return images

    losses.feature_l1(_scene(target, mask), image, features)
    losses.nearest(_scene(target, mask), image, features)
    assert asked == ["block2_conv1"] * 2 + ["block1_conv2"] * 2


@pytest.mark.parametrize("layer", ["none", "block1_conv1"])
@pytest.mark.parametrize("term", ["feature_l1", "nearest"])
def test_gradients_reach_the_image_and_not_the_target(pair, term, layer):
    image, target, mask = pair
    random = np.random.default_rng(2)
    params = {
        layer: {part: random.normal(size=x.shape).astype("f4") for part, x in parts.items()}
        for layer, parts in frozen.shapes("vgg19").items()
        if layer == "block1_conv1"
    }

    def loss(image, target):
        features = frozen.Features("vgg19", params)
        return losses.TERMS[term](_scene(target, mask), image, features, layer=layer)

    to_image, to_target = jax.jit(jax.grad(loss, (0, 1)))(image, target)
    assert (np.abs(to_image).max(axis=-1) > 0).all()
    assert not np.any(to_target)


def _tv(image):
    total = 0.0
    for b, y, x, c in np.ndindex(image.shape):
        if y + 1 < image.shape[1] and x + 1 < image.shape[2]:
            dy = image[b, y + 1, x, c] - image[b, y, x, c]
            dx = image[b, y, x + 1, c] - image[b, y, x, c]
            total += (dx**2 + dy**2) ** 1.25
    return total / len(image)


def test_total_variation_and_its_gradient(pair):
    image, target, mask = pair
    image = image.copy()
    image[:, :3] = 0.25  # flat: the root of zero
    found, gradient = jax.value_and_grad(losses.tv, 1)(_scene(target, mask), image, None)
    exact = image.astype(float)
    np.testing.assert_allclose(found, _tv(exact), rtol=1e-6)
    direction = np.random.default_rng(3).normal(size=image.shape)
    step = 1e-5 * direction
    slope = (_tv(exact + step) - _tv(exact - step)) / 2e-5
    np.testing.assert_allclose(np.sum(gradient * direction), slope, rtol=1e-4)
    assert not gradient[:, :2, :].any()


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
