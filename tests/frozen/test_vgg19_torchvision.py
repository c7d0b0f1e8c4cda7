"""torchvision's VGG-19 against NumPy in float64, in PyTorch's layout."""

import hashlib

import jax
import numpy as np
import pytest

import arrays
import torch_files
from pgjax import frozen
from pgjax.errors import InputError, NotMeasuredError
from pgjax.frozen import vgg19_torchvision

NAME = "vgg19_torchvision"
LAYERS = frozen.LAYERS[NAME]
# (number in torchvision's `features`, channels), as torchvision prints them; a 5th comes after a pooling.
CONVS = ((0, 64), (2, 64), (5, 128), (7, 128), (10, 256), (12, 256), (14, 256), (16, 256))


@pytest.fixture(scope="module")
def tensors():
    random, found, before = np.random.default_rng(0), {}, 3
    for number, channels in CONVS:
        std = (2 / (9 * before)) ** 0.5
        found[f"features.{number}.weight"] = random.normal(0, std, (channels, before, 3, 3))
        found[f"features.{number}.bias"] = random.normal(0, 0.1, channels)
        before = channels
    found["classifier.6.bias"] = np.zeros(1000)
    return {name: x.astype(np.float32) for name, x in found.items()}


def expected(tensors, image):
    """All layers' activations of one image (H, W, 3) in [-1, 1], each (h, w, C)."""
    x = (image.astype(np.float64) + 1) / 2
    x = (x - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    x = x.transpose(2, 0, 1)
    for number, _ in CONVS:
        if number in (5, 10):
            x = arrays.largest(x, 2, 2)
        x = arrays.convolve(x, tensors[f"features.{number}.weight"], padding=(1, 1))
        x = np.maximum(x + tensors[f"features.{number}.bias"].reshape(-1, 1, 1), 0)
        yield x.transpose(1, 2, 0)


@pytest.mark.parametrize("older", [False, True])
def test_the_file_of_a_user(tensors, older, tmp_path, monkeypatch):
    """What is read from it gives the activations of every layer, on odd sizes."""
    path = torch_files.save(tmp_path / vgg19_torchvision.FILE.name, tensors, older)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(vgg19_torchvision, "FILE", vgg19_torchvision.FILE._replace(sha256=digest))
    params = frozen.load(NAME, tmp_path)
    shapes = frozen.shapes(NAME)
    assert jax.tree.map(np.shape, params) == jax.tree.map(lambda x: x.shape, shapes)
    images = np.random.default_rng(1).uniform(-1, 1, (2, 13, 10, 3)).astype(np.float32)
    extract = jax.jit(lambda p, x: [frozen.extract(NAME, p, x, layer) for layer in LAYERS])
    for i, image in enumerate(images):
        for found, theirs in zip(extract(params, images), expected(tensors, image), strict=True):
            scale = theirs.max()
            assert scale > 0
            np.testing.assert_allclose(found[i] / scale, theirs / scale, rtol=0, atol=2e-6)


def test_another_file_or_none(tensors, tmp_path):
    with pytest.raises(NotMeasuredError, match=r"vgg19-dcbb9e9d\.pth"):
        frozen.load(NAME, tmp_path / "weights")
    torch_files.save(tmp_path / vgg19_torchvision.FILE.name, tensors)
    with pytest.raises(InputError, match=r"vgg19-dcbb9e9d\.pth: damaged or another file"):
        frozen.load(NAME, tmp_path)


def test_its_means_are_its_own():
    with pytest.raises(InputError, match="means: 'swapped' is not of this network"):
        frozen.extract(NAME, frozen.random(NAME), np.zeros((1, 8, 8, 3)), LAYERS[0], "swapped")


@pytest.mark.parametrize("name", frozen.NETS)
def test_features_are_divided_by_the_scale(name):
    params = frozen.random(name)
    images = np.random.default_rng(1).uniform(-1, 1, (1, 8, 8, 3)).astype(np.float32)
    whole = frozen.Features(name, params)(images, LAYERS[1])
    assert np.abs(whole).max() > 0
    part = frozen.Features(name, params, scale=57.6)(images, LAYERS[1])
    np.testing.assert_allclose(part, whole / 57.6, rtol=1e-6)
