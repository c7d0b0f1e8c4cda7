"""Grids of generated pairs, for people to look at."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from pgjax.images.pixels import grid
from pgjax.pose.drawing import draw_skeleton
from pgjax.training.generation import Prediction


def sample_grid(predictions: Sequence[Prediction], count: int) -> np.ndarray:
    """One row a pair: source, source pose, target pose, every generator's image, target.

    The first `count` pairs; poses are drawn on black. Returns uint8 (height, width, 3).
    """
    rows = list(itertools.islice(itertools.chain.from_iterable(map(_rows, predictions)), count))
    names = predictions[0].images
    titles = ["source", "pose", "target pose", *names, "target"]
    return grid(rows, titles=titles, scale=max(1, 192 // rows[0][0].shape[0]))


def _rows(prediction: Prediction) -> Iterator[list[np.ndarray]]:
    batch, images = prediction.batch, prediction.images
    for i in range(len(batch.source_image)):
        black = np.zeros_like(batch.source_image[i])
        yield [
            batch.source_image[i],
            draw_skeleton(black, batch.source_keypoints[i], batch.source_visible[i]),
            draw_skeleton(black, batch.target_keypoints[i], batch.target_visible[i]),
            *(image[i] for image in images.values()),
            batch.target_image[i],
        ]
