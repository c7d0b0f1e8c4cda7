"""The process that a command begins again as: in processes of their own, since it replaces them."""

import os
import pathlib
import platform
import subprocess
import sys

import pytest

from pgjax import memory

ROOT = pathlib.Path(__file__).resolve().parents[1]
SCRIPT = """
import os, resource, sys
from pgjax import memory
memory.keep()
import numpy as np
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
np.ones(2**24)
before = faults()
np.ones(2**24)
print(os.getpid(), faults() - before, os.environ.get(memory.VARIABLE), *sys.argv[1:])
"""
SMALL_PAGES = 2**24 * 8 // 4096

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="only glibc's memory is told how to be"
)


def _kept(*arguments, **environment) -> list[str]:
    known = {k: v for k, v in os.environ.items() if k not in (memory.VARIABLE, memory.MARK)}
    # NumPy asks for large pages by itself.
    known |= {"NUMPY_MADVISE_HUGEPAGE": "0", "JAX_PLATFORMS": "cpu"}
    path = os.pathsep.join([str(ROOT), environment.pop("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", SCRIPT, *arguments],
        env=known | environment | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
    )
    said, _ = process.communicate()
    assert process.returncode == 0
    number, *rest = said.split()
    assert int(number) == process.pid
    return rest


def test_memory_is_kept_and_the_arguments_are_too():
    faults, tunables, *arguments = _kept("--config=x", "y z")
    assert int(faults) < SMALL_PAGES / 50
    assert all(f"{name}={value}" in tunables for name, value in memory.TUNABLES.items())
    assert arguments == ["--config=x", "y", "z"]


def test_what_the_user_said_stands():
    faults, tunables = _kept(GLIBC_TUNABLES="glibc.malloc.check=0")
    assert int(faults) > SMALL_PAGES / 2
    assert tunables == "glibc.malloc.check=0"


def test_processes_that_may_find_an_accelerator_stay_as_they_are(tmp_path):
    plugin = tmp_path / "plugin-1.dist-info"
    plugin.mkdir()
    (plugin / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin\nVersion: 1\n")
    (plugin / "entry_points.txt").write_text("[jax_plugins]\nplugin = plugin\n")
    assert _kept(PYTHONPATH=str(tmp_path), JAX_PLATFORMS="")[1] == "None"
    assert _kept(PYTHONPATH=str(tmp_path))[1] != "None"


def test_a_process_is_begun_again_once_at_most():
    assert _kept(PGJAX_MEMORY="kept")[1] == "None"


def test_a_process_that_runs_a_command_within_itself_stays_as_it_is(monkeypatch):
    def never(*_):
        raise AssertionError

    monkeypatch.setattr(os, "execve", never)
    monkeypatch.setattr(sys, "argv", ["train.py", "--config=another's"])
    memory.keep({"JAX_PLATFORMS": "cpu"})
