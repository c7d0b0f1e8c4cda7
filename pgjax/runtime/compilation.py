"""How commands compile: programs kept on disk, so that a run that goes on does not compile again; tracing."""

import functools
import gc
import os
import pathlib
import tempfile
from collections.abc import Callable
from typing import Any

import jax

from pgjax.runtime import cpu_process

_SETTINGS: Any = jax.config  # no type checker sees what it holds


def keep() -> None:
    """Turns JAX's persistent cache on, in ~/.cache/pgjax unless JAX_COMPILATION_CACHE_DIR says where.

    Where the folder cannot be written (a read-only home), nothing is kept. For commands, before JAX's
    devices begin: it also sees to it that programs find their memory (process.inline).
    """
    cpu_process.inline()
    if _SETTINGS.jax_compilation_cache_dir is not None:
        return
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path("~/.cache").expanduser()
    folder = pathlib.Path(cache) / "pgjax"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, RuntimeError):  # RuntimeError: there is no home
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 1.0)


def folder() -> str | None:
    """Where JAX keeps compiled programs; None where it keeps none."""
    return _SETTINGS.jax_compilation_cache_dir if _SETTINGS.jax_enable_compilation_cache else None


def uncollected(function: Callable) -> Callable:
    """The function, with Python's garbage collector paused while it is called.

    Tracing and lowering a step makes some twenty thousand operations, which stay; the collector would look
    through them again and again. Threads may be in it together.
    """

    @functools.wraps(function)
    def called(*args, **options):
        if not gc.isenabled():  # another thread's call, which lets it go on, may end at any moment
            return function(*args, **options)
        gc.disable()
        try:
            return function(*args, **options)
        finally:
            gc.enable()

    return called
