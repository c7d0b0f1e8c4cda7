"""Checks of the options that several networks have."""

import math
from collections.abc import Iterable

from pgjax.errors import InputError


def check_widths(**widths: int) -> None:
    """Raises InputError where a network's width, given by its option's name, is not positive."""
    for name, width in widths.items():
        if width < 1:
            raise InputError(f"{name}: expected a positive number of channels, got {width}")


def check_choice(name: str, value: str, known: Iterable[str]) -> None:
    """Raises InputError where a network's option `name` has a value that is not among the known."""
    if value not in known:
        raise InputError(f"{name}: unknown value {value!r}, expected one of {', '.join(known)}")


def check_halvings(size: tuple[int, int], times: int, network: str, remedy: str = "") -> None:
    """Raises InputError where (height, width) pixels cannot be halved so often without a rest."""
    height, width = size
    factor = 1 << times
    if height % factor or width % factor:
        raise InputError(
            f"image size {height}x{width}: {network} halves it {times} times, "
            f"so height and width must be multiples of {factor}{remedy}"
        )


def check_spectral(constant: float) -> None:
    """Raises InputError where the option `spectral` is no Lipschitz constant."""
    if not 0 <= constant < math.inf:
        raise InputError(
            f"spectral: expected a Lipschitz constant, or 0 for no normalisation, got {constant}"
        )


def check_attention(levels: Iterable[int], known: range) -> None:
    """Raises InputError where the option `attention` names a level that the network does not have."""
    for level in levels:
        if level not in known:
            there = f"from {known[0]} to {known[-1]}" if known else "none at all"
            raise InputError(f"attention: no level {level}; there are levels {there}")
