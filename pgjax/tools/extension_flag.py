"""The option --extend of the commands that read a run, a model or a data set."""

import argparse
from typing import Any

from pgjax.files import config_files

WHAT = (
    "a Python file of yours, executed first, that adds to the tables of networks, losses, metrics or data "
    "sets; may be repeated (docs/extend/index.md)"
)


class _Extend(argparse.Action):
    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: Any = None) -> None:
        config_files.extend(values)


def add(parser: argparse.ArgumentParser) -> None:
    """Adds --extend FILE, which is executed when the arguments are parsed."""
    parser.add_argument("--extend", metavar="FILE", action=_Extend, help=WHAT)
