"""Our side of benchmarks.network_metrics: a process that runs a network whenever it is told to.

    python -m benchmarks.metric_networks FOLDER

It runs the network of FOLDER/settings.json once for each line of its input, and prints seconds and memory.
"""

import argparse
import itertools
import json
import pathlib
import sys
import time

import numpy as np

from pgjax.runtime import cpu_process


def peak() -> int:
    """The largest memory of this process so far, in KiB."""
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=pathlib.Path, help="settings.json and given.npz")
    folder = parser.parse_args().folder

    import jax

    from pgjax.frozen import inception, lpips_weights
    from pgjax.metrics.inception_features import InceptionExtractor
    from pgjax.metrics.lpips import LpipsExtractor

    settings = json.loads((folder / "settings.json").read_text())
    params, given = {}, []
    with np.load(folder / "given.npz") as file:
        for name in file:
            if name.startswith("pictures"):
                given.append(file[name])
            else:
                layer, _, part = name.rpartition("/")
                params.setdefault(layer, {})[part] = file[name]
    jax.local_devices()
    before = peak()
    inception.load = lambda weights: params
    lpips_weights.load = lambda net, weights: params
    if settings["network"] == "inception":
        extract = InceptionExtractor(folder, rounded=settings["precision"] == "bfloat16")
    else:
        extract = LpipsExtractor(settings["network"].removeprefix("lpips_"), folder)
    print(json.dumps({"jax": jax.__version__, "devices": jax.local_device_count()}), flush=True)
    for call in itertools.count():
        if not sys.stdin.readline():
            break
        started = time.perf_counter()
        found = extract(*given)
        seconds = time.perf_counter() - started
        if not call:
            np.savez(folder / "pgjax.npz", *(found if isinstance(found, tuple) else [found]))
        print(json.dumps({"seconds": seconds, "peak": peak(), "before": before}), flush=True)


if __name__ == "__main__":
    cpu_process.begin()
    main()
