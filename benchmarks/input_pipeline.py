"""Pairs a second of the input pipeline, for each built data set, and how long a step waits for it.

    python -m benchmarks.input_pipeline --data_dir=data --step_seconds=0.005 \\
        --out=benchmarks/results/input_pipeline_cpu.json

Photos of the split train are decoded into memory first, as in training; then batches are taken as fast as
they come from pgjax.data.pipeline.batches, with mirroring (--noflip: without) and, for a row like the
deformable GAN's, several draws a step (--draws=3). waiting_share is that of a loop whose steps take
--step_seconds elsewhere (on an accelerator: the host sleeps) and that asks for the next batch in
between. --random=128x64 adds photos of noise, which need no data set; --data_dir may then be left empty.

Prints one line of JSON a measurement.
"""

import json
import pathlib
import sys

import numpy as np

from benchmarks import feeding, measure
from benchmarks.parts import random_store
from pgjax import data
from pgjax.data import store as stores
from pgjax.errors import InputError
from pgjax.runtime import cpu_process
from pgjax.tools import cli

RULE = "pg2"


def main(argv: list[str] | None = None) -> None:
    parser = cli.ArgumentParser(
        prog="python -m benchmarks.input_pipeline",
        description="Measure pairs a second of the input pipeline.",
    )
    parser.add_argument("--data_dir", metavar="DIR", help="where the data sets are")
    parser.add_argument("--dataset", action="append", help="only this one; may be repeated")
    parser.add_argument("--random", metavar="HxW", help="photos of noise of this size too")
    parser.add_argument("--batch", type=int, action="append", help="(default: 4, 16 and 64)")
    parser.add_argument("--draws", type=int, default=1, help="batches a step (default: 1)")
    parser.add_argument("--noflip", action="store_true", help="mirror no pair")
    parser.add_argument("--step_seconds", type=float, help="of a step that is to be fed")
    parser.add_argument("--seconds", type=float, default=2.0, help="a measurement (default: 2)")
    parser.add_argument("--repeats", type=int, default=3, help="the median counts (default: 3)")
    parser.add_argument("--out", metavar="FILE", help="gets all lines as JSON")
    args = parser.parse_args(argv)
    lines = []
    for name, (store, pairs) in _stores(args):
        for batch_size in args.batch or (4, 16, 64):
            found = feeding.measured(
                store,
                pairs,
                batch_size=batch_size,
                flip=not args.noflip,
                draws=args.draws,
                step_seconds=args.step_seconds,
                seconds=args.seconds,
                rounds=args.repeats,
            )
            size = list(store.images.shape[1:3])
            line = {"dataset": name, "image_size": size, "photos": len(store.keypoints), **found}
            print(json.dumps(line), flush=True)
            lines.append(line)
            measure.write(args.out, measure.machine() | {"lines": lines})


def _stores(args):
    """(name, (Store, pairs)) one after another: each fills the memory."""
    if args.random:
        height, _, width = args.random.partition("x")
        yield "random", random_pairs((int(height), int(width)))
    names = args.dataset or list(data.DATASETS)
    for name in names if args.data_dir else ():
        # Those that are asked for may say that they are missing; the others are left out.
        if args.dataset or data.is_built(name, args.data_dir):
            try:
                train = stores.load_split(name, "train", pathlib.Path(args.data_dir))
                found = train.store, stores.train_pairs(train, RULE)
            except InputError as error:  # such as test photos alone
                if args.dataset:
                    raise
                print(f"left out: {name}: {error}", file=sys.stderr)
            else:
                yield name, found


def random_pairs(size: tuple[int, int], count: int = 4096):
    """A store of noise, and as many pairs of its photos as it has photos."""
    pairs = np.random.default_rng(0).integers(0, count, (count, 2), np.int32)
    return random_store(count, size), pairs


if __name__ == "__main__":
    cpu_process.begin()
    cli.run(main)
