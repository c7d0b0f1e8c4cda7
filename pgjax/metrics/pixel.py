"""Metrics that compare a generated image with its target, pixel by pixel or window by window.

Each name stands for one formula. What it is fed with (crop, padding, which mask) is the protocol's
business: pgjax.metrics.protocols.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp

from pgjax.images import similarity
from pgjax.metrics.l1 import l1
from pgjax.metrics.psnr import psnr
from pgjax.metrics.ssim import data_ranges, masked

PLAIN = "plain"
MASKED_INPUT = "masked_input"
"""Views of a system: what it makes of the source photo, and of the photo with a black background."""

FIXED, GENERATED = "255", "max - min of the generated image"
_RANGES = (FIXED, GENERATED)  # in the order of data_ranges


@dataclasses.dataclass(frozen=True)
class Ssim:
    """SSIM of one setting (docs/reference_facts.md, 6.1), as scikit-image computes it; mean over an image.

    Attributes:
      window: "gaussian" (sigma 1.5) or "uniform" (with the sample covariance).
      size: of the window in pixels.
      data_range: FIXED or GENERATED; of masked images, if they are.
      mask: whether both images are multiplied by the protocol's mask first.
      view: PLAIN or MASKED_INPUT.
    """

    window: str = "gaussian"
    size: int = 11
    data_range: str = FIXED
    mask: bool = False
    view: str = PLAIN
    higher_is_better: bool = True


@dataclasses.dataclass(frozen=True)
class Difference:
    """A function `(generated, target, mask)` of metrics.METRICS, times a factor."""

    function: Callable
    factor: float = 1.0
    higher_is_better: bool = False
    view: str = PLAIN


_UNIFORM = Ssim(window="uniform", size=7)

PIXEL_METRICS: dict[str, Ssim | Difference] = {
    "ssim": Ssim(),
    "ssim_reference": Ssim(data_range=GENERATED),
    "ssim_uniform": _UNIFORM,
    "mask_ssim": Ssim(mask=True),
    "mask_ssim_reference": Ssim(data_range=GENERATED, mask=True),
    "mask_ssim_uniform": dataclasses.replace(_UNIFORM, mask=True),
    "masked_input_ssim": Ssim(data_range=GENERATED, mask=True, view=MASKED_INPUT),
    "l1": Difference(l1),
    "l1_255": Difference(l1, factor=127.5),
    "psnr": Difference(psnr, higher_is_better=True),
}


@functools.partial(jax.jit, static_argnames="names")
def score(
    names: tuple[str, ...], views: Mapping[str, jax.Array], target: jax.Array, mask: jax.Array
) -> dict[str, jax.Array]:
    """Metrics of every image; SSIMs that differ in nothing but the data range share their moments.

    Args:
      names: in PIXEL_METRICS.
      views: generated images by view, uint8 (B, H, W, 3); those that the metrics ask for.
      target: uint8 (B, H, W, 3).
      mask: (B, H, W), the person is > 0.

    Returns:
      (B,) float32 by name.

    Raises:
      ValueError: an image is smaller than the window.
    """
    found, alike = {}, {}
    for name in names:
        metric = PIXEL_METRICS[name]
        if isinstance(metric, Ssim):
            alike.setdefault(dataclasses.replace(metric, data_range=""), []).append(name)
        else:
            values = metric.function(views[metric.view], target, mask)
            found[name] = values * metric.factor
    for setting, members in alike.items():
        a, b = views[setting.view], target
        if setting.mask:
            a, b = masked(a, mask), masked(b, mask)
        ranges = data_ranges(a)
        wanted = jnp.stack([ranges[_RANGES.index(PIXEL_METRICS[n].data_range)] for n in members])
        rows = similarity.ssim(a, b, wanted, setting.window, setting.size)
        found |= dict(zip(members, rows, strict=True))
    return {name: found[name] for name in names}
