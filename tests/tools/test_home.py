"""~ in every argument of every command, which shells leave alone after --FLAG=."""

import argparse
import importlib
import json
import os
import pathlib
import subprocess
import sys

import pytest

from pgjax import __main__
from pgjax.files import paths
from pgjax.serving.transfer import PoseTransfer
from pgjax.tools import cli

ROOT = pathlib.Path(__file__).resolve().parents[2]
WITH_ABSL = ("train", "evaluate")
SAID = "runs/a b"


class _Parser(Exception):
    pass


def _parser(name: str, monkeypatch) -> argparse.ArgumentParser:
    """The parser that a command makes, with nothing required."""

    def caught(self, *_):
        raise _Parser(self)

    with monkeypatch.context() as patch:
        for way in ("parse_args", "parse_intermixed_args"):
            patch.setattr(cli.ArgumentParser, way, caught)
        with pytest.raises(_Parser) as made:
            importlib.import_module(f"pgjax.tools.{name}").main([])
    (parser,) = made.value.args
    for action in parser._actions:
        action.required = False
    return parser


@pytest.mark.parametrize("name", sorted(set(__main__.commands()) - set(WITH_ABSL)))
def test_every_argument_of_a_command(name, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    parser, found = _parser(name, monkeypatch), 0
    named = [action for action in parser._actions if not action.option_strings]
    for action in parser._actions:
        if action.nargs == 0 or action.choices or action.type in (int, float):
            continue
        if action.dest == "extend":  # executed at once: test_commands_look_there
            continue
        flags = action.option_strings
        if flags:
            ways = [[f"{flags[0]}=~/{SAID}"], [flags[0], f"~/{SAID}"]]
        else:
            ways = [["before"] * named.index(action) + [f"~/{SAID}"]]
        for words in ways:
            try:
                given, _ = parser.parse_known_args(words)
            except SystemExit:  # a number, a size
                assert action.metavar not in ("DIR", "FILE", "PATH", "PHOTO", "PHOTOS")
                continue
            value = getattr(given, action.dest)
            (value,) = value if isinstance(value, list) else [value]
            assert paths.of(value) == tmp_path / SAID, words
            found += 1
    assert found, "no command without a path"


FLAGS = """
import json, sys
from absl import flags
from pgjax.tools import cli
from pgjax.tools import NAME

names = sys.argv.pop(1)
cli.run_absl(lambda _: print(json.dumps({k: flags.FLAGS[k].value for k in names.split(",")})))
"""


@pytest.mark.parametrize("name", WITH_ABSL)
def test_every_flag_of_absl(name, tmp_path):
    known = {
        "train": ("workdir", "data_dir"),
        "evaluate": ("workdir", "images", "out", "data_dir", "pairs", "reference"),
    }[name]
    words = [f"--{flag}=~/{SAID}" for flag in known[:-1]] + [f"--{known[-1]}", f"~/{SAID}"]
    ended = subprocess.run(
        [sys.executable, "-c", FLAGS.replace("NAME", name), ",".join(known), *words],
        env=os.environ | {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == dict.fromkeys(known, str(tmp_path / SAID))


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            ["train.py", "--config=~/mine.py", "--workdir=~/w", "--data_dir=~/none"],
            "data set market1501 is not in {home}/none",
        ),
        (["evaluate.py", "--workdir=~/none"], "{home}/none holds no run"),
        (["generate.py", "--extend=~/none.py"], "--extend: there is no file {home}/none.py"),
        (["generate.py", "--help=~nobody_here"], "~nobody_here: no home folder of that name"),
        (["train.py", "--workdir=~nobody_here/w"], "~nobody_here/w: no home folder of that name"),
    ],
)
def test_commands_look_there(command, message, tmp_path):
    mine = (
        "from configs import pg2\ndef get_config():\n    return pg2.get_config('market1501/g1_l1')"
    )
    (tmp_path / "mine.py").write_text(mine)
    ended = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=os.environ | {"HOME": str(tmp_path), "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert message.format(home=tmp_path) in line
    assert not (ROOT / "~").exists()


def test_python_looks_there_too(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=str(tmp_path / "none")):
        PoseTransfer.load("~/none")
