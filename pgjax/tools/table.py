"""A paper's table with our measured numbers: python -m pgjax.tools.table PAPER RUNS... [--dataset NAME]

RUNS are run directories, or folders of them. A run that is named itself must be usable: all that are
not (unfinished, not evaluated, of another paper) are named in one error. What lies in a folder that is
named is skipped where it is not usable, with a note on standard error.

Rows stand in the paper's order, each with its published and its measured numbers; of several seeds the
mean and the standard deviation (n - 1). Seeds of a row must share their config and the way they were
evaluated. Measured numbers come from metrics.json, which evaluate.py writes.
"""

import dataclasses
import json
import pathlib
import statistics
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

from pgjax import buckets, cli, paths, rundir
from pgjax.checkpoint import differences
from pgjax.errors import InputError
from pgjax.evaluation import ARROWS, CAUTION, LEGEND, aligned
from pgjax.metrics import HIGHER_IS_BETTER, METRICS
from pgjax.metrics.protocols import OWN
from pgjax.tools import papers

METRICS_FILE = "metrics.json"
OWN_METRICS_FILE = (
    f"metrics_{OWN.name}.json"  # an evaluation under another protocol leaves it alone
)
# What two evaluations must share for their mean to mean something.
EVALUATED = ("step", "pairs", "limit", "noise", "pairs_from", "mask_radius")
NONE = "-"


@dataclasses.dataclass(frozen=True)
class Run:
    """A finished and evaluated run: its resolved config, and what metrics.json holds."""

    folder: pathlib.Path
    config: Mapping[str, Any]
    result: Mapping[str, Any]

    @property
    def row(self) -> str:
        return self.config["row"]


def read(folder: pathlib.Path) -> Run:
    """A run that was trained to its end and then evaluated.

    Raises:
      FileNotFoundError: the folder holds no run.
      InputError: it was not evaluated, its evaluation was made before its end, or a file is damaged.
    """
    config = rundir.read_config(folder)
    try:
        stages = sum(stage["steps"] for stage in config["stages"].values())
        total = config.get("total_steps") or stages
        config["row"].partition("/"), config["seed"] + 0
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{folder / rundir.CONFIG}: not the config of a run") from error
    path = folder / OWN_METRICS_FILE
    if not path.exists():
        path = folder / METRICS_FILE
    try:
        result = json.loads(path.read_text())
        protocol = result.get("protocol", {}).get("name", OWN.name)
        step = result["step"]
        missing = [n for n in (*EVALUATED, "scores") if n not in result]
        model = {} if missing else {k: float(v) for k, v in result["scores"]["model"].items()}
    except FileNotFoundError:
        raise InputError(
            f"{folder}: no {METRICS_FILE}; train it to its end, then evaluate.py"
        ) from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{path}: not what evaluate.py writes ({error!r})") from error
    if missing or not model:
        raise InputError(
            f"{path}: not what evaluate.py writes: no {', '.join(missing) or 'scores'}"
        )
    if protocol != OWN.name:
        raise InputError(
            f"{folder}: evaluated under protocol {protocol} alone; evaluate.py without --protocol"
        )
    if step != total:
        raise InputError(f"{folder}: evaluated at step {step} of {total}, unfinished")
    return Run(folder, config, result)


def gather(paper: str, folders: Sequence[pathlib.Path]) -> list[Run]:
    """The usable runs of a paper among folders; see the module's docstring for the others.

    Raises:
      InputError: names every folder that is a run and not usable, or neither a run nor holds one.
    """
    runs, faults = {}, []
    for folder in folders:
        if (folder / rundir.CONFIG).exists():
            found, named = [folder], True
        else:
            found, named = [p.parent for p in buckets.find(folder, rundir.CONFIG)], False
        if not found:
            faults.append(
                f"{folder}: no run in it" if folder.exists() else f"{folder}: no such folder"
            )
        for place in found:
            try:
                run = read(place)
                if papers.owner(run.config) != paper:
                    raise InputError(f"{place}: {run.row} is not of {paper}")
            except (InputError, OSError) as error:
                if named:
                    faults.append(str(error))
                else:
                    print(f"skipped: {error}", file=sys.stderr)
            else:
                key = place if paths.in_bucket(place) else place.resolve()
                runs[key] = run  # a folder may be named twice
    if faults:
        raise InputError("; ".join(faults))
    return list(runs.values())


def tables(paper: str, runs: Collection[Run], datasets: Collection[str] = ()) -> str:
    """The paper's tables as text.

    Args:
      paper: its name.
      runs: of this paper (gather).
      datasets: which; unless given, those that the paper publishes numbers of or that have a run.

    Raises:
      InputError: an unknown paper or data set, or runs of one row that are not seeds of one experiment.
    """
    module = papers.find(paper)
    for name in datasets:
        if name not in module.SETTINGS:
            known = ", ".join(module.SETTINGS)
            raise InputError(f"--dataset: {paper} has no {name!r}; it has {known}")
    ran = {run.row.partition("/")[0] for run in runs}
    chosen = datasets or {*ran, *(name for name, rows in module.PUBLISHED.items() if rows)}
    return "\n\n".join(
        "\n".join(_table(paper, module, name, runs)) for name in module.SETTINGS if name in chosen
    )


def _table(paper: str, module: ModuleType, dataset: str, runs: Collection[Run]) -> Iterator[str]:
    by_row = {row: [r for r in runs if r.row == f"{dataset}/{row}"] for row in module.ROWS}
    configs = {row: module.get_config(f"{dataset}/{row}") for row in module.ROWS}
    published = {row: dict(config.published) for row, config in configs.items()}
    published |= papers.published_only(module, dataset)
    metrics = (*METRICS, *(m for m in papers.metrics(module, dataset) if m not in METRICS))
    heads = (f"{m} {ARROWS[HIGHER_IS_BETTER[m]]}" if m in METRICS else m for m in metrics)
    last = "published in" if any(published.values()) else ""
    lines = [("row", "", "runs", "steps", "pairs", *heads, last)]
    for row, numbers in published.items():
        where = configs[row].published_in if row in configs else module.SOURCE
        title = row
        if numbers:
            cells = (_published(module, dataset, m, numbers) for m in metrics)
            lines.append((title, "published", NONE, NONE, NONE, *cells, where))
            title = ""
        if row in by_row:
            lines.append((title, *_measured(by_row[row], metrics), ""))
    yield f"{paper} on {dataset}; {LEGEND}"
    yield from (line.rstrip() for line in aligned(lines, left=2))
    if any(len(found) > 1 for found in by_row.values()):
        yield "Several runs are seeds of one experiment: mean ± standard deviation (n - 1)."
    if any(published.values()) and any(by_row.values()):
        yield CAUTION
    for row, found in by_row.items():
        yield from (f"{row} was not run as its row says: {d}" for d in _departures(module, found))


def _published(module: ModuleType, dataset: str, metric: str, numbers: Mapping) -> str:
    if metric not in numbers:
        return NONE
    return f"{numbers[metric]:.{papers.decimals(module, dataset, metric)}f}"


def _measured(runs: Sequence[Run], metrics: Sequence[str]) -> tuple[str, ...]:
    if not runs:
        return ("not measured", *([NONE] * (3 + len(metrics))))
    _check_seeds(runs)
    result = runs[0].result
    cells = []
    for metric in metrics:
        values = [run.result["scores"]["model"].get(metric) for run in runs]
        cells.append(NONE if None in values else spread(values))
    return ("measured", str(len(runs)), str(result["step"]), str(result["pairs"]), *cells)


def spread(values: Sequence[float]) -> str:
    """Mean and, of several, standard deviation (n - 1), with four decimals."""
    mean = f"{statistics.fmean(values):.4f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.4f}"


def _check_seeds(runs: Sequence[Run]) -> None:
    """Refuses a mean over runs that are not seeds of one experiment, evaluated alike."""
    first, *others = runs
    seeds = {first.config["seed"]: first}
    for run in others:
        both = f"{first.folder} and {run.folder}, both {run.row}"
        configs = (rundir.fixed(r.config) | {"seed": None} for r in (first, run))
        for key, a, b in differences(*configs):
            raise InputError(f"{both}: config.{key} is {a!r} and {b!r}; no mean of such")
        for key in EVALUATED:
            a, b = first.result[key], run.result[key]
            if a != b:
                raise InputError(f"{both}, were evaluated otherwise: {key} {a!r} and {b!r}")
        seed = run.config["seed"]
        if seed in seeds:
            raise InputError(
                f"{seeds[seed].folder} and {run.folder}: both are seed {seed} of {run.row}"
            )
        seeds[seed] = run


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
        type=paths.of,
        help="run directories or their folders",
    )
    parser.add_argument(
        "--dataset",
        metavar="NAME",
        action="append",
        default=[],
        help="only this data set; may be given several times (default: those with any number)",
    )
    arguments = parser.parse_args(argv)
    papers.find(arguments.paper)
    runs = gather(arguments.paper, arguments.runs)
    print(tables(arguments.paper, runs, arguments.dataset))


if __name__ == "__main__":
    cli.run(main)
