"""What a report says of one run: its progress, scores, config as a difference to the row, samples."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pgjax.errors import InputError
from pgjax.files import paths
from pgjax.scoring import result_files, results
from pgjax.scoring.results import Table
from pgjax.tools import papers
from pgjax.tools.reports.pairs import Pairs
from pgjax.tools.reports.pictures import Grid, Room, samples
from pgjax.training import logbook, run_directory
from pgjax.training.checkpoint import differences

NOT_THERE = "(not there)"


class Run(NamedTuple):
    """A run directory: the paper that its row is of, None where no paper's; its resolved config; its log."""

    folder: paths.Path
    paper: str | None
    config: dict[str, Any]
    log: list[dict[str, Any]]

    @property
    def row(self) -> str:
        """PAPER:DATASET/ROW, without PAPER where that is not known."""
        return f"{self.paper}:{self.config['row']}" if self.paper else self.config["row"]


class Section(NamedTuple):
    """What the page shows of a run, besides the curves; `step` is the last that was logged.

    `samples` says how many grids of samples the run has, of which `grids` are shown.
    """

    anchor: str
    title: str
    folder: str
    step: int
    total: int
    changes: list[tuple[str, str, str]] | None
    config: str
    environment: str
    tables: list[Table]
    grids: list[Grid]
    samples: int
    pairs: Pairs | None
    notes: list[str]


def read(folder: paths.Path, log: paths.Path | None = None) -> Run:
    """A run directory.

    Args:
      folder: the run directory.
      log: where metrics.jsonl is, if not there.

    Raises:
      FileNotFoundError: it holds no run.
      InputError: a file of it is damaged.
    """
    config = run_directory.read_config(folder)
    try:
        config["row"].partition("/"), config["seed"] + 0, _total(config)
        paper = papers.owner(config)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{folder / run_directory.CONFIG}: not the config of a run") from error
    path = log or folder / logbook.METRICS
    lines = logbook.lines(path)
    for line in lines:
        for name, value in line.items():
            if type(value) not in (int, float):
                raise InputError(f"{path}, step {line['step']}: {name} is no number: {value!r:.40}")
    return Run(folder, paper, config, lines)


def section(run: Run, number: int, grids: int, room: Room) -> Section:
    """What there is of a run without drawing anything; so many grids of samples, as long as there is room.

    Raises:
      InputError: a file of the run is damaged.
    """
    shown, count = samples(run.folder, grids)
    kept = [grid for grid in shown if room.take(grid.picture)]
    return Section(
        anchor=f"run{number}",
        title=f"Run {number}: {run.row}, seed {run.config['seed']}",
        folder=str(run.folder),
        step=max((line["step"] for line in run.log), default=0),
        total=_total(run.config),
        changes=None if run.paper is None else list(_changes(run)),
        config=json.dumps(run.config, indent=2),
        environment=_environment(run.folder),
        tables=list(_tables(run.folder)),
        grids=kept,
        samples=count,
        pairs=None,
        notes=[],
    )


def _total(config: Mapping[str, Any]) -> int:
    return config.get("total_steps") or sum(stage["steps"] for stage in config["stages"].values())


def _changes(run: Run) -> Iterator[tuple[str, str, str]]:
    """Every key of the config in which the run is not its row: key, the run's value, the row's."""
    row = run_directory.plain(papers.find(str(run.paper)).get_config(run.config["row"]))
    for key, here, there in differences(run.config, row):
        yield key, _value(here), _value(there)


def _value(value: Any) -> str:
    return NOT_THERE if value is None else json.dumps(value)


def _environment(folder: paths.Path) -> str:
    """Where the run's last start was."""
    path = folder / "environment.jsonl"
    if not path.exists():
        return ""
    try:
        *_, last = path.read_text(encoding="utf-8").split("\n")[:-1] or ["{}"]
        said = json.loads(last)
        packages = [f"{name} {version}" for name, version in said.get("packages", {}).items()]
        devices = [
            f"{said['devices'].count(d)} {d}" for d in dict.fromkeys(said.get("devices", []))
        ]
        parts = [f"Python {said['python']}", *packages, *devices, said.get("platform")]
        if said.get("git_revision"):
            changed = " with changes" if said.get("git_changes") else ""
            parts.append(f"git revision {said['git_revision']}{changed}")
        return ", ".join(str(part) for part in parts if part)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{path}: its last line is not what a run writes ({error!r})") from error


def _tables(folder: paths.Path) -> Iterator[Table]:
    """The results of a run's evaluations, one a protocol."""
    last = folder / result_files.RESULT
    named = sorted(folder.glob("metrics_*.json"))
    for path in named or ([last] if last.exists() else []):
        try:
            yield results.listed(result_files.read(path) or {})
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise InputError(f"{path}: not what evaluate.py writes ({error!r})") from error
