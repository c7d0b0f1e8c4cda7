"""Everything that a GPU has to show, in one command that can be cut off at any moment and goes on.

    python -m benchmarks.gpu_market1501 --data_dir=data --workdir=runs/gpu --out=gpu --minutes=28 \\
        --rows deformable:full deformable:baseline pg2:g1_g2_d

1. numerics: one row of each system, its first step on the accelerator against the CPU (gpu_numerics);
2. the input pipeline; the training step of --bench_rows in float32 and bfloat16 at --batches: the best
   batch is the one of most images a second; together with 1, at most --measure_minutes;
3. trains the rows until --minutes are over, equal shares, each leaving time to be scored;
4. scores each on all test pairs, or on the first --limit.

A row is PAPER:ROW of Market-1501 or PAPER:DATASET/ROW. --set KEY=VALUE changes a key of what is benched and
trained (--set compute.precision=bfloat16). Every task is a process of its own; one that fails is named at the
end (exit code 1, as when the numerics disagree), and the others have their turn. --out gets results.json,
written anew after every task, and one PNG a row; --workdir all that is needed to go on: the same command,
with more minutes or rows if need be, skips what is finished and resumes what is not. data holds
market1501 as prepare built it, and weights/ for the rows that read VGG-19.

On a machine lent for minutes, that reaches nothing outside (such as this project's developers have; a command
there may take 10 minutes, and gets 64 MiB of files): take along the built data in two halves and the
Python packages that are missing there as wheels, and keep the work directory outside the checkout, where it
lives as long as the machine does. In the repository's root, .gpu/ being ignored by git and carried along:

    mkdir -p .gpu/1 .gpu/2 .gpu/whl; echo /.gpu/ >> .git/info/exclude
    cp -r data/market1501 data/weights .gpu/1; rm .gpu/1/market1501/1.0.0/*-query.array_record-*
    mv .gpu/1/market1501/1.0.0/*-test.array_record-* .gpu/2
    # into .gpu/whl with pip download --no-deps, for that machine's Python: ml_collections grain array_record
    # tensorboardX tensorflow-datasets tensorflow-metadata importlib_resources dm-tree immutabledict
    # simple-parsing docstring_parser toml termcolor googleapis-common-protos; promise with pip wheel
    call 1 (carry .gpu/1, .gpu/whl):
        mkdir -p /tmp/d && cp -r .gpu/1/* /tmp/d && python3 -m pip install -q --no-index --no-deps \\
            --target /tmp/site .gpu/whl/*.whl
    call 2, within the time that the machine stays warm (carry .gpu/2):
        cp .gpu/2/* /tmp/d/market1501/1.0.0/ && PYTHONPATH=/tmp/site python3 -m benchmarks.gpu_market1501 \\
            --data_dir=/tmp/d --workdir=/tmp/w --out=$OUT --minutes=8.5
    further calls: the last command again (without cp).

Which packages are missing was read from a list, not tried: no GPU has run this yet.
"""

import json
import os
import pathlib
import shutil
import sys
import time
from collections.abc import Callable
from typing import Any

from pgjax.errors import InputError
from pgjax.runtime import cpu_process
from pgjax.tools import cli
from pgjax.tools.child_process import call_apart

ROWS = ("deformable:full", "deformable:baseline", "pg2:g1_g2_d")
# A step takes milliseconds there: saving and sampling every thousand would take most of the time.
REPORT = ("checkpoint_every=10000", "sample_every=10000", "keep_checkpoints=1", "log_every=500")
FILES = 8  # that --out may have


def main(argv: list[str] | None = None) -> None:
    started = time.time()
    args = _parser().parse_args(argv)
    # Not before: these bring JAX, and --help needs none.
    from benchmarks import gpu_numerics, gpu_tasks

    rows = [_full(row, args.dataset) for row in args.rows]
    benched = [_full(row, args.dataset) for row in args.bench_rows or args.rows[:1]]
    if len(set(rows)) > FILES - 1:
        raise InputError(f"--rows: at most {FILES - 1}, one picture each beside the results")
    changes = (*(f"report.{change}" for change in REPORT), *args.set)
    for row in {*rows, *benched}:
        gpu_tasks.config_of(row, changes)
    families = [_full(row, args.dataset) for row in args.families or gpu_numerics.FAMILIES]
    batches = sorted(set(args.batches))
    # Children compile the same programs at every start.
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(args.workdir.absolute() / "compiled"))

    command = _Command(args.workdir.absolute(), args.out, str(args.data_dir))
    end = started + 60 * args.minutes
    measured = min(started + 60 * (args.measure_minutes or args.minutes / 3), end)
    asked: dict[str, Any] = {"rows": families, "changes": [], "features": args.features}
    command.do("numerics", gpu_tasks.numerics, asked, measured)
    command.do("input", gpu_tasks.pipeline, {"dataset": args.dataset, "batches": batches}, measured)
    for row in benched:
        asked = {"row": row, "changes": list(args.set), "precisions": ["float32", "bfloat16"]}
        asked |= {"batches": batches, "steps": args.steps}
        command.do(f"bench-{_file(row)}", gpu_tasks.bench, asked, measured)
    for number, row in enumerate(rows):
        folder = command.workdir / "runs" / _file(row)
        asked = {"row": row, "changes": list(changes), "folder": str(folder), "limit": args.limit}
        name = f"train-{_file(row)}"
        found = gpu_tasks.read(command.place(name), asked)
        # How long scoring takes is known once a row has been scored.
        reserve = found.get("evaluate_seconds") or 60 * args.evaluation_minutes
        deadline = gpu_tasks.share(time.time(), end, len(rows) - number, reserve)
        command.do(name, gpu_tasks.train, asked, deadline)
        picture = folder / "evaluation.png"
        if picture.exists():
            shutil.copy(picture, args.out / f"{_file(row)}.png")
    sys.exit(command.close())


class _Command:
    """Does tasks apart, gathers their results, and remembers what went wrong."""

    def __init__(self, workdir: pathlib.Path, out: pathlib.Path, data_dir: str):
        self.workdir, self._out, self._data_dir = workdir, out, data_dir
        self._failed: list[str] = []
        self._results: dict[str, Any] = {}
        out.mkdir(parents=True, exist_ok=True)

    def place(self, name: str) -> pathlib.Path:
        return self.workdir / "results" / f"{name}.json"

    def do(self, name: str, task: Callable, asked: dict[str, Any], deadline: float) -> None:
        """Does a task that is not finished, unless its time is over."""
        from benchmarks import gpu_tasks

        place = self.place(name)
        if gpu_tasks.read(place, asked)["finished"]:
            how = "is finished"
        elif time.time() >= deadline:
            how = "has to wait: its time is over"
        else:
            how = f"has {deadline - time.time():.0f} s"
        print(f"{name} {how}", file=sys.stderr, flush=True)
        if how.startswith("has ") and "wait" not in how:
            code = call_apart(task, place, asked, self._data_dir, deadline)
            if code:
                self._failed.append(f"{name} (exit code {code})")
        self._results[name] = gpu_tasks.read(place, asked)
        self._write()

    def _write(self) -> None:
        text = json.dumps(self._results | {"failed": self._failed}, indent=2) + "\n"
        for folder in (self.workdir, self._out):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "results.json").write_text(text)

    def close(self) -> int:
        """Prints a short account; 1 where a task failed or numerics disagree."""
        checked = self._results["numerics"].get("rows", {})
        wrong = [name for name, found in checked.items() if not found["agrees"]]
        unfinished = [name for name, result in self._results.items() if not result["finished"]]
        summary = {
            "numerics_agree": len(checked) - len(wrong),
            "numerics_disagree": wrong,
            "unfinished": unfinished,
            "failed": self._failed,
        }
        print(json.dumps(summary))
        return 1 if self._failed or wrong else 0


def _full(row: str, dataset: str) -> str:
    """PAPER:DATASET/ROW of PAPER:ROW."""
    paper, colon, name = row.partition(":")
    if not colon:
        raise InputError(f"row {row!r}: expected PAPER:ROW or PAPER:DATASET/ROW")
    return row if "/" in name else f"{paper}:{dataset}/{name}"


def _file(row: str) -> str:
    """A row as part of a file's name: letters, digits, '_' and '-'."""
    return row.replace(":", "-").replace("/", "-")


def _parser() -> cli.ArgumentParser:
    parser = cli.ArgumentParser(
        prog="python -m benchmarks.gpu_market1501",
        description="Check, measure, train and score on a GPU. The same command again goes on.",
    )
    path = pathlib.Path
    parser.add_argument("--data_dir", metavar="DIR", type=path, required=True)
    parser.add_argument("--workdir", metavar="DIR", type=path, required=True)
    parser.add_argument("--out", metavar="DIR", type=path, required=True)
    parser.add_argument("--rows", metavar="PAPER:ROW", nargs="+", default=ROWS, help="to train")
    parser.add_argument("--dataset", default="market1501", help="of rows that name none")
    parser.add_argument("--minutes", type=float, default=28, help="for all (default: 28)")
    parser.add_argument("--measure_minutes", type=float, help="until training (default: a third)")
    parser.add_argument(
        "--evaluation_minutes", type=float, default=1.5, help="kept for a row's (default: 1.5)"
    )
    parser.add_argument("--limit", type=int, help="score only the first so many test pairs")
    parser.add_argument("--batches", type=int, nargs="+", default=[4, 16, 64, 256])
    parser.add_argument("--steps", type=int, default=20, help="in a timed round (default: 20)")
    parser.add_argument("--bench_rows", metavar="PAPER:ROW", nargs="+", help="(default: the first)")
    parser.add_argument(
        "--families", metavar="PAPER:ROW", nargs="+", help="to check (default: all)"
    )
    parser.add_argument("--features", type=int, default=8, help="width of checks (default: 8)")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[])
    return parser


if __name__ == "__main__":
    cpu_process.begin()
    cli.run(main)
