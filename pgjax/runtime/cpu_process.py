"""The process that a command computes in, where that is on the CPU: its memory, and how XLA compiles.

XLA asks for a step's temporary memory anew at every step and gives it back at its end. By glibc's
defaults each of its 4 KiB pages then comes from the kernel again, filled with zeros: a quarter of a
million page faults in a full-width step. glibc reads how it should be otherwise before a process
begins, hence from the environment alone (the GNU C Library's manual, "Memory Allocation Tunables"). Of
its heaps the main thread's alone keeps blocks of any size: so that thread runs the programs. One heap for
all threads would do too, but those that compile would wait for each other at it.

XLA has LLVM unroll the loops of every fusion, which doubles the code of a step, and with it the work of
compiling, for steps that are no faster (docs/performance.md). XLA reads its options once, when it is
first asked to compile. Sums may round otherwise without.
"""

import contextlib
import importlib.metadata
import importlib.util
import os
import sys
import threading
from collections.abc import MutableMapping

from pgjax.runtime import interruption

MEMORY = "GLIBC_TUNABLES"
TUNABLES = {
    "glibc.malloc.hugetlb": 1,  # pages of 2 MiB, where the kernel has them for who asks
    "glibc.malloc.mmap_max": 0,  # large blocks from the heap, which stays
    "glibc.malloc.trim_threshold": 2**40,
}

COMPILER = "XLA_FLAGS"
EXTRA = "--xla_backend_extra_options="
ROLLED = EXTRA + "xla_cpu_disable_loop_unrolling"

MARK = "PGJAX_PROCESS"
"""Set where a process was begun again, whatever became of MEMORY."""


def begin(environment: MutableMapping[str, str] = os.environ) -> None:
    """Sets ROLLED, and begins this process again under TUNABLES, with the same number and arguments.

    To be called first of all by a command that computes. Does nothing where JAX has an accelerator to
    find, and in a process that is more than the command, such as a notebook's or a debugger's. What the
    user has set stands: extra options of XLA's; MEMORY, to whatever, which only Linux has.
    """
    if not _alone() or _accelerated(environment):
        return
    said = environment.get(COMPILER, "").strip()
    if EXTRA not in said and said[:1] in ("", "-"):  # otherwise it names a file of options
        environment[COMPILER] = f"{said} {ROLLED}".strip()
    if sys.platform == "linux" and MEMORY not in environment and MARK not in environment:
        tunables = ":".join(f"{name}={value}" for name, value in TUNABLES.items())
        again = {**environment, MEMORY: tunables, MARK: "begun"}
        interruption.block()  # a signal waits until the command minds it again
        with contextlib.suppress(OSError):  # without, it is slower
            os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], again)
    if MARK in environment:
        interruption.unblock()
    if "jax" in sys.modules:
        inline(environment)


def inline(environment: MutableMapping[str, str] = os.environ) -> None:
    """Has JAX's CPU run a program in the thread that calls it, where this process was begun under TUNABLES.

    To be called before JAX's devices begin; `begin` does where JAX was imported already. What a program is
    given has to be on its device, or on the way there (devices.place). Programs of several devices run in
    threads of JAX's own all the same, and their memory comes anew, in large pages.
    """
    if MARK in environment:
        import jax

        jax.config.update("jax_cpu_enable_async_dispatch", False)


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
