"""One HTML file of runs, which needs nothing else and asks no host for anything."""

import base64
import functools
import hashlib
import importlib.resources
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2

from pgjax import __version__
from pgjax.files import paths
from pgjax.scoring.results import Table
from pgjax.tools.reports import charts, curves
from pgjax.tools.reports.runs import Section


def render(
    title: str,
    sections: Sequence[Section],
    groups: Sequence[curves.Group],
    tables: Sequence[Table] = (),
    notes: Sequence[str] = (),
    left_out: int = 0,
) -> str:
    """The page; every text in it is escaped.

    Args:
      title: its heading.
      sections: of the runs; a run's place among them is its colour in the curves.
      groups: of curves.
      tables: with published numbers.
      notes: what a reader must know of the tables.
      left_out: pictures for which there was no room.
    """
    style, script = _file("page.css"), _file("page.js")
    values: Mapping[str, Any] = {
        "title": title,
        "version": __version__,
        "sections": sections,
        "groups": groups,
        "tables": tables,
        "notes": notes,
        "left_out": left_out,
        "policy": _policy(style, script),
        "style": style,
        "script": script,
        "colors": charts.COLORS,
    }
    return _template().render(values)


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_file("page.html"))


def _file(name: str) -> str:
    return importlib.resources.files("pgjax.tools.reports").joinpath(name).read_text("utf-8")


def write(path: paths.Path, html: str) -> None:
    """Writes a page, whole or not at all; of names that are no text, what cannot be written is spelt out."""
    paths.write_bytes(path, html.encode("utf-8", "backslashreplace"))


def _policy(style: str, script: str) -> str:
    """The page's Content-Security-Policy: pictures inside it, this style and this script, no more."""
    return "; ".join(
        (
            "default-src 'none'",
            "img-src data:",
            f"style-src {_hash(style)}",
            f"script-src {_hash(script)}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
