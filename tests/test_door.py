"""The names that `import pgjax` promises."""

import ast
import json
import pathlib
import re
import subprocess
import sys

import pytest

import pgjax
import places

HOME = pathlib.Path(pgjax.__file__).parent
PAGE = places.ROOT / "docs" / "promised.md"
LAZY = [name for name in pgjax.__all__ if name != "__version__"]


def _python(code: str) -> str:
    return subprocess.check_output(
        [sys.executable, "-c", code], env=places.environment(), text=True
    )


def test_importing_it_imports_nothing_else():
    before = "import json, sys; known = set(sys.modules); import pgjax; "
    said = _python(before + "print(json.dumps(sorted(set(sys.modules) - known)))")
    assert json.loads(said) == ["pgjax"]


@pytest.mark.parametrize("name", LAZY)
def test_a_name_is_that_of_its_module(name):
    """What is put into a table through the door is in the table that the code reads."""
    module, _, attribute = pgjax._PLACES[name].partition(":")
    __import__(f"pgjax.{module}")
    assert getattr(pgjax, name) is getattr(sys.modules[f"pgjax.{module}"], attribute)


def test_a_name_imports_no_more_than_its_own_module():
    code = "import sys, pgjax; pgjax.InputError, pgjax.DATASETS; print('jax' in sys.modules)"
    assert _python(code) == "False\n"


def test_type_checkers_see_the_same_names():
    seen = {}
    for node in ast.walk(ast.parse((HOME / "__init__.py").read_text())):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                seen[alias.asname or alias.name] = f"{node.module}:{alias.name}"
    assert seen == {name: f"pgjax.{place}" for name, place in pgjax._PLACES.items()}
    assert sorted(seen) == sorted(LAZY)


def test_names_are_listed_and_others_are_none():
    assert dir(pgjax) == sorted(pgjax.__all__)
    with pytest.raises(AttributeError, match="module 'pgjax' has no attribute 'nonsense'"):
        _ = pgjax.nonsense


def test_the_page_lists_exactly_these_names():
    listed = re.findall(r"^\| `(?:pgjax\.)?(\w+)", PAGE.read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(pgjax.__all__)


def test_the_type_checker_reads_every_name():
    """`make lint` checks the types of that file."""
    used = (places.TESTS / "typed_use.py").read_text()
    assert [name for name in pgjax.__all__ if not re.search(rf"\b{name}\b", used)] == []
