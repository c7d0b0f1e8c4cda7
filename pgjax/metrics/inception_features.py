"""What the 2015 Inception graph says of images: a module of its own, so that the metrics load no network."""

import os

import numpy as np

from pgjax.frozen import inception
from pgjax.metrics.chunks import Chunked


class InceptionExtractor:
    """(features (B, 2048), logits without bias (B, 1008)), float32, of images uint8 (B, H, W, 3)."""

    what = f"{inception.GRAPH}: pool_3 (2048) and logits without bias (1008); {inception.FILE.name}"

    def __init__(self, weights: str | os.PathLike):
        """Loads the weights out of a folder; raises NotMeasuredError where they are not to be had."""
        self._extract = Chunked(inception.extract, (inception.load(weights),))

    def __call__(self, images: np.ndarray, targets: np.ndarray | None = None):
        del targets
        return self._extract(images)
