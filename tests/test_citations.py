"""What the documentation and the code name is there: facts by their section, files by their path."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference_facts.md"
PLACES = ("pgjax", "tests", "configs", "benchmarks", "docs")
KINDS = {".py", ".md", ".json"}

NUMBER = r"\d+(?:\.\d+)?"
CITED = re.compile(rf"reference_facts\.md,\s+({NUMBER}(?:(?:, | and | to |-){NUMBER})*)")
UNPLACED = re.compile(rf"(?:reference|stack)\s+facts?,?\s+(?:{NUMBER}|[A-I]\b)", re.IGNORECASE)


NAMED = re.compile(r"(?<![\w/.])((?:tests|benchmarks|pgjax)/[a-z][\w/]*\.(?:py|md|json|npz))")


def _sections(text: str) -> set[str]:
    return set(re.findall(rf"^###? ({NUMBER})\.? ", text, re.MULTILINE))


def _texts():
    for place in PLACES:
        for path in sorted((ROOT / place).rglob("*")):
            if path.suffix in KINDS and path != pathlib.Path(__file__):
                yield path.relative_to(ROOT), path.read_text(encoding="utf-8")


def test_every_cited_fact_is_on_the_page():
    sections = _sections(PAGE.read_text(encoding="utf-8"))
    cited = [
        (path, number)
        for path, text in _texts()
        for numbers in CITED.findall(text)
        for number in re.findall(NUMBER, numbers)
    ]
    assert len(cited) > 50
    missing = [f"{path} cites {number}" for path, number in cited if number not in sections]
    assert not missing, f"{PAGE.name} has no such section"


def test_no_fact_is_cited_without_the_page():
    found = [f"{path}: {cited}" for path, text in _texts() for cited in UNPLACED.findall(text)]
    assert not found, "cite as `docs/reference_facts.md, 1.6`"


def test_files_that_pages_name_are_there():
    """But for the pages of "Extend it", whose reader makes files."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    named = {(page.name, path) for page in pages for path in NAMED.findall(page.read_text("utf-8"))}
    assert len(named) > 40
    assert {(page, path) for page, path in named if not (ROOT / path).is_file()} == set()


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("see docs/reference_facts.md, 1.6.", ["1.6"]),
        ("(docs/reference_facts.md,\n    6.1 to 6.5)", ["6.1", "6.5"]),
        ("docs/reference_facts.md, 4 and 5.4", ["4", "5.4"]),
    ],
)
def test_what_is_a_citation(text, numbers):
    (found,) = CITED.findall(text)
    assert re.findall(NUMBER, found) == numbers
    assert UNPLACED.search("(stack\n    facts, C)") and UNPLACED.search("Reference facts 2.1, 2.2")
    assert not UNPLACED.search(text)
