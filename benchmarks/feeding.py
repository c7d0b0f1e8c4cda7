"""How many pairs a second the input pipeline delivers, and how long a step would wait for it."""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from pgjax.data.pipeline import batches
from pgjax.pose.batch import Batch, Store

ENDLESS = 2**31 - 1


def supply(
    store: Store, pairs: np.ndarray, batch_size: int, flip: bool, draws: int = 1
) -> Iterator[tuple[Batch, ...]]:
    """An endless run's batches, for one device."""
    return batches(
        store,
        pairs,
        seed=0,
        batch_size=batch_size,
        flip=flip,
        draws=draws,
        start=0,
        stop=ENDLESS,
        devices=1,
    )


def pairs_per_second(steps: Iterator[tuple[Batch, ...]], seconds: float, rounds: int) -> np.ndarray:
    """Of each of `rounds` times `seconds`, taken as fast as they come; a tenth of one warms up."""
    rates = []
    for duration in [seconds / 10] + [seconds] * rounds:
        count, started = 0, time.perf_counter()
        while (passed := time.perf_counter() - started) < duration:
            count += sum(len(batch.target_visible[0]) for batch in next(steps))
        rates.append(count / passed)
    return np.array(rates[1:])


def waiting(steps: Iterator[tuple[Batch, ...]], step_seconds: float, count: int = 20) -> float:
    """The share of time that a loop of steps of so many seconds waits for its batches.

    The step sleeps, as a host does whose accelerator works; the first step's wait does not count.
    """
    next(steps)
    waited, started = 0.0, time.perf_counter()
    for _ in range(count):
        time.sleep(step_seconds)
        before = time.perf_counter()
        next(steps)
        waited += time.perf_counter() - before
    return waited / (time.perf_counter() - started)


def measured(
    store: Store,
    pairs: np.ndarray,
    *,
    batch_size: int,
    flip: bool,
    draws: int = 1,
    step_seconds: float | None = None,
    seconds: float = 2.0,
    rounds: int = 3,
) -> dict[str, Any]:
    """One line of the table."""
    steps = supply(store, pairs, batch_size, flip, draws)
    rates = pairs_per_second(steps, seconds, rounds)
    line: dict[str, Any] = {
        "batch_size": batch_size,
        "draws": draws,
        "flip": flip,
        "pairs_per_second": round(float(np.median(rates))),
        "pairs_per_second_range": [round(float(x)) for x in (rates.min(), rates.max())],
    }
    if step_seconds is not None:
        line["step_seconds"] = step_seconds
        line["waiting_share"] = round(waiting(steps, step_seconds), 4)
    return line
