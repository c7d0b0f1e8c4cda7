"""The nearest-neighbour distance and its gradient, against a stack of all shifted copies.

    python -m benchmarks.nearest --out=benchmarks/results/nearest_cpu.json

5×5 on features of 256×256×64, as the loss of a DeepFashion row sees them. Temporaries are counted in
sizes of both inputs.
"""

import json
import pathlib
import time

import jax
import jax.numpy as jnp
import numpy as np

from pgjax.images.similarity import nearest_neighbour_map
from pgjax.runtime import cpu_process
from pgjax.tools import cli

SHAPE, WINDOW = (1, 256, 256, 64), 5


def stack(generated, reference, window):
    reach, (_, height, width, _) = window // 2, generated.shape
    around = ((0, 0), (reach, reach), (reach, reach), (0, 0))
    padded = jnp.pad(reference, around, constant_values=-1e4)
    places = [(i, j) for i in range(window) for j in range(window)]
    shifted = jnp.stack([padded[:, i : i + height, j : j + width] for i, j in places])
    return jnp.min(jnp.sum(jnp.abs(shifted - generated[None]), axis=-1), axis=0)


def main(argv: list[str] | None = None) -> None:
    parser = cli.ArgumentParser(
        prog="python -m benchmarks.nearest",
        description="Measure the nearest-neighbour distance and its gradient.",
    )
    parser.add_argument("--repeats", type=int, default=3, help="the median counts (default: 3)")
    parser.add_argument("--out", metavar="FILE", help="gets the table as JSON")
    args = parser.parse_args(argv)
    pair = np.random.default_rng(0).normal(0, 1, (2, *SHAPE)).astype(np.float32)
    table = []
    for name, function in (("stack", stack), ("pgjax", nearest_neighbour_map)):

        def loss(generated, reference, function=function):
            return jnp.mean(function(generated, reference, WINDOW))

        compiled = jax.jit(jax.value_and_grad(loss)).lower(*pair).compile()
        times = []
        for _ in range(args.repeats + 1):
            started = time.perf_counter()
            jax.block_until_ready(compiled(*pair))
            times.append(time.perf_counter() - started)
        memory = compiled.memory_analysis()
        row = {
            "variant": name,
            "seconds": round(float(np.median(times[1:])), 3),
            "temporaries": round(memory.temp_size_in_bytes / pair.nbytes, 2),
        }
        table.append(row)
        print(json.dumps(row), flush=True)
    if args.out:
        result = {"device": jax.devices()[0].device_kind, "jax": jax.__version__}
        result |= {"shape": SHAPE, "window": WINDOW, "variants": table}
        pathlib.Path(args.out).write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    cpu_process.begin()
    cli.run(main)
