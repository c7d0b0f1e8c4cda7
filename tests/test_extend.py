"""The worked examples of docs/extend, run as they are written: every file, then every command, in order."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGES = ("row", "loss", "network", "metric", "data_set")
OFTEN = ("loss", "metric")
BLOCK = re.compile(r'^```(\w+)(?: title="([\w.]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


def blocks(page):
    """(language, file name or "", text) of each fenced block of a page."""
    text = (ROOT / "docs" / "extend" / f"{page}.md").read_text(encoding="utf-8")
    return BLOCK.findall(text)


def follow(page, folder):
    """Writes the files of a page and runs its commands; returns how many."""
    programs = folder / "bin"
    programs.mkdir()
    for name, call in (("python", ""), ("pgjax", " -m pgjax")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}"{call} "$@"\n')
        (programs / name).chmod(0o755)
    environment = os.environ | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "JAX_PLATFORMS": "cpu",
        "HOME": str(folder / "home"),
    }
    count = 0
    for language, name, text in blocks(page):
        if language == "python":
            assert name, f"{page}.md: a block of Python without the name of its file"
            (folder / name).write_text(text, encoding="utf-8")
            continue
        assert language == "sh", f"{page}.md: a block of {language}"
        for command in text.replace("\\\n", " ").splitlines():
            ended = subprocess.run(
                ["sh", "-ec", command], cwd=folder, env=environment, capture_output=True, text=True
            )
            assert ended.returncode == 0, f"{command}\n{ended.stdout}{ended.stderr}"
            count += 1
    return count


@pytest.mark.parametrize("page", PAGES)
def test_the_files_of_a_page_are_python(page):
    files = [text for language, _, text in blocks(page) if language == "python"]
    assert files
    for text in files:
        compile(text, page, "exec")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The folder data/ of all pages: the toy data set is made once."""
    return tmp_path_factory.mktemp("data")


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=pytest.mark.slow if page in OFTEN else pytest.mark.long)
        for page in PAGES
    ],
)
def test_a_page_is_followed_to_the_letter(page, tmp_path, data):
    (tmp_path / "data").symlink_to(data)
    assert follow(page, tmp_path) > 1
    drawn = {"network": "examples/drawn.png", "data_set": "pairs.png"}
    assert page not in drawn or (tmp_path / drawn[page]).is_file()
    assert page != "metric" or "variety" in (tmp_path / "baselines.json").read_text()
