"""Grids of generated pairs, for people to look at."""

import numpy as np

from pgjax.generation import Prediction
from pgjax.image import draw_skeleton, grid


def sample_grid(prediction: Prediction, count: int | None = None) -> np.ndarray:
    """One row a pair: source, source pose, target pose, every generator's image, target.

    Poses are drawn on black. Returns uint8 (height, width, 3).
    """
    batch, images = prediction.batch, prediction.images
    rows = []
    for i in range(len(batch.source_image))[:count]:
        black = np.zeros_like(batch.source_image[i])
        rows.append(
            [
                batch.source_image[i],
                draw_skeleton(black, batch.source_keypoints[i], batch.source_visible[i]),
                draw_skeleton(black, batch.target_keypoints[i], batch.target_visible[i]),
                *(image[i] for image in images.values()),
                batch.target_image[i],
            ]
        )
    titles = ["source", "pose", "target pose", *images, "target"]
    scale = max(1, 192 // batch.source_image.shape[1])
    return grid(rows, titles=titles, scale=scale)
