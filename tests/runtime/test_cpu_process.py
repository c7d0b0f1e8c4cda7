"""How the process of a command begins: in processes of their own, since it replaces them."""

import json
import os
import pathlib
import platform
import subprocess
import sys

import pytest

from pgjax.runtime import cpu_process

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = """
import json, os, sys
from pgjax.runtime import cpu_process
cpu_process.begin()
print(
    json.dumps(
        {
            "number": os.getpid(),
            "memory": os.environ.get(cpu_process.MEMORY),
            "compiler": os.environ.get(cpu_process.COMPILER),
            "mark": os.environ.get(cpu_process.MARK),
            "arguments": sys.argv[1:],
            "imported": "jax" in sys.modules,
        }
    )
)
"""
COMPILED = """
from pgjax.runtime import cpu_process
cpu_process.begin()
import jax
jax.jit(lambda: jax.numpy.ones((64, 512)))()
"""
BEGUN = {
    "a command": (
        "cpu_process.begin(); from pgjax.runtime import compilation; compilation.keep(); import jax"
    ),
    "a benchmark": "import jax; cpu_process.begin()",
}

glibc = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="only glibc's memory is told how to be"
)


def _run(script: str, *arguments, **environment) -> tuple[int, str]:
    """The number of the process that a script was begun as, and what it printed."""
    ours = (cpu_process.MEMORY, cpu_process.COMPILER, cpu_process.MARK)
    known = {k: v for k, v in os.environ.items() if k not in ours}
    known |= {"JAX_PLATFORMS": "cpu"}
    path = os.pathsep.join([str(ROOT), environment.pop("PYTHONPATH", "")])
    running = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", script, *arguments],
        env=known | environment | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
    )
    printed, _ = running.communicate()
    assert running.returncode == 0
    return running.pid, printed


def _begun(*arguments, **environment) -> dict:
    number, printed = _run(SCRIPT, *arguments, **environment)
    found = json.loads(printed)
    assert found["number"] == number
    return found


@glibc
def test_memory_is_told_how_to_be_and_arguments_stay():
    found = _begun("--config=x", "y z")
    assert all(f"{name}={value}" in found["memory"] for name, value in cpu_process.TUNABLES.items())
    assert found["mark"] is not None
    assert found["arguments"] == ["--config=x", "y z"]
    assert not found["imported"]  # it takes half a second, before anything can be told


@glibc
@pytest.mark.parametrize("how", BEGUN)
def test_programs_run_in_the_thread_whose_heap_keeps_their_memory(how):
    asked = "jax.config.values['jax_cpu_enable_async_dispatch']"
    script = f"from pgjax.runtime import cpu_process; {BEGUN[how]}; print({asked})"
    assert _run(script)[1] == "False\n"
    assert _run(script, GLIBC_TUNABLES="")[1] == "True\n"


@glibc
def test_what_the_user_said_of_memory_stands():
    found = _begun(GLIBC_TUNABLES="glibc.malloc.check=0")
    assert found["memory"] == "glibc.malloc.check=0"
    assert found["compiler"] == cpu_process.ROLLED


@pytest.mark.parametrize(
    ("said", "then"),
    [
        ("", cpu_process.ROLLED),
        (" ", cpu_process.ROLLED),
        ("--xla_dump_to=x", f"--xla_dump_to=x {cpu_process.ROLLED}"),
        ("--xla_backend_extra_options=xla_cpu_x", "--xla_backend_extra_options=xla_cpu_x"),
        ("options.txt", "options.txt"),
    ],
)
def test_xla_is_told_beside_what_the_user_says(said, then):
    assert _begun(XLA_FLAGS=said)["compiler"] == then


def test_xla_writes_less_code_for_it(tmp_path):
    sizes = []
    for name, other in (("rolled", ""), ("unrolled", "--xla_backend_extra_options=xla_cpu_none")):
        dumped = f"--xla_dump_to={tmp_path / name} --xla_dump_emitter_re=.*"
        _run(COMPILED, XLA_FLAGS=f"{dumped} {other}")
        (code,) = (tmp_path / name).glob("*jit__lambda*.ir-with-opt.ll")
        sizes.append(code.read_bytes().count(b"\n"))
    assert sizes[0] < 0.8 * sizes[1]


def test_processes_that_may_find_an_accelerator_stay_as_they_are(tmp_path):
    plugin = tmp_path / "plugin-1.dist-info"
    plugin.mkdir()
    (plugin / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin\nVersion: 1\n")
    (plugin / "entry_points.txt").write_text("[jax_plugins]\nplugin = plugin\n")
    found = _begun(PYTHONPATH=str(tmp_path), JAX_PLATFORMS="")
    assert found["memory"] is found["compiler"] is None
    assert _begun(PYTHONPATH=str(tmp_path))["compiler"] == cpu_process.ROLLED


SIGNALLED = """
import os, signal
from pgjax.runtime import interruption, cpu_process
signal.signal(signal.SIGTERM, lambda *_: print("noted"))
block = interruption.block
interruption.block = lambda: (block(), os.kill(os.getpid(), signal.SIGTERM))
cpu_process.begin()
print("begun")
"""


@glibc
def test_a_signal_that_comes_meanwhile_is_not_lost():
    assert _run(SIGNALLED)[1] == "noted\nbegun\n"


def test_a_process_is_begun_again_once_at_most():
    found = _begun(PGJAX_PROCESS="begun")
    assert found["memory"] is None
    assert found["compiler"] == cpu_process.ROLLED


def test_a_process_that_runs_a_command_within_itself_stays_as_it_is(monkeypatch):
    def never(*_):
        raise AssertionError

    monkeypatch.setattr(os, "execve", never)
    monkeypatch.setattr(sys, "argv", ["train.py", "--config=another's"])
    environment = {"JAX_PLATFORMS": "cpu"}
    cpu_process.begin(environment)
    assert environment == {"JAX_PLATFORMS": "cpu"}
