"""README.md and docs/ name commands and options that there are."""

import functools
import pathlib
import re

import pytest

from pgjax import __main__ as program

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
# Options of several commands.
SHARED = tuple(
    f"pgjax/{file}.py"
    for file in ("tools/extension_flag", "tools/keypoint_flags", "tools/moving", "runtime/launch")
)
CALL = re.compile(r"\bpgjax ([a-z]+)((?:[^`\n#&|]|\\\n)*)")
CODE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$|`([^`]+)`", re.MULTILINE | re.DOTALL)


commands = functools.cache(program.commands)


def calls(text):
    """(command, its options) of each call in the code of a page."""
    for language, block, inline in CODE.findall(text):
        code = "" if language == "python" else re.sub(r"\\\n\s*|#.*", " ", block or inline)
        for command, rest in CALL.findall(code):
            yield command, re.findall(r"(?<![\w-])--(\w+)", rest)


def options(command):
    """The options that the sources of a command define."""
    sources = (f"pgjax/tools/{command}.py", *SHARED)
    text = "".join((ROOT / source).read_text() for source in sources)
    found = re.findall(r'"--(\w+)"|DEFINE_\w+\(\s*"(\w+)"', text)
    return {a or b for a, b in found} | {"help"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_and_their_options_are_there(page):
    known = commands()
    for command, given in calls(page.read_text()):
        assert command in known, f"pgjax {command}"
        assert set(given) <= options(command), f"pgjax {command}"


def test_the_quick_start_calls_commands():
    """What the other test looks at is found."""
    found = dict(calls((ROOT / "docs" / "quick_start.md").read_text()))
    assert found["generate"][:2] == ["model", "source"]
    assert {"examples", "train", "evaluate", "table"} <= set(found)
