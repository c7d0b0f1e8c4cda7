"""What one re-posed photo costs, and a batch of them: compilation, latency, images a second.

    python -m benchmarks.generate --config=deformable:market1501/full \\
        --out=benchmarks/results/generate_full_cpu.json
    python -m benchmarks.generate --model=runs/demo/export

Any row with weights as they start, or an exported model. Photos are noise in the model's own size, poses
random.

- compile_seconds: the first call of that batch size, less a later one.
- seconds: the median of --repeats calls of PoseTransfer, in turn; photos and poses are arrays in memory, the
  images come back as arrays. All that is done a call is in it: laying photos out, drawing, laying back.

Prints a table, and writes everything as JSON.
"""

import jax
import numpy as np
from absl import flags
from ml_collections import config_flags

from benchmarks import latency, measure
from pgjax.errors import InputError
from pgjax.runtime import cpu_process
from pgjax.serving import export
from pgjax.tools import cli
from pgjax.training import model_folder
from pgjax.training.recipe import build
from pgjax.training.state import init_state

CONFIG = config_flags.DEFINE_config_file(
    "config", None, "The row: PAPER:DATASET/ROW, or FILE.py:DATASET/ROW."
)
MODEL = flags.DEFINE_string("model", None, "An exported model instead.")
OUT = flags.DEFINE_string("out", None, "File for the results.")
BATCHES = flags.DEFINE_list("batches", ["1", "8"], "Batch sizes, powers of two.")
REPEATS = flags.DEFINE_integer("repeats", 11, "Timed calls; their median counts.", lower_bound=1)


def main(_) -> None:
    if (CONFIG.value is None) == (MODEL.value is None):
        raise InputError("expected --config or --model, such as --config=pg2:market1501/g1_l1")
    try:
        batches = [int(size) for size in BATCHES.value]
    except ValueError:
        batches = []
    if not batches or any(size < 1 or size & (size - 1) for size in batches):
        raise InputError(f"--batches: expected powers of two, such as 1,8, got {BATCHES.value}")
    if MODEL.value is not None:
        model = model_folder.read(MODEL.value)
    else:
        recipe = build(CONFIG.value)
        # Of the last stage: all its generators are in it.
        state = init_state(recipe)
        model = export.model_of(CONFIG.value, state._replace(step=np.int32(recipe.total_steps)))
    result = latency.measured(model, batches, REPEATS.value)
    measure.write(OUT.value, result)
    print(latency.table(result))


if __name__ == "__main__":
    cpu_process.begin()
    jax.config.update("jax_enable_compilation_cache", False)
    cli.run_absl(main)
