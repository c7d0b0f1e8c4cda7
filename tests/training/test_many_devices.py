"""n devices are one device: eight simulated ones against one, at the same global batch."""

import json
import subprocess
import sys

import numpy as np
import pytest

import places

TOLERANCE = 1e-5  # relative

SCRIPT = """
import json
import sys

import jax
import numpy as np

jax.config.update("jax_num_cpu_devices", 8)

import tiny
from configs import deformable, horiuchi, patn, pdig, pg2, varigan
from pgjax import frozen
from pgjax.data.pipeline import split_over_devices
from pgjax.runtime.devices import over_devices
from pgjax.training.recipe import OPTIMIZERS, build
from pgjax.training.state import init_state
from pgjax.training.steps import make_step

OPTIMIZERS["kept"] = tiny.kept_gradient
paper, row, stage = sys.argv[1:]
papers = {"deformable": deformable, "horiuchi": horiuchi, "patn": patn, "pdig": pdig, "pg2": pg2}
papers["varigan"] = varigan
config = tiny.narrow(papers[paper].get_config(row))
config.batch_size = 8
if paper == "pg2":
    config.networks.g1.options.code = 8
if paper == "patn":
    config.stages.stage1.pool = 4  # full amid the batch
for each in config.stages.values():
    each.generators_from = 0
for network in config.networks.values():
    network.weight_clip = 0.0
    network.optimizer = {"name": "kept", "learning_rate": 1.0}
recipe = build(config)
state = init_state(recipe)
step = make_step(recipe, recipe.stages[stage])
batches = [tiny.batch(seed, 8) for seed in range(recipe.stages[stage].batches)]
weights = frozen.random(recipe.features.net) if recipe.reads_features else None


def run(devices):
    mapped = over_devices(step)
    copies = jax.tree.map(lambda x: np.stack([x] * devices), state)
    shares = tuple(split_over_devices(b, devices) for b in batches)
    after, log = mapped(copies, shares, jax.tree.map(lambda x: np.stack([x] * devices), weights))
    for leaf in jax.tree.leaves((after, log)):
        for other in leaf[1:]:
            np.testing.assert_array_equal(leaf[0], other)
    after, log = jax.tree.map(lambda x: np.asarray(x[0]), (after, log))
    gradients = {name: after.networks[name].optimizer for name in recipe.stages[stage].players}
    statistics = {name: network.statistics for name, network in after.networks.items()}
    return gradients, statistics, log


(one, averages, log), (many, averages_of_many, log_of_many) = run(1), run(8)
assert log.keys() == log_of_many.keys()
worst = {}
for player in one:
    a, b = (jax.tree.leaves(g[player]) for g in (one, many))
    largest = max(np.abs(x).max() for x in a)
    assert largest > 1e-4
    worst[f"{player} gradient"] = max(np.abs(x - y).max() / largest for x, y in zip(a, b))
    length = np.sqrt(sum(np.sum(np.square(x, dtype=float)) for x in a))
    apart = np.sqrt(sum(np.sum(np.square(x - y, dtype=float)) for x, y in zip(a, b)))
    worst[f"{player} gradient, as one vector"] = apart / length
for name in averages:
    for x, y in zip(*(jax.tree.leaves(found[name]) for found in (averages, averages_of_many))):
        off = np.abs(x - y).max() / np.abs(x).max()
        worst[f"{name} average"] = max(off, worst.get(f"{name} average", 0))
for name, value in log.items():
    worst[name] = abs(log_of_many[name] - value) / abs(value)
print(json.dumps({name: float(value) for name, value in worst.items()}))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("paper", "row", "stage"),
    [
        ("deformable", "dsc", "stage1"),
        ("horiuchi", "sn_rh", "stage1"),
        ("pdig", "pdig", "stage1"),
        ("pdig", "pdig_sampling", "stage3"),
        ("pg2", "g1_g2_d_released", "stage2"),
        ("patn", "patn", "stage1"),
        ("varigan", "varigan_reading", "stage1"),
    ],
)
def test_eight_devices_are_one(paper, row, stage):
    """First-step losses and gradients (not parameters: docs/reference_facts.md, 7.3), dropout included."""
    environment = places.environment()
    command = [sys.executable, "-c", SCRIPT, paper, f"synthetic_people/{row}", stage]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    worst = json.loads(ended.stdout)
    assert len(worst) > 5 and np.isfinite(list(worst.values())).all()
    assert max(worst.values()) < TOLERANCE, worst
