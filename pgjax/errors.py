"""Errors that a command tells in one line, without a traceback (pgjax.tools.cli)."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Something given to the program is at fault: names the file, line or key and what is expected."""


class NonFiniteLossError(ArithmeticError):
    """A loss or a gradient is not finite; names the term and the step."""


class DiskFullError(OSError):
    """What a run writes does not fit on the disk; names the run and where it goes on."""


class NotMeasuredError(InputError):
    """A metric cannot be measured here; says what to fetch and where to put it."""


def resembling(name: str, names: Iterable[str]) -> str | None:
    """The one of the names that an unknown one was probably meant to be."""
    return next(iter(difflib.get_close_matches(str(name), list(names), n=1)), None)


def known(name: str, names: Iterable[str]) -> str:
    """What there is in the place of an unknown name: "g, d", and which of them it resembles."""
    names = list(names)
    alike = resembling(name, names)
    hint = "" if alike is None else f" (did you mean {alike}?)"
    return f"{', '.join(names) or 'none'}{hint}"
