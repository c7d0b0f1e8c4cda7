"""Overfits the first stage of a row on a few real pairs: a network that cannot, cannot learn either.

    python -m benchmarks.overfit --config=pg2:market1501/g1_l1 --data_dir=data \\
        --config.networks.g1.options.features=32 --config.networks.g1.optimizer.learning_rate=4e-4

Every step sees the same pairs, unmirrored. Stops when the output's L1 (images in [-1, 1]) on these pairs
falls below --goal, or after --minutes; prints one line of JSON and writes it, and a grid, under --out.
"""

import dataclasses
import json
import pathlib
import time

import jax
import numpy as np
from absl import flags
from flax import jax_utils
from ml_collections import config_flags

from pgjax.data import store as stores
from pgjax.data.pipeline import split_over_devices
from pgjax.images.pixels import write_png
from pgjax.pose.batch import Indices, fetch
from pgjax.runtime import cpu_process
from pgjax.runtime.devices import over_devices, replicate
from pgjax.tools import cli
from pgjax.training import run_directory
from pgjax.training.generation import Predictor, mean_scores
from pgjax.training.recipe import build
from pgjax.training.sample_grids import sample_grid
from pgjax.training.state import frozen_weights, init_state
from pgjax.training.steps import make_step

CONFIG = config_flags.DEFINE_config_file(
    "config", None, "The row: PAPER:DATASET/ROW, or FILE.py:DATASET/ROW."
)
DATA_DIR = flags.DEFINE_string("data_dir", "data", "Where the data sets are.")
OUT = flags.DEFINE_string("out", "runs/overfit", "Folder for overfit.json and overfit.png.")
PAIRS = flags.DEFINE_integer("pairs", 8, "How many pairs.")
MINUTES = flags.DEFINE_float("minutes", 20.0, "When to give up.")
GOAL = flags.DEFINE_float("goal", 0.05, "L1 to fall below.")
EVERY = flags.DEFINE_integer("every", 50, "Steps between two looks at the L1.")


def main(_) -> None:
    recipe = build(CONFIG.value)
    name, stage = next(iter(recipe.stages.items()))
    recipe = dataclasses.replace(recipe, data=dataclasses.replace(recipe.data, flip=False))
    train = stores.load_split(recipe.data.name, "train", DATA_DIR.value)
    pairs = stores.train_pairs(train, recipe.data.pairs)
    pairs = pairs[np.random.default_rng(recipe.seed).choice(len(pairs), PAIRS.value, replace=False)]
    batch = fetch(train.store, Indices(pairs[:, 0], pairs[:, 1], np.zeros(len(pairs), bool)))
    batches = (split_over_devices(batch, jax.local_device_count()),) * stage.batches

    step = over_devices(make_step(recipe, stage), donate=(0,))
    predict = Predictor(recipe, name)
    state = replicate(init_state(recipe))
    weights = replicate(frozen_weights(recipe, DATA_DIR.value))
    started, count, value = time.perf_counter(), 0, np.inf
    curve, predictions = [], []
    while value > GOAL.value and time.perf_counter() - started < 60 * MINUTES.value:
        for _ in range(EVERY.value):
            state, _ = step(state, batches, weights)
        count += EVERY.value
        predictions = list(predict(jax_utils.unreplicate(state), train.store, pairs))
        value = mean_scores([p.scores for p in predictions])["model"]["l1"]
        curve.append([count, value])
        minutes = (time.perf_counter() - started) / 60
        print(f"step {count}: l1 {value:.4f} after {minutes:.1f} min", flush=True)

    out = pathlib.Path(OUT.value)
    write_png(out / "overfit.png", sample_grid(predictions, PAIRS.value))
    result = {"row": recipe.row, "pairs": len(pairs), "l1": value, "steps": count}
    result |= {
        "minutes": round(minutes, 2),
        "curve": curve,
        "config": run_directory.plain(CONFIG.value),
    }
    run_directory.write_text(out / "overfit.json", json.dumps(result, indent=2) + "\n")
    print(json.dumps({k: result[k] for k in ("row", "pairs", "l1", "steps", "minutes")}))


if __name__ == "__main__":
    cpu_process.begin()
    cli.run_absl(main)
