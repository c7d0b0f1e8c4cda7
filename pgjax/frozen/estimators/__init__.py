"""Pose estimation: photo to people, by one of ESTIMATORS; a new one is a line there.

estimate = estimators.load("openpose", "data/weights")
poses = estimate(read_photo("photo.jpg"))
"""

import os
from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from pgjax.errors import InputError
from pgjax.frozen.estimators.blazepose import BlazePose
from pgjax.frozen.estimators.openpose import OpenPose
from pgjax.frozen.estimators.rtmo import Rtmo
from pgjax.keypoints import THRESHOLD, Pose

WEIGHTS = os.path.join("data", "weights")


class Estimator(Protocol):
    """Finds the people in a photo."""

    def __call__(self, photo: np.ndarray, everyone: bool = False) -> list[Pose]:
        """
        Args:
          photo: uint8 (H, W, 3) RGB, upright.
          everyone: whether all people are asked for, or the most prominent one.

        Returns:
          The people, the most prominent first, in the photo's pixels; none where there is nobody.
        """


class Entry(NamedTuple):
    """make(model, threshold) -> Estimator, and what it is."""

    make: Callable[[str | os.PathLike, float], Estimator]
    what: str


ESTIMATORS = {
    "openpose": Entry(OpenPose, "OpenPose with a small MobileNet, in JAX"),
    "blazepose": Entry(
        BlazePose,
        "mediapipe's detector and full landmark network, more accurate on photos of 200 pixels and more "
        "(pip install 'pgjax[blazepose]', then pgjax weights blazepose)",
    ),
    "rtmo": Entry(Rtmo, "RTMO-l, run by ONNX Runtime (pip install 'pgjax[pose]')"),
}


def load(
    name: str = "openpose", model: str | os.PathLike | None = None, threshold: float = THRESHOLD
) -> Estimator:
    """An estimator by name.

    Args:
      name: one of ESTIMATORS.
      model: folder of its weights (default: data/weights). "openpose" and "rtmo" download them into it,
        once, and take the file of the weights too (RTMO's .onnx file).
      threshold: a joint is visible whose confidence is larger; from 0 on, below 1.

    Raises:
      InputError: an unknown name, no weights or other ones, or the library is missing.
    """
    if name not in ESTIMATORS:
        raise InputError(f"unknown estimator {name!r}; there are {', '.join(ESTIMATORS)}")
    if not 0 <= threshold < 1:
        raise InputError(f"threshold {threshold}: expected a confidence from 0 on, below 1")
    return ESTIMATORS[name].make(WEIGHTS if model is None else model, threshold)
