"""Page faults of a compiled program's call, in a process begun as commands begin and in one that was not.

    python -m benchmarks.page_faults --out=benchmarks/results/page_faults_cpu.json

The program keeps 128 MiB between its two products. Each row is a process of its own: "begun" under
pgjax.runtime.cpu_process, "plain" under glibc's defaults. "faults" is the median of nine calls, each a
page that the kernel gave anew; a busy machine gives other figures. Linux with glibc only.
"""

import json
import os
import pathlib
import subprocess
import sys

from absl import flags

from pgjax.tools import cli

OUT = flags.DEFINE_string("out", None, "File for the table.")

SCRIPT = """
import json, resource
from pgjax.runtime import cpu_process
cpu_process.begin()
from pgjax.runtime import compilation
compilation.keep()
import jax, numpy as np
program = jax.jit(lambda x, y: (x @ y) @ y.T)
given = jax.device_put((np.ones((2**13, 8), np.float32), np.ones((8, 2**12), np.float32)))
jax.block_until_ready(given)
faults = []
for _ in range(9):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    program(*given).block_until_ready()
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(json.dumps({"faults": sorted(faults)[4], "jax": jax.__version__}))
"""
VARIANTS = {"begun": {}, "plain": {"GLIBC_TUNABLES": ""}}


def main(_) -> None:
    table = []
    for name, environment in VARIANTS.items():
        known = {key: value for key, value in os.environ.items() if key != "GLIBC_TUNABLES"}
        printed = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env=known | {"JAX_PLATFORMS": "cpu"} | environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
        table.append({"variant": name, **json.loads(printed)})
        print(json.dumps(table[-1]), flush=True)
    if OUT.value:
        pathlib.Path(OUT.value).write_text(json.dumps({"variants": table}, indent=2) + "\n")


if __name__ == "__main__":
    cli.run_absl(main)
