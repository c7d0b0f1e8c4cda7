"""How fast, how large and how close to the device's peak the training step of a row is."""

import math
import tempfile
import time
from typing import Any

import jax
import numpy as np
from jax.experimental.compilation_cache import compilation_cache

from benchmarks import flops, measure
from benchmarks.parts import feed, parts
from pgjax.pose.batch import Batch
from pgjax.runtime import traced_programs
from pgjax.runtime.devices import over_devices, replicate
from pgjax.training.recipe import Recipe, Stage
from pgjax.training.state import State, frozen_weights, init_state
from pgjax.training.steps import make_step, step_identity

WARM = 3
"""Rounds before the first that counts: a process's heap grows during its first steps."""


class Training:
    """One stage's step, compiled ahead, with a state that it owns and moves on."""

    def __init__(self, recipe: Recipe, stage: Stage, data_dir: str, cache: bool = True):
        """Compiles into an empty cache; with `cache`, once more from what then lies in it."""
        self._recipe, self._stage = recipe, stage
        self.state: State = replicate(init_state(recipe))
        self.weights = replicate(frozen_weights(recipe, data_dir))
        self._feed = feed(recipe, stage, jax.local_device_count())
        self.batches: tuple[Batch, ...] = next(self._feed)
        with tempfile.TemporaryDirectory() as folder, _Cache(folder):
            self.cold = self._compile()
            self.warm = self._compile() if cache else None

    def _mapped(self, identity: str | None = None):
        return over_devices(make_step(self._recipe, self._stage), donate=(0,), identity=identity)

    def _compile(self) -> float:
        jax.clear_caches()
        started = time.perf_counter()
        mapped = self._mapped(step_identity(self._recipe, self._stage))
        self.compiled = mapped.lower(self.state, self.batches, self.weights).compile()
        return time.perf_counter() - started

    def move(self, steps: int) -> Any:
        """Some steps without waiting for one of them, as training does; the last one's log."""
        log = None
        for _ in range(steps):
            self.state, log = self.compiled(self.state, self.batches, self.weights)
        return log

    def flops(self) -> dict[str, float]:
        return flops.count(self._mapped(), self.state, self.batches, self.weights)

    def parts(self, rounds: int) -> dict[str, dict[str, Any]]:
        """Seconds of each part (benchmarks.parts)."""
        calls = parts(self._recipe, self._stage, self.batches, self.state, self.weights)
        return {name: measure.spread(t) for name, t in measure.in_turn(calls, rounds).items()}


class _Cache:
    """Keeps programs in this folder alone, however little there is to compile."""

    _SETTINGS = (
        "jax_compilation_cache_dir",
        "jax_persistent_cache_min_compile_time_secs",
        "jax_persistent_cache_min_entry_size_bytes",
        "jax_enable_compilation_cache",
    )

    def __init__(self, folder: str):
        self._values = (folder, 0.0, -1, True)

    def __enter__(self) -> None:
        self._before = [getattr(jax.config, name) for name in self._SETTINGS]
        self._set(self._values)
        traced_programs.keep(jax.config.jax_compilation_cache_dir)

    def __exit__(self, *_) -> None:
        traced_programs.keep(None)
        self._set(self._before)

    def _set(self, values) -> None:
        for name, value in zip(self._SETTINGS, values, strict=True):
            jax.config.update(name, value)
        # JAX looks at its settings once.
        compilation_cache.reset_cache()


def measured(
    recipe: Recipe,
    stage: str,
    data_dir: str,
    *,
    rounds: int = 5,
    steps: int = 1,
    cache: bool = True,
    with_parts: bool = True,
    ceilings: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Everything about one stage's step, as JSON knows it.

    Args:
      recipe: of the row.
      stage: a name in recipe.stages.
      data_dir: holds weights/, where the row reads features.
      rounds: of timing; the median counts.
      steps: in a round, with one wait at its end.
      cache: compile again from a persistent cache.
      with_parts: time the step's parts too.
      ceilings: measure.ceilings(recipe.compute.precision), made anew unless given.
    """
    ceilings = ceilings or measure.ceilings(recipe.compute.precision)
    training = Training(recipe, recipe.stages[stage], data_dir, cache)
    memory = measure.PeakMemory()
    seconds = measure.in_turn({stage: lambda: training.move(steps)}, rounds, WARM)[stage] / steps
    peak = memory.read()
    counted = training.flops()
    step = float(np.median(seconds))
    rate = counted["total"] / step
    moved = _moved(training.state, recipe.stages[stage])
    result = {
        "row": recipe.row,
        "stage": stage,
        "batch_size": recipe.batch_size,
        "image_size": list(recipe.image_size),
        "features": {n: net.options.get("features") for n, net in recipe.networks.items()},
        "precision": recipe.compute.precision,
        **measure.machine(),
        "compile_seconds": round(training.cold, 2),
        "compile_seconds_cached": None if training.warm is None else round(training.warm, 2),
        **measure.spread(seconds),
        "steps_per_second": measure.rounded(1 / step),
        "images_per_second": measure.rounded(recipe.batch_size / step),
        "peak_mib": round(peak / measure.MIB, 1),
        "peak_is": memory.how,
        "program_mib": _program(training.compiled),
        "flops": counted["total"],
        "flops_of": {k: v for k, v in counted.items() if k != "total"},
        "flops_by_xla": _by_xla(training.compiled),
        "flops_per_second": measure.rounded(rate),
        **ceilings,
        "share_of_matmul": measure.rounded(rate / _reach(ceilings, "matmul_flops_per_second")),
        "state_bytes_moved": moved,
        "least_seconds_by_arithmetic": measure.rounded(
            counted["total"] / _reach(ceilings, "matmul_flops_per_second")
        ),
        "least_seconds_by_state": measure.rounded(
            moved / _reach(ceilings, "copy_bytes_per_second")
        ),
    }
    if "datasheet_flops_per_second" in ceilings:
        sheet = _reach(ceilings, "datasheet_flops_per_second")
        result["share_of_datasheet"] = measure.rounded(rate / sheet)
    if with_parts:
        result["parts"] = training.parts(rounds)
        for found in result["parts"].values():
            found["share"] = measure.rounded(found["seconds"] / step)
    return result


def _reach(ceilings: dict[str, Any], name: str) -> float:
    """Of all devices together; those of a CPU are slices of the same cores."""
    return ceilings[name] * (1 if jax.default_backend() == "cpu" else jax.local_device_count())


def _moved(state: State, stage: Stage) -> int:
    """Bytes that a step reads and writes at least: parameters and moments of who plays, on all devices."""
    networks = [state.networks[name] for name in stage.players]
    kept = [(network.params, network.optimizer) for network in networks]
    return 2 * sum(math.prod(x.shape) * x.dtype.itemsize for x in jax.tree.leaves(kept))


def _program(compiled) -> dict[str, float] | None:
    """The compiled program's own account, of one device, MiB."""
    memory = compiled.memory_analysis()
    if memory is None:
        return None
    names = ("argument", "output", "alias", "temp", "generated_code")
    sizes = {name: getattr(memory, f"{name}_size_in_bytes") for name in names}
    return {name: round(size / measure.MIB, 1) for name, size in sizes.items()}


def _by_xla(compiled) -> float | None:
    """XLA's own count, of one device; on CPUs it knows nothing of what a library computes."""
    found = compiled.cost_analysis()
    found = found[0] if isinstance(found, list) else found
    return (found or {}).get("flops")
