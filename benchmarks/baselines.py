"""What needs no system, under every protocol: python -m benchmarks.baselines --data_dir DIR --out FILE

A copy of the source photo, the mean training image, and the real targets themselves, on a data set's test
pairs: pixel metrics, and those of the networks in --networks that a protocol has and whose weights are in
DATA_DIR/weights. A protocol whose scores are in FILE is not computed again: the command goes on where it was
cut off.
"""

import argparse
import json
import pathlib

from benchmarks import measure
from pgjax import data, launch
from pgjax.judging import judge
from pgjax.metrics.protocols import PROTOCOLS
from pgjax.report import table
from pgjax.scoring import PIXEL

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="market1501", choices=data.DATASETS)
    parser.add_argument("--data_dir", default=data.DATA_DIR)
    parser.add_argument("--limit", type=int, help="only the first so many pairs")
    parser.add_argument(
        "--networks",
        nargs="*",
        default=["pckh"],
        help="metrics that read a network (default: %(default)s)",
    )
    parser.add_argument("--out", required=True)
    arguments = parser.parse_args()
    launch.start_alone()
    out = pathlib.Path(arguments.out)
    found = json.loads(out.read_text()) if out.exists() else {}
    for name, protocol in PROTOCOLS.items():
        if name in found.get("protocols", {}):
            continue
        metrics = [PIXEL, *(n for n in protocol.metrics if n in arguments.networks)]
        result = judge(
            arguments.dataset,
            arguments.data_dir,
            protocol=name,
            limit=arguments.limit,
            metrics=metrics,
            baselines=True,
        )
        print(table(result), flush=True)
        protocols = found.get("protocols", {}) | {name: {key: result[key] for key in KEPT}}
        found = {
            "dataset": arguments.dataset,
            "versions": result["versions"],
            "machine": measure.machine(),
            "protocols": protocols,
        }
        measure.write(arguments.out, found)


if __name__ == "__main__":
    main()
