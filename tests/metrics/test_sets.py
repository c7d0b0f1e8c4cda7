"""The table of metrics of sets: what its functions take from what its extractors give."""

import types

import numpy as np
import pytest

from pgjax.frozen import lpips as network
from pgjax.frozen import lpips_weights
from pgjax.metrics import METRICS, SetMetric, chunks, lpips
from pgjax.metrics.mean import mean
from pgjax.metrics.protocols import PROTOCOLS
from pgjax.metrics.records import REFERENCE
from pgjax.metrics.sets import EXTRACTORS

OF_SETS = {name: metric for name, metric in METRICS.items() if isinstance(metric, SetMetric)}


def _inception(count, seed):
    random = np.random.default_rng(seed)
    return random.normal(size=(count, 12)) + seed, random.normal(size=(count, 5))


@pytest.mark.parametrize("name", [n for n, m in OF_SETS.items() if m.extractor == "inception"])
def test_metrics_of_inceptions_features(name):
    metric = OF_SETS[name]
    against = _inception(40, 1) if metric.against == REFERENCE else None
    options = {key: getattr(PROTOCOLS["pgjax"], key) for key in metric.options}
    found = metric.function(_inception(50, 0), against, **options)
    found = found if isinstance(found, dict) else {name: found}
    assert next(iter(found)) == name and set(found) <= {name, f"{name}_std"}
    assert all(isinstance(value, float) and value >= 0 for value in found.values())
    assert ("mask" in name) == metric.mask
    assert metric.higher_is_better == name.endswith("is")


def test_every_extractor_is_there():
    assert {metric.extractor for metric in OF_SETS.values()} == set(EXTRACTORS)


def test_a_mean_does_not_depend_on_the_order():
    values = np.random.default_rng(0).normal(0, 1e3, 1000).astype(np.float32)
    values[:2] = 1e12, -1e12
    assert mean(values) == mean(values[::-1]) == mean(np.sort(values))
    assert mean(values) == pytest.approx(np.sort(values)[1:-1].mean(dtype=float) * 0.998)


@pytest.fixture
def extract(monkeypatch, tmp_path):
    random, params = np.random.default_rng(0), {}
    for layer, parts in network.shapes("alex").items():
        params[layer] = {part: np.zeros(x.shape, "f4") for part, x in parts.items()}
        shape = parts["kernel"].shape
        if layer.startswith("NetLinLayer"):
            kernel = random.uniform(0, 1, shape)
        else:
            kernel = random.normal(0, (2 / np.prod(shape[:3])) ** 0.5, shape)
        params[layer]["kernel"] = kernel.astype("f4")
    loaded = types.SimpleNamespace(net=None)
    monkeypatch.setattr(lpips_weights, "load", lambda net, _: setattr(loaded, "net", net) or params)
    monkeypatch.setattr(chunks, "CHUNK", 6)  # not a multiple of lpips.PAIRS
    found = EXTRACTORS["lpips_alex"](tmp_path)
    assert loaded.net == "alex" and "lpips_v0.1_alex.pth" in found.what
    found.params = params
    return found


def test_lpips_of_images_and_targets(extract):
    assert lpips.PAIRS == 4
    images, targets = np.random.default_rng(1).integers(0, 256, (2, 9, 40, 33, 3), np.uint8)
    targets[2] = images[2]
    found = extract(images, targets)
    expected = network.distance(
        "alex", extract.params, *(x.astype("f4") / 127.5 - 1 for x in (images, targets))
    )
    assert found[2] == 0 and (np.delete(found, 2) > 0.01).all()
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    np.testing.assert_allclose(extract(images[[7]], targets[[7]]), found[[7]], rtol=1e-4)
