"""What needs no system, under every protocol.

    python -m benchmarks.baselines --data_dir=data --out=benchmarks/results/baselines_market1501.json
    python -m benchmarks.baselines --out=benchmarks/results/baselines_market1501.json --markdown

A copy of the source photo, the mean training image, and the real targets themselves, on a data set's test
pairs: pixel metrics, and those of the networks in --networks that a protocol has and whose weights are in
DATA_DIR/weights. A protocol whose scores are in FILE is not computed again: the command goes on where it was
cut off. --markdown measures nothing: it prints the table of what the file holds.
"""

import argparse
import json
import pathlib
from collections.abc import Mapping
from typing import Any

from benchmarks import measure
from pgjax import data
from pgjax.metrics.protocols import PROTOCOLS
from pgjax.runtime import cpu_process, launch
from pgjax.scoring.picture_judging import judge
from pgjax.scoring.results import SUBJECTS, table
from pgjax.scoring.scorer import PIXEL

KEPT = (
    "pairs",
    "pairs_from",
    "protocol",
    "scores",
    "not_measured",
    "networks",
    "counts",
    "seconds",
)
COLUMNS = {
    "SSIM": ("ssim", "ssim_reference", "ssim_uniform", "ssim_grey", "ssim_sigma12"),
    "mask-SSIM": ("mask_ssim", "mask_ssim_reference", "mask_ssim_uniform", "masked_input_ssim"),
    "L1": ("l1", "l1_255", "l1_unit"),
    "PSNR": ("psnr",),
    "LPIPS": ("lpips_alex",),
    "PCKh": ("pckh",),
}
"""Of the table: the first of these metrics that a protocol has."""


def measured(arguments: argparse.Namespace, out: pathlib.Path, found: dict[str, Any]) -> dict:
    """What the file holds once every protocol is in it."""
    for name, protocol in PROTOCOLS.items():
        if name in found.get("protocols", {}):
            continue
        result = judge(
            arguments.dataset,
            arguments.data_dir,
            protocol=name,
            limit=arguments.limit,
            metrics=[PIXEL, *(n for n in protocol.metrics if n in arguments.networks)],
            baselines=True,
        )
        print(table(result), flush=True)
        scored = found.get("protocols", {}) | {name: {key: result[key] for key in KEPT}}
        protocols = {name: scored[name] for name in PROTOCOLS if name in scored}
        found = {
            "dataset": arguments.dataset,
            "versions": result["versions"],
            "machine": measure.machine(),
            "protocols": protocols,
        }
        measure.write(str(out), found)
    return found


def markdown(found: Mapping[str, Any]) -> str:
    """The scores as a table, one line a protocol and subject."""
    lines = [f"| protocol | | {' | '.join(COLUMNS)} |", f"|---|---|{'---|' * len(COLUMNS)}"]
    for name, result in found["protocols"].items():
        for subject, scores in result["scores"].items():
            lines.append(f"| `{name}` | {SUBJECTS[subject]} | {' | '.join(cells(scores))} |")
    return "\n".join(lines)


def cells(scores: Mapping[str, float]) -> list[str]:
    """What COLUMNS says of scores, as text."""
    values = (next((scores[m] for m in ms if m in scores), None) for ms in COLUMNS.values())
    return ["" if v is None else f"{v:.{1 if v >= 10 else 3}f}" for v in values]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", default="market1501", choices=data.DATASETS)
    parser.add_argument("--data_dir", default=data.DATA_DIR)
    parser.add_argument("--limit", type=int, help="only the first so many pairs")
    parser.add_argument(
        "--networks",
        nargs="*",
        default=["lpips_alex", "pckh"],
        help="metrics that read a network (default: %(default)s)",
    )
    parser.add_argument("--out", metavar="FILE", required=True)
    parser.add_argument("--markdown", action="store_true", help="print the table of FILE")
    arguments = parser.parse_args()
    out = pathlib.Path(arguments.out)
    found = json.loads(out.read_text()) if out.exists() else {}
    if not arguments.markdown:
        launch.start_alone()
        found = measured(arguments, out, found)
    print(markdown(found))


if __name__ == "__main__":
    cpu_process.begin()
    main()
