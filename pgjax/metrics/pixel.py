"""Metrics that compare a generated image with its target, pixel by pixel or window by window."""

import dataclasses
import functools
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from pgjax.errors import InputError
from pgjax.images import similarity
from pgjax.metrics import METRICS
from pgjax.metrics.records import FIXED, GENERATED, TARGET, PixelMetric, Ssim
from pgjax.metrics.ssim import data_ranges, grey, masked

_RANGES = (FIXED, GENERATED, TARGET)  # in the order of data_ranges


@functools.partial(jax.jit, static_argnames="names")
def score(
    names: tuple[str, ...], views: Mapping[str, jax.Array], target: jax.Array, mask: jax.Array
) -> dict[str, jax.Array]:
    """Metrics of every image; SSIMs that differ in nothing but the data range share their moments.

    Args:
      names: in METRICS, of metrics that need no network.
      views: generated images by view, (B, H, W, 3) from 0 to 255, uint8 or float32; those that the metrics
        ask for.
      target: likewise, one of them.
      mask: (B, H, W), the person is > 0.

    Returns:
      (B,) float32 by name.

    Raises:
      ValueError: an image is smaller than the window.
      InputError: a metric returned something else than a number for each image.
    """
    found: dict[str, jax.Array] = {}
    alike: dict[Ssim, list[str]] = {}
    data_range: dict[str, str] = {}
    for name in names:
        metric = METRICS[name]
        if isinstance(metric, Ssim):
            alike.setdefault(dataclasses.replace(metric, data_range=""), []).append(name)
            data_range[name] = metric.data_range
        else:
            assert isinstance(metric, PixelMetric)  # no other kind needs no network
            values = metric.function(views[metric.view], target, mask)
            # One number for the whole batch would be taken for that of every image in it.
            if (shape := jnp.shape(values)) != (expected := target.shape[:1]):
                raise InputError(
                    f"METRICS[{name!r}] returned an array of shape {shape} for {len(target)} images; "
                    f"expected {expected}, one number an image"
                )
            found[name] = values * metric.factor
    for setting, members in alike.items():
        a, b = views[setting.view], target
        if setting.mask:
            a, b = masked(a, mask), masked(b, mask)
        if setting.grey:
            a, b = grey(a), grey(b)
        ranges = data_ranges(a, b)
        wanted = jnp.stack([ranges[_RANGES.index(data_range[n])] for n in members])
        rows = similarity.ssim(a, b, wanted, setting.window, setting.size, setting.sigma)
        found |= dict(zip(members, rows, strict=True))
    return {name: found[name] for name in names}
