"""Compiled programs kept (in processes of their own: JAX's settings are the process's), and tracing."""

import gc
import os
import pathlib
import subprocess
import sys

import jax
import numpy as np
import pytest

from pgjax.runtime import compilation
from pgjax.runtime.devices import over_devices, replicate

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = """
import jax, sys
from pgjax.runtime import compilation
compilation.keep()
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
jax.jit(lambda x: x + 1)(1.0)
print(compilation.folder())
"""


def _kept(**environment) -> str:
    known = {
        k: v
        for k, v in os.environ.items()
        if k not in ("JAX_COMPILATION_CACHE_DIR", "XDG_CACHE_HOME")
    }
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        env=known | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


def test_programs_are_kept_at_home_or_where_the_user_says(tmp_path):
    home, said = tmp_path / "home", tmp_path / "said"
    assert _kept(HOME=str(home)) == str(home / ".cache" / "pgjax")
    assert list((home / ".cache" / "pgjax").iterdir())
    assert _kept(HOME=str(home), JAX_COMPILATION_CACHE_DIR=str(said)) == str(said)
    assert list(said.iterdir())
    nothing = {"JAX_ENABLE_COMPILATION_CACHE": "false"}
    assert _kept(HOME=str(home), JAX_COMPILATION_CACHE_DIR=str(said), **nothing) == "None"


def test_a_home_that_cannot_be_written_is_no_fault(tmp_path):
    # A file in the place of the folder: permissions do not stop root.
    (tmp_path / ".cache").write_text("")
    assert _kept(HOME=str(tmp_path)) == "None"


def test_the_collector_waits_while_a_function_is_traced():
    seen = []

    @jax.jit
    @compilation.uncollected
    def double(x, times=2):
        seen.append(gc.isenabled())
        return times * x

    assert double(3.0) == 6 and double(3.0, times=4) == 12
    assert seen == [False, False]
    assert gc.isenabled()


@pytest.mark.parametrize("way", [lambda f: f, lambda f: f.lower], ids=["called", "lowered"])
def test_the_collector_waits_for_what_is_mapped_over_devices(way):
    seen = []

    def double(x):
        seen.append(gc.isenabled())
        return 2 * x

    for _ in range(2):
        way(over_devices(double))(replicate(np.ones(3)))
        assert gc.isenabled()
    assert seen and not any(seen)


def test_the_collector_goes_on_where_tracing_fails():
    @compilation.uncollected
    def refuse(x):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        jax.jit(refuse)(1.0)
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off():
    gc.disable()
    try:
        jax.jit(compilation.uncollected(lambda x: x + 1))(1.0)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_the_collector_goes_on_after_calls_of_two_threads(monkeypatch):
    """The other one ends between this one's look at the collector and what it does then."""

    def is_off():
        gc.enable()
        return False

    monkeypatch.setattr(compilation.gc, "isenabled", is_off)
    try:
        assert compilation.uncollected(lambda: 7)() == 7
        monkeypatch.undo()
        assert gc.isenabled()
    finally:
        gc.enable()
