"""Arrays of a Keras HDF5 file, without Keras and without running what else it holds.

Reads what `save_weights` and `save` of Keras 2 write. Layers without a name of their own are called after
their class and a number, which counts those of the class that the process has made: conv2d_7 is the
seventh. Where a network was not the first to be made, the numbers of its layers begin later. So they are
counted here from the least of each class: the first one is always conv2d_1.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from pgjax.frozen.stored import Stored

_NUMBER = re.compile(r"_(\d+)$")
WEIGHTS = "model_weights"  # of a file of `save`, which has the optimizer's beside it


def stored(path: Path) -> Stored:
    """The arrays of a file as LAYER_NUMBER/PART, such as conv2d_1/kernel.

    Raises:
      ValueError: the file is damaged, no HDF5, or two arrays have one name.
    """
    import h5py

    places: dict[str, str] = {}
    shapes: dict[str, tuple[int, ...]] = {}

    def keep(place: str, item) -> None:
        if isinstance(item, h5py.Dataset):
            layer, _, rest = place.partition("/")
            name = f"{layer}/{rest.rpartition('/')[2].partition(':')[0]}"
            if name in places:
                raise ValueError(f"it holds {name} twice")
            places[name], shapes[name] = place, item.shape

    try:
        with h5py.File(path, "r") as file:
            inside = WEIGHTS if WEIGHTS in file else "/"
            file[inside].visititems(keep)
    # What HDF5 raises where a file is damaged.
    except (OSError, RuntimeError, KeyError, TypeError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise ValueError(f"damaged, or no HDF5 file of Keras ({error})") from error
    counted = _counted(places)

    def take(names: Iterable[str]) -> dict[str, np.ndarray]:
        try:
            with h5py.File(path, "r") as file:
                found = {name: file[f"{inside}/{places[counted[name]]}"][()] for name in names}
        except (OSError, RuntimeError, KeyError, TypeError) as error:
            raise ValueError(f"damaged ({error})") from error
        for name, array in found.items():
            if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
                raise ValueError(f"{name} holds no floating-point numbers")
        return found

    return Stored((path,), {name: shapes[place] for name, place in counted.items()}, take)


def _counted(names: Iterable[str]) -> dict[str, str]:
    """The names by those that they have if the numbers of every class begin with 1."""
    parted = {}
    for name in names:
        layer, _, part = name.partition("/")
        number = _NUMBER.search(layer)
        kind = _NUMBER.sub("", layer)
        parted[name] = kind, int(number.group(1)) if number else 0, part
    first: dict[str, int] = {}
    for kind, number, _ in parted.values():
        first[kind] = min(number, first.get(kind, number))
    return {f"{k}_{n - first[k] + 1}/{part}": name for name, (k, n, part) in parted.items()}
