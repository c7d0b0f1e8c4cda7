"""Batches of pairs in an order that is a pure function of (seed, step, draw)."""

import collections
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import grain
import jax
import numpy as np

from pgjax.errors import InputError
from pgjax.pose.batch import Batch, Indices, Store, fetch

# Tags that keep the random streams of one seed apart.
_ORDER, _FLIP = 0, 1


@functools.lru_cache(maxsize=8)
def _permutation(seed: int, draw: int, epoch: int, count: int) -> np.ndarray:
    return np.random.default_rng([seed, _ORDER, draw, epoch]).permutation(count).astype(np.int32)


def order(count: int, *, seed: int, draw: int, start: int, size: int) -> np.ndarray:
    """Positions start .. start + size of the endless shuffled pass over `count` items, int32 (size,).

    Every epoch is a permutation of its own; positions run on across epochs.
    """
    positions = np.arange(start, start + size)
    epochs = positions // count
    chosen = np.empty(size, np.int32)
    for epoch in np.unique(epochs):
        here = epochs == epoch
        chosen[here] = _permutation(seed, draw, int(epoch), count)[positions[here] % count]
    return chosen


def batch_indices(
    pairs: np.ndarray, *, seed: int, step: int, draw: int, batch_size: int, flip: bool
) -> Indices:
    """The global batch of one draw of one step.

    Args:
      pairs: int32 (P, 2), positions of source and target in a Store.
      flip: mirror each pair with probability one half.
    """
    start = step * batch_size
    chosen = pairs[order(len(pairs), seed=seed, draw=draw, start=start, size=batch_size)]
    mirrored = np.zeros(batch_size, bool)
    if flip:
        mirrored = np.random.default_rng([seed, _FLIP, draw, step]).random(batch_size) < 0.5
    return Indices(chosen[:, 0], chosen[:, 1], mirrored)


def share(indices: Indices, host: int, hosts: int) -> Indices:
    """Rows [hB/n, (h+1)B/n) of the global batch: what host h of n loads."""
    size = len(indices.source)
    return Indices(*(x[host * size // hosts : (host + 1) * size // hosts] for x in indices))


def split_over_devices(batch: Batch, devices: int) -> Batch:
    """(B, ...) -> (devices, B / devices, ...) for every array of the batch."""

    def split(x):
        return None if x is None else x.reshape(devices, -1, *x.shape[1:])

    return Batch(*(split(x) for x in batch))


def check_split(batch_size: int, devices: int, hosts: int = 1, parts: int = 1) -> None:
    """Raises InputError where a batch cannot be split evenly over hosts, their devices, and parts."""
    if batch_size % (hosts * devices * parts):
        also = f", in {parts} parts each (config.compute.accumulate)" if parts > 1 else ""
        raise InputError(
            f"config.batch_size: {batch_size} cannot be split evenly over {hosts} host(s) of "
            f"{devices} device(s){also}"
        )


def on_device(images: str, store: Store, device: jax.Device) -> bool:
    """Whether photos are to be held on devices like this one.

    Args:
      images: "host", "device", or "auto", which says yes on an accelerator of whose memory they take
        at most a quarter.

    Raises:
      InputError: "device" is asked for, and the photos are not in memory.
    """
    held = isinstance(store.images, np.ndarray)
    if images == "device" and not held:
        raise InputError(
            "config.compute.images: 'device' needs all photos in memory, and decoded they take more "
            "than config.data.memory_limit_gb"
        )
    if images != "auto":
        return images == "device"
    memory = (device.memory_stats() or {}).get("bytes_limit", 0)
    size = sum(x.nbytes for x in store if isinstance(x, np.ndarray))
    return held and device.platform != "cpu" and size <= memory / 4


def chunks(start: int, stop: int, size: int, *every: int) -> Iterator[tuple[int, int]]:
    """Splits the steps [start, stop) into (first step, count), of `size` steps or of one.

    A chunk ends at the latest where the number of finished steps is a multiple of one of `every`.
    Just two counts, because each is a program to compile.
    """
    while start < stop:
        room = min(stop - start, *(e - start % e for e in every), stop - start)
        count = size if room >= size else 1
        yield start, count
        start += count


def batches(
    store: Store,
    pairs: np.ndarray,
    *,
    seed: int,
    batch_size: int,
    flip: bool,
    draws: int,
    start: int,
    stop: int,
    devices: int,
    host: int = 0,
    hosts: int = 1,
    parts: int = 1,
    together: Iterable[tuple[int, int]] | None = None,
    gather: bool = True,
) -> Iterator[tuple[Batch | Indices, ...]]:
    """For each step in [start, stop): `draws` Batches of (devices, B / devices, ...) arrays.

    One grain element is one step's whole batch, gathered from memory by background threads, a few
    steps ahead: gathering decoded photos is far faster than an element per photo
    (docs/reference_facts.md, 7.4).

    Args:
      devices: of this host, which is `host` of `hosts`.
      parts: of each device's share; only to check that it can be split so.
      together: `chunks` of [start, stop), each an element of its own: n steps, as arrays
        (devices, n, B / devices, ...).
      gather: else the Indices alone, for a store on the device.

    Raises:
      InputError: the batch cannot be split evenly over hosts and devices, or there are no pairs.
    """
    check_split(batch_size, devices, hosts, parts)
    if not len(pairs):
        raise InputError("the data set has no pair under this row's rule")

    def load(chunk: tuple[int, int]) -> tuple[Batch | Indices, ...]:
        first, count = chunk
        shape = (devices, -1) if together is None else (devices, count, -1)
        loaded = []
        for draw in range(draws):
            each = [
                share(
                    batch_indices(
                        pairs, seed=seed, step=step, draw=draw, batch_size=batch_size, flip=flip
                    ),
                    host,
                    hosts,
                )
                for step in range(first, first + count)
            ]
            by_device = (
                np.stack([x.reshape(devices, -1) for x in xs], 1) for xs in zip(*each, strict=True)
            )
            indices = Indices(*(x.reshape(shape) for x in by_device))
            loaded.append(_gathered(store, indices) if gather else indices)
        return tuple(loaded)

    if together is None:
        steps = grain.MapDataset.range(start, stop).map(lambda step: load((step, 1)))
    else:
        steps = grain.MapDataset.source(list(together)).map(load)
    options = grain.ReadOptions(num_threads=2, prefetch_buffer_size=4)
    return iter(steps.to_iter_dataset(options))


def _gathered(store: Store, indices: Indices) -> Batch:
    """The Batch of Indices of any shape: that shape comes first in its arrays."""
    shape = indices.source.shape
    batch = fetch(store, Indices(*(x.reshape(-1) for x in indices)))
    return Batch(*(None if x is None else x.reshape(*shape, *x.shape[1:]) for x in batch))


def ahead(items: Iterator[Any], send: Callable[[Any], Any], count: int = 2) -> Iterator[Any]:
    """send(item) of every item, called `count` items before it is asked for."""
    sent = collections.deque(map(send, itertools.islice(items, count)))
    while sent:
        yield sent.popleft()
        sent.extend(map(send, itertools.islice(items, 1)))
