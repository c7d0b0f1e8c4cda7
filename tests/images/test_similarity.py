import jax
import jax.numpy as jnp
import numpy as np
import pytest
from skimage.metrics import structural_similarity

import tiny
from pgjax.images import similarity

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


@pytest.mark.parametrize("size", [9, 21, 31])
def test_size_of_the_window(size):
    for a, b in (PAIRS["near"], PAIRS["bright"]):
        found = similarity.ssim(a, b, 255.0, "uniform", size)
        expected = structural_similarity(a[0], b[0], channel_axis=-1, data_range=255, win_size=size)
        np.testing.assert_allclose(found[0], expected, atol=1e-6)


def test_a_narrower_gaussian():
    a, b = PAIRS["near"]
    found = similarity.ssim(a, b, 255.0, "gaussian", 9, 1.2)
    settings = SETTINGS["gaussian"] | {"sigma": 1.2}
    expected = structural_similarity(a[0], b[0], channel_axis=-1, data_range=255, **settings)
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


nearest = jax.jit(similarity.nearest_neighbour_map, static_argnums=2)


@pytest.mark.parametrize("window", [1, 3, 5])
def test_nearest_neighbour_map_equals_golden(shared, window):
    with np.load(shared / "golden" / "nn_loss_dev.npz") as arrays:
        generated, reference = arrays[f"generated_{window}"], arrays[f"reference_{window}"]
        expected, slopes = arrays[f"nn_map_{window}"], arrays[f"nn_grad_mean_{window}"]
    np.testing.assert_allclose(nearest(generated, reference, window), expected, atol=1e-5)
    found = jax.grad(lambda x: nearest(x, reference, window).mean())(generated)
    np.testing.assert_allclose(found, slopes, atol=1e-6)


def plain_nearest(generated, reference, window):
    """As the reference words it: all shifted copies, left to automatic differentiation."""
    reach, (_, height, width, _) = window // 2, generated.shape
    around = ((0, 0), (reach, reach), (reach, reach), (0, 0))
    padded = jnp.pad(reference, around, constant_values=-1e4)
    shifted = [
        padded[:, i : i + height, j : j + width] for i in range(window) for j in range(window)
    ]
    return jnp.min(jnp.sum(jnp.abs(jnp.stack(shifted) - generated[None]), axis=-1), axis=0)


@pytest.mark.parametrize("window", [1, 3, 7])
def test_nearest_neighbour_map_equals_the_plain_one(window):
    random = np.random.default_rng(0)
    pair = random.normal(0, 1, (2, 2, 9, 6, 4)).astype(np.float32)
    weights = random.normal(0, 1, (2, 9, 6)).astype(np.float32)
    np.testing.assert_allclose(nearest(*pair, window), plain_nearest(*pair, window), atol=1e-5)
    found, expected = (
        jax.grad(lambda a, b, f=function: jnp.sum(weights * f(a, b, window)), argnums=(0, 1))(*pair)
        for function in (nearest, plain_nearest)
    )
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
        assert np.abs(other).max() > 0.5


def test_nearest_neighbour_map_forgives_a_shift():
    """But only within its window, and not at the border that the shift leaves."""
    image = np.random.default_rng(0).normal(0, 1, (1, 12, 12, 3)).astype(np.float32)
    moved = np.roll(image, (2, -1), axis=(1, 2))
    assert (nearest(moved, image, 5)[0, 2:, :-1] == 0).all()
    assert (nearest(moved, image, 3)[0, 2:, :-1] > 0).all()
    assert (nearest(moved, image, 5)[0, :2] > 0).all()


def test_nearest_neighbour_map_of_bfloat16_is_float32():
    random = np.random.default_rng(0)
    pair = jnp.asarray(random.normal(0, 1, (2, 1, 8, 8, 64)), jnp.bfloat16)
    expected = plain_nearest(*pair.astype(jnp.float32), 3)
    np.testing.assert_allclose(nearest(*pair, 3), expected, rtol=1e-6)
    slopes = jax.grad(lambda a: nearest(a, pair[1], 3).mean())(pair[0])
    assert slopes.dtype == jnp.bfloat16


def test_nearest_neighbour_map_tells_of_nan():
    pair = np.ones((2, 1, 8, 8, 3), np.float32)
    pair[0, 0, 4, 4] = np.nan
    assert np.isnan(nearest(*pair, 3)[0, 4, 4])


@pytest.mark.parametrize(("sides", "limit"), [((0,), 2.0), ((0, 1), 3.0)])
def test_nearest_neighbour_map_holds_no_copies(sides, limit):
    """Temporaries and results of both passes, in sizes of both inputs (which are not counted)."""
    shape = jax.ShapeDtypeStruct((1, 64, 64, 64), jnp.float32)

    def loss(a, b):
        return similarity.nearest_neighbour_map(a, b, 5).mean()

    memory = (
        jax.jit(jax.value_and_grad(loss, argnums=sides))
        .lower(shape, shape)
        .compile(tiny.USERS_FUSIONS)
        .memory_analysis()
    )
    held = memory.temp_size_in_bytes + memory.output_size_in_bytes
    assert held < limit * memory.argument_size_in_bytes


@pytest.mark.parametrize(
    ("shapes", "window", "message"),
    [
        (((1, 8, 8, 3), (1, 8, 8, 4)), 3, "compares two"),
        (((8, 8, 3), (8, 8, 3)), 3, "compares two"),
        (((1, 8, 8, 3), (1, 8, 8, 3)), 4, "odd size, not 4"),
        (((1, 8, 8, 3), (1, 8, 8, 3)), -1, "odd size, not -1"),
    ],
)
def test_nearest_neighbour_map_names_bad_input(shapes, window, message):
    a, b = (np.zeros(shape, np.float32) for shape in shapes)
    with pytest.raises(ValueError, match=message):
        similarity.nearest_neighbour_map(a, b, window)
