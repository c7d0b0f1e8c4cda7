"""Calls a function in a process of its own: its memory is freed, its crash is contained."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing import connection
from typing import Any

from pgjax import cli


def call_apart(function: Callable, *args: Any) -> int:
    """Calls function(*args), both picklable, in a new Python that ends with this one at the latest.

    Returns:
      Its exit code: 0, that of cli.run where its input is at fault, 1 after any other exception, or
      minus the number of the signal that ended it.
    """
    # Not forked: what JAX has started here would not work there.
    process = multiprocessing.get_context("spawn").Process(target=_child, args=(function, *args))
    process.start()
    try:
        process.join()
    finally:  # Ctrl-C
        process.kill()
        process.join()
    return process.exitcode


def _child(function: Callable, *args: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's business
    threading.Thread(target=_end_with_parent, daemon=True).start()
    cli.run(function, *args)


def _end_with_parent() -> None:
    # However the parent ends: a child left alone would go on, unseen, and hold what it has locked.
    connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)
