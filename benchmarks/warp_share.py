"""The warp's share of a whole training step, in time and in compilation, before and after the choice.

    python -m benchmarks.warp_share --config=configs/deformable.py:market1501/dsc \\
        --out=benchmarks/results/warp_share_cpu.json

Compiles and times the row's step with three warps: none (the source's features pass as they are), ten
copies and their maximum (`stack` of benchmarks/warp.py: before), and pgjax.warp.warp_parts (after).
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

import pgjax.warp
from benchmarks import warp as variants
from pgjax import cli, rundir
from pgjax.batch import Batch
from pgjax.data.pipeline import split_over_devices
from pgjax.errors import InputError
from pgjax.recipe import build
from pgjax.state import frozen_weights, init_state
from pgjax.steps import make_step, over_devices, replicate

CONFIG = config_flags.DEFINE_config_file("config", None, "The row: configs/PAPER.py:DATASET/ROW.")
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


def measure(recipe, batches, state, weights, warp) -> dict[str, float]:
    """Seconds to compile, median seconds of a step."""
    pgjax.warp.warp_parts = warp
    (stage,) = recipe.stages.values()
    step = over_devices(make_step(recipe, stage))
    started = time.perf_counter()
    compiled = step.lower(state, batches, weights).compile()
    seconds, times = time.perf_counter() - started, []
    for _ in range(variants.REPEATS.value + 1):
        started = time.perf_counter()
        jax.block_until_ready(compiled(state, batches, weights))
        times.append(time.perf_counter() - started)
    return {"compile_s": seconds, "step_s": float(np.median(times[1:]))}


def main(_) -> None:
    recipe = build(CONFIG.value)
    (stage,) = recipe.stages.values()
    batch = split_over_devices(random_batch(recipe.batch_size, recipe.image_size), 1)
    if recipe.image_size != variants.SIZE:
        raise InputError(f"config: expected a row of {variants.SIZE} pixels")
    state = replicate(init_state(recipe))
    weights = replicate(frozen_weights(recipe, DATA_DIR.value))
    ours = pgjax.warp.warp_parts
    table = []
    for name, warp in {"none": none, "stack (before)": stack, "pgjax (after)": ours}.items():
        row = {"warp": name} | measure(recipe, (batch,) * stage.batches, state, weights, warp)
        for key in ("compile_s", "step_s"):
            row[f"{key.removesuffix('_s')}_share"] = round(
                1 - (table or [row])[0][key] / row[key], 3
            )
        table.append(row)
        print(json.dumps(row), flush=True)
    if variants.OUT.value:
        result = {"device": jax.devices()[0].device_kind, "jax": jax.__version__}
        result |= {"config": rundir.plain(CONFIG.value), "variants": table}
        pathlib.Path(variants.OUT.value).write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    cli.run_absl(main)
