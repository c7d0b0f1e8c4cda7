"""The console command: `pgjax NAME ...` is `python -m pgjax.tools.NAME ...`, and `pgjax` lists the names."""

import ast
import os
import pathlib
import runpy
import sys

from pgjax import __version__, tools
from pgjax.runtime import interruption
from pgjax.tools import cli


def commands() -> dict[str, str]:
    """What can be called: the first words of the docstring of each tool that is a command, by name."""
    found = {}
    (folder,) = tools.__path__
    for file in sorted(pathlib.Path(folder).glob("[a-z]*.py")):
        source = file.read_text(encoding="utf-8")
        if 'if __name__ == "__main__":' in source:
            text = (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]
            found[file.stem] = text.partition(": python -m")[0].rstrip(".")
    return found


def main() -> None:
    """Runs the command that sys.argv names."""
    name, *arguments = sys.argv[1:] or ["--help"]
    interruption.begin(name)
    if name in ("-h", "--help"):
        print(_help())
    elif name == "--version":
        print(f"pgjax {__version__}")
    elif name in commands():
        cli.ArgumentParser.program = f"pgjax {name}"
        sys.argv = [f"pgjax {name}", *arguments]
        if not {"", os.getcwd()} & set(sys.path):  # as after `python -m`, for own configs' imports
            sys.path.insert(0, os.getcwd())
        runpy.run_module(f"{tools.__name__}.{name}", run_name="__main__", alter_sys=True)
    else:
        cli.fail(f"unknown command {name!r}; there are {', '.join(commands())} (pgjax --help)")


def _help() -> str:
    known = commands()
    width = max(map(len, known))
    lines = [f"  {name:<{width}}  {text}" for name, text in known.items()]
    head = ["usage: pgjax COMMAND ...", "", "Commands; --help lists the arguments of each:"]
    return "\n".join([*head, *lines])


if __name__ == "__main__":
    main()
