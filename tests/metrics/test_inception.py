"""IS, FID and KID against SciPy's and NumPy's formulas in float64, on stored features; the extractor."""

import math

import numpy as np
import pytest
import scipy.linalg
import scipy.special
import scipy.stats

from pgjax.errors import InputError, NotMeasuredError
from pgjax.frozen import inception as network
from pgjax.metrics import chunks, inception
from pgjax.metrics.inception_features import InceptionExtractor
from pgjax.nets.convolution import frozen

NONE = np.zeros((0, 0))


def _features(count, size, seed, shift=0.0):
    """Like a network's: not negative, correlated, of very different sizes."""
    random = np.random.default_rng(seed)
    mix = random.normal(size=(size, size)) * np.logspace(0, -2, size)[:, None]
    x = random.normal(size=(count, size)) @ mix + shift
    return np.maximum(x, 0).astype(np.float32)


def _fid(one, other):
    """Heusel et al.'s formula, by a matrix square root."""
    one, other = one.astype(np.float64), other.astype(np.float64)
    covariances = [np.cov(x, rowvar=False) for x in (one, other)]
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1])
    trace = sum(np.trace(c) for c in covariances) - 2 * np.trace(root).real
    return np.square(one.mean(axis=0) - other.mean(axis=0)).sum() + trace


@pytest.mark.parametrize(("counts", "size"), [((300, 400), 32), ((500, 260), 128)])
def test_fid_of_many_images(counts, size):
    one, other = (_features(n, size, seed, seed / 4) for seed, n in enumerate(counts))
    expected = _fid(one, other)
    assert expected > 0.1
    assert inception.fid((one, NONE), (other, NONE)) == pytest.approx(expected, rel=1e-6)


def test_fid_of_fewer_images_than_features():
    """By the eigenvalues of C1 C2, 30 of 200 not zero: those of X1' X2 X2' X1 / (N1 - 1) / (N2 - 1)."""
    one, other = (_features(n, 200, seed, seed / 4) for seed, n in ((0, 31), (1, 40)))
    a, b = ((x - x.mean(axis=0, dtype=float)) / math.sqrt(len(x) - 1) for x in (one, other))
    inner = a @ b.T
    roots = np.sqrt(np.maximum(scipy.linalg.eigvalsh(inner @ inner.T)[1:], 0))
    expected = np.square(one.mean(axis=0, dtype=float) - other.mean(axis=0, dtype=float)).sum()
    expected += np.square(a).sum() + np.square(b).sum() - 2 * roots.sum()
    assert inception.fid((one, NONE), (other, NONE)) == pytest.approx(expected, rel=1e-6)


def test_fid_of_gaussians_that_are_known():
    """Independent features: the sum of (m1 - m2)^2 + (s1 - s2)^2."""
    random = np.random.default_rng(0)
    x = random.normal(size=(5000, 3))
    x = (x - x.mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T
    one, other = x * [1.0, 2.0, 0.5] + [0, 1, 2], x[::-1] * [3.0, 2.0, 1.0] + [1, 1, 0]
    assert inception.fid((one, NONE), (other, NONE)) == pytest.approx(5 + 4.25, rel=1e-6)


def test_fid_is_symmetric_and_zero_for_the_same_images():
    one, other = (_features(50, 64, seed) for seed in (0, 1))
    forth, back = (
        inception.fid((one, NONE), (other, NONE)),
        inception.fid((other, NONE), (one, NONE)),
    )
    assert forth == pytest.approx(back, rel=1e-9)
    assert inception.fid((one, NONE), (one[::-1], NONE)) < 1e-9 * np.square(one).sum()


def _mmd(x, y):
    """Binkowski et al., equation 4, sum by sum."""

    def kernel(a, b):
        return (math.fsum((a * b).tolist()) / len(a) + 1) ** 3

    m, n = len(x), len(y)
    within = [
        math.fsum(kernel(z[i], z[j]) for i in range(len(z)) for j in range(len(z)) if i != j)
        for z in (x, y)
    ]
    across = math.fsum(kernel(a, b) for a in x for b in y)
    return within[0] / (m * (m - 1)) + within[1] / (n * (n - 1)) - 2 * across / (m * n)


def test_kid_of_the_whole_set():
    """As many images a subset as there are: every subset is the set."""
    one, other = (_features(30, 16, seed, seed / 4).astype(float) for seed in (0, 1))
    expected = _mmd(one, other)
    found = inception.kid((one, NONE), (other, NONE))
    assert found["kid"] == pytest.approx(expected, rel=1e-6)
    assert found["kid_std"] < 1e-9


def test_kid_of_subsets():
    """A subset is drawn without replacement: the mean of many is near the whole set's."""
    one, other = (_features(n, 8, seed, seed / 2).astype(float) for seed, n in ((0, 40), (1, 60)))
    values = inception.kids_of_subsets(one, other, subsets=3000, size=10)
    assert values.shape == (3000,) and values.std() > 0
    assert abs(values.mean() - _mmd(one, other)) < 4 * values.std() / math.sqrt(3000)
    np.testing.assert_array_equal(values, inception.kids_of_subsets(one, other, 3000, 10))
    assert not np.array_equal(values, inception.kids_of_subsets(one, other, 3000, 10, seed=1))
    all_but_one = inception.kids_of_subsets(one, other, subsets=20, size=1000)
    assert np.ptp(all_but_one) > 0  # 40 of 60


@pytest.mark.parametrize("count", [200, 203])
def test_inception_score(count):
    logits = np.random.default_rng(0).normal(0, 3, (count, 50)).astype(np.float32)
    likely = scipy.special.softmax(logits.astype(np.float64), axis=1)
    scores = []
    for i in range(10):
        part = likely[count * i // 10 : count * (i + 1) // 10]
        mean = part.mean(axis=0)
        scores.append(np.exp(np.mean([scipy.stats.entropy(p, mean) for p in part])))
    found = inception.inception_score("mask_is", (NONE, logits))
    assert found == {
        "mask_is": pytest.approx(np.mean(scores), rel=1e-6),
        "mask_is_std": pytest.approx(np.std(scores), rel=1e-6),
    }
    assert found["mask_is"] > 5


def test_inception_score_of_sure_and_of_unsure_images():
    sure = np.tile(np.eye(20) * 2000, (10, 1))  # the other probabilities are zero in float64
    assert inception.inception_score("is", (NONE, sure))["is"] == pytest.approx(20)
    assert inception.inception_score("is", (NONE, np.zeros((30, 7))), splits=3)[
        "is"
    ] == pytest.approx(1)


def test_too_few_images_are_not_measured():
    one = _features(1, 8, 0)
    for call, named in (
        (lambda: inception.fid((one, NONE), (one, NONE)), "FID"),
        (lambda: inception.kid((one, NONE), (one, NONE)), "KID"),
        (lambda: inception.inception_score("is", (NONE, one)), "10 splits"),
    ):
        with pytest.raises(NotMeasuredError, match=named):
            call()


def test_features_that_are_not_finite_are_an_error():
    one = _features(20, 8, 0)
    one[3, 2] = np.nan
    with pytest.raises(InputError, match="not finite"):
        inception.fid((_features(20, 8, 1), NONE), (one, NONE))


def test_the_extractor_does_not_mind_what_comes_along(monkeypatch, tmp_path):
    random = np.random.default_rng(0)
    params = {
        name: {
            "kernel": random.normal(0, (2 / np.prod(shape[:3])) ** 0.5, shape).astype(np.float32),
            "bias": random.normal(0, 0.1, shape[3]).astype(np.float32),
        }
        for name, shape in network.shapes().items()
    }
    params["logits"] = {"kernel": random.normal(0, 0.05, (2048, 1008)).astype(np.float32)}
    monkeypatch.setattr(network, "load", lambda weights: params)
    monkeypatch.setattr(chunks, "CHUNK", 2)
    monkeypatch.setattr(frozen, "_WIDE", 1000)  # Winograd's tiles take long to compile
    extract = InceptionExtractor(tmp_path)
    images = random.integers(0, 256, (5, 64, 32, 3), dtype=np.uint8)
    whole = extract(images)
    assert [x.shape for x in whole] == [(5, 2048), (5, 1008)]
    order = np.array([3, 0, 4])
    for x, y in zip(extract(images[order]), whole, strict=True):
        assert np.abs(y).max() > 0.1
        np.testing.assert_allclose(x, y[order], rtol=1e-4, atol=1e-4 * np.abs(y).max())
