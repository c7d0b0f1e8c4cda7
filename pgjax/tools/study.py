"""Trains and scores rows × seeds, then prints their tables: the reproducibility study in one command.

    python -m pgjax.tools.study deformable:synthetic_people/baseline deformable:synthetic_people/dsc \\
        --seeds 3 --steps 800 --minutes 45 --workdir runs/study --data_dir data

Runs lie in WORKDIR/PAPER/DATASET/ROW/seed0, ... and go one after another, seed 0 of every row first, so
that a study that is cut short can compare rows. The same command again goes on where it stopped and
skips what is finished; more rows, seeds or minutes may be given then.

SIGTERM or Ctrl-C lets the run that trains save itself, for at most a minute, and ends the study.
--steps sets the steps of every row; the stages of a row share them as they share the row's own.
--minutes is for the whole command: when they are over, the run that trains saves itself and stops, no
other starts, and what is unfinished is named. What is trained by then is scored even so.
--set sets a key of every row's config, as --config.KEY does for train.py; a part of the key may be a
pattern: --set 'networks.*.options.features=8'.

Every run is a process of its own: its memory is freed, and one that fails is named at the end, with
exit code 1, after all others had their turn.
"""

import argparse
import dataclasses
import math
import pathlib
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from pgjax import cli, data, paths, process, rundir, summary
from pgjax.checkpoint import saved_steps
from pgjax.errors import InputError
from pgjax.evaluation import TEST_PAIRS
from pgjax.interruption import Interruption, Stopped
from pgjax.recipe import build
from pgjax.tools import papers, table
from pgjax.tools.apart import call_apart
from pgjax.tools.overrides import set_key, set_steps


@dataclasses.dataclass(frozen=True, eq=False)
class Plan:
    """One run of a study: a resolved config, plain as JSON, and the pairs to score (None = all)."""

    paper: str
    config: dict[str, Any]
    folder: pathlib.Path
    limit: int | None

    def __str__(self) -> str:
        return f"{self.paper}:{self.config['row']} seed {self.config['seed']}"

    @property
    def total(self) -> int:
        return build(self.config).total_steps

    @property
    def done(self) -> int:
        """Steps up to the last checkpoint."""
        return max(saved_steps(self.folder), default=0)

    @property
    def finished(self) -> bool:
        """Whether it is trained to its end and scored as this study asks."""
        try:
            result = table.read(self.folder).result
        except (InputError, OSError):
            return False
        wanted = {
            "step": self.total,  # total_steps may have been raised since
            "limit": self.limit,
            "noise": False,
            "pairs_from": TEST_PAIRS,
            "mask_radius": self.config["evaluation"]["mask_radius"],
        }
        return all(result[key] == value for key, value in wanted.items())


def plan(
    rows: Sequence[str],
    seeds: int,
    workdir: pathlib.Path,
    steps: int | None = None,
    limit: int | None = None,
    changes: Sequence[str] = (),
) -> list[Plan]:
    """The runs of a study in their order; writes nothing.

    Args:
      rows: PAPER:DATASET/ROW each.
      seeds: 0 to seeds - 1 of every row.
      workdir: of all runs.
      steps: of every row, its own unless given.
      limit: of the pairs to score.
      changes: KEY=VALUE each (overrides.set_key).

    Raises:
      InputError: an unknown row, a bad change, or a run directory that holds another run.
    """
    plans = []
    for seed in range(seeds):
        for name in dict.fromkeys(rows):
            paper, colon, row = name.partition(":")
            if not colon:
                raise InputError(f"row {name!r}: expected PAPER:DATASET/ROW")
            config = papers.find(paper).get_config(row)
            for change in changes:
                set_key(config, change)
            if config.row != row or config.seed:
                raise InputError("--set: row and seed are the study's own")
            if steps is not None:
                set_steps(config, steps)
            config.seed = seed
            build(config)
            folder = workdir / paper / row / f"seed{seed}"
            rundir.check(folder, config)
            plans.append(Plan(paper, rundir.plain(config), folder, limit))
    return plans


def work(plan: Plan, data_dir: str, deadline: float) -> None:
    """Trains a run until `deadline` (seconds since the epoch), and scores it if it is at its end.

    For a process of its own, whose compiled programs are kept from then on.

    Raises:
      As training.train_and_evaluate and evaluation.evaluate.
    """
    with Interruption() as stop:
        with stop.later():
            from pgjax import compiled, evaluation, programs, training

        compiled.keep()
        programs.keep(compiled.folder())
        state = training.train_and_evaluate(
            plan.config, plan.folder, data_dir, lambda: stop() or time.time() >= deadline
        )
        stop.end(int(state.step))
    if int(state.step) == plan.total:
        evaluation.evaluate(plan.folder, data_dir, plan.limit)


def check(configs: Sequence[dict[str, Any]]) -> None:
    """Raises InputError, naming the row and the key, for what only its networks know to be wrong."""
    for config in configs:
        try:
            summary.describe(config)
        except InputError as error:
            raise InputError(f"{config['row']}: {error}") from error


def run(
    plans: Sequence[Plan],
    data_dir: str,
    deadline: float = math.inf,
    work: Callable[[Plan, str, float], None] = work,
) -> dict[Plan, int]:
    """Does the plans that are not finished, each in a process of its own, one after another.

    Args:
      plans: of `plan`.
      data_dir: where the data sets are.
      deadline: no training goes on after it, seconds since the epoch.
      work: what is called for each, in its process.

    Returns:
      Those that failed, until a signal stopped the study, with the exit codes of their processes.
    """
    failed = {}
    for number, each in enumerate(plans, 1):
        if each.finished:
            how = "is finished"
        elif time.time() >= deadline and each.done < each.total:
            how = "has to wait: the time is over"
        else:
            how = f"in {each.folder}"
        print(f"[{number}/{len(plans)}] {each} {how}", file=sys.stderr, flush=True)
        if how.startswith("in "):
            try:
                code = call_apart(work, each, data_dir, deadline)
            except Stopped:
                break
            if code:
                failed[each] = code
    return failed


def report(plans: Sequence[Plan]) -> str:
    """The tables of a study's papers and data sets, with what is finished."""
    datasets: dict[str, dict] = {}
    for each in plans:
        datasets.setdefault(each.paper, {})[each.config["data"]["name"]] = True
    return "\n\n".join(
        table.tables(
            paper, [table.read(p.folder) for p in plans if p.paper == paper and p.finished], names
        )
        for paper, names in datasets.items()
    )


def _positive(kind: type) -> Callable[[str], Any]:
    def parse(text: str):
        value = kind(text)
        if not 0 < value < math.inf:
            raise ValueError
        return value

    parse.__name__ = f"positive {kind.__name__}"  # argparse says: invalid positive int value
    return parse


def main(argv: list[str] | None = None) -> None:
    started = time.time()
    parser = cli.ArgumentParser(
        prog="python -m pgjax.tools.study",
        description="Train and score rows with several seeds, and print their tables. The same command again "
        "goes on where it stopped.",
    )
    count, number = _positive(int), _positive(float)
    parser.add_argument("rows", metavar="PAPER:DATASET/ROW", nargs="+", help="rows to train")
    parser.add_argument("--seeds", type=count, default=3, help="of every row (default: 3)")
    parser.add_argument("--workdir", metavar="DIR", type=paths.of, required=True)
    parser.add_argument("--data_dir", metavar="DIR", default=data.DATA_DIR, help="(default: data)")
    parser.add_argument("--minutes", type=number, help="for all (default: as long as it takes)")
    parser.add_argument("--steps", type=count, help="of every row (default: the row's own)")
    parser.add_argument("--limit", type=count, help="score only the first so many test pairs")
    parser.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], help="of every row's config"
    )
    args = parser.parse_args(argv)
    with Interruption() as stop:
        _study(args, started, stop)


def _study(args: argparse.Namespace, started: float, stop: Interruption) -> None:
    plans = plan(args.rows, args.seeds, args.workdir, args.steps, args.limit, args.set)
    for name in dict.fromkeys(each.config["data"]["name"] for each in plans):
        data.load(name, args.data_dir)
    # Seeds of a row are alike. Apart, since JAX would take the accelerator from the runs' processes.
    unlike = {(p.paper, p.config["row"]): p.config for p in plans if not p.finished}
    if unlike and (code := call_apart(check, list(unlike.values()))):
        sys.exit(code)
    deadline = math.inf if args.minutes is None else started + 60 * args.minutes
    failed = run(plans, args.data_dir, deadline)
    print(report(plans))
    for each in plans:
        if not each.finished and each not in failed:
            print(f"unfinished: {each}, step {each.done} of {each.total}", file=sys.stderr)
    stop.end()
    if failed:
        names = ", ".join(f"{each} (exit code {code})" for each, code in failed.items())
        print(f"error: {len(failed)} of {len(plans)} runs failed: {names}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    process.begin()
    cli.run(main)
