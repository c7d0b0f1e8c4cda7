"""Clocks, memory and ceilings: what the benchmarks of whole steps measure with."""

import json
import os
import pathlib
import resource
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pgjax.runtime import cpu_process

MIB = 2**20

# Dense rates in 10^12 operations a second and memory in 10^12 bytes a second, as the makers' data sheets
# say (halved where they count sparsity): nvidia.com/en-us/data-center/{h100,h200,a100},
# cloud.google.com/tpu/docs/{v4,v5e,v5p}. What a machine reaches, `matmul_rate` and `copy_rate` measure.
_HOPPER = {"bfloat16": 989.5, "tf32": 494.7, "float32": 66.9}
DATASHEET: dict[str, dict[str, float]] = {
    "NVIDIA H100 80GB HBM3": _HOPPER | {"memory": 3.35},
    "NVIDIA H100 PCIe": {"bfloat16": 756.0, "tf32": 378.0, "float32": 51.2, "memory": 2.0},
    "NVIDIA H200": _HOPPER | {"memory": 4.8},
    "NVIDIA A100-SXM4-40GB": {"bfloat16": 312.0, "tf32": 156.0, "float32": 19.5, "memory": 1.555},
    "NVIDIA A100-SXM4-80GB": {"bfloat16": 312.0, "tf32": 156.0, "float32": 19.5, "memory": 2.039},
    "TPU v4": {"bfloat16": 275.0, "memory": 1.228},
    "TPU v5 lite": {"bfloat16": 197.0, "memory": 0.819},
    "TPU v5": {"bfloat16": 459.0, "memory": 2.765},
}


def arithmetic(device: jax.Device, precision: str) -> str:
    """Which of a device's rates a row of this compute.precision can reach: a key of DATASHEET's.

    Unless jax_default_matmul_precision says otherwise, JAX multiplies float32 as TF32 on GPUs and as
    bfloat16 on TPUs.
    """
    if precision.startswith("bfloat16"):
        return "bfloat16"
    strict = jax.config.jax_default_matmul_precision in ("highest", "float32")
    return (
        "float32" if strict else {"gpu": "tf32", "tpu": "bfloat16"}.get(device.platform, "float32")
    )


def in_turn(
    calls: Mapping[str, Callable[[], Any]], rounds: int, warm: int = 1
) -> dict[str, np.ndarray]:
    """Seconds of every call in every round, (rounds,) by name.

    In turn, so that the machine's drift meets all alike; `warm` rounds before the first warm up. A call
    returns what has to be finished for it to count as done.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(warm + rounds):
        for name, call in calls.items():
            started = time.perf_counter()
            jax.block_until_ready(call())
            times[name].append(time.perf_counter() - started)
    return {name: np.array(seconds[warm:]) for name, seconds in times.items()}


def rounded(value: float, digits: int = 4) -> float:
    """To so many significant digits."""
    return float(f"{value:.{digits}g}")


def spread(seconds: np.ndarray) -> dict[str, Any]:
    """Median and range, for JSON."""
    return {
        "seconds": rounded(np.median(seconds)),
        "seconds_range": [rounded(seconds.min()), rounded(seconds.max())],
    }


class PeakMemory:
    """The most memory in use since it was made, in bytes.

    Of an accelerator: of its busiest device, since the process began (it cannot be reset). Of a CPU:
    what is resident, caches and freed memory that the allocator keeps included; where Linux lets the
    process reset its mark, since this object was made, else since the process began.
    """

    def __init__(self):
        self._devices = [d for d in jax.local_devices() if d.platform != "cpu"]
        self.how = "memory_stats()['peak_bytes_in_use'], since the process began"
        if not self._devices:
            try:
                pathlib.Path("/proc/self/clear_refs").write_text("5")
                self.how = "VmHWM, reset before the first step"
            except OSError:
                self.how = "ru_maxrss, since the process began"

    def read(self) -> int:
        if self._devices:
            return max(d.memory_stats()["peak_bytes_in_use"] for d in self._devices)
        if self.how.startswith("VmHWM"):
            (line,) = (x for x in _status() if x.startswith("VmHWM"))
            return int(line.split()[1]) * 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _status() -> list[str]:
    return pathlib.Path("/proc/self/status").read_text().splitlines()


def matmul_rate(kind: str = "float32", size: int | None = None) -> float:
    """Operations a second of the fastest of a few large square products of random matrices.

    kind: "float32", "tf32" or "bfloat16", as in DATASHEET.
    """
    size = size or (2048 if jax.default_backend() == "cpu" else 8192)
    dtype = jnp.bfloat16 if kind == "bfloat16" else jnp.float32
    precision = {"float32": "highest", "tf32": "default", "bfloat16": "default"}[kind]
    pair = jax.random.normal(jax.random.key(0), (2, size, size)).astype(dtype)
    options = {"precision": precision, "preferred_element_type": jnp.float32}
    product = jax.jit(lambda a, b: jnp.matmul(a, b, **options))
    return 2 * size**3 / in_turn({"": lambda: product(*pair)}, 7)[""].min()


def copy_rate(size: int | None = None) -> float:
    """Bytes a second, read and written, of the fastest of a few passes over `size` bytes."""
    size = size or (2**28 if jax.default_backend() == "cpu" else 2**31)
    given = jax.random.uniform(jax.random.key(0), (size // 4,))
    negate = jax.jit(jnp.negative)
    return 2 * given.nbytes / in_turn({"": lambda: negate(given)}, 7)[""].min()


def ceilings(precision: str) -> dict[str, Any]:
    """What the device can do at most, measured here and now, and as its data sheet says where known."""
    device = jax.devices()[0]
    kind = arithmetic(device, precision)
    found = {
        "arithmetic": kind,
        "matmul_flops_per_second": rounded(matmul_rate(kind)),
        "copy_bytes_per_second": rounded(copy_rate()),
    }
    sheet = DATASHEET.get(device.device_kind)
    if sheet is not None and kind in sheet:
        found["datasheet_flops_per_second"] = 1e12 * sheet[kind]
        found["datasheet_bytes_per_second"] = 1e12 * sheet["memory"]
    return found


def machine() -> dict[str, Any]:
    """Where a number was measured."""
    devices = jax.local_devices()
    return {
        "device": devices[0].device_kind,
        "devices": len(devices),
        "jax": jax.__version__,
        **{name: os.environ.get(name) for name in (cpu_process.MEMORY, cpu_process.COMPILER)},
    }


def write(out: str | None, result: Any) -> None:
    """Writes a result as JSON, where a file is named."""
    if out:
        path = pathlib.Path(out)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(result, indent=2) + "\n")
