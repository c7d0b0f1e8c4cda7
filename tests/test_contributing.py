"""What contributors are told is what there is."""

import pathlib
import re
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = pathlib.Path(__file__).resolve().parents[1]
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text()


def test_the_linter_of_a_commit_is_that_of_ci():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (pinned,) = [
        Requirement(line)
        for line in project["optional-dependencies"]["dev"]
        if Requirement(line).name == "ruff"
    ]
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repository in config["repos"] for hook in repository["hooks"]]
    assert [hook["id"] for hook in hooks] == ["ruff-check", "ruff-format"]
    for hook in hooks:
        assert list(map(Requirement, hook["additional_dependencies"])) == [pinned]
        # The same commands, without the paths and what is about the paths.
        command = hook["entry"].removesuffix(" --force-exclude")
        assert re.search(rf"^\t\$\(BIN\)/{command} \.$", MAKEFILE, re.M), command


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "RELEASING.md", "notebooks/README.md"])
def test_pages_of_contributors_name_targets_and_files_that_there_are(page):
    text = (ROOT / page).read_text()
    targets = set(re.findall(r"\bmake ([a-z-]+)", "\n".join(re.findall(r"`+[^`]+`+", text))))
    assert targets <= set(re.findall(r"^([a-z-]+):", MAKEFILE, re.M))
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert ((ROOT / page).parent / link).exists(), link


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_forms_of_issues_are_as_github_reads_them(path):
    form = yaml.safe_load(path.read_text())
    assert form.keys() <= {"name", "description", "labels", "body"}
    assert form["name"] and form["description"]
    names = [part["id"] for part in form["body"]]
    assert len(set(names)) == len(names)
    for part in form["body"]:
        assert part["type"] in {"textarea", "input", "checkboxes"}
        assert part.keys() <= {"type", "id", "attributes", "validations"}
        assert part["attributes"]["label"]
        assert (part["type"] == "checkboxes") == ("options" in part["attributes"])


def test_the_image_gets_all_that_an_installation_needs():
    """What the build reads, by pyproject.toml, is let through by .dockerignore."""
    let = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {"pgjax", "configs", "pyproject.toml", "setup.py", "constraints.txt"}
    assert let == {*needed, project["readme"], *project["license-files"]}
    assert [name for name in let if not (ROOT / name).exists()] == []
