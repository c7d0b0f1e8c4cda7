"""How commands end, as their callers see it: each case is a process of its own."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
from absl import flags
from ml_collections import config_flags
from pgjax.tools import cli
from pgjax.errors import InputError, NonFiniteLossError

CONFIG = config_flags.DEFINE_config_file("config")
WAY = flags.DEFINE_string("way", "well", "How it ends.")
LIMIT = flags.DEFINE_integer("limit", 1, "A number.")

def main(_):
    way = WAY.value
    if way == "value":
        raise InputError("FILE, line 3:\\n  not a number")
    if way == "warning":
        import warnings
        warnings.warn("Corrupt EXIF data.  Expecting\\nto read 2 bytes. ")
    if way == "missing file":
        open("nowhere/file.txt")
    if way == "moved":
        import os
        open(".out.tmp", "w").close()
        os.makedirs("folder", exist_ok=True)
        os.replace(".out.tmp", "folder")
    if way == "our file error":
        raise FileNotFoundError("data set x is not in y")
    if way == "not finite":
        raise NonFiniteLossError("loss l1 is nan at step 3")
    if way == "library":
        import numpy
        numpy.zeros(3).reshape(2, 2)
    if way == "expression":
        int("x")
    if way == "type":
        raise TypeError("a bug")
    if way == "key":
        {}["a bug"]
    print(CONFIG.value.rate, CONFIG.value.inner.depth, LIMIT.value)

if __name__ == "__main__":
    cli.run_absl(main)
"""
CONFIG = """
from ml_collections import ConfigDict
from pgjax.errors import InputError

def get_config(row="a"):
    if row == "bug":
        return int("x")
    if row == "typo":
        return ConfigDict().nothing
    if row != "a":
        raise InputError(f"unknown row {row!r}; there is a")
    return ConfigDict({"rate": 0.5, "inner": {"depth": 3}})
"""
GOOD = ("--config=config.py",)


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    folder = tmp_path_factory.mktemp("program")
    (folder / "program.py").write_text(PROGRAM)
    (folder / "config.py").write_text(CONFIG)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}

    def start(*arguments):
        command = [sys.executable, "program.py", *arguments]
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)

    return start


def test_success(start):
    ended = start(*GOOD, "--config.inner.depth=7", "--limit=2")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "0.5 7 2\n", "")


@pytest.mark.parametrize("flag", ["--help", "--helpfull", "-?"])
def test_help(start, flag):
    ended = start(flag)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "--way: How it ends." in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--nothing=3",), "Unknown command line flag 'nothing'"),
        (("--limit=x",), "flag --limit=x: invalid literal"),
        ((*GOOD, "extra"), "unexpected argument 'extra'"),
        (("--config=config.py:b",), "error: unknown row 'b'; there is a"),
        (("--config=none.py",), "none.py"),
        ((*GOOD, "--config.rat=3"), 'key config.rat. Did you mean "rate" instead of "rat"?'),
        ((*GOOD, "--config.inner.width=3"), "config.inner has depth"),
        ((*GOOD, "--config.iner.depth=3"), "unknown config key config.iner.depth."),
        (("--config", "config.py", "--config.iner.depth=3"), "config has inner, rate"),
        ((*GOOD, "--config.inner.x.y", "3"), "key config.inner.x.y. config.inner has depth"),
        ((*GOOD, "--config.rate.x=3"), "config.rate.x. config.rate has no keys of its own"),
        ((*GOOD, "--config.rate[0]=3"), "unknown config key: "),
        ((*GOOD, "--config.inner.depth=2.5"), "flag --config.inner.depth=2.5: invalid"),
        ((*GOOD, "--way=value"), "error: FILE, line 3: not a number"),
        ((*GOOD, "--way=missing file"), "error: nowhere/file.txt: No such file or directory"),
        ((*GOOD, "--way=moved"), "error: folder: Is a directory"),
        ((*GOOD, "--way=our file error"), "error: data set x is not in y"),
        ((*GOOD, "--way=not finite"), "error: loss l1 is nan at step 3"),
    ],
)
def test_faults_of_the_input_are_one_line(start, arguments, message):
    ended = start(*arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("error: ")
    assert message in line


def test_warnings_of_libraries_are_one_line(start):
    ended = start(*GOOD, "--way=warning")
    assert ended.returncode == 0
    assert ended.stderr == "warning: Corrupt EXIF data. Expecting to read 2 bytes.\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*GOOD, "--way=library"), "ValueError: cannot reshape"),
        ((*GOOD, "--way=expression"), "ValueError: invalid literal for int()"),
        ((*GOOD, "--way=type"), "TypeError: a bug"),
        ((*GOOD, "--way=key"), "KeyError: 'a bug'"),
        (("--config=config.py:bug",), "ValueError: invalid literal for int()"),
        (("--config=config.py:typo",), "AttributeError"),
    ],
)
def test_faults_of_the_program_keep_their_traceback(start, arguments, message):
    ended = start(*arguments)
    assert ended.returncode == 1
    assert "Traceback (most recent call last)" in ended.stderr
    assert ended.stderr.splitlines()[-1].startswith(message)
