"""Every command and every benchmark says what it takes, and ends well."""

import json
import os
import pathlib
import pkgutil
import subprocess
import sys

import benchmarks
from pgjax import tools

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Each in a fork of one process, which has imported what all of them need.
PROGRAM = """
import contextlib, io, json, os, runpy, sys
import jax, ml_collections, optax, orbax.checkpoint, pgjax.scoring.run_evaluation, pgjax.training.loop

def called(name):
    sys.argv = [name, "--help"]
    out, code = io.StringIO(), 0
    with contextlib.redirect_stdout(out):
        try:
            runpy.run_module(name, run_name="__main__", alter_sys=True)
        except SystemExit as end:
            code = end.code or 0
    return code, len(out.getvalue())

found = {}
for name in sys.argv[1:]:
    read, write = os.pipe()
    if os.fork() == 0:
        try:
            os.write(write, json.dumps(called(name)).encode())
        finally:
            os._exit(0)
    os.close(write)
    with open(read) as told:
        found[name] = json.loads(told.read() or "null")
    os.wait()
print(json.dumps(found))
"""


def commands():
    """The modules of tools and benchmarks that are run by their name."""
    for package in (tools, benchmarks):
        for module in pkgutil.iter_modules(package.__path__):
            path = pathlib.Path(package.__path__[0], f"{module.name}.py")
            if path.exists() and '__name__ == "__main__"' in path.read_text():
                yield f"{package.__name__}.{module.name}"


def test_help_of_all_is_no_error():
    names = list(commands())
    assert len(names) > 30 and "benchmarks.nearest" in names and "pgjax.tools.table" in names
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *names],
        cwd=ROOT,
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {name for name, told in found.items() if told is None or told[0] != 0} == set()
    assert all(written > 100 for _, written in found.values())
