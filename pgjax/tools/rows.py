"""Prints the list of all rows, made from the configs: pgjax rows [--out FILE]

For each paper it prints the training command, a table of the rows with their published numbers, and a table
of steps and batch sizes. A test compares docs/rows.md with the output. After changing a row, run this command
with --out docs/rows.md.
"""

import pathlib
import sys
from collections.abc import Iterator
from types import ModuleType

from pgjax.metrics import protocols
from pgjax.tools import cli, papers

HEAD = """\
# Rows

This page is written by `pgjax rows --out docs/rows.md` from the files in `configs/`. Do not edit it.

A row is one line of a published results table. Every number below is a **published** number. The table that
contains it is named beside it. It was measured with the code of its authors and, for some rows, with other
test pairs: see the docstring of the row's file.

The name of a number is the metric with which it was measured, under the named
[protocol](protocols.md). It can be compared with this metric only. "not known" means that the source does
not say how the number was measured. The number then has the name that the source uses. A row without a number
was not published: it is a variant that follows released code, or one of this project.

`pgjax table PAPER RUNS...` prints the published numbers beside those of your own runs.
"""


def document() -> str:
    """The text of docs/rows.md.

    Raises:
      InputError: configs/ is not importable.
    """
    return "\n".join([HEAD, *("\n".join(_section(*item)) for item in papers.load().items())])


def _section(name: str, paper: ModuleType) -> Iterator[str]:
    yield f"## `configs/{name}.py`\n\n{papers.title(paper)}.\n"
    config, place = f"{name}:DATASET/ROW", f"runs/{name}/DATASET/ROW/seed0"
    yield f"    pgjax train --config={config} --workdir={place}\n"
    published = [dataset for dataset in paper.SETTINGS if paper.PUBLISHED.get(dataset)]
    head = ("ROW", *(f"published: {dataset}" for dataset in published), "protocol", "published in")
    yield from _head(*head)
    for row in paper.ROWS:
        yield _line(f"`{row}`", *_published(paper, published, row))
    others = {row: None for dataset in published for row in papers.published_only(paper, dataset)}
    for row in others:
        yield _line(f"{row} (published only)", *_published(paper, published, row))
    yield "\nSteps of each stage, and pairs of a batch, by DATASET:\n"
    yield from _head("ROW", *paper.SETTINGS)
    for schedule, rows in _schedules(paper).items():
        yield _line(", ".join(f"`{row}`" for row in rows), *schedule)
    yield ""


def _published(paper: ModuleType, datasets: list[str], row: str) -> Iterator[str]:
    """The cells of a row: its numbers by data set, how they were measured, and where they stand."""
    found = {dataset: _numbers(paper, dataset, row) for dataset in datasets}
    yield from ("; ".join(numbers.values()) for numbers in found.values())
    yield "; ".join(dict.fromkeys(protocol for numbers in found.values() for protocol in numbers))
    places = (papers.source(paper, dataset, row) for dataset, numbers in found.items() if numbers)
    yield "; ".join(dict.fromkeys(places))


def _schedules(paper: ModuleType) -> dict[tuple[str, ...], list[str]]:
    """The rows by their steps and batch sizes, one text for each data set."""
    found: dict[tuple[str, ...], list[str]] = {}
    for row in paper.ROWS:
        configs = [paper.get_config(f"{dataset}/{row}") for dataset in paper.SETTINGS]
        texts = (
            f"{' + '.join(f'{stage.steps:,}' for stage in config.stages.values())} steps, "
            f"batch {config.batch_size}"
            for config in configs
        )
        found.setdefault(tuple(texts), []).append(row)
    return found


def _numbers(paper: ModuleType, dataset: str, row: str) -> dict[str, str]:
    """A row's published numbers, by the protocol of which they are."""
    found: dict[str, list[str]] = {}
    for column, value in paper.PUBLISHED.get(dataset, {}).get(row, {}).items():
        under = papers.measured_by(paper, row, column)
        metric = protocols.find(under).columns[column] if under else column
        number = papers.text(paper, dataset, column, value)
        found.setdefault(f"`{under}`" if under else "not known", []).append(f"{metric} {number}")
    return {protocol: ", ".join(numbers) for protocol, numbers in found.items()}


def _head(*cells: str) -> Iterator[str]:
    yield _line(*cells)
    yield f"|{'---|' * len(cells)}"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def main(argv: list[str] | None = None) -> None:
    parser = cli.ArgumentParser(
        prog="python -m pgjax.tools.rows",
        description="Print the list of all rows, their published numbers and commands.",
    )
    parser.add_argument("--out", metavar="FILE", type=pathlib.Path, help="default: standard output")
    out = parser.parse_args(argv).out
    if out is None:
        print(document(), end="")
        return
    out.write_text(document(), encoding="utf-8", newline="\n")
    print(f"wrote {out}", file=sys.stderr)


if __name__ == "__main__":
    cli.run(main)
