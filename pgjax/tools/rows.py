"""Prints the list of all rows, made from the configs: python -m pgjax.tools.rows [--out FILE]

For each row and data set it prints one line: steps and batch size, published numbers and their table, and the
training command. A test compares configs/README.md with the output. After changing a row, run this command
with --out configs/README.md.
"""

import pathlib
import sys
from collections.abc import Iterator
from types import ModuleType

from pgjax.metrics import protocols
from pgjax.tools import cli, papers

HEAD = """\
# Rows

This page is written by `python -m pgjax.tools.rows --out configs/README.md`
from the configs. Do not edit it.

A row is one line of a published results table. Every number below is a **published** number. The table that
contains it is named beside it. It was measured with the code of its authors and, for some rows, with other
test pairs: see the docstring of the row's file.

The name of a number is the metric with which it was measured, under the named protocol
(docs/metrics_json.md). It can be compared with this metric only. "not known" means that the source does not
say how the number was measured. The number then has the name that the source uses.

`python -m pgjax.tools.table PAPER RUNS...` prints the published numbers beside those of your own runs.
"""


def document() -> str:
    """The text of configs/README.md.

    Raises:
      InputError: configs/ is not importable.
    """
    return "\n".join([HEAD, *("\n".join(_section(*item)) for item in papers.load().items())])


def _section(name: str, paper: ModuleType) -> Iterator[str]:
    yield f"## `configs/{name}.py`\n\n{papers.title(paper)}.\n"
    yield "| row | data set | steps | batch | published | protocol | published in | command |"
    yield "|---|---|---|---|---|---|---|---|"
    for row in paper.ROWS:
        for dataset in paper.SETTINGS:
            config = paper.get_config(f"{dataset}/{row}")
            steps = " + ".join(str(stage.steps) for stage in config.stages.values())
            ((protocol, numbers),) = _numbers(paper, dataset, row) or [("", "")]
            place = f"runs/{name}/{dataset}/{row}/seed0"
            command = (
                f"python train.py --config=configs/{name}.py:{dataset}/{row} --workdir={place}"
            )
            yield _line(
                f"`{row}`",
                dataset,
                steps,
                str(config.batch_size),
                numbers,
                protocol,
                config.published_in,
                f"`{command}`",
            )
    for dataset in paper.SETTINGS:
        for row in papers.published_only(paper, dataset):
            for protocol, numbers in _numbers(paper, dataset, row):
                yield _line(row, dataset, "", "", numbers, protocol, paper.SOURCE, "published only")
    yield ""


def _numbers(paper: ModuleType, dataset: str, row: str) -> list[tuple[str, str]]:
    """A row's published numbers, by the protocol of which they are."""
    found: dict[str, list[str]] = {}
    for column, value in paper.PUBLISHED.get(dataset, {}).get(row, {}).items():
        under = papers.measured_by(paper, row, column)
        metric = protocols.find(under).columns[column] if under else column
        number = papers.text(paper, dataset, column, value)
        found.setdefault(f"`{under}`" if under else "not known", []).append(f"{metric} {number}")
    return [(protocol, ", ".join(numbers)) for protocol, numbers in found.items()]


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
