"""The first step of every system on the accelerator against the same step on the CPU.

Narrow networks, photos of noise, one state for all. The CPU computes in float32; the accelerator in float32
at the highest precision of products ("strict", which has to agree within TOLERANCE), in float32 as JAX
multiplies by default (TF32 on GPUs), and in bfloat16; how far these two are off is reported.
"""

import concurrent.futures
import contextlib
import functools
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from benchmarks import measure
from benchmarks.parts import feed
from pgjax.runtime.devices import DEVICES
from pgjax.training.recipe import Recipe, Stage, build
from pgjax.training.state import frozen_weights, init_state
from pgjax.training.steps import make_generate, make_step

FAMILIES = (
    "pg2:g1_g2_d",
    "deformable:dsc",
    "deformable:full",
    "kurupathi:sn_h_w",
    "horiuchi:sn_rh",
    "vdg:vdg",
    "vdg:vdg_w",
)
# Of "strict", relative. A nearest pixel, a maximum over parts or a nearest neighbour that rounding
# turns over changes more than rounding does, and gradients more than values.
TOLERANCE = {"losses": 1e-3, "gradient_norms": 1e-2, "images": 1e-3}
MODES = {
    "strict": ("float32", "highest"),
    "default": ("float32", None),
    "bfloat16": ("bfloat16", None),
}


def narrow(config: ConfigDict, features: int = 8) -> ConfigDict:
    """The row at batch 4, its networks so many features wide."""
    config.batch_size = 4
    for network in config.networks.values():
        network.options.features = features
    return config


def differences(here: dict[str, Any], there: dict[str, Any]) -> dict[str, float]:
    """The largest relative difference of each kind, `there` being the CPU's; infinite where one is NaN.

    Of an image it is the norm of the difference over the norm.
    """
    found = dict.fromkeys(TOLERANCE, 0.0)
    found["pixel"] = 0.0

    def note(kind: str, value: float) -> None:
        found[kind] = max(found[kind], float(value) if np.isfinite(value) else np.inf)

    for name, value in there["log"].items():
        kind = "gradient_norms" if name.endswith("norm") else "losses"
        note(kind, abs(here["log"][name] - value) / max(abs(value), 1e-3))
    for name, image in there["images"].items():
        off = here["images"][name] - image
        note("images", np.linalg.norm(off) / np.linalg.norm(image))
        note("pixel", np.abs(off).max())
    return found


def agree(found: dict[str, float]) -> bool:
    return all(found[kind] <= most for kind, most in TOLERANCE.items())


class _Row:
    """The last stage of a row, where every network is at work."""

    def __init__(self, config: ConfigDict, data_dir: str):
        self.config = config
        recipe = build(config)
        self.name, stage = list(recipe.stages.items())[-1]

        def one(x):
            return np.asarray(x)[None]

        self.args = (
            jax.tree.map(one, init_state(recipe)),
            next(feed(recipe, stage, 1)),
            jax.tree.map(one, frozen_weights(recipe, data_dir)),
        )

    def compiled(self, pool, device: jax.Device, precision: str, products: str | None):
        """Its compilation, begun: call result() of what comes back."""
        self.config.compute.precision = precision
        recipe = build(self.config)
        function = _first_step(recipe, recipe.stages[self.name])
        with jax.default_matmul_precision(products) if products else contextlib.nullcontext():
            # Not devices.over_devices, which maps over what JAX takes by default.
            mapped = jax.pmap(function, axis_name=DEVICES, devices=[device])
            return pool.submit(mapped.lower(*self.args).compile)

    def result(self, compiled: Callable) -> dict[str, Any]:
        log, images = jax.tree.map(lambda x: np.asarray(x)[0], compiled(*self.args))
        return {"log": {k: float(v) for k, v in log.items()}, "images": images}


def _first_step(recipe: Recipe, stage: Stage) -> Callable:
    step, generate = make_step(recipe, stage), make_generate(recipe, stage)

    def first(state, batches, weights):
        variables = {name: network.variables for name, network in state.networks.items()}
        images = generate(variables, batches[0])
        images = {name: image.astype("float32") for name, image in images.items()}
        return step(state, batches, weights)[1], images

    return first


def check(
    configs: dict[str, ConfigDict], data_dir: str, deadline: float
) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, result) of each row as soon as it is known; what the deadline cuts off is left out.

    Args:
      configs: by name; see `narrow`.
      data_dir: holds weights/, for rows that read features.
      deadline: seconds since the epoch; a row that has begun is finished.
    """
    accelerator, cpu = jax.devices()[-1], jax.devices("cpu")[0]
    # A program compiles on one core: many at once, one row ahead of the row that runs.
    with concurrent.futures.ThreadPoolExecutor() as pool:

        def begin(config):
            row = _Row(config, data_dir)
            begun = {"cpu": row.compiled(pool, cpu, "float32", "highest")}
            for mode, how in MODES.items():
                begun[mode] = row.compiled(pool, accelerator, *how)
            return row, begun

        waiting = [(name, functools.partial(begin, config)) for name, config in configs.items()]
        ready = []
        while waiting or ready:
            while waiting and len(ready) < 2 and time.time() < deadline:
                name, start = waiting.pop(0)
                ready.append((name, *start()))
            if not ready:
                return
            name, row, begun = ready.pop(0)
            results = {mode: row.result(future.result()) for mode, future in begun.items()}
            found = {mode: differences(results[mode], results["cpu"]) for mode in MODES}
            yield (
                name,
                {
                    "stage": row.name,
                    **measure.machine(),
                    "accelerator": accelerator.device_kind,
                    "agrees": agree(found["strict"]),
                    "tolerance": TOLERANCE,
                    "differences": found,
                    "cpu": results["cpu"]["log"],
                    "strict": results["strict"]["log"],
                },
            )
