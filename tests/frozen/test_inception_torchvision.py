"""torchvision's Inception v3 with random weights, against what torchvision computed with the same ones.

inception_torchvision/made_by_torch.py made expected.npz.
"""

import pathlib

import jax
import numpy as np
import pytest

import torch_files
from inception_weights import pictures, tensors
from pgjax.errors import NotMeasuredError
from pgjax.frozen import inception, inception_torchvision
from pgjax.metrics.inception_features import InceptionExtractor
from pgjax.metrics.protocol import IMAGENET, RENORMALISED

FOLDER = pathlib.Path(__file__).parent / "inception_torchvision"


@pytest.fixture(scope="module")
def weights():
    return tensors(inception.shapes(), 1000)


@pytest.fixture(scope="module")
def params(weights):
    return inception_torchvision.convert(weights)


@pytest.mark.slow
def test_equal_to_torchvision(params):
    extract = jax.jit(lambda x: inception_torchvision.extract(params, x, renormalised=True))
    with np.load(FOLDER / "expected.npz") as expected:
        for found, part in zip(extract(pictures()), ("features", "logits"), strict=True):
            theirs = expected[part]
            scale = np.abs(theirs).max()
            assert theirs.std() > 0.01 * scale
            np.testing.assert_allclose(found / scale, theirs / scale, rtol=0, atol=1e-5)


def test_grey_values_that_the_network_gets(params, monkeypatch):
    given = []

    def averages(_, x, blocks, rounded):
        assert not rounded
        given.append(np.asarray(x))
        return x[:, 0, :1, 0] @ np.zeros((1, inception.FEATURES), np.float32)

    monkeypatch.setattr(inception, "averages", averages)
    shades = np.broadcast_to(np.array([0, 255], np.uint8)[:, None, None, None], (2, 9, 8, 3))
    for renormalised in (False, True):
        _, logits = inception_torchvision.extract(params, shades, renormalised)
        np.testing.assert_array_equal(logits[0], params["logits"]["bias"])
    symmetric, renormalised = (x[:, 4, 5] for x in given)
    np.testing.assert_allclose(symmetric, [[-1] * 3, [1] * 3])
    # torchvision/models/inception.py: x * (0.229 / 0.5) + (0.485 - 0.5) / 0.5, and so on.
    expected = [[-0.03, -0.088, -0.188], [0.428, 0.36, 0.262]]
    np.testing.assert_allclose(renormalised, expected, atol=1e-6)


@pytest.mark.parametrize("name", ["Mixed_5b.branch1x1.conv.weight", "fc.weight", "fc.bias"])
def test_another_network_is_told(weights, name):
    with pytest.raises(ValueError, match=name.removesuffix(".conv.weight")):
        inception_torchvision.convert(weights | {name: weights[name][:-1]})


def test_read_from_a_file_that_has_more(weights, tmp_path, monkeypatch):
    path = tmp_path / inception_torchvision.FILE.name
    torch_files.save(path, {"AuxLogits.fc.bias": np.ones(3, "f4"), **weights})
    with pytest.raises(Exception, match=r"inception_v3_google.*expected 0cc3c7bd\.\.\.; delete it"):
        inception_torchvision.load(tmp_path)
    known = inception_torchvision.FILE._replace(sha256=None)
    monkeypatch.setattr(inception_torchvision, "FILE", known)
    params = inception_torchvision.load(tmp_path)
    np.testing.assert_array_equal(params["logits"]["bias"], weights["fc.bias"])
    found = InceptionExtractor(tmp_path, IMAGENET, RENORMALISED)
    assert "torchvision inception_v3" in found.what and "renormalised" in found.what


def test_without_the_file_it_is_not_measured(tmp_path, monkeypatch):
    gone = inception_torchvision.FILE._replace(url="file:///nowhere/w.pth")
    monkeypatch.setattr(inception_torchvision, "FILE", gone)
    with pytest.raises(NotMeasuredError, match=r"fetch file:///nowhere/w\.pth to .*0cc3c7bd\.pth"):
        InceptionExtractor(tmp_path, IMAGENET, RENORMALISED)
