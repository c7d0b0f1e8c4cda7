"""Metrics of whole sets of images, computed on what a network says of each image.

What a network says (features, logits, detections, joints) is extracted once a set of images and shared
by all metrics that read it. To add a metric: a line in SET_METRICS and, for a new network, one in
EXTRACTORS.
"""

import functools
import math
import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from pgjax.metrics import inception, lpips
from pgjax.metrics.detection import CaffeDetector
from pgjax.metrics.pckh import PoseExtractor, pckh
from pgjax.metrics.pixel import MASKED_INPUT, PLAIN

Features = Any
"""A tree of arrays (N, ...), in the order of the list of pairs."""

REFERENCE, POSES = "reference", "poses"
"""What a metric compares with: features of real images; the target poses of the pairs."""


class Extractor(Protocol):
    """What a network says of images.

    Attributes:
      what: its name and version, printed in results.
    """

    what: str

    def __call__(self, images: np.ndarray, targets: np.ndarray | None = None) -> Features:
        """
        Args:
          images: uint8 (B, H, W, 3).
          targets: like images; given to the extractors of paired metrics alone.

        Returns:
          A tree of arrays (B, ...).
        """


class SetMetric(NamedTuple):
    """A metric of a set of images.

    extractor: a name in EXTRACTORS. function: of the features of the generated images and of what they
    are compared `against`: None, features of REFERENCE images, or POSES (keypoints (N, 18, 2) and
    visible (N, 18)); it returns a number, or several by name. mask: whether images are multiplied by the
    protocol's mask first. view: which images of a system. paired: the extractor compares each image with
    its target. options: fields of the Protocol that the function takes as keywords.
    """

    extractor: str
    function: Callable[..., float | Mapping[str, float]]
    against: str | None = None
    higher_is_better: bool = True
    mask: bool = False
    view: str = PLAIN
    paired: bool = False
    options: tuple[str, ...] = ()


EXTRACTORS: dict[str, Callable[[str | os.PathLike], Extractor]] = {
    "pose": PoseExtractor,
    "inception": inception.InceptionExtractor,
    "lpips_alex": functools.partial(lpips.LpipsExtractor, "alex"),
    "lpips_vgg": functools.partial(lpips.LpipsExtractor, "vgg"),
    "detector": CaffeDetector,
}
"""Makes an extractor, given the folder of weights (DATA_DIR/weights).

Raises NotMeasuredError where something is missing: "fetch X to Y".
"""


def mean(values: np.ndarray, against: None = None) -> float:
    """Mean of one number an image (N,), summed exactly: no order of the images gives another one."""
    return math.fsum(np.asarray(values, np.float64).tolist()) / len(values)


def _inception_score(name: str, mask: bool = False, view: str = PLAIN) -> SetMetric:
    function = functools.partial(inception.inception_score, name)
    return SetMetric("inception", function, mask=mask, view=view, options=("splits",))


def _lpips(net: str) -> SetMetric:
    return SetMetric(f"lpips_{net}", mean, higher_is_better=False, paired=True)


SET_METRICS: dict[str, SetMetric] = {
    "is": _inception_score("is"),
    "mask_is": _inception_score("mask_is", mask=True),
    "masked_input_is": _inception_score("masked_input_is", mask=True, view=MASKED_INPUT),
    "fid": SetMetric("inception", inception.fid, against=REFERENCE, higher_is_better=False),
    "kid": SetMetric("inception", inception.kid, against=REFERENCE, higher_is_better=False),
    "lpips_alex": _lpips("alex"),
    "lpips_vgg": _lpips("vgg"),
    "ds": SetMetric("detector", mean),
    "pckh": SetMetric("pose", pckh, against=POSES),
}
