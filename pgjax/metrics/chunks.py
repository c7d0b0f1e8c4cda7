"""Compiled functions of images in chunks of one size, over all local devices."""

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

    def __call__(self, *trees: Any) -> Any:
        """Like `function` on numpy arrays (N, ...), N from 1 on; returns numpy arrays (N, ...)."""
        count = len(jax.tree.leaves(trees)[0])
        size = CHUNK * self._devices
        found = []
        for start in range(0, count, size):
            chunk = jax.tree.map(
                lambda x, start=start: self._filled(x[start : start + size]), trees
            )
            found.append(self._function(*self._fixed, *chunk))
        return jax.tree.map(lambda *parts: _joined(parts)[:count], *found)

    def _filled(self, x: np.ndarray) -> np.ndarray:
        x = np.asarray(x)
        lacking = CHUNK * self._devices - len(x)
        if lacking:
            x = np.concatenate([x, np.repeat(x[:1], lacking, axis=0)])
        return x.reshape(self._devices, CHUNK, *x.shape[1:])


def _joined(parts: tuple[jax.Array, ...]) -> np.ndarray:
    return np.concatenate([np.asarray(x).reshape(-1, *x.shape[2:]) for x in parts])
