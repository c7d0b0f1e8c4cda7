"""The console command: every tool by its name."""

import pathlib
import subprocess
import sys

import pytest

import pgjax
import places
from pgjax import __main__, tools

HOME = pathlib.Path(tools.__path__[0])


def run(*arguments):
    command = [sys.executable, "-m", "pgjax", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_every_tool_is_a_command_with_a_line_of_help():
    scripts = {p.stem for p in HOME.glob("*.py") if "if __name__" in p.read_text()}
    found = __main__.commands()
    assert set(found) == scripts >= {"augment", "export", "generate", "prepare", "train"}
    assert all(10 < len(text) < 120 and not text.endswith(":") for text in found.values())


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help_lists_them(arguments):
    ended = run(*arguments)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert all(f"  {name} " in ended.stdout for name in __main__.commands())


def test_version():
    assert run("--version").stdout == f"pgjax {pgjax.__version__}\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [("generate", "usage: pgjax generate"), ("train", "--workdir"), ("evaluate", "--save_images")],
)
def test_help_of_a_command(name, text):
    ended = run(name, "--help")
    assert (ended.returncode, ended.stderr) == (0, "") and text in ended.stdout


@pytest.mark.parametrize("name", ["generate", "train", "evaluate"])
def test_help_names_the_command_as_it_was_called(name):
    ways = {
        f"{name}.py": [f"{name}.py"],
        f"pgjax {name}": ["-m", "pgjax", name],
        f"python -m pgjax.tools.{name}": ["-m", f"pgjax.tools.{name}"],
    }
    for program, arguments in ways.items():
        command = [sys.executable, *arguments, "--help"]
        ended = subprocess.run(command, cwd=places.ROOT, capture_output=True, text=True)
        shown = {way for way in ways if f" {way} " in ended.stdout.partition("options:")[0]}
        assert (ended.returncode, shown) == (0, {program}), ended.stderr


def test_every_parser_takes_the_name_of_the_call():
    """`pgjax NAME` and NAME.py say so by cli.ArgumentParser; plain argparse would not know."""
    for path in HOME.glob("*.py"):
        assert "argparse.ArgumentParser(" not in path.read_text(), path
        assert f'prog="python -m pgjax.tools.{path.stem}"' in path.read_text() or (
            "cli.ArgumentParser(" not in path.read_text()
        ), path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("paint",), "unknown command 'paint'; there are "),
        (("generate", "--model=x"), "the following arguments are required: --source"),
        (("train",), "--config: missing"),
        (("export", "--workdir=none"), "none holds no run"),
    ],
)
def test_faults_are_one_line(arguments, message):
    ended = run(*arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("error: ") and message in line
