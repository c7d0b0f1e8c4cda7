"""What Inception v3 says of images: a module of its own, so that the metrics load no network."""

import functools
import os

import numpy as np

from pgjax.errors import InputError
from pgjax.frozen import inception, inception_torchvision
from pgjax.metrics.chunks import Chunked
from pgjax.metrics.protocol import IMAGENET, INCEPTION, RENORMALISED, SYMMETRIC


class InceptionExtractor:
    """(features (B, 2048), logits (B, classes)), float32, of images (B, H, W, 3) from 0 to 255.

    The logits are those of 1,008 classes without bias of the graph of 2015, or of ImageNet's 1,000 classes.
    """

    def __init__(
        self,
        weights: str | os.PathLike,
        features: str = INCEPTION,
        scaling: str = SYMMETRIC,
        rounded: bool = False,
    ):
        """Loads the weights out of a folder; raises NotMeasuredError where they are not to be had.

        features: which network, INCEPTION or IMAGENET. scaling: the grey values that it gets. rounded:
        whether what convolutions multiply is rounded to bfloat16: faster, and another number
        (docs/performance.md).
        """
        if (features, scaling) == (INCEPTION, SYMMETRIC):
            self.what = (
                f"{inception.GRAPH}: pool_3 (2048) and logits without bias (1008); "
                f"{inception.FILE.name}"
            )
            extract, load = inception.extract, inception.load
        elif features == IMAGENET and scaling in (SYMMETRIC, RENORMALISED):
            file = inception_torchvision.FILE.name
            self.what = (
                f"torchvision inception_v3: features (2048), logits (1000), {scaling}; {file}"
            )
            renormalised = scaling == RENORMALISED
            extract = functools.partial(inception_torchvision.extract, renormalised=renormalised)
            load = inception_torchvision.load
        else:
            raise InputError(f"no network of features {features!r} with grey values {scaling!r}")
        if rounded:
            self.what += "; products of bfloat16"
        self._extract = Chunked(functools.partial(extract, rounded=rounded), (load(weights),))

    def __call__(self, images: np.ndarray, targets: np.ndarray | None = None):
        del targets
        return self._extract(images)
