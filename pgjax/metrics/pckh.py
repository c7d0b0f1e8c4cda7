"""PCKh: how many of the target's joints a pose estimator finds at their place (reference fact 6.5)."""

import importlib
import os

import numpy as np

from pgjax import skeleton
from pgjax.errors import InputError, NotMeasuredError

HEAD = tuple(
    skeleton.INDEX[name]
    for name in ("nose", "neck", "right_eye", "left_eye", "right_ear", "left_ear")
)
ALPHA = 0.5  # of the head's size


def pckh(
    found: tuple[np.ndarray, np.ndarray],
    wanted: tuple[np.ndarray, np.ndarray],
    alpha: float = ALPHA,
) -> float:
    """The share of the targets' joints that are found less than half a head away, in x and in y.

    The head's size is the extent of the joints of HEAD that the target shows; an image that shows fewer
    than two of them is left out. A joint that is not found counts as wrong.

    Args:
      found: keypoints (N, 18, 2) and visible (N, 18) of the generated images.
      wanted: of the targets.
      alpha: in head sizes.

    Returns:
      From 0 to 1.

    Raises:
      NotMeasuredError: no target shows a head.
    """
    points, seen = (np.asarray(x) for x in found)
    targets, there = (np.asarray(x) for x in wanted)
    head, shown = targets[:, HEAD].astype(np.float64), there[:, HEAD, None]
    size = np.where(shown, head, -np.inf).max(axis=1) - np.where(shown, head, np.inf).min(axis=1)
    counted = there & (there[:, HEAD].sum(axis=1) >= 2)[:, None]
    offset = np.abs(points.astype(np.float64) - targets)
    right = counted & seen & (offset < alpha * size[:, None]).all(axis=2)
    total = counted.sum()
    if not total:
        raise NotMeasuredError("no target shows a head")
    return float(right.sum() / total)


class PoseExtractor:
    """Joints of the most prominent person, by an estimator: photo uint8 (H, W, 3) -> list of Pose."""

    def __init__(self, weights: str | os.PathLike, name: str = "openpose"):
        """Raises NotMeasuredError where the estimator or its weights are missing."""
        try:
            estimators = importlib.import_module("pgjax.estimators")
            self._estimate = estimators.load(name, weights)
        except (ImportError, InputError, OSError) as error:
            raise NotMeasuredError(f"no pose estimator: {error}") from error
        self.what = f"{name}: {estimators.ESTIMATORS[name].what}"

    def __call__(self, images: np.ndarray, targets: np.ndarray | None = None):
        del targets
        keypoints = np.zeros((len(images), len(skeleton.JOINTS), 2), np.float32)
        visible = np.zeros(keypoints.shape[:2], bool)
        for i, image in enumerate(images):
            poses = self._estimate(image)
            if poses:
                keypoints[i], visible[i] = poses[0].keypoints, poses[0].visible
        return keypoints, visible
