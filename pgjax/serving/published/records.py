"""What is known of the weights that a system's authors released."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pgjax.frozen.stored import Stored

Shape = tuple[int, ...]


class Layout(NamedTuple):
    """How an array lies in the authors' file.

    shape: theirs, from ours. ours: makes our array of theirs, given our shape.
    """

    shape: Callable[[Shape], Shape]
    ours: Callable[[np.ndarray, Shape], np.ndarray]


def permuted(*axes: int) -> Layout:
    """Our axis i is their axis axes[i]."""

    def theirs(shape: Shape) -> Shape:
        return tuple(shape[axes.index(i)] for i in range(len(axes)))

    return Layout(theirs, lambda array, _: array.transpose(axes))


SAME = Layout(lambda shape: shape, lambda array, _: array)
SCALAR = Layout(lambda _: (1,), lambda array, shape: array.reshape(shape))
"""Ours has no axis, theirs one of a single number."""


class Entry(NamedTuple):
    """Where one of our arrays comes from: its name in the authors' file, and how it lies there."""

    name: str
    layout: Layout = SAME


Table = Mapping[str, Entry]
"""By our path, such as params/encoder/in/kernel. Every array of a network has an entry."""


class System(NamedTuple):
    """Where a system's weights come from, and which of our arrays each of theirs is.

    repository: of the authors' code. rows: of the paper's config, DATASET/ROW, to which the weights belong.
    files: the networks that each file holds, by the file's title; files are named in this order, as far as
    a row has these networks, and those of critics alone may be left out at the end. stored: reads a file.
    tables: by network, from its options and the photos' (height, width). besides: arrays that a file may
    hold and that no network has, such as the optimizer's. together: whether a file may hold the networks of
    other files too.
    """

    repository: str
    rows: tuple[str, ...]
    files: Mapping[str, tuple[str, ...]]
    stored: Callable[[Path], Stored]
    tables: Mapping[str, Callable[[Mapping[str, Any], tuple[int, int]], Table]]
    besides: re.Pattern[str] = re.compile(r"(?!)")
    together: bool = False
