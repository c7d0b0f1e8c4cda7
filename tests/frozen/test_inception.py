"""InceptionV3 of 2015 against NumPy in float64, with equal random weights.

Against torch-fidelity's: benchmarks/networks_torch.py.
"""

import jax
import numpy as np
import pytest

import arrays
from pgjax.frozen import inception


@pytest.fixture(scope="module")
def tensors():
    """Like the published file's; scaled so that activations stay of the same size."""
    random = np.random.default_rng(0)
    found = {}
    for name, (height, width, before, after) in inception.shapes().items():
        std = (2 / (height * width * before)) ** 0.5
        found[f"{name}.conv.weight"] = random.normal(0, std, (after, before, height, width))
        found[f"{name}.bn.weight"] = random.uniform(0.8, 1.5, after)
        found[f"{name}.bn.bias"] = random.normal(0, 0.1, after)
        found[f"{name}.bn.running_mean"] = random.normal(0, 0.1, after)
        found[f"{name}.bn.running_var"] = random.uniform(0.5, 1.5, after)
    found["fc.weight"] = random.normal(0, 0.05, (1008, 2048))
    return {name: x.astype(np.float32) for name, x in found.items()}


@pytest.fixture(scope="module")
def extract(tensors):
    params = inception.convert(tensors)
    return jax.jit(lambda images: inception.extract(params, images))


class _Numpy:
    """The network as its paper's figures and the graph of 2015 have it, one image at a time."""

    def __init__(self, tensors):
        self.tensors = tensors

    def unit(self, x, name, stride=1, padding=(0, 0)):
        parts = ("conv.weight", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var")
        kernel, *norm = (self.tensors[f"{name}.{part}"].astype(np.float64) for part in parts)
        scale, shift, mean, variance = (x.reshape(-1, 1, 1) for x in norm)
        x = arrays.convolve(x, kernel, stride, padding)
        return np.maximum((x - mean) / np.sqrt(variance + 1e-3) * scale + shift, 0)

    def chain(self, x, block, branch, *paddings):
        """branch_1, branch_2, ... one after another."""
        for i, padding in enumerate(paddings, 1):
            x = self.unit(x, f"{block}.{branch}_{i}", padding=padding)
        return x

    def __call__(self, image):
        x = (self.resized(image) - 128) / 128
        x = self.unit(x, "Conv2d_1a_3x3", stride=2)
        x = self.unit(x, "Conv2d_2a_3x3")
        x = self.unit(x, "Conv2d_2b_3x3", padding=(1, 1))
        x = arrays.largest(x, 3, 2)
        x = self.unit(x, "Conv2d_3b_1x1")
        x = self.unit(x, "Conv2d_4a_3x3")
        x = arrays.largest(x, 3, 2)
        for letter in "bcd":
            x = self.block_a(x, f"Mixed_5{letter}")
        sides = self.chain(x, "Mixed_6a", "branch3x3dbl", (0, 0), (1, 1))
        x = np.concatenate(
            [
                self.unit(x, "Mixed_6a.branch3x3", stride=2),
                self.unit(sides, "Mixed_6a.branch3x3dbl_3", stride=2),
                arrays.largest(x, 3, 2),
            ]
        )
        for letter in "bcde":
            x = self.block_c(x, f"Mixed_6{letter}")
        inner = self.chain(x, "Mixed_7a", "branch7x7x3", (0, 0), (0, 3), (3, 0))
        x = np.concatenate(
            [
                self.unit(self.unit(x, "Mixed_7a.branch3x3_1"), "Mixed_7a.branch3x3_2", stride=2),
                self.unit(inner, "Mixed_7a.branch7x7x3_4", stride=2),
                arrays.largest(x, 3, 2),
            ]
        )
        x = self.block_e(x, "Mixed_7b", arrays.average_inside(x))
        x = self.block_e(x, "Mixed_7c", arrays.largest(x, 3, 1, padding=1))
        features = x.mean(axis=(1, 2))
        return features, self.tensors["fc.weight"].astype(np.float64) @ features

    @staticmethod
    def resized(image):
        """(3, 299, 299): between the four neighbours, pixel by pixel of the result's rows and columns."""
        image, n = image.astype(np.float64), 299
        height, width = image.shape[:2]
        found = np.empty((n, n, 3))
        for i in range(n):
            y = i * height / n
            top, bottom = int(y), min(int(y) + 1, height - 1)
            for j in range(n):
                x = j * width / n
                left, right = int(x), min(int(x) + 1, width - 1)
                upper = image[top, left] + (image[top, right] - image[top, left]) * (x - left)
                lower = image[bottom, left] + (image[bottom, right] - image[bottom, left]) * (
                    x - left
                )
                found[i, j] = upper + (lower - upper) * (y - top)
        return found.transpose(2, 0, 1)

    def block_a(self, x, name):
        fives = self.unit(self.unit(x, f"{name}.branch5x5_1"), f"{name}.branch5x5_2", 1, (2, 2))
        return np.concatenate(
            [
                self.unit(x, f"{name}.branch1x1"),
                fives,
                self.chain(x, name, "branch3x3dbl", (0, 0), (1, 1), (1, 1)),
                self.unit(arrays.average_inside(x), f"{name}.branch_pool"),
            ]
        )

    def block_c(self, x, name):
        return np.concatenate(
            [
                self.unit(x, f"{name}.branch1x1"),
                self.chain(x, name, "branch7x7", (0, 0), (0, 3), (3, 0)),
                self.chain(x, name, "branch7x7dbl", (0, 0), (3, 0), (0, 3), (3, 0), (0, 3)),
                self.unit(arrays.average_inside(x), f"{name}.branch_pool"),
            ]
        )

    def block_e(self, x, name, pooled):
        threes = self.unit(x, f"{name}.branch3x3_1")
        double = self.chain(x, name, "branch3x3dbl", (0, 0), (1, 1))
        return np.concatenate(
            [
                self.unit(x, f"{name}.branch1x1"),
                self.unit(threes, f"{name}.branch3x3_2a", padding=(0, 1)),
                self.unit(threes, f"{name}.branch3x3_2b", padding=(1, 0)),
                self.unit(double, f"{name}.branch3x3dbl_3a", padding=(0, 1)),
                self.unit(double, f"{name}.branch3x3dbl_3b", padding=(1, 0)),
                self.unit(pooled, f"{name}.branch_pool"),
            ]
        )


@pytest.mark.slow
@pytest.mark.parametrize("size", [(128, 64), (301, 40)])
def test_random_weights(tensors, extract, size):
    image = np.random.default_rng(size[0]).integers(0, 256, (1, *size, 3), dtype=np.uint8)
    image[:, : size[0] // 2] //= 4
    for ours, theirs in zip(extract(image), _Numpy(tensors)(image[0]), strict=True):
        scale = np.abs(theirs).max()
        assert scale > 0.01 and theirs.std() > 0.01 * scale
        np.testing.assert_allclose(ours[0] / scale, theirs / scale, rtol=0, atol=1e-5)


def test_shapes_are_the_published_ones():
    shapes = inception.shapes()
    assert len(shapes) == 94
    assert shapes["Conv2d_1a_3x3"] == (3, 3, 3, 32)
    assert shapes["Mixed_6b.branch7x7dbl_2"] == (7, 1, 128, 128)
    assert shapes["Mixed_7c.branch_pool"] == (1, 1, 2048, 192)
    assert len(inception.names()) == 94 * 5 + 1


@pytest.mark.parametrize("name", ["Mixed_5b.branch1x1.conv.weight", "fc.weight"])
def test_another_network_is_told(tensors, name):
    with pytest.raises(ValueError, match=name.removesuffix(".conv.weight")):
        inception.convert(tensors | {name: tensors[name][:-1]})
