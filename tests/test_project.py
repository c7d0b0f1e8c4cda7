"""What pyproject.toml promises, and what a fresh installation gets."""

import importlib.metadata
import importlib.util
import pathlib
import re
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import pgjax

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LINES = [
    Requirement(line)
    for line in (ROOT / "constraints.txt").read_text().splitlines()
    if not line.startswith("#")
]
EXTRAS = PROJECT["optional-dependencies"]
PYTHONS = ("3.11", "3.12", "3.13")


def _pins(python: str) -> dict[str, str]:
    """By package the version that a Python gets."""
    pins = {}
    for line in LINES:
        if line.marker is None or line.marker.evaluate({"python_version": python}):
            (pin,) = line.specifier
            assert pin.operator == "==" and canonicalize_name(line.name) not in pins
            pins[canonicalize_name(line.name)] = pin.version
    return pins


def _needed(name: str, extras: frozenset[str], found: set[str]) -> set[str]:
    """All that a distribution needs, as installed here, and what that needs."""
    for text in importlib.metadata.requires(name) or []:
        needed = Requirement(text)
        wanted = needed.marker is None or any(
            needed.marker.evaluate({"extra": extra}) for extra in ("", *extras)
        )
        if wanted and canonicalize_name(needed.name) not in found:
            found.add(canonicalize_name(needed.name))
            _needed(needed.name, frozenset(needed.extras), found)
    return found


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("text", PROJECT["dependencies"])
def test_runtime_dependencies_have_floors_that_the_tested_versions_meet(text, python):
    needed = Requirement(text)
    assert [s.operator for s in needed.specifier] == [">="]
    assert _pins(python)[canonicalize_name(needed.name)] in needed.specifier


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("text", [*EXTRAS["dev"], *EXTRAS["docs"], *EXTRAS["notebooks"]])
def test_development_tools_are_pinned_exactly(text, python):
    needed = Requirement(text)
    assert [s.operator for s in needed.specifier] == ["=="]
    assert _pins(python)[canonicalize_name(needed.name)] in needed.specifier


@pytest.mark.parametrize(
    ("extra", "of_it"), [("dev", "pytest"), ("docs", "mkdocs"), ("notebooks", "jupytext")]
)
def test_all_that_an_installation_brings_is_pinned(extra, of_it):
    if importlib.util.find_spec(of_it) is None:
        pytest.skip(f"the tools of the extra {extra} are not installed; make {extra} installs them")
    assert _needed("pgjax", frozenset({extra}), set()) <= _pins(PYTHONS[0]).keys()


def test_the_version_is_the_same_wherever_it_is_told():
    """It is written in pgjax/__init__.py; what cannot read it there is held equal here."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == pgjax.__version__
    assert PROJECT["dynamic"] == ["version"] and "version" not in PROJECT
    releases = re.findall(
        r"^## (\d+\.\d+\.\d+) \((\d{4}-\d\d-\d\d)\)$", (ROOT / "CHANGELOG.md").read_text(), re.M
    )
    assert releases[0] == (pgjax.__version__, citation["date-released"].isoformat())
    assert [date for _, date in releases] == sorted((date for _, date in releases), reverse=True)
