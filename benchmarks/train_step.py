"""What the training step of a row costs: compilation, time, memory, arithmetic, and each part's share.

    python -m benchmarks.train_step --config=deformable:market1501/dsc --data_dir=data \\
        --out=benchmarks/results/train_step_dsc_cpu.json

Any row, so any size (synthetic_people_256x256/...), width (--config.networks.g.options.features=32), batch
(--config.batch_size=8) and precision; one result a stage (--stage names one), photos of noise. --devices=4
simulates so many CPU devices.

- Compilation is into an empty cache and, in the same process, again from the cache (--nocache: not).
- Seconds are the median of --repeats rounds of --steps steps, state donated, waited for once a round.
- images_per_second counts the pairs of the batch, whatever a step draws besides for its critic.
- flops are convolutions and matrix products, counted in the jaxpr (benchmarks/flops.py); flops_by_xla is the
  compiled program's own count. share_of_matmul is of the fastest large matrix product that this
  device does now, share_of_datasheet of what its maker says.
- The parts (benchmarks/parts.py says what each is) are compiled and timed apart: they need not add up.
  --noparts leaves them out.

Prints tables, and writes everything as JSON.
"""

import jax
from absl import flags
from ml_collections import config_flags

from benchmarks import measure, stepping
from pgjax.errors import InputError
from pgjax.runtime import cpu_process
from pgjax.scoring.run_evaluation import aligned
from pgjax.tools import cli
from pgjax.training.recipe import build

CONFIG = config_flags.DEFINE_config_file(
    "config", None, "The row: PAPER:DATASET/ROW, or FILE.py:DATASET/ROW."
)
DATA_DIR = flags.DEFINE_string("data_dir", "data", "Holds weights/, where the row reads features.")
OUT = flags.DEFINE_string("out", None, "File for the results.")
STAGE = flags.DEFINE_string("stage", None, "The stage; all of the row's unless given.")
REPEATS = flags.DEFINE_integer("repeats", 5, "Timed rounds; their median counts.", lower_bound=1)
STEPS = flags.DEFINE_integer("steps", 1, "Steps in a round; 20 on an accelerator.", lower_bound=1)
DEVICES = flags.DEFINE_integer("devices", None, "Simulated CPU devices.", lower_bound=1)
PARTS = flags.DEFINE_bool("parts", True, "Time the step's parts too.")
CACHE = flags.DEFINE_bool("cache", True, "Compile again from a persistent cache.")


def main(_) -> None:
    if CONFIG.value is None:
        raise InputError("--config: missing; such as --config=pg2:market1501/g1_l1")
    if DEVICES.value is not None:
        jax.config.update("jax_num_cpu_devices", DEVICES.value)
    recipe = build(CONFIG.value)
    names = [STAGE.value] if STAGE.value else list(recipe.stages)
    if names[0] not in recipe.stages:
        raise InputError(f"--stage: {names[0]!r} is none of {', '.join(recipe.stages)}")
    ceilings, results = measure.ceilings(recipe.compute.precision), []
    for name in names:
        result = stepping.measured(
            recipe,
            name,
            DATA_DIR.value,
            rounds=REPEATS.value,
            steps=STEPS.value,
            cache=CACHE.value,
            with_parts=PARTS.value,
            ceilings=ceilings,
        )
        results.append(result)
        measure.write(OUT.value, results)
        print(table(result), flush=True)


def table(result: dict) -> str:
    """A result to read."""
    low, high = result["seconds_range"]
    reached, most = (result[k] / 1e9 for k in ("flops_per_second", "matmul_flops_per_second"))
    cached = result["compile_seconds_cached"]
    lines = [
        f"{result['row']} {result['stage']}, batch {result['batch_size']}, {result['precision']}, on "
        f"{result['devices']} x {result['device']}",
        f"  step     {result['seconds']} s ({low} to {high}); {result['images_per_second']} images/s",
        f"  compile  {result['compile_seconds']} s" + (f", cached {cached} s" if cached else ""),
        f"  memory   {result['peak_mib']} MiB ({result['peak_is']})",
        f"  rate     {reached:.1f} Gflop/s, {100 * result['share_of_matmul']:.0f} % of {most:.1f} "
        f"({result['arithmetic']} matrix product)",
    ]
    if found := result.get("parts"):
        rows = [("  part", "s", "share of the step")]
        rows += [
            (f"  {n}", f"{p['seconds']}", f"{100 * p['share']:.0f} %") for n, p in found.items()
        ]
        lines += aligned(rows)
    return "\n".join(lines)


if __name__ == "__main__":
    cpu_process.begin()
    cli.run_absl(main)
