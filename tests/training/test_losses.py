import jax
import jax.numpy as jnp
import numpy as np
import pytest
from skimage.metrics import structural_similarity

from pgjax import frozen
from pgjax.errors import InputError
from pgjax.pose import coordinates
from pgjax.pose.scene import Scene
from pgjax.training import losses


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


@pytest.mark.parametrize("term", losses.TERMS)
def test_an_image_that_is_the_target_is_not_moved(photos, term):
    """TensorFlow's and PyTorch's |x| has slope 0 at 0; jnp.abs has 1 (docs/reference_facts.md, 7.6)."""
    _, target, mask = photos
    target = np.round(target * 4) / 4  # features of it are exact
    keypoints, visible = jnp.full((3, 18, 2), 4.0), jnp.ones((3, 18), bool)
    scene = _scene(target, mask)._replace(target_keypoints=keypoints, target_visible=visible)
    others = {
        "tv": np.full_like(target, 0.5),
        "pose": jax.jit(coordinates.encode, static_argnums=2)(keypoints, visible, (24, 16)),
    }
    image = others.get(term, target)

    def mixed(images, layer):
        return 2 * images

    gradient = jax.jit(jax.grad(losses.TERMS[term], 1), static_argnums=2)
    found = np.asarray(gradient(scene, image, mixed))
    if term in ("ssim", "mask_ssim"):  # smooth, and at its top: nothing but rounding
        np.testing.assert_allclose(found, 0, atol=1e-6)
    else:
        assert not found.any(), f"{term}: take losses.distance(a, b) for jnp.abs(a - b)"


@pytest.fixture(scope="module")
def photos():
    """Images (3, 24, 16, 3) in [-1, 1]: one near its target, one far, one without contrast."""
    rng = np.random.default_rng(4)
    target = rng.uniform(-1, 1, (3, 24, 16, 3))
    image = rng.uniform(-1, 1, target.shape)
    image[0] = (target[0] + 0.2 * image[0]).clip(-1, 1)
    target[2], image[2] = 0.9, -0.4
    mask = np.zeros((3, 24, 16))
    mask[:2, 3:20, 4:11] = 1
    return image.astype(np.float32), target.astype(np.float32), mask.astype(np.float32)


def _similarity(image, target, weight, data_range):
    """scikit-image's, in float64, of images mapped to [0, 1] and weighted; mean over the images."""
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    a, b = ((x.astype(float) + 1) / 2 * weight for x in (image, target))
    found = [
        structural_similarity(*pair, channel_axis=-1, data_range=data_range, **settings)
        for pair in zip(a, b, strict=True)
    ]
    return np.mean(found)


@pytest.mark.parametrize("term", ["ssim", "mask_ssim"])
def test_ssim_terms_are_scikit_images(photos, term):
    image, target, mask = photos
    weight, data_range = {
        "ssim": (1.0, 1.0),
        "mask_ssim": (1.0 + mask[..., None].astype(float), 2.0),
    }[term]
    value = jax.jit(jax.value_and_grad(losses.TERMS[term], 1), static_argnums=2)
    found, gradient = value(_scene(target, mask), image, None)
    expected = 1 - _similarity(image, target, weight, data_range)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    # The slope of scikit-image's number along the gradient.
    gradient = np.asarray(gradient, float)
    steepness = np.linalg.norm(gradient)
    step = 1e-4 * gradient / steepness
    ends = [_similarity(image + move, target, weight, data_range) for move in (step, -step)]
    np.testing.assert_allclose((ends[1] - ends[0]) / 2e-4, steepness, rtol=1e-4)
    same, flat = value(_scene(target, mask), target, None)
    np.testing.assert_allclose(same, 0, atol=1e-6)
    np.testing.assert_allclose(flat, 0, atol=1e-6)


def test_the_data_range_of_mask_ssim_is_2_whatever_the_mask(photos):
    image, target, mask = photos
    found = losses.mask_ssim(_scene(target, np.zeros_like(mask)), image, None)
    expected = 1 - _similarity(image, target, 1.0, 2.0)
    np.testing.assert_allclose(found, expected, atol=1e-6)
