"""What a metric is: one record that holds how it is computed and all that tables need to know of it.

There are three kinds: an Ssim and a PixelMetric compare an image with its target; a SetMetric is computed on
what a network says of a whole set of images.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

PLAIN = "plain"
MASKED_INPUT = "masked_input"
"""Views of a system: what it makes of the source photo, and of the photo with a black background."""

FIXED, GENERATED, TARGET = "255", "max - min of the generated image", "max - min of the target"
"""Data ranges of SSIM."""

REFERENCE, POSES = "reference", "poses"
"""What a metric of a set compares with: features of real images; the target poses of the pairs."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Metric:
    """What every metric says of itself.

    Attributes:
      higher_is_better: whether higher values are better.
      mask: whether images are multiplied by the protocol's mask first.
      view: of which images it is measured, PLAIN or MASKED_INPUT.
      own: whether the project's own protocol measures it; the others belong to published protocols alone.
    """

    higher_is_better: bool = True
    mask: bool = False
    view: str = PLAIN
    own: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ssim(Metric):
    """SSIM of one setting (docs/reference_facts.md, 6.1), as scikit-image computes it; mean over an image.

    Attributes:
      window: "gaussian" or "uniform" (with the sample covariance).
      size: of the window in pixels.
      sigma: of the gaussian window, in pixels; has no meaning for the uniform one.
      data_range: FIXED, GENERATED or TARGET; of what is compared, masked or grey.
      grey: whether luminance is compared (ssim.grey) instead of the three colours.
    """

    window: str = "gaussian"
    size: int = 11
    sigma: float = 1.5
    data_range: str = FIXED
    grey: bool = False


@dataclasses.dataclass(frozen=True)
class PixelMetric(Metric):
    """A function of an image and its target, times a factor.

    Attributes:
      function: `(generated, target, mask)` -> (B,) float32, of images uint8 (B, H, W, 3) and the protocol's
        mask (B, H, W), the person being > 0. It is compiled; an image's number must not depend on the
        images beside it.
      factor: of its values.
    """

    function: Callable[..., Any]
    factor: float = 1.0


@dataclasses.dataclass(frozen=True)
class SetMetric(Metric):
    """A metric of a set of images, computed on what a network says of each.

    Attributes:
      extractor: the network, a name in sets.EXTRACTORS.
      network: fields of the Protocol that the extractor is made with, as keywords.
      function: of the features of the generated images and of what they are compared `against`: None,
        features of REFERENCE images, or POSES (keypoints (N, 18, 2) and visible (N, 18)); it returns a
        number, or several by name.
      against: None, REFERENCE or POSES.
      paired: whether the extractor compares each image with its target.
      options: fields of the Protocol that the function takes as keywords.
      batch: the field of the Protocol that says in batches of how many images they are taken, the last one
        left out where it is not full; None: no image is left out.
    """

    extractor: str
    function: Callable[..., float | Mapping[str, float]]
    against: str | None = None
    paired: bool = False
    options: tuple[str, ...] = ()
    network: tuple[str, ...] = ()
    batch: str | None = None
