"""Arrays that lie in a file of another framework, by the names that it has there."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Stored(NamedTuple):
    """What a file holds.

    files: of which it consists. shapes: of all its arrays, by name. take: reads those of some names;
    ValueError where they are damaged or no numbers.
    """

    files: tuple[Path, ...]
    shapes: Mapping[str, tuple[int, ...]]
    take: Callable[[Iterable[str]], dict[str, np.ndarray]]
