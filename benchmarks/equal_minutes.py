"""Rows of several systems on real Market-1501, each for the same minutes of training.

    python -m benchmarks.equal_minutes probe --data_dir=data --workdir=runs/minutes
    python -m benchmarks.equal_minutes train --data_dir=data --workdir=runs/minutes --minutes=20
    python -m benchmarks.equal_minutes table --workdir=runs/minutes \\
        --out=benchmarks/results/equal_minutes_market1501.json

`probe` times the compiled step of every stage, on the cores that the process may use. `train` gives a row the
steps that it makes in --minutes at that speed, trains it, and scores the first --pairs test pairs under the
project's protocol and the one by which its paper measured. `table` writes what was found, and prints it in
Markdown. What is finished is skipped; a training that was stopped goes on. --row limits a command to one
row, and may be repeated.

Every row has a quarter of its width and batches of 4 (ROWS). Its stages share its steps, and its schedules
are shortened, in the proportions of its own config. Rows whose published learning rate is for far more steps,
PG2's and PDIG's, take the rates and the weight of L1 of their rows on synthetic people.
"""

import argparse
import json
import pathlib
import sys
from typing import Any

from benchmarks.baselines import COLUMNS, SUBJECTS, cells
from pgjax.errors import InputError
from pgjax.metrics.protocols import OWN
from pgjax.runtime import cpu_process
from pgjax.tools import cli
from pgjax.tools.child_process import call_apart

_PG2 = (
    "batch_size=4",
    "networks.g*.options.features=32",
    "networks.d.options.features=16",
    "networks.g1.optimizer.learning_rate=7e-4",
    "networks.g2.optimizer.learning_rate=2e-4",
    "networks.d.optimizer.learning_rate=2e-5",
    "stages.stage2.terms.mask_l1.weight=100.0",
)
_PDIG = (
    "batch_size=4",
    "networks.g.options.features=32",
    "networks.d.options.features=16",
    "networks.g.optimizer.learning_rate=5e-4",
    "networks.d.optimizer.learning_rate=2e-5",
    "stages.stage1.terms.l1.weight=100.0",
)
_PDIG_SAMPLING = (
    *_PDIG,
    "networks.poses.options.features=128",
    "networks.foreground.options.features=128",
    "networks.background.options.features=64",
    "networks.pose.options.features=128",
    "networks.*_critic.options.features=128",
    "networks.poses.optimizer.learning_rate=5e-4",
    "networks.*ground*.optimizer.learning_rate=5e-4",
    "networks.pose*.optimizer.learning_rate=5e-4",
)
_QUARTER = ("networks.*.options.features=16",)
ROWS = {
    "deformable:market1501/dsc": _QUARTER,
    "pg2:market1501/g1_g2_d": _PG2,
    "pdig:market1501/pdig": _PDIG,
    "pdig:market1501/pdig_sampling": _PDIG_SAMPLING,
    "patn:market1501/patn": ("batch_size=4", *_QUARTER),
    "varigan:market1501/varigan_reading": _QUARTER,
}
"""What is changed in each."""


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.equal_minutes",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", choices=("probe", "train", "table"))
    parser.add_argument("--data_dir", default="data", help="folder of built data sets")
    parser.add_argument("--workdir", type=pathlib.Path, required=True, help="folder of the runs")
    parser.add_argument("--minutes", type=float, default=20.0, help="of training, for each row")
    parser.add_argument("--pairs", type=int, default=1000, help="test pairs that are scored")
    parser.add_argument("--row", action="append", choices=tuple(ROWS), help="only this row")
    parser.add_argument("--out", type=pathlib.Path, help="file for the results, as JSON")
    args = parser.parse_args(argv)
    if args.minutes <= 0 or args.pairs < 1:
        raise InputError("--minutes and --pairs: expected positive numbers")
    rows = args.row or list(ROWS)
    if args.what == "table":
        _tell(args, rows)
        return
    work = {"probe": probe, "train": train}[args.what]
    failed = []
    for row in rows:
        print(f"{args.what}: {row}", file=sys.stderr, flush=True)
        folder = args.workdir / row.replace(":", "/")
        if call_apart(work, row, folder, args.data_dir, args.minutes, args.pairs):
            failed.append(row)
    if failed:
        print(f"error: failed: {', '.join(failed)}", file=sys.stderr)
        sys.exit(1)


def probe(row: str, folder: pathlib.Path, data_dir: str, minutes: float, pairs: int) -> None:
    """Writes folder/probe.json: the seconds of a step of each stage."""
    from benchmarks import measure
    from benchmarks.stepping import WARM, Training
    from pgjax.training.recipe import build

    place = folder / "probe.json"
    if place.exists():
        return
    recipe, seconds = build(config_of(row)), {}
    for name, stage in recipe.stages.items():
        training = Training(recipe, stage, data_dir, cache=False)
        moves = {name: lambda of=training: of.move(5)}
        timed = measure.in_turn(moves, 5, WARM)[name] / 5
        seconds[name] = measure.spread(timed)["seconds"]
    _write(place, {"seconds": seconds, **measure.machine()})


def train(row: str, folder: pathlib.Path, data_dir: str, minutes: float, pairs: int) -> None:
    """Writes folder/plan.json, and trains and scores the run in folder/run."""
    from pgjax.runtime import compilation, traced_programs
    from pgjax.runtime.interruption import Interruption
    from pgjax.scoring import run_evaluation
    from pgjax.tools.overrides import set_steps
    from pgjax.training import loop

    if (folder / "run" / run_evaluation.RESULT).exists():
        return
    config = config_of(row)
    if not (folder / "probe.json").is_file():
        raise InputError(f"{folder / 'probe.json'}: missing; run probe first, with --row={row}")
    probed = json.loads((folder / "probe.json").read_text())
    own = {name: stage.steps for name, stage in config.stages.items()}
    mean = sum(own[name] * probed["seconds"][name] for name in own) / sum(own.values())
    set_steps(config, max(len(own), round(60 * minutes / mean)))
    steps = {name: stage.steps for name, stage in config.stages.items()}
    total = sum(steps.values())
    shorten(config, total / sum(own.values()))
    config.report.update(log_every=50, sample_every=total, checkpoint_every=500)
    config.report.keep_checkpoints = 1
    plan = {"row": row, "minutes": minutes, "steps": steps, "batch_size": config.batch_size}
    _write(folder / "plan.json", {**plan, "changes": list(ROWS[row]), "probe": probed})
    compilation.keep()
    traced_programs.keep(compilation.folder())
    with Interruption() as stop:
        state = loop.train_and_evaluate(config, folder / "run", data_dir, stop)
        stop.end(int(state.step))
    run_evaluation.evaluate_all(folder / "run", data_dir, limit=pairs)


def config_of(row: str) -> Any:
    """The config of a row, with its changes."""
    from pgjax.tools import papers
    from pgjax.tools.overrides import set_key

    paper, _, name = row.partition(":")
    config = papers.find(paper).get_config(name)
    for change in ROWS[row]:
        set_key(config, change)
    return config


def shorten(config: Any, factor: float) -> None:
    """Scales what a config's schedules count in steps."""
    for network in config.networks.values():
        schedule = network.optimizer.get("schedule")
        if schedule is None:
            continue
        if "every" in schedule:
            schedule.every = max(1, round(schedule.every * factor))
        for key in ("begin", "end", "size"):
            if key in schedule.options:
                schedule.options[key] = max(1, round(schedule.options[key] * factor))


def _write(place: pathlib.Path, found: dict[str, Any]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    half = place.with_suffix(".tmp")
    half.write_text(json.dumps(found, indent=2) + "\n")
    half.replace(place)


def _tell(args: argparse.Namespace, rows: list[str]) -> None:
    """Gathers the results, and prints them; says which are not there."""
    found = []
    for row in rows:
        folder = args.workdir / row.replace(":", "/")
        if (folder / "run" / "metrics.json").exists():
            found.append(found_in(folder))
        else:
            print(f"no result in {folder}: this row is left out", file=sys.stderr)
    if not found:
        raise InputError(f"{args.workdir}: no result; run train first")
    if args.out:
        _write(args.out, {"rows": found})
    print(markdown(found))


def found_in(folder: pathlib.Path) -> dict[str, Any]:
    """What was trained, and its scores by protocol."""
    results = map(pathlib.Path.read_text, sorted((folder / "run").glob("metrics_*.json")))
    scores = {result["protocol"]["name"]: result for result in map(json.loads, results)}
    return {
        **json.loads((folder / "plan.json").read_text()),
        "step": next(iter(scores.values()))["step"],
        "pairs": next(iter(scores.values()))["pairs"],
        "scores": {name: result["scores"] for name, result in scores.items()},
    }


def markdown(found: list[dict[str, Any]]) -> str:
    """The scores as a table: protocol after protocol the rows, then what needs no system."""
    lines = []
    names = dict.fromkeys(name for each in found for name in each["scores"])
    for protocol in sorted(names, key=lambda name: name != OWN.name):  # ours first
        scored = [each for each in found if protocol in each["scores"]]
        for each in scored:
            steps = " + ".join(f"{count:,}" for count in each["steps"].values())
            told = cells(each["scores"][protocol]["model"])
            lines.append([f"`{protocol}`", f"`{each['row']}`", steps, *told])
        for subject in ("source", "mean"):
            told = cells(scored[0]["scores"][protocol][subject])
            lines.append([f"`{protocol}`", SUBJECTS[subject], "", *told])
    head = ["protocol", "row", "steps", *COLUMNS]
    used = [i for i in range(len(head)) if any(line[i] for line in lines)]
    table = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(line[i] for i in used) + " |" for line in table)


if __name__ == "__main__":
    cpu_process.begin()
    cli.run(main)
