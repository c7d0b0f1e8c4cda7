"""The outputs of BlazePose's two networks, interpreted as mediapipe 0.10.21 does.

The numbers are the options of the graph pose_landmark_cpu in that package. The graph smooths over the frames
of a video; here, each photo is separate. Shares are (y, x), relative to the sides of the network's input.
"""

from collections.abc import Sequence

import numpy as np

from pgjax.frozen.estimators.regions import Region
from pgjax.keypoints.layouts import MEDIAPIPE

DETECTOR_PIXELS, LANDMARK_PIXELS = 224, 256
LAYERS = ((8, 2), (16, 2), (32, 6))  # of the detector: pixels of a cell, answers in each
SURE = 0.5  # least score of a detection
SAME = 0.3  # boxes that share more of their union are one person
ENLARGED = 1.25  # the square around a person, that all joints lie in it
AROUND = 3  # cells of a landmark's map beside its own that tell its place
CERTAIN = 0.5  # least peak of a map that is believed
VALUES = 5  # of a landmark: x, y, depth, visibility, presence


def people(outputs: Sequence[np.ndarray], square: Region) -> list[Region]:
    """The squares around the people whom the detector finds, the surest first.

    Boxes of one person are averaged, weighted by their scores. Of the four points of an answer the
    first is between the hips, the second where the circle around the person ends above the head.

    Args:
      outputs: of the detector, (1, 2254, 12) and (1, 2254, 1).
      square: of the photo, that the detector was given.
    """
    scores = _sigmoid(outputs[1][0, :, 0])
    sure = np.flatnonzero(scores >= SURE)
    # Box's centre, its size and four points, each x, y.
    values = outputs[0][0, sure].astype(np.float64).reshape(-1, 6, 2)[..., ::-1] / DETECTOR_PIXELS
    cells = _cells()[sure]
    middle, half, points = values[:, 0] + cells, values[:, 1] / 2, values[:, 2:] + cells[:, None]
    boxes = np.concatenate([middle - half, middle + half], axis=1)
    left = np.argsort(-scores[sure], kind="stable")
    found = []
    while len(left):
        same = _overlap(boxes[left[0]], boxes[left]) > SAME
        same[0] = True  # a box without an area overlaps with nothing
        one, left = left[same], left[~same]
        mean = np.average(points[one], axis=0, weights=scores[sure][one])
        found.append(_standing(*square.points(mean[:2])))
    return found


def landmarks(outputs: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, float]:
    """What the landmark network says of the picture of one person.

    Args:
      outputs: (1, 195), (1, 1), the person's outline, (1, 64, 64, 39), and places in metres.

    Returns:
      Shares (33, 2), visibility (33,) from 0 to 1, and how sure it is that there is a person.
    """
    values, presence, _, maps, _ = outputs
    table = values.reshape(-1, VALUES)[: len(MEDIAPIPE)].astype(np.float64)
    places = refined(table[:, 1::-1] / LANDMARK_PIXELS, maps[0])
    return places, _sigmoid(table[:, 3]), float(presence[0, 0])


def refined(shares: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """Places by the mean of their maps' surroundings, where a map has a peak.

    Args:
      shares: (N, 2).
      maps: (cells, cells, at least N), before the sigmoid.
    """
    cells, result = maps.shape[0], shares.copy()
    for joint, center in enumerate(np.trunc(shares * cells).astype(int)):
        if (center < 0).any() or (center >= cells).any():
            continue
        y, x = (np.arange(max(0, c - AROUND), min(cells, c + AROUND + 1)) for c in center)
        weight = _sigmoid(maps[y[:, None], x, joint])
        if weight.max() >= CERTAIN:
            mean = [(weight.sum(axis=1) * y).sum(), (weight.sum(axis=0) * x).sum()]
            result[joint] = np.array(mean) / weight.sum() / cells
    return result


def _standing(hips: np.ndarray, end: np.ndarray) -> Region:
    """The square around a person in which they stand upright."""
    y, x = end - hips
    return Region(tuple(hips), 2 * ENLARGED * float(np.hypot(y, x)), float(np.arctan2(x, -y)))


def _cells() -> np.ndarray:
    """Where the detector's answers count from, (2254, 2)."""
    layers = []
    for pixels, answers in LAYERS:
        count = DETECTOR_PIXELS // pixels
        centers = (np.stack([*np.mgrid[:count, :count]], axis=-1).reshape(-1, 2) + 0.5) / count
        layers.append(np.repeat(centers, answers, axis=0))
    return np.concatenate(layers)


def _overlap(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """The share of their union that boxes (N, 4) have in common with a box (4,); 0 where it has no area."""
    corners = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    both = (corners[1] - corners[0]).clip(0).prod(axis=1)
    union = _area(box) + _area(boxes) - both
    return np.where(both > 0, both / np.where(union > 0, union, 1), 0)


def _area(boxes: np.ndarray) -> np.ndarray:
    return (boxes[..., 2:] - boxes[..., :2]).clip(0).prod(axis=-1)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x.astype(np.float64).clip(-100, 100)))
