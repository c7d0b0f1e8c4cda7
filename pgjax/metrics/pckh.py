"""PCKh: how many of the target's joints a pose estimator finds at their place.

See docs/reference_facts.md, 6.5.
"""

import os
from pathlib import Path

import numpy as np

from pgjax.errors import InputError, NotMeasuredError
from pgjax.pose import skeleton

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
    """Joints of the most prominent person, (B, 18, 2) and visible (B, 18), by the built-in estimator."""

    def __init__(self, weights: str | os.PathLike):
        """Loads the weights out of a folder; raises NotMeasuredError where they are not to be had."""
        # All estimators are behind it, which nobody needs who only looks into the table of metrics.
        from pgjax.frozen import estimators, openpose_weights

        source, folder = openpose_weights.SOURCE, Path(weights)
        there = any((folder / name).is_file() for name in (source.file, source.official))
        try:
            self._estimate = estimators.load("openpose", folder)
        except InputError as error:
            if there:  # and damaged
                raise
            raise NotMeasuredError(str(error)) from error
        self.what = f"{estimators.ESTIMATORS['openpose'].what}; {source.file}"

    def __call__(self, images: np.ndarray, targets: np.ndarray | None = None):
        del targets
        keypoints = np.zeros((len(images), len(skeleton.JOINTS), 2), np.float32)
        visible = np.zeros(keypoints.shape[:2], bool)
        for i, image in enumerate(images):
            poses = self._estimate(image)
            if poses:
                keypoints[i], visible[i] = poses[0].keypoints, poses[0].visible
        return keypoints, visible
