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

Runs are scored under the project's own protocol, the one by which their paper measured, and that of
--protocol, whose metrics are the columns of the tables (default: the paper's own). NAME=FOLDER/metrics.json
among the rows is a line of another system, whose pictures evaluate.py --images judged (pgjax.tools.table).

At the end it writes WORKDIR/report.html, the page that pgjax report makes of the runs.

Every run is a process of its own: its memory is freed, and one that fails is named at the end, with
exit code 1, after all others had their turn.
"""

import argparse
import math
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from pgjax import data
from pgjax.errors import InputError
from pgjax.files import paths
from pgjax.runtime import cpu_process
from pgjax.runtime.interruption import Interruption, Stopped
from pgjax.tools import cli, row_summary
from pgjax.tools.child_process import GRACE, call_apart
from pgjax.tools.measured import Judged, is_judged, read_judged
from pgjax.tools.plans import Plan, check_places, plan, report
from pgjax.training import run_directory
from pgjax.training.recipe import build


def work(plan: Plan, data_dir: str, deadline: float) -> None:
    """Trains a run until `deadline` (seconds since the epoch), and scores it if it is at its end.

    For a process of its own, whose compiled programs are kept from then on.

    Raises:
      Exception: what loop.train_and_evaluate and run_evaluation.evaluate raise.
    """
    with Interruption() as stop:
        from pgjax.runtime import compilation, traced_programs
        from pgjax.scoring import run_evaluation
        from pgjax.tools.reports import training
        from pgjax.training import loop

        compilation.keep()
        traced_programs.keep(compilation.folder())
        state = loop.train_and_evaluate(
            plan.config,
            plan.folder,
            data_dir,
            lambda: stop() or time.time() >= deadline,
            training.write,
        )
        stop.end(int(state.step))
    if int(state.step) == plan.total:
        names = dict.fromkeys([*run_evaluation.protocols_of(build(plan.config)), plan.protocol])
        run_evaluation.evaluate(plan.folder, data_dir, plan.limit, protocol=list(names))


def check(configs: Sequence[dict[str, Any]]) -> None:
    """Raises InputError, naming the row and the key, for what only its networks know to be wrong."""
    for config in configs:
        try:
            row_summary.describe(config)
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


def write_report(
    folders: Sequence[paths.Path],
    out: paths.Path,
    data_dir: str,
    protocol: str | None,
    judged: Sequence[Judged],
) -> None:
    """Writes the page of runs, as `pgjax report` does; for a process of its own, as `work`.

    Raises:
      Exception: what pgjax.tools.report.write raises.
    """
    from pgjax.runtime import compilation
    from pgjax.tools.report import Options, write

    compilation.keep()
    write(folders, out, Options(data_dir, protocol, judged))


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
        description="Train and score rows with several seeds, and print their tables. If the command was "
        "stopped, the same command continues.",
    )
    count, number = _positive(int), _positive(float)
    parser.add_argument(
        "rows",
        metavar="PAPER:DATASET/ROW",
        nargs="+",
        help="rows to train; NAME=FOLDER/metrics.json adds the pictures of another system, scored by "
        "evaluate.py --images, to the tables",
    )
    parser.add_argument(
        "--seeds", type=count, default=3, help="number of seeds for each row (default: 3)"
    )
    parser.add_argument(
        "--workdir", metavar="DIR", type=paths.of, required=True, help="folder for all runs"
    )
    parser.add_argument(
        "--data_dir",
        metavar="DIR",
        default=data.DATA_DIR,
        help="folder of built data sets (default: %(default)s)",
    )
    parser.add_argument(
        "--minutes", type=number, help="time limit for the whole command (default: none)"
    )
    parser.add_argument(
        "--steps", type=count, help="number of training steps of each row (default: the row's own)"
    )
    parser.add_argument("--limit", type=count, help="score only the first LIMIT test pairs")
    parser.add_argument(
        "--protocol",
        help="protocol of the columns of the tables (default: the paper's own, or pgjax if it is not known)",
    )
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="set a key of the config of each row; may be repeated",
    )
    args = parser.parse_intermixed_args(argv)
    with Interruption(patience=GRACE + 5) as stop:  # a run that trains saves itself
        _study(args, started, stop)


def _study(args: argparse.Namespace, started: float, stop: Interruption) -> None:
    judged = [read_judged(text) for text in args.rows if is_judged(text)]
    rows = [text for text in args.rows if not is_judged(text)]
    if not rows:
        raise InputError("no row to train; expected PAPER:DATASET/ROW")
    plans = plan(rows, args.seeds, args.workdir, args.steps, args.limit, args.set, args.protocol)
    check_places(plans, judged)
    for name in dict.fromkeys(each.config["data"]["name"] for each in plans):
        data.load(name, args.data_dir)
    # Seeds of a row are alike. Apart, since JAX would take the accelerator from the runs' processes.
    unlike = {(p.paper, p.config["row"]): p.config for p in plans if not p.finished}
    if unlike and (code := call_apart(check, list(unlike.values()))):
        sys.exit(code)
    deadline = math.inf if args.minutes is None else started + 60 * args.minutes
    failed = run(plans, args.data_dir, deadline)
    fault = None
    try:
        text = report(plans, judged)
    except InputError as error:
        if not judged:
            raise
        # On which pairs the runs are scored is known only now.
        text, fault = report(plans), error
    print(text)
    code, page = 0, args.workdir / run_directory.REPORT
    begun = [each.folder for each in plans if (each.folder / run_directory.CONFIG).exists()]
    if begun and stop.signal is None:
        beside = () if fault else judged
        code = call_apart(write_report, begun, page, args.data_dir, args.protocol, beside)
    for each in plans:
        if not each.finished and each not in failed:
            print(f"unfinished: {each}, step {each.done} of {each.total}", file=sys.stderr)
    stop.end()
    if failed:
        names = ", ".join(f"{each} (exit code {code})" for each, code in failed.items())
        print(f"error: {len(failed)} of {len(plans)} runs failed: {names}", file=sys.stderr)
    if code:
        print(f"error: {page} could not be written (exit code {code})", file=sys.stderr)
    if failed or code:
        sys.exit(1)
    if fault is not None:
        raise fault


if __name__ == "__main__":
    cpu_process.begin()
    cli.run(main)
