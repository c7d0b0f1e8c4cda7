"""Scores systems on one list of pairs under a protocol: pixel metrics at once, metrics of sets at the end."""

import collections
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from pgjax import hosts
from pgjax.batch import Batch, Store
from pgjax.errors import InputError, NotMeasuredError
from pgjax.metrics.judge import Judge, moved
from pgjax.metrics.pixel import MASKED_INPUT, PIXEL_METRICS, PLAIN
from pgjax.metrics.protocols import Protocol
from pgjax.metrics.sets import EXTRACTORS, POSES, REFERENCE, SET_METRICS, SetMetric

PIXEL = "pixel"
"""In the place of names: all metrics that need no network."""
CHUNK = 64  # photos that an extractor is given at a time

Views = Mapping[str, np.ndarray]


class _Need(NamedTuple):
    """What is extracted: by which network, of which view, masked or not, beside targets or not."""

    extractor: str
    view: str
    mask: bool
    paired: bool


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
        """
        self._protocol, self._store, self._pairs, self._training = protocol, store, pairs, training
        self._size = tuple(store.images.shape[1:3])
        self._frame = protocol.frame(dataset)
        names = protocol.metrics if names is None else tuple(names)
        self._pixel = [name for name in names if name in PIXEL_METRICS]
        self._judge = Judge(protocol, dataset, self._pixel)
        self.not_measured: dict[str, str] = {}
        self._extractors = {}
        self._sets: dict[str, SetMetric] = {}
        for name in names:
            if name in SET_METRICS:
                self._load(name, weights)
            elif name not in PIXEL_METRICS:
                self.not_measured[name] = "this version cannot measure it"
        self.networks = {name: extractor.what for name, extractor in self._extractors.items()}
        metrics = [*(PIXEL_METRICS[name] for name in self._pixel), *self._sets.values()]
        self.views = {metric.view for metric in metrics}
        self._needs = {_need(metric) for metric in self._sets.values()}
        self._scores = collections.defaultdict(list)
        self._features = collections.defaultdict(list)
        self._photos = collections.defaultdict(list)
        self._among: dict[str, Any] = {}
        self.seconds = {"pixel_metrics": 0.0, "network_metrics": 0.0}

    def _load(self, name: str, weights: str | os.PathLike) -> None:
        metric = SET_METRICS[name]
        try:
            if metric.extractor not in self._extractors:
                self._extractors[metric.extractor] = EXTRACTORS[metric.extractor](weights)
        except NotMeasuredError as error:
            self.not_measured[name] = str(error)
        else:
            self._sets[name] = metric

    def of_view(self, view: str) -> list[str]:
        """The metrics that are measured of a view."""
        metrics = {name: PIXEL_METRICS[name] for name in self._pixel} | self._sets
        return [name for name, metric in metrics.items() if metric.view == view]

    @property
    def measures_sets(self) -> bool:
        return bool(self._sets)

    def add(
        self,
        subject: str,
        views: Views,
        batch: Batch,
        photos: np.ndarray | None = None,
        among: Any = None,
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
        """
        started = time.perf_counter()
        self._scores[subject].append(self._judge.compare(views, batch))
        compared = time.perf_counter()
        self.seconds["pixel_metrics"] += compared - started
        if photos is not None:
            self._photos[subject].append(np.asarray(photos))
            self._among[subject] = self._store.images if among is None else among
        for need in self._needs:
            if (photos is not None and need == _plain(need)) or need.view not in views:
                continue
            images, extract = views[need.view], self._extractors[need.extractor]
            lay = self._judge.under_mask if need.mask else lambda x, _: self._judge.laid(x)
            given = [lay(images, batch)]
            if need.paired:
                given.append(lay(batch.target_image, batch))
            self._features[subject, need].append(jax.tree.map(np.asarray, extract(*given)))
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
        """Means over all pairs, and the metrics of sets, by subject; arguments as `each`; collective.

        Means are exact sums of float32 in float64: no order of the pairs gives another one.
        """
        found = {
            subject: {
                name: math.fsum(values[name].tolist()) / len(values[name])
                for name in self._pixel
                if name in values
            }
            for subject, values in self.each(count).items()
        }
        started = time.perf_counter()
        references = {}
        for subject, values in found.items():
            for name, metric in self._sets.items():
                need = _need(metric)
                if not self._has(subject, need):
                    continue
                features = self._of(subject, need, count)
                against = self._against(metric, need, references)
                options = {key: getattr(self._protocol, key) for key in metric.options}
                try:
                    value = metric.function(features, against, **options)
                except NotMeasuredError as error:
                    self.not_measured[name] = str(error)
                    continue
                values |= value if isinstance(value, Mapping) else {name: float(value)}
        self.seconds["network_metrics"] += time.perf_counter() - started
        return found

    def _has(self, subject: str, need: _Need) -> bool:
        known = subject in self._photos and need == _plain(need)
        return known or (subject, need) in self._features

    def _of(self, subject: str, need: _Need, count: int | None) -> Any:
        """A subject's features, (P, ...)."""
        if (subject, need) not in self._features:
            photos = np.concatenate(self._photos[subject])
            unique, inverse = np.unique(photos, return_inverse=True)
            features = self._extracted(need.extractor, self._among[subject], unique)
            self._features[subject, need] = [jax.tree.map(lambda x: x[inverse], features)]
        parts = self._features[subject, need]
        whole = jax.tree.map(lambda *x: np.concatenate(x), *parts)
        self._features[subject, need] = [whole]
        return hosts.gather(jax.tree.map(lambda x: x[:count], whole))

    def _against(self, metric: SetMetric, need: _Need, references: dict) -> Any:
        if metric.against == POSES:
            targets = self._pairs[:, 1]
            keypoints = moved(self._store.keypoints[targets], self._frame, self._size)
            return keypoints, self._store.visible[targets]
        if metric.against != REFERENCE:
            return None
        if need.extractor not in references:
            if self._protocol.reference == "train":
                store = self._training()
                photos = np.arange(len(store.keypoints))
            else:
                store, photos = self._store, np.unique(self._pairs[:, 1])
            _, mine = hosts.part(photos)
            own = mine if len(mine) else photos[:1]
            features = self._extracted(need.extractor, store.images, own)
            references[need.extractor] = hosts.gather(
                jax.tree.map(lambda x: x[: len(mine)], features)
            )
        return references[need.extractor]

    def _extracted(self, extractor: str, images: Any, photos: np.ndarray) -> Any:
        extract = self._extractors[extractor]
        parts = [
            jax.tree.map(np.asarray, extract(self._judge.laid(images[photos[i : i + CHUNK]])))
            for i in range(0, len(photos), CHUNK)
        ]
        return jax.tree.map(lambda *x: np.concatenate(x), *parts)


def _need(metric: SetMetric) -> _Need:
    return _Need(metric.extractor, metric.view, metric.mask, metric.paired)


def _plain(need: _Need) -> _Need:
    return need._replace(view=PLAIN, mask=False, paired=False)


def chosen(protocol: Protocol, names: Sequence[str]) -> tuple[str, ...]:
    """The protocol's metrics of these names, PIXEL standing for all that need no network.

    Raises:
      InputError: the protocol has none of that name.
    """
    wanted = set()
    for name in names:
        if name == PIXEL:
            wanted |= {n for n in protocol.metrics if n in PIXEL_METRICS}
        elif name in protocol.metrics:
            wanted.add(name)
        else:
            raise InputError(
                f"--metrics: protocol {protocol.name} has no {name!r}; it has "
                f"{', '.join(protocol.metrics)}, and {PIXEL} for those that need no network"
            )
    return tuple(name for name in protocol.metrics if name in wanted)


def higher_is_better(name: str) -> bool | None:
    """Whether higher values of a metric are better; None where it is not known here."""
    metric = PIXEL_METRICS.get(name) or SET_METRICS.get(name)
    return None if metric is None else metric.higher_is_better
