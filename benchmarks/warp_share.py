"""The warp's share of a whole training step, in time and in compilation, before and after the choice.

    python -m benchmarks.warp_share --config=deformable:market1501/dsc \\
        --out=benchmarks/results/warp_share_cpu.json

Compiles and times the row's step with three warps: none (the source's features pass as they are), ten
copies and their maximum (`stack` of benchmarks/warp.py: before), and pgjax.pose.warp.warp_parts (after).
A share is what a variant costs beyond "none", transforms and masks included, divided by its whole.
Random poses and photos, 128×64.
"""

import json
import pathlib
import time

import jax
import numpy as np
from absl import flags
from ml_collections import config_flags

import pgjax.pose.warp
from benchmarks import warp as variants
from pgjax.data.pipeline import split_over_devices
from pgjax.errors import InputError
from pgjax.pose.batch import Batch
from pgjax.runtime import cpu_process
from pgjax.runtime.devices import over_devices, replicate
from pgjax.tools import cli
from pgjax.training import run_directory
from pgjax.training.recipe import build
from pgjax.training.state import frozen_weights, init_state
from pgjax.training.steps import make_step

CONFIG = config_flags.DEFINE_config_file(
    "config", None, "The row: PAPER:DATASET/ROW, or FILE.py:DATASET/ROW."
)
DATA_DIR = flags.DEFINE_string("data_dir", "data", "Holds weights/, where the row reads features.")


def none(features, *_):
    return features


def stack(features, transforms, exists, masks, *_):
    return variants.planned(variants.stack)(features, transforms, exists, masks)


def poses(count: int, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints (count, 18, 2) about where a standing person has them, all visible."""
    random = np.random.default_rng(count)
    centre = np.stack([np.linspace(0.15, 0.85, 18), np.full(18, 0.5)], axis=-1) * size
    keypoints = centre[None] + random.normal(0, size[0] / 16, (count, 18, 2))
    return keypoints.astype(np.float32), np.ones((count, 18), bool)


def random_batch(count: int, size: tuple[int, int]) -> Batch:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (2, count, *size, 3), np.uint8)
    keypoints, visible = poses(2 * count, size)
    return Batch(*images, keypoints[:count], visible[:count], keypoints[count:], visible[count:])


def compiled(recipe, batches, state, weights, warp):
    """The row's step with a warp, and the seconds that compiling took."""
    pgjax.pose.warp.warp_parts = warp
    (stage,) = recipe.stages.values()
    step = over_devices(make_step(recipe, stage))
    started = time.perf_counter()
    step = step.lower(state, batches, weights).compile()
    return step, time.perf_counter() - started


def main(_) -> None:
    recipe = build(CONFIG.value)
    (stage,) = recipe.stages.values()
    if recipe.image_size != variants.SIZE:
        raise InputError(f"config: expected a row of {variants.SIZE} pixels")
    batch = split_over_devices(random_batch(recipe.batch_size, recipe.image_size), 1)
    state = replicate(init_state(recipe))
    weights = replicate(frozen_weights(recipe, DATA_DIR.value))
    given = (batch,) * stage.batches
    warps = {"none": none, "stack (before)": stack, "pgjax (after)": pgjax.pose.warp.warp_parts}
    steps, times = {}, {name: [] for name in warps}
    for name, warp in warps.items():
        steps[name] = compiled(recipe, given, state, weights, warp)
    # In turn, so that the machine's drift meets all alike; the first round warms up.
    for _ in range(variants.REPEATS.value + 1):
        for name, (step, _) in steps.items():
            started = time.perf_counter()
            jax.block_until_ready(step(state, given, weights))
            times[name].append(time.perf_counter() - started)

    rounds = {name: np.array(seconds[1:]) for name, seconds in times.items()}
    table = []
    for name, (_, seconds) in steps.items():
        # Of each round, so that the spread is that of the share.
        shares = 1 - rounds["none"] / rounds[name]
        row = {
            "warp": name,
            "compile_s": round(seconds, 2),
            "compile_share": round(1 - steps["none"][1] / seconds, 3),
            "step_s": round(float(np.median(rounds[name])), 3),
            "step_share": round(float(np.median(shares)), 3),
            "step_share_range": [round(float(x), 3) for x in (shares.min(), shares.max())],
        }
        table.append(row)
        print(json.dumps(row), flush=True)
    if variants.OUT.value:
        result = {"device": jax.devices()[0].device_kind, "jax": jax.__version__}
        result |= {"config": run_directory.plain(CONFIG.value), "variants": table}
        pathlib.Path(variants.OUT.value).write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    cpu_process.begin()
    cli.run_absl(main)
