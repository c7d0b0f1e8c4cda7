"""NumPy arrays of a pickle, without running what a pickle may ask for.

Only the names in _KNOWN are resolved, to stand-ins of this module that keep what they are given; every
other name is an error. NumPy itself makes nothing of what the pickle says but the arrays' numbers.
"""

import io
import pickle
from collections.abc import Mapping
from typing import Any

import numpy as np


class _Type:
    """In the place of numpy.dtype."""

    def __init__(self, name, *_):
        self.name, self.order = name, None

    def __setstate__(self, state):
        self.order = state[1]


class _Array:
    """In the place of numpy.ndarray."""

    numbers: np.ndarray

    def __setstate__(self, state):
        _, shape, kind, columns_first, content = state
        if (kind.name, kind.order, columns_first) != ("f4", "<", False):
            raise TypeError("an array is not of little-endian float32, row by row")
        self.numbers = np.frombuffer(content, "<f4").reshape(shape)


def _reconstruct(*_) -> _Array:
    return _Array()


_KNOWN = {
    ("numpy", "dtype"): _Type,
    ("numpy", "ndarray"): None,  # only named, as what to reconstruct
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
}


class _Reader(pickle.Unpickler):
    """Resolves the names of _KNOWN, and no other."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _KNOWN:
            raise pickle.UnpicklingError(f"{module}.{name} has no place in a file of arrays")
        return _KNOWN[module, name]


def arrays(content: bytes) -> dict[str, np.ndarray]:
    """The arrays of a pickled nested dictionary, by its keys, joined by slashes.

    Args:
      content: of the pickle, as NumPy 1 writes arrays of float32.

    Raises:
      ValueError: it is damaged, or holds anything but float32 arrays in dictionaries.
    """
    try:
        return _flat(_Reader(io.BytesIO(content)).load(), "")
    # What unpickling is known to raise for damaged bytes.
    except (
        *(pickle.UnpicklingError, AttributeError, EOFError, IndexError, KeyError, MemoryError),
        *(OverflowError, RuntimeError, TypeError, ValueError),
    ) as error:
        raise ValueError(f"no pickle of arrays ({type(error).__name__}: {error})") from error


def _flat(saved: Any, place: str) -> dict[str, np.ndarray]:
    if isinstance(saved, _Array):
        return {place: saved.numbers}
    if not isinstance(saved, Mapping):
        raise TypeError(f"{place or 'it'} holds a {type(saved).__name__}")
    found = {}
    for name, inside in saved.items():
        found |= _flat(inside, f"{place}/{name}" if place else str(name))
    return found
