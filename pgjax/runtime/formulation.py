"""How a network's operations are written: as suits XLA's CPU compiler, or as XLA's own operations."""

import contextlib
import contextvars
from collections.abc import Generator

import jax

_PLAIN = contextvars.ContextVar("plain", default=False)


def for_cpu() -> bool:
    """Whether what is traced now is written as suits XLA's CPU compiler.

    Known when a function is traced; a program for another device than the default one is still right.
    """
    return jax.default_backend() == "cpu" and not _PLAIN.get()


@contextlib.contextmanager
def plain() -> Generator[None]:
    """Within it everything is XLA's own operations, as for accelerators: for programs that XLA does not run.

    What JAX has traced already it does not trace again for the same shapes.
    """
    token = _PLAIN.set(True)
    try:
        yield
    finally:
        _PLAIN.reset(token)
