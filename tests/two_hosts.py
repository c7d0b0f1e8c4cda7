"""Processes of this machine that make one run as hosts do, and what they leave behind."""

import json
import socket
import subprocess
import sys

import jax
import numpy as np

import places
from pgjax.training import run_directory
from pgjax.training.checkpoint import Checkpoints
from pgjax.training.choice import read_chosen
from pgjax.training.recipe import build
from pgjax.training.state import state_shapes

STEPS = 40

SCRIPT = """
import json
import sys

import jax

what, workdir, devices, port, count, host, total = sys.argv[1:]
jax.config.update("jax_num_cpu_devices", int(devices))
import pytest, tiny
from pgjax.files import lease
from pgjax.runtime import hosts
lease.BEAT, lease.LEASE = 1.0, 20.0  # a third of what killed hosts are waited for
if int(count) > 1:
    hosts.start(f"localhost:{port}", int(count), int(host))
from pgjax.scoring import run_evaluation
from pgjax.training import loop
from pgjax.runtime.interruption import Interruption

with pytest.MonkeyPatch.context() as patch:
    tiny.use_data(patch)
    assert jax.device_count() == int(devices) * int(count)
    if what == "evaluate":
        result = run_evaluation.evaluate(
            workdir, "unused", limit=5, noise=True, save_images=True, step=int(total)
        )
        print(json.dumps(result["scores"]))
    else:
        config = tiny.generator_config()
        config.total_steps = int(total)
        config.ema = 0.9
        config.report.update(sample_every=20, checkpoint_every=4, keep_best="ssim")
        with Interruption() as stop:
            state = loop.train_and_evaluate(config, workdir, "unused", stop)
            stop.end(int(state.step))
"""


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return free.getsockname()[1]


def process(script, *arguments) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        env=places.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def start(what, workdir, devices=1, count=1, total=STEPS) -> list[subprocess.Popen]:
    port = free_port()
    return [
        process(SCRIPT, what, workdir, devices, port, count, host, total) for host in range(count)
    ]


def on_two_hosts(script) -> list[subprocess.Popen]:
    port = free_port()
    return [process(script, port, host) for host in range(2)]


def end(processes) -> list[tuple[str, str]]:
    outputs = [process.communicate(timeout=600) for process in processes]
    assert [p.returncode for p in processes] == [0] * len(processes), outputs
    return outputs


def scores(output: str) -> dict:
    # Gloo says on standard output that it is connected.
    return json.loads(output.splitlines()[-1])


def final(workdir):
    config = run_directory.read_config(workdir)
    with Checkpoints(workdir, run_directory.identity(config)) as checkpoints:
        return checkpoints.restore(state_shapes(build(config)))


def best(workdir) -> tuple[int, float]:
    """The step that was kept for its score, and the score."""
    state, found = read_chosen(workdir, run_directory.read_config(workdir))
    assert found is not None
    return int(state.step), found.value


def apart(a, b) -> float:
    return max(
        np.abs(x.astype(float) - y).max()
        for x, y in zip(*map(jax.tree.leaves, (a, b)), strict=True)
    )
