"""Errors that a command tells in one line, without a traceback (pgjax.cli)."""


class InputError(ValueError):
    """Something given to the program is at fault: names the file, line or key and what is expected."""


class NonFiniteLossError(ArithmeticError):
    """A loss or a gradient is not finite; names the term and the step."""


class DiskFullError(OSError):
    """What a run writes does not fit on the disk; names the run and where it goes on."""


class NotMeasuredError(InputError):
    """A metric cannot be measured here; says what to fetch and where to put it."""
