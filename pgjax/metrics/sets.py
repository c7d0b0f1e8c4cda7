"""What networks say of images: the table of extractors, for metrics of whole sets.

Features, logits, detections or joints are extracted once a set of images and shared by all metrics that
read them. To add a network: a line in EXTRACTORS.
"""

import functools
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from pgjax.metrics import lpips
from pgjax.metrics.detection import CaffeDetector
from pgjax.metrics.inception_features import InceptionExtractor
from pgjax.metrics.pckh import PoseExtractor

Features = Any
"""A tree of arrays (N, ...), in the order of the list of pairs."""


class Extractor(Protocol):
    """What a network says of images.

    Attributes:
      what: its name and version, printed in results.
    """

    what: str

    def __call__(self, images: np.ndarray, targets: np.ndarray | None = None) -> Features:
        """
        Args:
          images: (B, H, W, 3) from 0 to 255: uint8, or float32 where the protocol resizes them.
          targets: like images; given to the extractors of paired metrics alone.

        Returns:
          A tree of arrays (B, ...).
        """


EXTRACTORS: dict[str, Callable[..., Extractor]] = {
    "pose": PoseExtractor,
    "inception": InceptionExtractor,
    "lpips_alex": functools.partial(lpips.LpipsExtractor, "alex"),
    "lpips_vgg": functools.partial(lpips.LpipsExtractor, "vgg"),
    "detector": CaffeDetector,
}
"""Makes an extractor, given the folder of weights (DATA_DIR/weights) and, as keywords, what the metrics that
read it say in `network`.

Raises NotMeasuredError where something is missing: "fetch X to Y".
"""
