"""What networks say of several systems' images, extracted once and shared by the metrics of sets."""

import collections
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from pgjax.errors import InputError, NotMeasuredError
from pgjax.files import buckets, paths
from pgjax.metrics import METRICS, SetMetric
from pgjax.metrics.comparison import Judge, moved
from pgjax.metrics.protocol import Protocol
from pgjax.metrics.records import PLAIN, POSES, REFERENCE
from pgjax.metrics.sets import EXTRACTORS, Extractor
from pgjax.pose.batch import Batch, Store
from pgjax.progress import Progress, announce
from pgjax.runtime import hosts

CHUNK = 64  # photos that an extractor is given at a time
Views = Mapping[str, np.ndarray]
Loaded = dict[Any, Extractor | NotMeasuredError]
"""Extractors, or why they are not to be had, by their names and what they were made with."""


class _Need(NamedTuple):
    """What is extracted: by which network, of which view, masked or not, beside targets or not."""

    extractor: str
    view: str = PLAIN
    mask: bool = False
    paired: bool = False


def _need(metric: SetMetric) -> _Need:
    return _Need(metric.extractor, metric.view, metric.mask, metric.paired)


class Bank:
    """Takes images batch after batch, as scoring.Scorer does, and says the metrics of whole sets.

    Attributes:
      metrics: those that can be measured, by name.
      not_measured: why not, by metric.
      networks: what was extracted with, by the extractor's name.
    """

    def __init__(
        self,
        names: Sequence[str],
        protocol: Protocol,
        judge: Judge,
        dataset: str,
        store: Store,
        pairs: np.ndarray,
        weights: str | os.PathLike,
        training: Callable[[], Store] | None,
        loaded: Loaded | None = None,
    ):
        """Loads the networks that are there; arguments as of scoring.Scorer.

        `loaded` has what was loaded before, or could not be; what is loaded here is added to it. A download
        that failed is not tried again.
        """
        self._protocol, self._judge = protocol, judge
        self._frame = protocol.frame(dataset, networks=True)
        self._store, self._pairs = store, pairs
        self._training = training
        self.metrics: dict[str, SetMetric] = {}
        self.not_measured: dict[str, str] = {}
        self._extractors = {}
        loaded = {} if loaded is None else loaded
        if names:
            weights = buckets.fetch(paths.of(weights))
        for name in names:
            try:
                self.metrics[name] = self._loaded(name, weights, loaded)
            except NotMeasuredError as error:
                self.not_measured[name] = str(error)
        self.networks = {name: extractor.what for name, extractor in self._extractors.items()}
        self._needs = {_need(metric) for metric in self.metrics.values()}
        self._features = collections.defaultdict(list)
        self._photos = collections.defaultdict(list)
        self._among: dict[str, Any] = {}
        self._references: dict[str, Any] = {}

    def _loaded(self, name: str, weights: str | os.PathLike, loaded: Loaded) -> SetMetric:
        metric = METRICS.get(name)
        if not isinstance(metric, SetMetric):
            raise NotMeasuredError("this version cannot measure it")
        options = {field: getattr(self._protocol, field) for field in metric.network}
        key = metric.extractor, *options.items()
        if key not in loaded:
            if hosts.first():
                announce(f"loading the network of {name}: {metric.extractor}")
            try:
                loaded[key] = EXTRACTORS[metric.extractor](weights, **options)
            except NotMeasuredError as error:
                loaded[key] = error
        extractor = loaded[key]
        if isinstance(extractor, NotMeasuredError):
            raise extractor
        self._extractors[metric.extractor] = extractor
        return metric

    def add(
        self, subject: str, views: Views, batch: Batch, photos: np.ndarray | None, among: Any
    ) -> None:
        """Extracts what the metrics need of B images; arguments as of scoring.Scorer.add."""
        if photos is not None:
            self._photos[subject].append(np.asarray(photos))
            self._among[subject] = self._store.images if among is None else among
        for need in self._needs:
            known = photos is not None and need == _Need(need.extractor)
            if known or need.view not in views:
                continue
            given = [views[need.view], *([batch.target_image] if need.paired else [])]
            if need.mask:
                given = [self._judge.under_mask(images, batch) for images in given]
            else:
                given = [self._judge.laid(images) for images in given]
            extracted = self._extractors[need.extractor](*given)
            self._features[subject, need].append(jax.tree.map(np.asarray, extracted))

    def values(self, subject: str, count: int | None) -> dict[str, float]:
        """A subject's metrics; `count` as of scoring.Scorer.each; collective."""
        found = {}
        for name, metric in self.metrics.items():
            need = _need(metric)
            known = subject in self._photos and need == _Need(need.extractor)
            if not known and (subject, need) not in self._features:
                continue
            features = self._full(metric, self._of(subject, need, count))
            options = {key: getattr(self._protocol, key) for key in metric.options}
            if metric.against == REFERENCE and hosts.first():
                announce(f"computing {name} of {subject}")
            try:
                value = metric.function(features, self._against(metric), **options)
            except NotMeasuredError as error:
                self.not_measured[name] = str(error)
                continue
            found |= value if isinstance(value, Mapping) else {name: float(value)}
        return found

    def _of(self, subject: str, need: _Need, count: int | None) -> Any:
        """A subject's features of all pairs, (P, ...)."""
        if (subject, need) not in self._features:
            photos = np.concatenate(self._photos[subject])
            unique, inverse = np.unique(photos, return_inverse=True)
            features = self._extracted(need.extractor, self._among[subject], unique)
            self._features[subject, need] = [jax.tree.map(lambda x: x[inverse], features)]
        whole = jax.tree.map(lambda *x: np.concatenate(x), *self._features[subject, need])
        self._features[subject, need] = [whole]
        return hosts.gather(jax.tree.map(lambda x: x[:count], whole))

    def _against(self, metric: SetMetric) -> Any:
        if metric.against == POSES:
            targets, size = self._pairs[:, 1], tuple(self._store.images.shape[1:3])
            keypoints = moved(self._store.keypoints[targets], self._frame, size)
            return keypoints, self._store.visible[targets]
        if metric.against == REFERENCE:
            if metric.extractor not in self._references:
                self._references[metric.extractor] = self._reference(metric.extractor)
            return self._full(metric, self._references[metric.extractor])
        return None

    def _full(self, metric: SetMetric, features: Any) -> Any:
        """The features of whole batches, where the protocol takes no other; those of a single one always."""
        size = 1 if metric.batch is None else getattr(self._protocol, metric.batch)
        count = len(jax.tree.leaves(features)[0])
        kept = count if count < size else count - count % size
        return jax.tree.map(lambda x: x[:kept], features)

    def _reference(self, extractor: str) -> Any:
        if self._protocol.reference == "train":
            assert self._training is not None  # who measures against them gives them
            try:
                store = self._training()
            except InputError as error:
                raise NotMeasuredError(f"needs the training photos: {error}") from error
            photos = np.arange(len(store.keypoints))
        else:
            store, photos = self._store, np.unique(self._pairs[:, 1])
        _, mine = hosts.part(photos)
        own = mine if len(mine) else photos[:1]  # every host has features to gather
        features = self._extracted(extractor, store.images, own)
        return hosts.gather(jax.tree.map(lambda x: x[: len(mine)], features))

    def _extracted(self, extractor: str, images: Any, photos: np.ndarray) -> Any:
        extract, parts = self._extractors[extractor], []
        with Progress(
            len(photos), f"{extract.what} on photos", "photo", quiet=not hosts.first()
        ) as bar:
            for i in range(0, len(photos), CHUNK):
                chunk = photos[i : i + CHUNK]
                parts.append(jax.tree.map(np.asarray, extract(self._judge.laid(images[chunk]))))
                bar.update(len(chunk))
        return jax.tree.map(lambda *x: np.concatenate(x), *parts)
