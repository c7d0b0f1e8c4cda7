"""The notebooks are text that is fit to be read; `make notebooks` executes them."""

import ast
import pathlib

import pytest

import pgjax

ROOT = pathlib.Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted(path for path in (ROOT / "notebooks").glob("*.py") if path.name != "run.py")


def test_there_are_notebooks():
    assert [path.stem for path in NOTEBOOKS] == ["add_a_loss", "re_pose_a_photo"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_use_promised_names_alone(path):
    taken = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "pgjax":
            assert node.module == "pgjax", f"line {node.lineno}: from {node.module}"
            taken += [name.name for name in node.names]
        if isinstance(node, ast.Import):
            named = [name.name for name in node.names if name.name.startswith("pgjax.")]
            assert not named, f"line {node.lineno}: import {', '.join(named)}"
    assert taken and set(taken) <= set(pgjax.__all__)


def test_the_page_of_notebooks_lists_each():
    page = (ROOT / "notebooks" / "README.md").read_text()
    assert [path.name for path in NOTEBOOKS if f"]({path.name})" not in page] == []
