"""How the cost of a training step grows with batch size, width, image size and devices.

    python -m benchmarks.scaling --data_dir=data --out=benchmarks/results/scaling_cpu.json
    python -m benchmarks.scaling --out=benchmarks/results/scaling_cpu.json --markdown

Every point is benchmarks.train_step in a process of its own (memory and the number of devices are a
process's): the row (--row, one with synthetic data sets) with one thing changed at a time, from batch 4, 32
features, 128×64 pixels and one device. The same command goes on where it stopped. --markdown measures
nothing: it prints the table of what the file holds.

Two limits stand beside every step: its arithmetic (flops / the matrix product's rate, measured by the
point's own process) and its state (parameters and moments of who plays, read and written once, at the
rate of a large copy). No step can be faster than either, on this device in this arithmetic. The axis
"devices" simulates CPU devices, which share the same cores: it shows what splitting costs, not what
devices gain.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
from typing import Any

from benchmarks import measure
from pgjax.errors import InputError
from pgjax.runtime import cpu_process
from pgjax.tools import cli, papers

SIZES = {"64x32": "synthetic_people", "128x64": "synthetic_people_128x64"}
SIZES["256x256"] = "synthetic_people_256x256"
START: dict[str, Any] = {"batch": 4, "features": 32, "size": "128x64", "devices": 1}
AXES: dict[str, tuple] = {
    "batch": (1, 2, 4, 8, 16),
    "features": (16, 32, 64),
    "size": tuple(SIZES),
    "devices": (1, 2, 4),
}
Point = dict[str, Any]


def points(axes: dict[str, tuple]) -> list[Point]:
    """Every point once, axis by axis."""
    found: list[Point] = []
    for axis, values in axes.items():
        for value in values:
            if (point := START | {axis: value}) not in found:
                found.append(point)
    return found


def command(row: str, point: Point, data_dir: str, out: str, rounds: int) -> list[str]:
    """What measures a point.

    Raises:
      InputError: the row is unknown.
    """
    paper, _, name = row.partition(":")
    spec = f"{SIZES[point['size']]}/{name}"
    networks = papers.find(paper).get_config(spec).networks
    settings = {f"networks.{n}.options.features": point["features"] for n in networks}
    settings["batch_size"] = point["batch"]
    return [
        sys.executable,
        "-m",
        "benchmarks.train_step",
        f"--config=configs/{paper}.py:{spec}",
        *(f"--config.{key}={value}" for key, value in settings.items()),
        *([f"--devices={point['devices']}"] if point["devices"] > 1 else []),
        f"--data_dir={data_dir}",
        f"--out={out}",
        f"--repeats={rounds}",
        "--noparts",
        "--nocache",
    ]


def measured(command: list[str], out: pathlib.Path) -> list[dict[str, Any]]:
    """The point's results, one a stage; a point that fails (memory) says how."""
    ended = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if ended.returncode:
        last = ended.stderr.strip().splitlines()[-1:] or [""]
        return [{"error": f"exit code {ended.returncode}: {last[0]}"}]
    return json.loads(out.read_text())


def main(argv: list[str] | None = None) -> None:
    parser = cli.ArgumentParser(
        prog="python -m benchmarks.scaling", description="Measure how the cost of a step grows."
    )
    parser.add_argument("--row", default="deformable:dsc", help="PAPER:ROW (default: %(default)s)")
    parser.add_argument("--axis", action="append", choices=tuple(AXES), help="(default: all)")
    for axis in ("batch", "features", "devices"):
        parser.add_argument(f"--{axis}", type=int, nargs="+", help=f"(default: {AXES[axis]})")
    parser.add_argument("--size", nargs="+", choices=tuple(SIZES), help="(default: all)")
    parser.add_argument("--data_dir", default="data", help="holds weights/, where the row reads")
    parser.add_argument("--repeats", type=int, default=5, help="timed steps a point (default: 5)")
    parser.add_argument("--out", metavar="FILE", required=True)
    parser.add_argument("--markdown", action="store_true", help="only print FILE as a table")
    args = parser.parse_args(argv)
    path = pathlib.Path(args.out)
    kept = json.loads(path.read_text()) if path.exists() else {"row": args.row, "points": []}
    if kept["row"] != args.row and not args.markdown:
        raise InputError(f"{path} holds points of {kept['row']}; choose another --out")
    if not args.markdown:
        axes = {a: tuple(getattr(args, a) or AXES[a]) for a in args.axis or AXES}
        done = [entry["point"] for entry in kept["points"] if "error" not in entry["results"][0]]
        kept["points"] = [entry for entry in kept["points"] if entry["point"] in done]
        for point in points(axes):
            if point in done:
                continue
            with tempfile.TemporaryDirectory() as folder:
                out = pathlib.Path(folder) / "point.json"
                call = command(args.row, point, args.data_dir, str(out), args.repeats)
                entry = {"point": point, "results": measured(call, out)}
            kept["points"].append(entry)
            measure.write(args.out, kept)
            print(json.dumps({**point, **_short(entry["results"][0])}), flush=True)
    else:
        print(markdown(kept))


def _short(result: dict[str, Any]) -> dict[str, Any]:
    return {
        k: result[k] for k in ("error", "seconds", "images_per_second", "peak_mib") if k in result
    }


def markdown(kept: dict[str, Any]) -> str:
    """A table a stage, points in the order of the axes."""
    heads = (
        "batch",
        "features",
        "size",
        "devices",
        "step, s",
        "steps/s",
        "images/s",
        "peak MiB",
        "least s: arithmetic",
        "least s: state",
        "of matmul",
    )
    entries = [e for e in kept["points"] if "error" not in e["results"][0]]
    failed = [e for e in kept["points"] if e not in entries]
    lines = []
    for number in range(max((len(e["results"]) for e in entries), default=0)):
        first = entries[0]["results"][number]
        lines += ["", f"`{kept['row']}`, {first['stage']}, {first['device']}:", ""]
        lines += [_line(heads), _line(["---:"] * len(heads))]
        for entry in entries:
            r = entry["results"][number]
            lines.append(
                _line(
                    [
                        *(entry["point"][axis] for axis in START),
                        r["seconds"],
                        r["steps_per_second"],
                        r["images_per_second"],
                        round(r["peak_mib"]),
                        r["least_seconds_by_arithmetic"],
                        r["least_seconds_by_state"],
                        f"{100 * r['share_of_matmul']:.0f} %",
                    ]
                )
            )
    lines += [f"Failed: {e['point']}: {e['results'][0]['error']}" for e in failed]
    return "\n".join(lines).strip()


def _line(cells) -> str:
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    cpu_process.begin()
    cli.run(main)
