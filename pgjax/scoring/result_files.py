"""The files of results: metrics.json and its like, and beside them the scores of every pair as CSV.

docs/metrics_json.md describes them.
"""

import csv
import hashlib
import io
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from pgjax.errors import InputError
from pgjax.files import paths

RESULT = "metrics.json"
PAIR = ("from", "to")  # the first columns of a CSV of pairs


class PairScores(NamedTuple):
    """Scores of P pairs: (source, target) names of photos, and (P,) float32 by metric."""

    names: list[tuple[str, str]]
    scores: dict[str, np.ndarray]


def result_of(protocol: str) -> str:
    """The name of the file of the last result under a protocol."""
    return f"metrics_{protocol}.json"


def pairs_of(protocol: str) -> str:
    """The name of the file of its pairs' scores."""
    return f"metrics_{protocol}_pairs.csv"


def put_aside(path: paths.Path, result: Mapping[str, Any], beside: Sequence[str] = ()) -> None:
    """Keeps what lies at `path` as PATH.before where it is of more pairs than a new result; says so.

    What is there already is kept instead where it is of more pairs still. The files `beside` it, by name, are
    kept with it.
    """
    before = read(path)
    if before is None or before["pairs"] <= result["pairs"]:
        return
    kept = _before(path)
    there = read(kept)
    if there is None or there["pairs"] <= before["pairs"]:
        there = before
        write(kept, before)
        for other in (path.with_name(name) for name in beside):
            if other.is_file():
                paths.write_bytes(_before(other), other.read_bytes())
    print(f"{path}: the scores of {there['pairs']:,} pairs are now in {kept.name}", file=sys.stderr)


def _before(path: paths.Path) -> paths.Path:
    return path.with_name(f"{path.name}.before")


def read(path: paths.Path) -> dict[str, Any] | None:
    """The result in a file; None where none is, or something else."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("pairs"), int) else None


def write(path: paths.Path, result: Mapping[str, Any]) -> None:
    """Writes a result as JSON, whole or not at all."""
    paths.write_text(path, json.dumps(result, indent=2, allow_nan=False) + "\n")


def write_pairs(
    path: paths.Path,
    names: Sequence[str],
    pairs: np.ndarray,
    scores: Mapping[str, np.ndarray],
) -> None:
    """Writes the scores of pairs (P, 2), positions in `names`, as CSV; nine digits hold a float32 exactly."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*PAIR, *scores])
    for (source, target), *values in zip(pairs, *scores.values(), strict=True):
        writer.writerow([names[source], names[target], *(f"{value:.9g}" for value in values)])
    paths.write_text(path, file.getvalue())


def read_pairs(path: paths.Path) -> PairScores:
    """Reads what `write_pairs` wrote.

    Raises:
      FileNotFoundError: there is no such file.
      InputError: it is something else; names the line.
    """
    number = 1
    try:
        rows = csv.reader(io.StringIO(path.read_text(encoding="utf-8")), strict=True)
        source, target, *metrics = next(rows, ("", ""))
        if (source, target) != PAIR or not metrics:
            raise ValueError(f"expected the header {','.join(PAIR)},METRIC,...")
        names, values = [], []
        for row in rows:
            number = rows.line_num
            if len(row) != 2 + len(metrics):
                raise ValueError(f"expected {2 + len(metrics)} fields, found {len(row)}")
            names.append((row[0], row[1]))
            values.append([np.float32(text) for text in row[2:]])
    except (ValueError, csv.Error) as error:
        raise InputError(f"{path}, line {number}: {error}") from error
    columns = np.array(values, np.float32).reshape(len(names), len(metrics)).T
    return PairScores(names, dict(zip(metrics, columns, strict=True)))


def digest_of(names: Sequence[tuple[str, str]]) -> str:
    """sha256 of a list of pairs: of its lines "source,target"."""
    return hashlib.sha256("".join(f"{a},{b}\n" for a, b in names).encode()).hexdigest()
