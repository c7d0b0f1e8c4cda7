"""What generated images are scored by: one table, one record a metric.

To add a metric: a line in METRICS. Everything else follows from its record: which way is better, what the
project's own protocol measures, what is scored while a row trains, which networks are loaded.
"""

import functools
from collections.abc import Iterable

from pgjax.metrics import inception
from pgjax.metrics.l1 import l1
from pgjax.metrics.mean import mean
from pgjax.metrics.pckh import pckh
from pgjax.metrics.psnr import psnr
from pgjax.metrics.records import (
    GENERATED,
    MASKED_INPUT,
    POSES,
    REFERENCE,
    TARGET,
    Metric,
    PixelMetric,
    SetMetric,
    Ssim,
)

__all__ = ["METRICS", "Metric", "PixelMetric", "SetMetric", "Ssim", "of_pixels"]


def _uniform(**options) -> Ssim:
    return Ssim(window="uniform", size=7, own=False, **options)


def _of_inception(function, against: str | None = None, **options) -> SetMetric:
    return SetMetric("inception", function, against, network=("features", "scaling"), **options)


def _inception_score(name: str, **options) -> SetMetric:
    function = functools.partial(inception.inception_score, name)
    return _of_inception(function, options=("splits",), **options)


def _distance(function) -> SetMetric:
    return _of_inception(function, REFERENCE, higher_is_better=False, batch="fid_batch")


def _lpips(net: str) -> SetMetric:
    return SetMetric(
        f"lpips_{net}",
        mean,
        paired=True,
        higher_is_better=False,
        network=("lpips_scaling",),
        batch="lpips_batch",
    )


METRICS: dict[str, Metric] = {
    "ssim": Ssim(),
    "ssim_reference": Ssim(data_range=GENERATED),
    "ssim_uniform": _uniform(),
    "ssim_grey": _uniform(data_range=TARGET, grey=True),
    "ssim_window51": Ssim(window="uniform", size=51, own=False),
    "ssim_sigma12": Ssim(size=9, sigma=1.2, data_range=GENERATED, own=False),
    "mask_ssim": Ssim(mask=True),
    "mask_ssim_reference": Ssim(data_range=GENERATED, mask=True),
    "mask_ssim_uniform": _uniform(mask=True),
    "masked_input_ssim": Ssim(data_range=GENERATED, mask=True, view=MASKED_INPUT, own=False),
    "l1": PixelMetric(l1, higher_is_better=False),
    "l1_255": PixelMetric(l1, factor=127.5, higher_is_better=False, own=False),
    "l1_unit": PixelMetric(l1, factor=0.5, higher_is_better=False, own=False),
    "psnr": PixelMetric(psnr),
    "is": _inception_score("is"),
    "mask_is": _inception_score("mask_is", mask=True),
    "masked_input_is": _inception_score("masked_input_is", mask=True, view=MASKED_INPUT, own=False),
    "fid": _distance(inception.fid),
    "kid": _distance(inception.kid),
    "lpips_alex": _lpips("alex"),
    "lpips_vgg": _lpips("vgg"),
    "ds": SetMetric("detector", mean),
    "pckh": SetMetric("pose", pckh, POSES),
}
"""In the order of tables. Each name stands for one formula; what it is fed with (crop, padding, which mask)
is the protocol's business: pgjax.metrics.protocols."""


def of_pixels(names: Iterable[str]) -> list[str]:
    """Those of the names that are metrics which compare pixels and need no network."""
    return [name for name in names if isinstance(METRICS.get(name), PixelMetric | Ssim)]
