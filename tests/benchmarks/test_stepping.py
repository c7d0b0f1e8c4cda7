"""What the benchmark of a step reports, against what can be known without it."""

import itertools
import json
import pathlib
import subprocess
import sys
import types

import jax
import pytest

import tiny
from benchmarks import measure, stepping
from pgjax.training.recipe import build

ROOT = pathlib.Path(__file__).resolve().parents[2]
CEILINGS = {
    "arithmetic": "float32",
    "matmul_flops_per_second": 1e11,
    "copy_bytes_per_second": 1e10,
}


def _measured(config, **options):
    return stepping.measured(build(config), "stage1", "unused", ceilings=CEILINGS, **options)


@pytest.fixture(scope="module")
def asked():
    """What the cache of compiled programs was asked for so far, and whether it had it."""
    events = []
    jax.monitoring.register_event_listener(lambda event, **_: events.append(event))
    return events


@pytest.fixture(scope="module")
def result(asked):
    cache = jax.config.jax_compilation_cache_dir
    found = _measured(tiny.config("g1_l1"), rounds=2, with_parts=False)
    assert jax.config.jax_compilation_cache_dir == cache
    return found


@pytest.mark.slow
def test_rates_follow_from_seconds_and_flops(result):
    seconds = result["seconds"]
    low, high = result["seconds_range"]
    assert 0 < low <= seconds <= high
    assert result["images_per_second"] == pytest.approx(4 / seconds, rel=1e-2)
    assert result["flops_per_second"] == pytest.approx(result["flops"] / seconds, rel=1e-2)
    assert result["share_of_matmul"] == pytest.approx(result["flops"] / seconds / 1e11, rel=1e-2)
    assert result["devices"] == 2


@pytest.mark.slow
def test_a_step_is_compiled_and_then_found_in_the_cache(result, asked):
    assert result["compile_seconds"] > 0 and result["compile_seconds_cached"] > 0
    told = [event.rpartition("/")[2] for event in asked]
    told = [event for event in told if event in ("cache_misses", "cache_hits")]
    # Small programs, equal to one compiled before, may be hits first.
    assert "cache_misses" in told and told[-1] == "cache_hits"


@pytest.mark.slow
def test_memory_holds_at_least_the_state(result):
    # Read and written once: parameters and Adam's two moments, on both devices.
    state = result["state_bytes_moved"] / 2 / measure.MIB
    assert result["peak_mib"] > state
    assert result["program_mib"]["argument"] >= state / 2


@pytest.mark.slow
def test_every_part_is_timed():
    found = _measured(tiny.deformable_config("full"), rounds=1, cache=False)
    assert found["compile_seconds_cached"] is None
    assert set(found["parts"]) == {
        "input",
        "derive",
        "forward",
        "forward and backward",
        "d moves",
        "g moves",
        "warp",
        "terms",
        "optimizer",
    }
    for part in found["parts"].values():
        assert part["share"] == pytest.approx(part["seconds"] / found["seconds"], rel=1e-2)


@pytest.mark.slow
def test_it_is_json(result):
    assert json.loads(json.dumps(result)) == result


def test_calls_come_in_turn_and_the_first_rounds_do_not_count():
    order = []
    found = measure.in_turn({n: lambda n=n: order.append(n) for n in "ab"}, 3)
    assert "".join(order) == "abababab"
    assert {n: len(t) for n, t in found.items()} == {"a": 3, "b": 3}
    assert len(measure.in_turn({"": lambda: order.append("c")}, 2, warm=4)[""]) == 2
    assert order[8:] == ["c"] * 6


def test_the_mark_of_peak_memory_is_reset_where_it_can_be():
    # In a process of its own, whose memory nothing else frees meanwhile.
    script = """
import numpy as np
from benchmarks import measure
big = np.ones(2**27, np.uint8)  # 128 MiB
del big
memory = measure.PeakMemory()
before = memory.read()
kept = np.ones(2**26, np.uint8)
print(memory.read() - before, memory.how)
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert ended.returncode == 0, ended.stderr
    more, how = ended.stdout.split(maxsplit=1)
    if not how.startswith("VmHWM"):
        pytest.skip("this Linux does not let a process reset its mark")
    assert 2**25 < int(more) < 2**27 - 2**25


def test_rates_of_the_machine_follow_from_the_seconds_of_a_call(monkeypatch):
    ticks = itertools.count(step=0.25)  # of a clock that is read before and after each call
    monkeypatch.setattr(measure, "time", types.SimpleNamespace(perf_counter=lambda: next(ticks)))
    assert measure.matmul_rate("float32", 512) == pytest.approx(2 * 512**3 / 0.25)
    assert measure.copy_rate(2**22) == pytest.approx(2 * 2**22 / 0.25)


def test_float32_is_multiplied_as_the_backend_does():
    class Gpu:
        platform = "gpu"

    assert measure.arithmetic(Gpu, "float32") == "tf32"
    assert measure.arithmetic(Gpu, "bfloat16") == "bfloat16"
    with jax.default_matmul_precision("highest"):
        assert measure.arithmetic(Gpu, "float32") == "float32"
    assert measure.arithmetic(jax.devices()[0], "float32") == "float32"
