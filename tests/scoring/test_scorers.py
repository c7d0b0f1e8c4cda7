"""Several protocols in one pass: the same numbers as one after another, and nothing measured twice."""

import collections

import numpy as np
import pytest

import tiny
from pgjax.errors import InputError, NotMeasuredError
from pgjax.metrics import METRICS, SetMetric, of_pixels, protocols, sets
from pgjax.metrics.protocols import PROTOCOLS
from pgjax.metrics.records import MASKED_INPUT, PLAIN
from pgjax.pose.batch import Indices, fetch
from pgjax.scoring.scorer import Scorer, chosen_of
from pgjax.scoring.scorers import Scorers, homes

SPLIT = tiny.split(5)
PAIRS = np.array([(0, 1), (5, 2), (3, 7), (8, 4)], np.int32)
CALLS = collections.Counter()


class Means:
    """An image's mean colour; counts the images that it is given."""

    what = "means 1.0"

    def __init__(self, weights):
        CALLS["loaded"] += 1

    def __call__(self, images, targets=None):
        CALLS["images"] += len(images)
        return images.mean(axis=(1, 2), dtype=np.float64)


@pytest.fixture(autouse=True)
def networks(monkeypatch):
    """One network for the Inception Scores; no weights for any other metric."""
    CALLS.clear()

    def score(name):
        return lambda x, _, splits: {name: float(x.mean()), f"{name}_std": float(splits)}

    for name, mask in (("is", False), ("mask_is", True)):
        metric = SetMetric("means", score(name), mask=mask, options=("splits",))
        monkeypatch.setitem(METRICS, name, metric)
    monkeypatch.setitem(sets.EXTRACTORS, "means", Means)


def made(names, metrics=("pixel", "is", "mask_is")):
    judged = [PROTOCOLS[name] for name in names]
    return Scorers(chosen_of(judged, metrics), "market1501", SPLIT.store, PAIRS, "weights")


def given():
    batch = fetch(SPLIT.store, Indices(*PAIRS.T, np.zeros(len(PAIRS), bool)))
    return {PLAIN: batch.source_image, MASKED_INPUT: batch.target_image}, batch


@pytest.mark.parametrize("second", ["deformable", "pg2", "kurupathi", "patn"])
def test_together_is_as_one_after_another(second):
    views, batch = given()
    names = ("pgjax", second)
    together = made(names)
    together.add("model", views, batch)
    for found, name in zip(together.scored(), names, strict=True):
        protocol, known = PROTOCOLS[name], (*of_pixels(METRICS), "is", "mask_is")
        metrics = [metric for metric in protocol.metrics if metric in known]
        alone = Scorer(protocol, "market1501", SPLIT.store, PAIRS, "weights", metrics)
        alone.add("model", {view: views[view] for view in alone.views}, batch)
        assert found.protocol is protocol and found.scores == alone.scores()
        assert found.scores["model"]["is_std"] == 10
        assert (found.not_measured, found.networks) == (alone.not_measured, alone.networks)
    assert (MASKED_INPUT in together.views) == (second == "kurupathi")


def test_what_two_protocols_mean_alike_is_measured_once():
    views, batch = given()
    both = made(("pgjax", "deformable"))
    both.add("model", views, batch)
    one, other = both.scored()
    assert other.scores["model"].items() <= one.scores["model"].items()
    # Each image plain and masked, by a network that is loaded once.
    assert {"loaded": 1, "images": 2 * len(PAIRS)} == CALLS
    CALLS.clear()
    apart = made(("pgjax", "pg2"))
    apart.add("model", views, batch)
    one, other = apart.scored()
    assert one.scores["model"]["is"] == other.scores["model"]["is"]
    assert one.scores["model"]["mask_is"] != other.scores["model"]["mask_is"]
    assert {"loaded": 1, "images": 3 * len(PAIRS)} == CALLS


def test_who_measures_what():
    judged = chosen_of([PROTOCOLS[n] for n in ("pgjax", "deformable", "pg2")], ["pixel"])
    assert homes(judged, "market1501")[1] == dict.fromkeys(judged[1][1], 0)
    assert homes(judged, "market1501")[2]["psnr"] == 0
    assert homes(judged, "market1501")[2]["ssim_uniform"] == 2
    small = [(protocols.with_radius(judged[0][0], 2), judged[0][1]), *judged[1:]]
    assert homes(small, "market1501")[1] == {
        "ssim_reference": 0,
        "mask_ssim_reference": 1,
        "l1": 0,
    }


def test_metrics_are_named_of_any_protocol():
    judged = [PROTOCOLS["pgjax"], PROTOCOLS["pg2"]]
    assert [p.name for p, _ in chosen_of(judged, ["ssim_uniform"])] == ["pg2"]
    assert [names for _, names in chosen_of(judged, ["l1", "psnr"])] == [("l1", "psnr"), ("psnr",)]
    with pytest.raises(InputError, match="protocol pgjax or pg2 has no 'pckx'; it has ssim, "):
        chosen_of(judged, ["pckx"])


def test_nothing_to_measure_is_a_fault_of_all_together(monkeypatch):
    def absent(weights):
        CALLS["loaded"] += 1
        raise NotMeasuredError("fetch A to B")

    monkeypatch.setitem(sets.EXTRACTORS, "means", absent)
    with pytest.raises(InputError, match="--metrics: is, mask_is cannot be measured: fetch A to B"):
        made(("pgjax", "pg2"), ["is", "mask_is"])
    assert CALLS["loaded"] == 1  # a download that failed is not tried again
    some = made(("pgjax", "pg2"), ["mask_is", "l1"])
    some.add("model", *given())
    one, other = some.scored()
    assert set(one.scores["model"]) == {"l1"} and other.scores["model"] == {}
    assert one.not_measured == other.not_measured == {"mask_is": "fetch A to B"}
