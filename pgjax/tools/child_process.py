"""Calls a function in a process of its own: its memory is freed, its crash is contained."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing import connection
from typing import Any

from pgjax.tools import cli

GRACE = 60  # seconds that a function has to save itself


def call_apart(function: Callable, *args: Any) -> int:
    """Calls function(*args), both picklable, in a new Python that ends with this one.

    Where this one is stopped (an exception that a signal raises), the function gets SIGTERM and GRACE
    seconds to save itself; so it does where this process is gone, however that came about. Ctrl-C is
    this process's business alone.

    Returns:
      Its exit code: 0, that of cli.run where its input is at fault, 1 after any other exception, or
      minus the number of the signal that ended it.
    """
    # Not forked: what JAX has started here would not work there.
    process = multiprocessing.get_context("spawn").Process(target=_child, args=(function, *args))
    process.start()
    try:
        process.join()
    except BaseException:
        print(f"stopping: at most {GRACE} s to save", file=sys.stderr, flush=True)
        process.terminate()
        process.join(GRACE)
        raise
    finally:
        process.kill()
        process.join()
    assert process.exitcode is not None  # it has ended
    return process.exitcode


def _child(function: Callable, *args: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    cli.run(function, *args)


def _end_with_parent() -> None:
    # A child left alone would go on, unseen, and hold what it has locked.
    parent = multiprocessing.parent_process()
    assert parent is not None  # this is the child
    connection.wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os._exit(1)
