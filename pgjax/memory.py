"""Large pages for a process that computes on the CPU, and memory kept for its next step.

XLA asks for a step's temporary memory anew at every step and gives it back at its end. By glibc's
defaults each of its 4 KiB pages then comes from the kernel again, filled with zeros: a quarter of a
million page faults in a full-width step. glibc reads how it should be otherwise before a process
begins, hence from the environment alone (the GNU C Library's manual, "Memory Allocation Tunables").
"""

import contextlib
import importlib.metadata
import importlib.util
import os
import sys
import threading
from collections.abc import MutableMapping

VARIABLE = "GLIBC_TUNABLES"
TUNABLES = {
    "glibc.malloc.hugetlb": 1,  # pages of 2 MiB, where the kernel has them for who asks
    "glibc.malloc.mmap_max": 0,  # large blocks from the heap, which stays
    "glibc.malloc.trim_threshold": 2**40,
    "glibc.malloc.arena_max": 1,  # one heap, whichever thread asks
}


MARK = "PGJAX_MEMORY"
"""Set where a process was begun again, whatever became of VARIABLE."""


def keep(environment: MutableMapping[str, str] = os.environ) -> None:
    """Begins this process again under TUNABLES, with the same number and arguments.

    To be called first of all by a command that computes. Does nothing where VARIABLE is set, to
    whatever; where JAX has an accelerator to find; on other systems than Linux; and in a process that
    is more than the command, such as a notebook's or a debugger's.
    """
    told = VARIABLE in environment or MARK in environment
    if sys.platform != "linux" or told or not _alone() or _accelerated(environment):
        return
    tunables = ":".join(f"{name}={value}" for name, value in TUNABLES.items())
    again = {**environment, VARIABLE: tunables, MARK: "kept"}
    with contextlib.suppress(OSError):  # without, it is slower
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], again)


def _alone() -> bool:
    """Whether the process is the command's own, and has begun nothing that would be lost."""
    count = len(sys.argv) - 1
    called = sys.orig_argv[len(sys.orig_argv) - count :] == sys.argv[1:]
    hosts = {"IPython", "mpi4py"} & sys.modules.keys()
    traced = sys.gettrace() is not None or threading.active_count() > 1
    return bool(sys.executable) and called and not hosts and not traced


def _accelerated(environment) -> bool:
    """Whether JAX may come to run on anything but the CPU, as far as is known without asking it."""
    if environment.get("JAX_PLATFORMS") == "cpu":
        return False
    plugins = importlib.metadata.entry_points(group="jax_plugins")
    return bool(plugins) or importlib.util.find_spec("libtpu") is not None
