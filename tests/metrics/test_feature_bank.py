"""Metrics of sets, with networks that count how often they are asked."""

import numpy as np
import pytest

import tiny
from pgjax.errors import InputError, NotMeasuredError
from pgjax.metrics import METRICS, SetMetric, protocols, sets
from pgjax.metrics.records import PLAIN, REFERENCE
from pgjax.pose import raster
from pgjax.pose.batch import Indices, fetch
from pgjax.scoring.scorer import Scorer

PAIRS = np.array([[0, 1], [2, 1], [0, 2], [3, 4], [4, 3]], np.int32)


class Means:
    """The mean colour of an image as features (B, 3), or how far it is from its target."""

    what = "means 1.0"

    def __init__(self, weights):
        self.asked = []

    def __call__(self, images, targets=None):
        self.asked.append(len(images))
        means = images.mean(axis=(1, 2), dtype=np.float64)
        return means if targets is None else np.abs(means - targets.mean(axis=(1, 2)))


def absent(weights):
    raise NotMeasuredError(f"fetch http://a/b to {weights}/b.npz")


@pytest.fixture
def made(monkeypatch):
    """Four metrics of one network, and one whose weights are missing."""
    networks = []

    def make(weights):
        networks.append(Means(weights))
        return networks[-1]

    metrics = {
        "is": SetMetric(
            "means",
            lambda x, _, splits: {"is": x.mean(), "is_std": splits / 1},
            options=("splits",),
        ),
        "mask_is": SetMetric("means", lambda x, _: x.mean(), mask=True),
        "fid": SetMetric("means", lambda x, y: x.mean() - y.mean(), REFERENCE),
        "kid": SetMetric("means", lambda x, y: len(x) + len(y) / 1000, REFERENCE),
        "lpips_alex": SetMetric("means", lambda x, _: x.mean(), paired=True),
        "ds": SetMetric("absent", lambda x, _: x.mean()),
    }
    for name, metric in metrics.items():
        monkeypatch.setitem(METRICS, name, metric)
    monkeypatch.delitem(METRICS, "lpips_vgg", raising=False)
    monkeypatch.setitem(sets.EXTRACTORS, "means", make)
    monkeypatch.setitem(sets.EXTRACTORS, "absent", absent)
    return networks


def scored(names, baselines=True, training=lambda: tiny.SPLITS["train"].store):
    test = tiny.SPLITS["test"].store
    protocol = protocols.for_height(protocols.OWN, 64)
    scorer = Scorer(protocol, "x", test, PAIRS, "weights", names, training)
    for chunk in (PAIRS[:3], PAIRS[3:]):
        batch = fetch(test, Indices(*chunk.T, np.zeros(len(chunk), bool)))
        scorer.add("model", {PLAIN: 255 - batch.target_image}, batch)
        if baselines:
            mean = np.full(batch.target_image.shape[1:], 100, np.uint8)
            scorer.add_baselines(batch, chunk, mean, real=True)
    return scorer, scorer.scores()


def test_values_are_of_the_images(made):
    images = {name: tiny.SPLITS[name].store.images.astype(float) for name in ("test", "train")}
    test = tiny.SPLITS["test"].store
    scorer, scores = scored(["is", "mask_is", "fid", "kid", "lpips_alex", "l1"])
    real, train = images["test"][PAIRS[:, 1]], images["train"]
    close = {"rtol": 1e-9}
    np.testing.assert_allclose(scores["model"]["is"], 255 - real.mean(), **close)
    np.testing.assert_allclose(scores["real"]["is"], real.mean(), **close)
    np.testing.assert_allclose(scores["source"]["is"], images["test"][PAIRS[:, 0]].mean(), **close)
    assert scores["mean"]["is"] == 100 and scores["mean"]["is_std"] == 10
    np.testing.assert_allclose(scores["real"]["fid"], real.mean() - train.mean(), **close)
    assert scores["model"]["kid"] == 5 + len(train) / 1000
    pose = test.keypoints[PAIRS[:, 1]], test.visible[PAIRS[:, 1]]
    mask = np.asarray(raster.person_mask(*pose, tiny.SIZE, radius=2))[..., None]
    np.testing.assert_allclose(scores["real"]["mask_is"], (real * mask).mean(), **close)
    means = real.mean(axis=(1, 2))
    np.testing.assert_allclose(
        scores["model"]["lpips_alex"], np.abs(255 - 2 * means).mean(), **close
    )
    assert scores["real"]["lpips_alex"] == 0
    assert scorer.networks == {"means": "means 1.0"}


def test_features_are_extracted_once_a_set_and_a_photo(made):
    scored(["is", "fid", "kid"])
    (network,) = made
    photos = len(set(PAIRS[:, 0])), 1, len(set(PAIRS[:, 1])), len(tiny.SPLITS["train"].names)
    assert sum(network.asked) == len(PAIRS) + sum(photos)


def test_what_is_absent_is_named_with_what_to_fetch(made):
    scorer, scores = scored(["ds", "lpips_vgg", "is", "ssim"], baselines=False)
    assert scorer.not_measured == {
        "ds": "fetch http://a/b to weights/b.npz",
        "lpips_vgg": "this version cannot measure it",
    }
    assert set(scores["model"]) == {"ssim", "is", "is_std"}


def test_without_training_photos_what_compares_with_them_is_not_measured(made):
    def lacking():
        raise InputError("deepfashion has no split 'train'; there are test")

    scorer, scores = scored(["fid", "is"], baselines=False, training=lacking)
    assert set(scores["model"]) == {"is", "is_std"}
    assert scorer.not_measured["fid"].startswith("needs the training photos: deepfashion has no")
