"""Losses of a run's checkpoints, all on the same batches: a curve without the noise of the draws.

    python -m benchmarks.curves --workdir=runs/g1_g2_d --data_dir=data --out=curves.json

For every stage and every checkpoint from the stage's start on, step 0 included: the mean of what training
logs, over the `--batches` batches that would come after the run's last step, with nothing moved. A run keeps
as many checkpoints as its `--config.report.keep_checkpoints` said. One line of JSON each.
"""

import dataclasses
import json
import pathlib
from typing import Any

import jax
import numpy as np
from absl import flags

from pgjax.data import store as stores
from pgjax.data.pipeline import batches
from pgjax.errors import InputError
from pgjax.runtime import cpu_process
from pgjax.runtime.devices import over_devices, replicate
from pgjax.tools import cli
from pgjax.training import run_directory
from pgjax.training.checkpoint import Checkpoints, saved_steps
from pgjax.training.recipe import Recipe, build
from pgjax.training.state import State, frozen_weights, init_state, state_shapes
from pgjax.training.steps import make_step

WORKDIR = flags.DEFINE_string("workdir", None, "The run directory.", required=True)
DATA_DIR = flags.DEFINE_string("data_dir", "data", "Where the data sets are.")
BATCHES = flags.DEFINE_integer("batches", 16, "How many batches, of the run's own size.", 1)
OUT = flags.DEFINE_string("out", None, "File for the curves, as JSON.")


def still(recipe: Recipe) -> Recipe:
    """The recipe with learning rates of 0: its steps log, and move nothing."""
    networks = {
        name: dataclasses.replace(
            network, optimizer=dataclasses.replace(network.optimizer, learning_rate=0.0)
        )
        for name, network in recipe.networks.items()
    }
    return dataclasses.replace(recipe, networks=networks)


def state_at(config: dict[str, Any], recipe: Recipe, step: int) -> State:
    if step == 0:
        return init_state(recipe)
    with Checkpoints(WORKDIR.value, run_directory.identity(config)) as checkpoints:
        return checkpoints.restore(state_shapes(recipe), step)


def main(_) -> None:
    config = run_directory.read_config(WORKDIR.value)
    recipe = still(build(config))
    data = recipe.data
    train = stores.load_split(data.name, "train", DATA_DIR.value, int(data.memory_limit_gb * 1e9))
    pairs = stores.train_pairs(train, data.pairs)
    weights = replicate(frozen_weights(recipe, DATA_DIR.value))
    saved = saved_steps(WORKDIR.value)
    if not saved:
        raise InputError(f"{WORKDIR.value}: no checkpoint in it")
    curves = []
    for name, start in recipe.starts().items():
        stage = recipe.stages[name]
        step = over_devices(make_step(recipe, stage))
        given = list(
            batches(
                train.store,
                pairs,
                seed=recipe.seed,
                batch_size=recipe.batch_size,
                flip=data.flip,
                draws=stage.batches,
                start=recipe.total_steps,
                stop=recipe.total_steps + BATCHES.value,
                devices=jax.local_device_count(),
            )
        )
        for at in (n for n in (0, *saved) if start <= n <= start + stage.steps):
            state = replicate(state_at(config, recipe, at))
            logs = [jax.device_get(step(state, batch, weights)[1]) for batch in given]
            means = {key: float(np.mean([log[key][0] for log in logs])) for key in logs[0]}
            curves.append({"stage": name, "step": at} | means)
            print(json.dumps(curves[-1]), flush=True)
    if OUT.value:
        result = {"row": recipe.row, "batches": BATCHES.value, "batch_size": recipe.batch_size}
        result |= {"config": config, "curves": curves}
        run_directory.write_text(pathlib.Path(OUT.value), json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    cpu_process.begin()
    cli.run_absl(main)
