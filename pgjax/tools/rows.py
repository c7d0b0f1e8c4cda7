"""Prints the list of all rows, from the rows: python -m pgjax.tools.rows [--out FILE]

One line a row and data set: steps and batch size, published numbers and their table, the command that
trains it. A test keeps configs/README.md equal to what this prints: after changing a row, run it with
--out configs/README.md.
"""

import pathlib
import sys
from collections.abc import Iterator, Mapping
from types import ModuleType

from pgjax import cli
from pgjax.tools import papers

HEAD = """\
# Rows

Written by `python -m pgjax.tools.rows --out configs/README.md` from the files here; do not edit. A row
is one line of a published results table. Every number below is a **published** one, of the table that is
named beside it, measured with its authors' code and, for some, other test pairs: see the docstring of
the row's file.
`python -m pgjax.tools.table PAPER RUNS...` prints them beside what your own runs measured.
"""


def document() -> str:
    """The text of configs/README.md.

    Raises:
      InputError: configs/ is not importable.
    """
    return "\n".join([HEAD, *("\n".join(_section(*item)) for item in papers.load().items())])


def _section(name: str, paper: ModuleType) -> Iterator[str]:
    yield f"## `configs/{name}.py`\n\n{papers.title(paper)}.\n"
    yield "| row | data set | steps | batch | published | published in | command |"
    yield "|---|---|---|---|---|---|---|"
    for row in paper.ROWS:
        for dataset in paper.SETTINGS:
            config = paper.get_config(f"{dataset}/{row}")
            steps = " + ".join(str(stage.steps) for stage in config.stages.values())
            numbers = _numbers(paper, dataset, config.published)
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
                config.published_in,
                f"`{command}`",
            )
    for dataset in paper.SETTINGS:
        for row, published in papers.published_only(paper, dataset).items():
            numbers = _numbers(paper, dataset, published)
            yield _line(row, dataset, "", "", numbers, paper.SOURCE, "published only")
    yield ""


def _numbers(paper: ModuleType, dataset: str, published: Mapping[str, float]) -> str:
    return ", ".join(
        f"{metric} {published[metric]:.{papers.decimals(paper, dataset, metric)}f}"
        for metric in papers.metrics(paper, dataset)
        if metric in published
    )


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
    out.write_text(document())
    print(f"wrote {out}", file=sys.stderr)


if __name__ == "__main__":
    cli.run(main)
