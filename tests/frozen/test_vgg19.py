"""Features against SciPy in float64."""

import jax
import numpy as np
import pytest
from scipy.signal import correlate

from pgjax import frozen
from pgjax.errors import InputError
from pgjax.frozen import vgg19

LAYERS = frozen.LAYERS["vgg19"]
MEANS = tuple(vgg19.MEANS)


@pytest.fixture(scope="module")
def images():
    # Odd sizes, so that pooling leaves rows and columns out; the right half is black.
    images = np.random.default_rng(0).uniform(-1, 1, (2, 13, 11, 3)).astype(np.float32)
    images[:, :, 6:] = -1.0
    return images


@pytest.fixture(scope="module")
def params():
    random = np.random.default_rng(1)
    shapes = frozen.shapes("vgg19").items()
    layers = [(layer, (parts["kernel"], parts["bias"])) for layer, parts in shapes]
    return {
        layer: {
            "kernel": random.normal(0, (2 / 9 / kernel.shape[2]) ** 0.5, kernel.shape).astype("f4"),
            "bias": random.normal(0, 1, bias.shape).astype("f4"),
        }
        for layer, (kernel, bias) in layers
    }


@jax.jit
def _all_features(params, images):
    return {
        means: [frozen.extract("vgg19", params, images, layer, means) for layer in LAYERS]
        for means in MEANS
    }


def _preprocessed(images, means):
    pixels = (images.astype(np.float64) + 1) * 127.5
    listed = np.array([103.939, 116.779, 123.68])
    if means == "swapped":
        return (pixels - listed)[..., ::-1]
    return pixels[..., ::-1] - listed


def _expected(params, images, means):
    """Activations of all layers in order, image by image and channel by channel."""
    x, found = _preprocessed(images, means), []
    for layer in LAYERS:
        if layer in ("block2_conv1", "block3_conv1"):
            h, w = x.shape[1] // 2 * 2, x.shape[2] // 2 * 2
            corners = [x[:, i:h:2, j:w:2] for i in (0, 1) for j in (0, 1)]
            x = np.max(corners, axis=0)
        kernel, bias = (params[layer][part].astype(np.float64) for part in ("kernel", "bias"))
        framed = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        maps = [
            [
                correlate(image, kernel[..., c], "valid", "direct")[..., 0] + bias[c]
                for image in framed
            ]
            for c in range(len(bias))
        ]
        x = np.maximum(np.moveaxis(maps, 0, -1), 0)
        found.append(x)
    return found


def _check(params, images):
    found = _all_features(params, images)
    for means in MEANS:
        expected = _expected(params, images, means)
        for layer, ours, theirs in zip(LAYERS, found[means], expected, strict=True):
            scale = theirs.max()
            assert scale > 0
            np.testing.assert_allclose(
                ours / scale, theirs / scale, rtol=0, atol=2e-6, err_msg=f"{layer}, {means}"
            )


def test_random_weights(params, images):
    _check(params, images)


def test_the_published_weights(shared, images):
    _check(frozen.load("vgg19", shared / "weights"), images)


def test_means_are_subtracted_from_the_channels_that_they_belong_to():
    red = np.array([1.0, -1.0, -1.0], np.float32).reshape(1, 1, 1, 3)
    proper = [-103.939, -116.779, 255 - 123.68]
    swapped = [-123.68, -116.779, 255 - 103.939]
    np.testing.assert_allclose(vgg19.preprocess(red, "proper")[0, 0, 0], proper, rtol=1e-6)
    np.testing.assert_allclose(vgg19.preprocess(red, "swapped")[0, 0, 0], swapped, rtol=1e-6)


def test_shapes_are_kerases():
    shapes = frozen.shapes("vgg19")
    assert tuple(shapes) == LAYERS
    assert shapes["block1_conv1"]["kernel"].shape == (3, 3, 3, 64)
    assert shapes["block3_conv4"]["kernel"].shape == (3, 3, 256, 256)


def test_features_are_what_extract_gives(params, images):
    features = frozen.Features("vgg19", params, means="swapped")
    expected = frozen.extract("vgg19", params, images, "block1_conv1", "swapped")
    np.testing.assert_array_equal(features(images, "block1_conv1"), expected)


@pytest.mark.parametrize(
    ("name", "layer", "means", "named"),
    [
        ("vgg16", "block1_conv1", "proper", ("vgg16", "vgg19")),
        ("vgg19", "block4_conv1", "proper", ("block4_conv1", "block3_conv4")),
        ("vgg19", "none", "proper", ("none", "block1_conv1")),
        ("vgg19", "block1_conv1", "rgb", ("rgb", "proper", "swapped")),
    ],
)
def test_unknown_names_are_named(params, images, name, layer, means, named):
    with pytest.raises(InputError) as told:
        frozen.extract(name, params, images, layer, means)
    assert all(word in str(told.value) for word in named)


def test_random_weights_keep_the_scale_of_activations():
    params = frozen.random("vgg19")
    images = np.random.default_rng(1).uniform(-1, 1, (1, 16, 16, 3)).astype(np.float32)
    first, last = (
        np.asarray(frozen.extract("vgg19", params, images, layer))
        for layer in ("block1_conv1", "block3_conv4")
    )
    assert 0.2 < last.std() / first.std() < 5
    np.testing.assert_array_equal(
        params["block1_conv1"]["kernel"], frozen.random("vgg19")["block1_conv1"]["kernel"]
    )
