"""Scores systems on one list of pairs under a protocol: pixel metrics at once, metrics of sets at the end."""

import collections
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from pgjax.errors import InputError
from pgjax.images.pixels import through_jpeg
from pgjax.metrics import METRICS, Ssim, of_pixels
from pgjax.metrics.comparison import Judge
from pgjax.metrics.feature_bank import Bank, Loaded, Views
from pgjax.metrics.protocol import Protocol
from pgjax.metrics.records import MASKED_INPUT, PLAIN
from pgjax.pose.batch import Batch, Store
from pgjax.runtime import hosts

PIXEL, ALL = "pixel", "all"
"""In the place of names: all metrics that need no network, and all."""


class Scorer:
    """Takes the images of several subjects, batch after batch, and says their scores.

    Of several hosts each gives its part of the pairs (hosts.part); all get the same scores.

    Attributes:
      views: of images that a subject has to be given in.
      networks: what was extracted with, by the extractor's name.
      not_measured: why not, by metric.
      seconds: spent on pixel metrics and on networks.
    """

    def __init__(
        self,
        protocol: Protocol,
        dataset: str,
        store: Store,
        pairs: np.ndarray,
        weights: str | os.PathLike,
        names: Sequence[str] | None = None,
        training: Callable[[], Store] | None = None,
        loaded: Loaded | None = None,
        alone: bool = True,
    ):
        """Loads the networks that are there; compiles nothing yet.

        Args:
          protocol: to score under.
          dataset: its name.
          store: of the pairs' photos.
          pairs: all of them, (P, 2), positions in the store; of this host and the others.
          weights: folder of the networks' weights.
          names: of metrics (`chosen`); all of the protocol's unless given.
          training: gives the training photos, where the protocol compares with them.
          loaded: networks that other scorers have loaded, and what this one loads (Bank).
          alone: whether to measure nothing is a fault; otherwise `refuse_nothing` is for the caller.

        Raises:
          InputError: none of the metrics can be measured; says what to fetch, and to where.
        """
        names = protocol.metrics if names is None else tuple(names)
        pixel = of_pixels(names)
        sets = [name for name in names if name not in pixel]
        large = _too_large(pixel, protocol, dataset, store)
        self._pixel = [name for name in pixel if name not in large]
        self._jpeg = protocol.jpeg
        self._judge = Judge(protocol, dataset, self._pixel)
        self._bank = Bank(
            sets, protocol, self._judge, dataset, store, pairs, weights, training, loaded
        )
        self.networks, self.not_measured = self._bank.networks, self._bank.not_measured
        self.not_measured |= large
        self.views = {metric.view for metric in self._metrics().values()}
        if alone:
            refuse_nothing([self])
        self._scores = collections.defaultdict(list)
        self.seconds = {"pixel_metrics": 0.0, "network_metrics": 0.0}

    def _metrics(self) -> dict[str, Any]:
        return {name: METRICS[name] for name in self._pixel} | self._bank.metrics

    @property
    def measures_sets(self) -> bool:
        return bool(self._bank.metrics)

    def of_view(self, view: str) -> list[str]:
        """The metrics that are measured of a view."""
        return [name for name, metric in self._metrics().items() if metric.view == view]

    def add(
        self,
        subject: str,
        views: Views,
        batch: Batch,
        photos: np.ndarray | None = None,
        among: Any = None,
        drawn: bool = False,
    ) -> None:
        """Takes a subject's images of the next B pairs of this host.

        Args:
          subject: its name.
          views: uint8 (B, H, W, 3) by view; those of `self.views`. Metrics of a view that a subject does
            not have are not measured of it.
          batch: of the pairs.
          photos: (B,), where the plain view is photos that are known: their positions, so that networks
            see each photo once.
          among: those photos, uint8 (N, H, W, 3), the store's unless given.
          drawn: whether a generator has just drawn them: then they go through the protocol's kind of file.
        """
        started = time.perf_counter()
        if drawn and self._jpeg is not None:
            views = {name: through_jpeg(np.asarray(x), self._jpeg) for name, x in views.items()}
        self._scores[subject].append(self._judge.compare(views, batch))
        compared = time.perf_counter()
        self._bank.add(subject, views, batch, photos, among)
        self.seconds["pixel_metrics"] += compared - started
        self.seconds["network_metrics"] += time.perf_counter() - compared

    def add_baselines(
        self, batch: Batch, pairs: np.ndarray, mean: np.ndarray | None, real: bool
    ) -> None:
        """Takes "source" (a copy of the source photo), "mean" where an image is given, and "real".

        Args:
          batch: of the pairs.
          pairs: (B, 2), positions in the store.
          mean: uint8 (H, W, 3).
          real: whether the targets themselves are a subject.
        """
        views = {PLAIN: batch.source_image}
        if MASKED_INPUT in self.views:
            views[MASKED_INPUT] = self._judge.masked_source(batch)
        self.add("source", views, batch, pairs[:, 0])
        if mean is not None:
            same, none = np.broadcast_to(mean, batch.target_image.shape), np.zeros(len(pairs), int)
            self.add("mean", dict.fromkeys(self.views, same), batch, none, mean[None])
        if real:
            self.add("real", dict.fromkeys(self.views, batch.target_image), batch, pairs[:, 1])

    def each(self, count: int | None = None) -> dict[str, dict[str, np.ndarray]]:
        """Pixel metrics of every pair, (P,) float32 by subject and metric; collective.

        Args:
          count: of this host's pairs that count, all unless given.
        """
        joined = {
            subject: jax.tree.map(lambda *x: np.concatenate(x)[:count], *scores)
            for subject, scores in self._scores.items()
        }
        return hosts.gather(joined)

    def scores(self, count: int | None = None) -> dict[str, dict[str, float]]:
        """`means` of `each`, whose argument it takes; collective."""
        return self.means(self.each(count), count)

    def means(
        self, each: Mapping[str, Mapping[str, np.ndarray]], count: int | None = None
    ) -> dict[str, dict[str, float]]:
        """Means over all pairs, and the metrics of sets, by subject; collective.

        Means are exact sums of float32 in float64: no order of the pairs gives another one.

        Args:
          each: what `each` returns.
          count: as of `each`.
        """
        found = {
            subject: {
                name: math.fsum(values[name].tolist()) / len(values[name])
                for name in self._pixel
                if name in values
            }
            for subject, values in each.items()
        }
        started = time.perf_counter()
        found = {
            subject: values | self._bank.values(subject, count) for subject, values in found.items()
        }
        self.seconds["network_metrics"] += time.perf_counter() - started
        return found


def _too_large(
    names: Sequence[str], protocol: Protocol, dataset: str, store: Store
) -> dict[str, str]:
    """Why SSIMs whose window does not fit into the photos are not measured, by name."""
    size, frame = store.images.shape[1:3], protocol.frame(dataset)
    height, width = size if frame is None else frame.size(size)
    windows = {n: metric.size for n in names if isinstance(metric := METRICS[n], Ssim)}
    return {
        name: f"its window of {window} pixels is larger than the photos, {height}x{width}"
        for name, window in windows.items()
        if window > min(height, width)
    }


def refuse_nothing(scorers: Sequence[Scorer]) -> None:
    """Stops where no metric can be measured.

    Raises:
      InputError: says what to fetch, and to where.
    """
    if not any(scorer.views for scorer in scorers):
        reasons = {name: why for scorer in scorers for name, why in scorer.not_measured.items()}
        told = "; ".join(dict.fromkeys(reasons.values()))
        raise InputError(f"--metrics: {', '.join(reasons)} cannot be measured: {told}")


def chosen(protocol: Protocol, names: Sequence[str]) -> tuple[str, ...]:
    """The protocol's metrics of these names, PIXEL standing for all that need no network, ALL for all.

    Raises:
      InputError: no name, or the protocol has none of that name.
    """
    ((_, found),) = chosen_of([protocol], names)
    return found


def chosen_of(
    judged: Sequence[Protocol], names: Sequence[str]
) -> list[tuple[Protocol, tuple[str, ...]]]:
    """As `chosen`, of each protocol; those that have no metric of these names are left out.

    Raises:
      InputError: no name, or no protocol has any of that name.
    """
    if not names:
        raise InputError(f"--metrics: missing; expected names, {PIXEL} or {ALL}")
    known = dict.fromkeys(name for protocol in judged for name in protocol.metrics)
    for name in names:
        if name not in (*known, PIXEL, ALL):
            raise InputError(
                f"--metrics: protocol {' or '.join(p.name for p in judged)} has no {name!r}; it has "
                f"{', '.join(known)}, {PIXEL} for those that need no network, and {ALL}"
            )
    wanted = {n for n in known if n in names or ALL in names}
    wanted |= set(of_pixels(known)) if PIXEL in names else set()
    shares = [(p, tuple(name for name in p.metrics if name in wanted)) for p in judged]
    return [(protocol, found) for protocol, found in shares if found]


def higher_is_better(name: str) -> bool | None:
    """Whether higher values of a metric are better; None where it is not known here."""
    metric = METRICS.get(name)
    return None if metric is None else metric.higher_is_better
