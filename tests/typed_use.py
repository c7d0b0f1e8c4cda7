"""A user's program in which every promised name occurs; nothing runs it, `make lint` checks its types."""

import pathlib
from collections.abc import Mapping
from typing import Any, assert_type

import jax
import numpy as np
from ml_collections import ConfigDict

import pgjax
from pgjax import PoseTransfer
from pgjax.data import Dataset
from pgjax.metrics import PixelMetric
from pgjax.training.losses import Adversarial


def draw(folder: pathlib.Path) -> np.ndarray:
    transfer = PoseTransfer.load(folder)
    assert_type(transfer, PoseTransfer)
    poses = pgjax.read_keypoints("poses/", threshold=0.2)
    pgjax.write_keypoints("poses.csv", poses, "csv")
    for image in transfer.each("photo.png", "photo.json", poses, refit=True):
        assert_type(image, np.ndarray)
    return transfer("photo.png", "photo.json", "pose.json")


def run() -> dict[str, Any]:
    config = pgjax.load_config("deformable:synthetic_people/dsc")
    assert_type(config, ConfigDict)
    state = pgjax.train_and_evaluate(config, "runs/dsc", "data")
    assert_type(state.step, jax.Array)
    pgjax.export("runs/dsc", out=pathlib.Path("model"))
    assert_type(pgjax.evaluate("runs/dsc", "data", limit=10, protocol=["pgjax"]), dict[str, Any])
    try:
        return pgjax.judge("market1501", "data", folder="pictures", metrics=["ssim"])
    except pgjax.InputError as error:
        raise SystemExit(f"pgjax {pgjax.__version__}: {error}") from error


def darkness(generated: jax.Array, target: jax.Array, mask: jax.Array) -> jax.Array:
    return generated.mean(axis=(1, 2, 3)) - target.mean(axis=(1, 2, 3)) + 0 * mask.sum()


def softness(scene: Any, image: jax.Array, features: Any, weight: float = 1.0) -> jax.Array:
    return weight * image.mean()


def extend() -> Mapping[str, object]:
    pgjax.METRICS["darkness"] = PixelMetric(darkness, higher_is_better=False)
    pgjax.TERMS["softness"] = softness
    pgjax.ADVERSARIAL["mine"] = Adversarial(*pgjax.ADVERSARIAL["bce"])
    pgjax.NETS["mine"] = pgjax.NETS["deformable"]
    pgjax.DATASETS["mine"] = Dataset("mine", (128, 64), "mine.photos:Photos")
    return pgjax.METRICS
