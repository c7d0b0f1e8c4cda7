"""Compiled functions of images in chunks of one size, over all local devices."""

import concurrent.futures
import itertools
import os
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from pgjax.runtime.devices import over_devices, replicate

CHUNK = 16  # images a device at a time: they stay in a CPU's cache


class Chunked:
    """Maps a function of arrays (B, ...) over any number of images.

    Every call of the compiled program gets CHUNK images a device, the last one filled up with copies
    of its first: nothing compiles twice, nothing is dropped, and what comes out for an image does not
    depend on how many came with it.

    On the CPU two chunks are computed at a time: a program by itself leaves cores idle wherever a layer is
    too small for all of them, or waits for its last part.
    """

    def __init__(self, function: Callable[..., Any], fixed: tuple[Any, ...] = ()):
        """
        Args:
          function: of the fixed trees and then arrays (B, ...); its results are a tree of arrays (B, ...).
          fixed: trees of arrays that every call gets as they are: a network's parameters.
        """
        self._devices = jax.local_device_count()
        self._fixed = replicate(fixed)
        self._function = over_devices(function, everywhere=False)
        self._compiled = False
        cpu = jax.default_backend() == "cpu"
        self._in_pairs = cpu and self._devices == 1 and (os.cpu_count() or 1) > 1

    def __call__(self, *trees: Any) -> Any:
        """Like `function` on numpy arrays (N, ...), N from 1 on; returns numpy arrays (N, ...)."""
        count = len(jax.tree.leaves(trees)[0])
        starts = range(0, count, CHUNK * self._devices)

        def found(starts):
            return [self._of(trees, start) for start in starts]

        first = [] if self._compiled else found(starts[:1])  # compiles, once
        self._compiled = True
        starts = starts[len(first) :]
        if self._in_pairs and len(starts) > 1:
            with concurrent.futures.ThreadPoolExecutor(1) as beside:
                others = beside.submit(found, starts[1::2])
                mine = found(starts[::2])
                pairs = itertools.zip_longest(mine, others.result())
            rest = [x for pair in pairs for x in pair if x is not None]
        else:
            rest = found(starts)
        return jax.tree.map(lambda *parts: _joined(parts)[:count], *first, *rest)

    def _of(self, trees: Any, start: int) -> Any:
        stop = start + CHUNK * self._devices
        chunk = jax.tree.map(lambda x: self._filled(x[start:stop]), trees)
        return self._function(*self._fixed, *chunk)

    def _filled(self, x: np.ndarray) -> np.ndarray:
        x = np.asarray(x)
        lacking = CHUNK * self._devices - len(x)
        if lacking:
            x = np.concatenate([x, np.repeat(x[:1], lacking, axis=0)])
        return x.reshape(self._devices, CHUNK, *x.shape[1:])


def _joined(parts: tuple[jax.Array, ...]) -> np.ndarray:
    return np.concatenate([np.asarray(x).reshape(-1, *x.shape[2:]) for x in parts])
