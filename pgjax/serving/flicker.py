"""How much a sequence of generated images flickers, where the person hardly moves."""

import numpy as np

from pgjax.keypoints import Pose

STILL = 0.005  # of a person's height, from one image to the next


class Flicker:
    """VBench's temporal flickering, of the pairs of successive images whose joints hardly move.

    VBench (Huang et al. 2024, arXiv 2311.17982) takes videos of still scenes, and of them the mean absolute
    difference between successive frames (vbench/temporal_flickering.py); its score is (255 - mean) / 255.
    Here the pose that was drawn says which frames are still: the joints that both poses show move STILL of
    the person's height on average, at most. Nothing but the last image is kept.

    Attributes:
      pairs: of successive images. still: of them, those that count.
    """

    def __init__(self):
        self.pairs = self.still = 0
        self._total = 0.0
        self._before: tuple[np.ndarray, Pose] | None = None

    def add(self, image: np.ndarray, pose: Pose) -> None:
        """The next image, uint8 (H, W, 3), and the pose that it was drawn in."""
        if self._before is not None:
            earlier, before = self._before
            self.pairs += 1
            if _motion(before, pose) <= STILL:
                self.still += 1
                self._total += float(np.abs(image.astype(np.int16) - earlier).mean())
        self._before = image, pose

    @property
    def mean(self) -> float | None:
        """Grey levels, 0 to 255, averaged over the pairs that count; None where there are none."""
        return self._total / self.still if self.still else None


def _motion(before: Pose, after: Pose) -> float:
    """The mean way of the joints that both show, in heights of the person; infinite where they share none."""
    both = before.visible & after.visible
    if not both.any():
        return float("inf")
    ways = np.linalg.norm(after.keypoints[both] - before.keypoints[both], axis=1)
    height = np.ptp(after.keypoints[after.visible], axis=0).max()
    return float(ways.mean() / max(height, 1.0))
