"""Prints a paper's table with measured numbers: python -m pgjax.tools.table PAPER RUNS... [--dataset NAME]

RUNS are run directories, or folders of them. A run that is named directly must be usable: one error lists all
that are not (unfinished, not evaluated, of another paper). A run inside a named folder is skipped if it is
not usable, with a note on standard error. NAME=FOLDER/metrics.json is a line of another system, called NAME,
whose pictures evaluate.py --images scored. Its data set, pairs and protocol must be those of the table.

Rows have the paper's order, each with its published and its measured numbers. For several seeds, these are
the mean and the standard deviation (n - 1). The seeds of a row must have the same config and must be
evaluated in the same way. Measured numbers come from metrics_PROTOCOL.json, which evaluate.py writes. A
published number stands only beside the metric by which it was measured.
"""

import statistics
from collections.abc import Collection, Iterator, Sequence
from types import ModuleType

from pgjax.errors import InputError
from pgjax.files import paths
from pgjax.metrics import METRICS, of_pixels
from pgjax.metrics.protocols import PROTOCOLS, Protocol
from pgjax.scoring.results import Table
from pgjax.scoring.run_evaluation import ARROWS, CAUTION, LEGEND, unplaced
from pgjax.tools import cli, extension_flag, papers
from pgjax.tools.measured import (
    Judged,
    Run,
    check_judged,
    check_seeds,
    gather,
    is_judged,
    read,
    read_judged,
)

__all__ = ["Run", "gather", "listed", "read", "tables"]

NONE = "-"


def tables(
    paper: str,
    runs: Collection[Run],
    datasets: Collection[str] = (),
    protocol: str | None = None,
    judged: Sequence[Judged] = (),
) -> str:
    """The paper's tables as text; arguments and errors as of `listed`."""
    return "\n\n".join(map(str, listed(paper, runs, datasets, protocol, judged)))


def listed(
    paper: str,
    runs: Collection[Run],
    datasets: Collection[str] = (),
    protocol: str | None = None,
    judged: Sequence[Judged] = (),
) -> list[Table]:
    """The paper's tables, one a data set.

    Args:
      paper: its name.
      runs: of this paper and protocol (gather).
      datasets: which; unless given, those that the paper publishes numbers of or that have a run or others'
        pictures.
      protocol: the name of that whose metrics are the columns; the paper's own unless given.
      judged: other systems' pictures, a line each in the table of their data set.

    Raises:
      InputError: an unknown paper, data set or protocol, runs of one row that are not seeds of one
        experiment, or pictures that were judged otherwise.
    """
    module, shown = papers.find(paper), papers.protocol_of(paper, protocol)
    for name in datasets:
        if name not in module.SETTINGS:
            known = ", ".join(module.SETTINGS)
            raise InputError(f"--dataset: {paper} has no {name!r}; it has {known}")
    ran = {run.row.partition("/")[0] for run in runs}
    for other in judged:
        check_place(other, paper, shown, datasets or ran)
    beside = {other.dataset for other in judged}
    chosen = datasets or {*ran, *beside, *(name for name, rows in module.PUBLISHED.items() if rows)}
    return [
        _table(paper, module, shown, name, runs, judged)
        for name in module.SETTINGS
        if name in chosen
    ]


def check_place(other: Judged, paper: str, shown: Protocol, datasets: Collection[str]) -> None:
    """Refuses pictures for which a paper's tables have no place.

    Args:
      datasets: those that are asked for or have runs; no matter which, where there are none.

    Raises:
      InputError: they are of another data set, or were judged under another protocol.
    """
    title = f"{other.name}={other.path}"
    known = datasets or papers.find(paper).SETTINGS
    if other.dataset not in known:
        raise InputError(f"{title}: of {other.dataset}; expected {' or '.join(sorted(known))}")
    if other.protocol != shown.name:
        raise InputError(
            f"{title}: judged under protocol {other.protocol}, the table is of {shown.name}; "
            f"evaluate.py --images with --protocol={shown.name}, or --protocol={other.protocol} here"
        )


def _table(
    paper: str,
    module: ModuleType,
    shown: Protocol,
    dataset: str,
    runs: Collection[Run],
    judged: Sequence[Judged],
) -> Table:
    by_row = {row: [r for r in runs if r.row == f"{dataset}/{row}"] for row in module.ROWS}
    others = [other for other in judged if other.dataset == dataset]
    check_judged(others, [run for found in by_row.values() for run in found])
    titles = [*module.ROWS, *papers.published_only(module, dataset)]
    published = {row: papers.placed(module, dataset, row, shown) for row in titles}
    scores = [run.result["scores"]["model"] for found in by_row.values() for run in found]
    scores += [other.result["scores"]["images"] for other in others]
    anywhere = {metric for numbers in (*scores, *published.values()) for metric in numbers}
    always = of_pixels(shown.metrics)
    metrics = [m for m in shown.metrics if m in always or m in anywhere]
    heads = [f"{m} {ARROWS[METRICS[m].higher_is_better]}" for m in metrics]
    last = "published in" if any(published.values()) else ""
    lines: list[tuple[str, ...]] = [("row", "", "runs", "steps", "pairs", *heads, last)]
    for row in titles:
        title = row
        if published[row]:
            cells = (published[row].get(m, NONE) for m in metrics)
            where = papers.source(module, dataset, row)
            lines.append((title, "published", NONE, NONE, NONE, *cells, where))
            title = ""
        if row in by_row:
            lines.append((title, *_measured(by_row[row], metrics), ""))
    lines += [_judged(other, metrics) for other in others]
    notes = []
    if any(len(found) > 1 for found in by_row.values()):
        notes.append("Several runs are seeds of one experiment: mean ± standard deviation (n - 1).")
    if any(published.values()) and scores:
        notes.append(CAUTION)
    for (under, columns), rows in papers.unplaced(module, dataset, shown).items():
        told = "" if under else "; pgjax rows lists them"
        notes.append(
            f"published {', '.join(columns)} of {', '.join(rows)}: {unplaced(under)}{told}"
        )
    for row, found in by_row.items():
        notes += (f"{row} was not run as its row says: {d}" for d in _departures(module, found))
    title = f"{paper} on {dataset}; protocol {shown.name}; {LEGEND}"
    return Table(title, lines, notes, left=2)


def _measured(runs: Sequence[Run], metrics: Sequence[str]) -> tuple[str, ...]:
    if not runs:
        return ("not measured", *([NONE] * (3 + len(metrics))))
    check_seeds(runs)
    result = runs[0].result
    cells = []
    for metric in metrics:
        values = [run.result["scores"]["model"].get(metric) for run in runs]
        cells.append(NONE if None in values else spread(values))
    return ("measured", str(len(runs)), str(result["step"]), str(result["pairs"]), *cells)


def _judged(other: Judged, metrics: Sequence[str]) -> tuple[str, ...]:
    scores = other.result["scores"]["images"]
    cells = (spread([scores[m]]) if m in scores else NONE for m in metrics)
    return (other.name, "judged", NONE, NONE, str(other.result["pairs"]), *cells, "")


def spread(values: Sequence[float]) -> str:
    """Mean and, of several, standard deviation (n - 1), with four decimals."""
    mean = f"{statistics.fmean(values):.4f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.4f}"


def _departures(module: ModuleType, runs: Sequence[Run]) -> Iterator[str]:
    if runs:
        found = papers.departures(module, runs[0].config)
        text = ", ".join(f"{key} {here!r} (row: {there!r})" for key, here, there in found)
        if text:
            yield text


def main(argv: list[str] | None = None) -> None:
    parser = cli.ArgumentParser(
        prog="python -m pgjax.tools.table",
        description="Print a paper's tables with the measured numbers of finished runs.",
    )
    parser.add_argument("paper", metavar="PAPER", help="a file of configs/, such as pg2")
    parser.add_argument(
        "runs",
        metavar="RUNS",
        nargs="*",
        help="run directories, or folders that contain them; NAME=FOLDER/metrics.json adds the pictures of "
        "another system, scored by evaluate.py --images",
    )
    parser.add_argument(
        "--dataset",
        metavar="NAME",
        action="append",
        default=[],
        help="show only this data set; the option may be repeated (default: all data sets with a number)",
    )
    parser.add_argument(
        "--protocol",
        metavar="NAME",
        help=f"protocol of the columns: {', '.join(PROTOCOLS)} (default: the paper's own, or pgjax if it is "
        "not known)",
    )
    extension_flag.add(parser)
    arguments = parser.parse_intermixed_args(argv)
    papers.protocol_of(arguments.paper, arguments.protocol)
    judged = [read_judged(text) for text in arguments.runs if is_judged(text)]
    folders = [paths.of(text) for text in arguments.runs if not is_judged(text)]
    runs = gather(arguments.paper, folders, arguments.protocol)
    print(tables(arguments.paper, runs, arguments.dataset, arguments.protocol, judged))


if __name__ == "__main__":
    cli.run(main)
