import jax
import jax.numpy as jnp
import numpy as np
import pytest
from skimage.metrics import structural_similarity

from pgjax import similarity

SETTINGS = {
    "gaussian": {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False},
    "uniform": {},
}
windows = pytest.mark.parametrize("window", SETTINGS)


def smooth(random, shape):
    """Images with flat parts, slopes and edges, as photos have them."""
    coarse = random.integers(0, 256, (shape[0], shape[1] // 8, shape[2] // 8, 3))
    image = coarse.repeat(8, axis=1).repeat(8, axis=2).astype(np.float64)
    image[:, :, shape[2] // 2 :] += np.linspace(0, 40, shape[1])[None, :, None, None]
    return image.clip(0, 255).astype(np.uint8)


def pairs():
    """Pairs of uint8 images (2, 48, 32, 3) that are hard in different ways."""
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (2, 48, 32, 3), np.uint8)
    photo = smooth(random, noise.shape)
    noisy = (photo.astype(int) + random.integers(-2, 3, photo.shape)).clip(0, 255).astype(np.uint8)
    mask = np.zeros_like(photo)
    mask[:, 5:40, 9:25] = 1
    flat = np.full_like(photo, 200)
    speck = flat + (random.random(photo.shape) < 0.002)
    return {
        "noise": (noise, random.integers(0, 256, noise.shape, np.uint8)),
        "near": (photo, noisy),
        "far": (photo, smooth(random, noise.shape)),
        "masked": (photo * mask, smooth(random, noise.shape) * mask),
        "dark": (noise // 100, photo // 120),
        "bright": (250 + noise // 52, 248 + photo // 40),
        "flat": (speck.astype(np.uint8), flat),
    }


PAIRS = pairs()


def expected_ssim(a, b, data_ranges, window):
    a, b = a.astype(np.float64), b.astype(np.float64)
    return [
        structural_similarity(*images, channel_axis=-1, data_range=limit, **SETTINGS[window])
        for *images, limit in zip(a, b, data_ranges, strict=True)
    ]


@windows
@pytest.mark.parametrize("kind", PAIRS)
def test_ssim_equals_scikit_image(window, kind):
    a, b = PAIRS[kind]
    spread = a.max(axis=(1, 2, 3)).astype(np.float32) - a.min(axis=(1, 2, 3))
    settings = np.stack([np.full(2, 255, np.float32), spread])
    found = similarity.ssim(a, b, settings, window)
    assert found.dtype == jnp.float32
    for row, setting in zip(found, settings, strict=True):
        np.testing.assert_allclose(row, expected_ssim(a, b, setting, window), atol=1e-6)


@windows
def test_data_range_is_a_number_or_one_for_each_image(window):
    a, b = PAIRS["far"]
    settings = np.array([255.0, 100.0], np.float32)
    found = similarity.ssim(a, b, settings, window)
    np.testing.assert_allclose(found, expected_ssim(a, b, settings, window), atol=1e-6)
    np.testing.assert_allclose(similarity.ssim(a, b, 255.0, window)[0], found[0], atol=1e-7)


@windows
def test_units_cancel(window):
    a, b = (image / np.float32(127.5) - 1 for image in PAIRS["near"])
    found = similarity.ssim(a, b, 2.0, window)
    expected = expected_ssim(a, b, (2.0, 2.0), window)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_size_of_the_window():
    a, b = PAIRS["near"]
    found = similarity.ssim(a, b, 255.0, "uniform", 9)
    expected = structural_similarity(a[0], b[0], channel_axis=-1, data_range=255, win_size=9)
    np.testing.assert_allclose(found[0], expected, atol=1e-6)


@windows
def test_data_range_zero_is_the_limit(window):
    grey = np.full((1, 48, 32, 3), 90, np.uint8)
    photo = PAIRS["noise"][0][:1]
    assert similarity.ssim(grey, grey, 0.0, window)[0] == 1
    assert similarity.ssim(grey * 0, grey * 0, 0.0, window)[0] == 1
    assert similarity.ssim(grey, photo, 0.0, window)[0] == 0
    a, b = PAIRS["flat"]
    limit = similarity.ssim(a, b, 1e-4, window)
    np.testing.assert_allclose(similarity.ssim(a, b, 0.0, window), limit, atol=1e-4)


def test_identical_images_have_similarity_one():
    for a, _ in PAIRS.values():
        np.testing.assert_allclose(similarity.ssim(a, a, 255.0), 1.0, atol=1e-6)


def test_gradient_leads_to_the_target():
    a, b = (image.astype(np.float32) / 255 for image in PAIRS["far"])
    value = jax.jit(jax.value_and_grad(lambda image: similarity.ssim(image, b, 1.0).mean()))
    before, gradient = value(a)
    assert np.isfinite(gradient).all()
    after, _ = value(a + 1e-2 * np.sign(gradient))
    assert after > before + 0.01
    # At the maximum, and on constant images, nothing is NaN.
    assert np.isfinite(value(b)[1]).all()
    assert np.isfinite(value(np.zeros_like(a))[1]).all()


@pytest.mark.parametrize(
    ("shapes", "options", "message"),
    [
        (((1, 16, 16, 3), (1, 16, 16, 1)), {}, "ssim compares two"),
        (((16, 16, 3), (16, 16, 3)), {}, "ssim compares two"),
        (((1, 10, 16, 3), (1, 10, 16, 3)), {}, "10x16 is smaller than the 11-pixel window"),
        (((1, 16, 16, 3), (1, 16, 16, 3)), {"window": "box"}, "not 'box'"),
        (((1, 16, 16, 3), (1, 16, 16, 3)), {"size": 4}, "odd size"),
    ],
)
def test_bad_input_is_named(shapes, options, message):
    a, b = (np.zeros(shape, np.uint8) for shape in shapes)
    with pytest.raises(ValueError, match=message):
        similarity.ssim(a, b, 255.0, **options)
