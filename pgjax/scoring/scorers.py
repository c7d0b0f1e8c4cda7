"""Scores under several protocols in one pass over the images: a metric that two protocols share runs once."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from pgjax.metrics import METRICS, SetMetric
from pgjax.metrics.feature_bank import Loaded, Views
from pgjax.metrics.protocol import Mask, Protocol
from pgjax.metrics.protocols import alike
from pgjax.metrics.records import MASKED_INPUT
from pgjax.pose.batch import Batch, Store
from pgjax.scoring.scorer import Scorer, refuse_nothing


class Scored(NamedTuple):
    """What came out under one protocol: scores by subject and metric, and how they were measured.

    `each` has the pixel metrics of every pair, (P,) float32 by subject and metric; `scores` has their means.
    """

    protocol: Protocol
    scores: Mapping[str, Mapping[str, float]]
    not_measured: Mapping[str, str]
    networks: Mapping[str, str]
    each: Mapping[str, Mapping[str, np.ndarray]]


class Scorers:
    """As scoring.Scorer, under several protocols at once.

    Attributes:
      views: of images that a subject has to be given in.
      masked_input: the mask of the view MASKED_INPUT, where that is among `views`.
      measures_sets: whether any metric reads a network.
    """

    def __init__(
        self,
        judged: Sequence[tuple[Protocol, Sequence[str]]],
        dataset: str,
        store: Store,
        pairs: np.ndarray,
        weights: str | os.PathLike,
        training: Callable[[], Store] | None = None,
    ):
        """Loads the networks that are there; compiles nothing yet.

        Args:
          judged: protocols, each with names of its metrics (scoring.chosen_of).
          dataset: as of scoring.Scorer.
          store: as of scoring.Scorer.
          pairs: as of scoring.Scorer.
          weights: as of scoring.Scorer.
          training: as of scoring.Scorer.

        Raises:
          InputError: none of the metrics can be measured; says what to fetch, and to where.
        """
        self._judged, self._homes = judged, homes(judged, dataset)
        self._scorers: dict[int, Scorer] = {}
        loaded: Loaded = {}
        for place, (protocol, names) in enumerate(judged):
            if own := [name for name in names if self._homes[place][name] == place]:
                given = (protocol, dataset, store, pairs, weights, own, training, loaded)
                self._scorers[place] = Scorer(*given, alone=False)
        refuse_nothing(list(self._scorers.values()))
        views = {place: scorer.views for place, scorer in self._scorers.items()}
        self.views = set().union(*views.values())
        masked = [judged[place][0].mask for place, seen in views.items() if MASKED_INPUT in seen]
        self.masked_input: Mask | None = masked[0] if masked else None
        self.measures_sets = any(scorer.measures_sets for scorer in self._scorers.values())

    def add(self, subject: str, views: Views, batch: Batch, drawn: bool = False) -> None:
        """Takes a subject's images of the next B pairs of this host; arguments as of Scorer.add."""
        for scorer in self._scorers.values():
            scorer.add(subject, views, batch, drawn=drawn)

    def add_baselines(self, *args: Any) -> None:
        """As Scorer.add_baselines."""
        for scorer in self._scorers.values():
            scorer.add_baselines(*args)

    def seconds(self) -> dict[str, float]:
        """Spent on pixel metrics and on networks."""
        clocks = [scorer.seconds for scorer in self._scorers.values()]
        return {name: sum(clock[name] for clock in clocks) for name in clocks[0]}

    def scored(self, count: int | None = None) -> list[Scored]:
        """What came out under each protocol; `count` as of Scorer.each; collective."""
        each = {place: scorer.each(count) for place, scorer in self._scorers.items()}
        values = {
            place: scorer.means(each[place], count) for place, scorer in self._scorers.items()
        }
        return [
            self._under(place, protocol, names, values, each)
            for place, (protocol, names) in enumerate(self._judged)
        ]

    def _under(self, place: int, protocol: Protocol, names: Sequence[str], values, each) -> Scored:
        homes = self._homes[place]
        subjects = dict.fromkeys(subject for found in values.values() for subject in found)
        scores = {
            subject: {
                key: value
                for name in names
                for key, value in values[homes[name]].get(subject, {}).items()
                if key.removesuffix("_std") == name
            }
            for subject in subjects
        }
        pairs = {
            subject: {
                name: found[name]
                for name in names
                if name in (found := each[homes[name]].get(subject, {}))
            }
            for subject in subjects
        }
        reasons, networks = {}, {}
        for name in names:
            scorer = self._scorers[homes[name]]
            if name in scorer.not_measured:
                reasons[name] = scorer.not_measured[name]
            elif isinstance(metric := METRICS.get(name), SetMetric):
                networks[metric.extractor] = scorer.networks[metric.extractor]
        return Scored(protocol, scores, reasons, networks, pairs)


def homes(judged: Sequence[tuple[Protocol, Sequence[str]]], dataset: str) -> list[dict[str, int]]:
    """Which protocol measures each metric of each: the first that has it and means the same by it."""
    found: list[dict[str, int]] = []
    for place, (protocol, names) in enumerate(judged):
        found.append({})
        for name in names:
            earlier = (
                other
                for other, home in enumerate(found[:-1])
                if home.get(name) == other and alike(name, judged[other][0], protocol, dataset)
            )
            found[-1][name] = next(earlier, place)
    return found
