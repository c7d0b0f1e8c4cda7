"""What pyproject.toml promises, and what a fresh installation gets."""

import pathlib
import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINS = {
    re.sub("[-_]", "-", name).lower(): Version(version)
    for name, version in re.findall(
        r"^([\w-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.M
    )
}


@pytest.mark.parametrize("text", PROJECT["dependencies"])
def test_runtime_dependencies_have_floors_that_the_tested_versions_meet(text):
    needed = Requirement(text)
    assert [s.operator for s in needed.specifier] == [">="]
    assert PINS[needed.name.replace("_", "-").lower()] in needed.specifier


@pytest.mark.parametrize("text", PROJECT["optional-dependencies"]["dev"])
def test_development_tools_are_pinned_exactly(text):
    needed = Requirement(text)
    assert [s.operator for s in needed.specifier] == ["=="]
    assert PINS[needed.name.lower()] in needed.specifier
