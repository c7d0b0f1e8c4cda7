"""LPIPS against NumPy in float64, with random weights, and with AlexNet's published ones.

Against the package lpips: benchmarks/networks_torch.py.
"""

import jax
import numpy as np
import pytest

import arrays
from pgjax.errors import InputError
from pgjax.frozen import lpips, lpips_weights

# (number in torchvision's `features`, channels), as torchvision prints them.
ALEX = ((0, 64), (3, 192), (6, 384), (8, 256), (10, 256))
VGG = (
    *((0, 64), (2, 64), (5, 128), (7, 128), (10, 256), (12, 256), (14, 256)),
    *((17, 512), (19, 512), (21, 512), (24, 512), (26, 512), (28, 512)),
)
JUDGED = {"alex": (0, 3, 6, 8, 10), "vgg": (2, 7, 14, 21, 28)}


def _tensors(net):
    random, found, before = np.random.default_rng(0), {}, 3
    for number, channels in {"alex": ALEX, "vgg": VGG}[net]:
        size = {0: 11, 3: 5}.get(number, 3) if net == "alex" else 3
        std = (2 / (size * size * before)) ** 0.5
        found[f"features.{number}.weight"] = random.normal(0, std, (channels, before, size, size))
        found[f"features.{number}.bias"] = random.normal(0, 0.1, channels)
        if number in JUDGED[net]:
            name = f"lin{JUDGED[net].index(number)}.model.1.weight"
            found[name] = random.uniform(0, 1, (1, channels, 1, 1))
        before = channels
    return {name: x.astype(np.float32) for name, x in found.items()}


def _activations(net, tensors, image):
    """Those that are judged, each (C, h, w)."""
    shift, scale = np.array([-0.030, -0.088, -0.188]), np.array([0.458, 0.448, 0.450])
    x = ((image - shift) / scale).transpose(2, 0, 1)
    for number in (n for n, _ in {"alex": ALEX, "vgg": VGG}[net]):
        if net == "alex" and number in (3, 6):
            x = arrays.largest(x, 3, 2)
        if net == "vgg" and number in (5, 10, 17, 24):
            x = arrays.largest(x, 2, 2)
        stride, padding = {0: (4, 2), 3: (1, 2)}.get(number, (1, 1)) if net == "alex" else (1, 1)
        x = arrays.convolve(x, tensors[f"features.{number}.weight"], stride, (padding, padding))
        x = np.maximum(x + tensors[f"features.{number}.bias"].reshape(-1, 1, 1), 0)
        if number in JUDGED[net]:
            yield x


def _expected(net, tensors, one, other):
    total = 0.0
    pairs = zip(*(_activations(net, tensors, x) for x in (one, other)), strict=True)
    for i, (a, b) in enumerate(pairs):
        a, b = (x / (np.sqrt((x**2).sum(axis=0)) + 1e-10) for x in (a, b))
        weights = tensors[f"lin{i}.model.1.weight"].reshape(-1, 1, 1).astype(np.float64)
        total += (weights * (a - b) ** 2).sum(axis=0).mean()
    return total


@pytest.mark.parametrize("net", lpips.NETS)
def test_random_weights(net):
    random = np.random.default_rng(1)
    size = (43, 37) if net == "alex" else (18, 21)
    one = random.uniform(-1, 1, (2, *size, 3))
    other = one + random.normal(0, 0.1, one.shape)
    tensors = _tensors(net)
    params = lpips.convert(net, tensors)
    distance = jax.jit(lpips.distance, static_argnums=0)
    found = distance(net, params, one.astype(np.float32), other.astype(np.float32))
    expected = [_expected(net, tensors, *pair) for pair in zip(one, other, strict=True)]
    assert expected[0] != pytest.approx(expected[1], rel=1e-3)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    same = distance(net, params, one.astype(np.float32), one.astype(np.float32))
    np.testing.assert_array_equal(same, [0, 0])


def test_published_weights(shared):
    """On a photo of Market-1501's size, and on one that is a little blurred and moved."""
    with np.load(shared / "weights" / lpips.NETS["alex"].file) as file:
        tensors = {name: file[name].transpose(3, 2, 0, 1) for name in file if file[name].ndim == 4}
        tensors |= {name: file[name] for name in file if file[name].ndim == 1}
    for i, (number, _) in enumerate(ALEX):
        for part, theirs in (("kernel", "weight"), ("bias", "bias")):
            tensors[f"features.{number}.{theirs}"] = tensors[f"AlexNet_0/Conv_{i}/{part}"]
        tensors[f"lin{i}.model.1.weight"] = tensors[f"NetLinLayer_{i}/Conv_0/kernel"]
    random = np.random.default_rng(2)
    one = np.cumsum(random.normal(0, 0.1, (1, 128, 64, 3)), axis=1).clip(-1, 1)
    other = (one + np.roll(one, 1, axis=2)) / 2
    params = lpips_weights.load("alex", shared / "weights")
    distance = jax.jit(lpips.distance, static_argnums=0)
    found = distance("alex", params, one.astype("f4"), other.astype("f4"))
    expected = _expected("alex", tensors, one[0], other[0])
    assert 0.01 < expected < 1
    np.testing.assert_allclose(found, [expected], rtol=1e-5)


@pytest.mark.parametrize(("net", "smallest"), [("alex", 31), ("vgg", 16)])
def test_the_smallest_picture(net, smallest):
    params = lpips.convert(net, _tensors(net))
    one, other = np.random.default_rng(0).uniform(-1, 1, (2, 1, smallest, 40, 3)).astype("f4")
    distance = jax.jit(lpips.distance, static_argnums=0)
    assert 0 < distance(net, params, one, other)[0] < np.inf
    with pytest.raises(InputError, match=f"{smallest - 1}x40 pixels are too small"):
        lpips.distance(net, params, one[:, 1:], other[:, 1:])


@pytest.mark.parametrize("net", lpips.NETS)
def test_names_and_shapes_are_torchvisions(net):
    tensors = _tensors(net)
    assert sorted(tensors) == sorted([*lpips.names(net)[0], *lpips.names(net)[1]])
    with pytest.raises(ValueError, match=r"features\.10\.weight has the shape"):
        lpips.convert(net, tensors | {"features.10.weight": np.zeros((256, 256, 1, 1))})
