"""Draws new persons from noise: python -m pgjax.tools.sample RUN_OR_MODEL --out FILE

The model is one of a row pdig_sampling, from its third stage on: a folder that train.py exported, or a run
directory. It draws the parts that it has begun to learn. One row of the
picture for a test photo of the model's data set: the photo, the model's copy of it, then the same person with
a new foreground, a new background, a new pose, and with all three new.
"""

import os
import sys

import numpy as np

from pgjax.data import DATA_DIR
from pgjax.errors import InputError
from pgjax.progress import announce
from pgjax.runtime import cpu_process
from pgjax.tools import cli, extension_flag


def draw(sampler, batch, seed: int) -> np.ndarray:
    """The grid of a Batch whose sources and targets are the same photos: uint8 (height, width, 3)."""
    from pgjax.images.pixels import grid

    columns = {"photo": batch.source_image, "copy": sampler(batch)}
    for part in sampler.parts:
        columns[f"new {part}"] = sampler(batch, (part,), seed)
    columns["all new"] = sampler(batch, sampler.parts, seed)
    rows = list(zip(*columns.values(), strict=True))
    return grid(rows, titles=list(columns), scale=max(1, 192 // sampler.size[0]))


def main(argv: list[str] | None = None) -> None:
    parser = cli.ArgumentParser(
        prog="python -m pgjax.tools.sample",
        description="Draw new persons from noise with a model of a row pdig_sampling.",
    )
    parser.add_argument(
        "model",
        metavar="RUN_OR_MODEL",
        help="run directory, or exported model such as WORKDIR/export",
    )
    parser.add_argument("--out", metavar="FILE", required=True, help="the picture, such as a PNG")
    parser.add_argument(
        "--data_dir",
        metavar="DIR",
        default=DATA_DIR,
        help="folder of built data sets (default: %(default)s)",
    )
    parser.add_argument("--persons", type=int, default=8, help="how many (default: %(default)s)")
    parser.add_argument(
        "--seed", type=int, default=0, help="of the noise, and which photos (default: %(default)s)"
    )
    extension_flag.add(parser)
    arguments = parser.parse_args(argv)
    if arguments.persons < 1 or arguments.seed < 0:
        raise InputError("--persons and --seed: expected a positive number, and one from 0 on")
    if os.path.isdir(arguments.out):
        raise InputError(f"--out: {arguments.out} is a folder; expected the name of a picture")

    from pgjax.data import store
    from pgjax.images.pixels import format_of, write_image
    from pgjax.pose.batch import Indices, fetch
    from pgjax.runtime import compilation
    from pgjax.serving import export
    from pgjax.serving.sampling import PersonSampler

    format_of(arguments.out)
    compilation.keep()
    announce(f"reading the model in {arguments.model}")
    model = export.model_at(arguments.model)
    sampler, name = PersonSampler(model), model.recipe.data.name
    split = store.load_split(name, "test", arguments.data_dir, 0)
    photos = np.unique(store.test_pairs(name, split, arguments.data_dir)[:, 0])
    count = min(arguments.persons, len(photos))
    chosen = np.random.default_rng(arguments.seed).choice(photos, count, replace=False)
    batch = fetch(split.store, Indices(chosen, chosen, np.zeros(count, bool)))
    announce(f"drawing {count} persons; compiling for them")
    write_image(arguments.out, draw(sampler, batch, arguments.seed))
    print(f"{count} persons of {name} in {arguments.out}", file=sys.stderr)


if __name__ == "__main__":
    cpu_process.begin()
    cli.run(main)
