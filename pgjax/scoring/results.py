"""Results of evaluations: what they say of themselves, and as tables to read.

What metrics.json holds is described in docs/metrics_json.md.
"""

import collections
import hashlib
import importlib.metadata
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from pgjax.metrics.protocols import Protocol, placed
from pgjax.scoring.result_files import digest_of
from pgjax.scoring.scorer import higher_is_better
from pgjax.training import run_directory
from pgjax.training.recipe import Recipe

FORMAT = 2  # of metrics.json; raised when a field changes its meaning
SUBJECTS = {
    "model": "model",
    "images": "images",
    "source": "copy of the source",
    "mean": "mean training image",
    "real": "real targets",
}
ARROWS = {True: "^", False: "v"}
LEGEND = "^ higher is better, v lower is better"
CAUTION = (
    "A published number stands beside the metric that it was measured by, and beside no other; it was "
    "measured with its authors' code, some on other pairs: see docs/protocols.md."
)
LIBRARIES = ("pillow", "scipy")


class Measured(typing.Protocol):
    """What a scorer says of how it measured (scoring.Scorer, scorers.Scored), by metric and by network."""

    @property
    def not_measured(self) -> Mapping[str, str]: ...

    @property
    def networks(self) -> Mapping[str, str]: ...


def provenance(
    protocol: Protocol, dataset: str, scorer: Measured, counts: Mapping[str, int], seconds: Mapping
) -> dict[str, Any]:
    """What every result says of how it was made."""
    environment = run_directory.environment()
    packages = environment.pop("packages") | {name: _version(name) for name in LIBRARIES}
    return {
        "format": FORMAT,
        "dataset": dataset,
        "protocol": protocol.record(),
        "not_measured": dict(scorer.not_measured),
        "networks": dict(scorer.networks),
        "counts": dict(counts),
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "versions": packages | environment,
    }


def published(recipe: Recipe, protocol: Protocol) -> dict[str, Any]:
    """What a result under a protocol says of the row's published numbers.

    They are named after the metric that they were measured by. Those that the protocol does not measure in
    the same way are left out: the protocol's name in `published_under` says where they stand.
    """
    numbers, under = dict(recipe.published), recipe.protocol or None
    return {
        "published": placed(numbers, under, protocol, recipe.data.name),
        "published_in": recipe.published_in,
        "published_under": under if numbers else None,
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def digest(tree: Any) -> str:
    """sha256 of arrays: of their places in the tree, types, shapes and numbers."""
    found = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        x = np.asarray(leaf)
        found.update(f"{jax.tree_util.keystr(path)} {x.dtype.str} {x.shape}".encode())
        found.update(np.ascontiguousarray(x).tobytes())
    return found.hexdigest()


def pairs_digest(names: Sequence[str], pairs: np.ndarray) -> str:
    """sha256 of a list of pairs (P, 2), positions in `names`: of its lines "source,target"."""
    return digest_of([(names[source], names[target]) for source, target in pairs])


class Table(NamedTuple):
    """Numbers to read.

    title: what they are. lines: of cells, the first are the heads. notes: what a reader must know. left: so
    many columns are flush left, the others right.
    """

    title: str
    lines: list[tuple[str, ...]]
    notes: list[str]
    left: int = 1

    def __str__(self) -> str:
        lines = (line.rstrip() for line in aligned(self.lines, self.left))
        return "\n".join([self.title, *lines, *self.notes])


def table(result: Mapping[str, Any]) -> str:
    """A result as a table to read, as text."""
    return str(listed(result))


def listed(result: Mapping[str, Any]) -> Table:
    """A result as a table: one line a subject, one column a metric."""
    scores, protocol = result["scores"], result["protocol"]
    names = list(dict.fromkeys(name for values in scores.values() for name in values))
    heads = (
        f"{name} {ARROWS[better]}" if better is not None else name
        for name, better in ((name, higher_is_better(name)) for name in names)
    )
    lines = [("", *heads)]
    for subject, title in SUBJECTS.items():
        if subject in scores:
            values = scores[subject]
            title = f"{title} (step {result['step']})" if subject == "model" else title
            cells = (f"{values[name]:.4f}" if name in values else "-" for name in names)
            lines.append((title, *cells))
    published = {name: result["published"][name] for name in names if name in result["published"]}
    if published:
        cells = (f"{published[name]:.3f}" if name in published else "-" for name in names)
        lines.append((f"published: {result['published_in']}", *cells))
    noise = ", noise on" if result["noise"] else ""
    head = (
        f"{result['row'] or result['dataset']}: {result['pairs']} test pairs{noise}, "
        f"protocol {protocol['name']}; {LEGEND}"
    )
    caution = [CAUTION] if published else _elsewhere(result)
    return Table(head, lines, [*caution, *_not_measured(result["not_measured"])])


def _elsewhere(result: Mapping[str, Any]) -> list[str]:
    """Why the published numbers of the row are not in a table."""
    if not result["published_in"]:
        return []
    return [f"published numbers ({result['published_in']}): {unplaced(result['published_under'])}"]


def unplaced(under: str | None) -> str:
    """Why published numbers that were measured under a protocol stand in no column of a table."""
    if not under:
        return "by which protocol they were measured is not known, so they stand beside no metric"
    return f"measured under protocol {under}, so they stand beside no metric here"


def _not_measured(reasons: Mapping[str, str]) -> Iterator[str]:
    alike = collections.defaultdict(list)
    for name, reason in reasons.items():
        alike[reason].append(name)
    for reason, names in alike.items():
        yield f"not measured: {', '.join(names)}: {reason}"


def aligned(lines: list[tuple[str, ...]], left: int = 1) -> list[str]:
    """Lines of cells as lines of text, the first one underlined; all but `left` columns flush right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rows = [
        "  ".join(
            c.rjust(w) if i >= left else c.ljust(w)
            for i, (c, w) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    return [rows[0], "-" * len(rows[0]), *rows[1:]]
