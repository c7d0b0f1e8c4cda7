"""Averaged weights, clipped weights and schedules in whole steps and whole runs."""

import json
import subprocess
import sys

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

import places
import tiny
from pgjax.data.pipeline import split_over_devices
from pgjax.runtime.devices import over_devices, replicate
from pgjax.serving import export
from pgjax.training import finetuning, generation, loop, run_directory
from pgjax.training.checkpoint import Checkpoints, saved_steps
from pgjax.training.choice import Best, read_chosen
from pgjax.training.recipe import build
from pgjax.training.state import init_state, state_shapes
from pgjax.training.steps import make_generate, make_step

EMA = 0.75
CLIP = 0.05
SCHEDULE = {"name": "linear_decay", "options": {"end": 2}}


def _config():
    config = tiny.generator_config()
    config.ema = EMA
    config.networks.g.weight_clip = CLIP
    config.networks.g.optimizer.schedule = SCHEDULE
    config.networks.g.optimizer.clip_norm = 1.0
    config.report.update(sample_every=1, checkpoint_every=4, keep_best="l1")
    return config


def _leaves(tree):
    return [np.asarray(x) for x in jax.tree.leaves(tree)]


def _differ(a, b):
    return any((x != y).any() for x, y in zip(_leaves(a), _leaves(b), strict=True))


def _equal(a, b):
    for x, y in zip(_leaves(a), _leaves(b), strict=True):
        np.testing.assert_array_equal(x, y)


def test_critics_have_no_average_and_neither_has_anyone_unasked():
    config = tiny.config()
    assert all(n.average is None for n in state_shapes(build(config)).networks.values())
    config.ema = EMA
    networks = state_shapes(build(config)).networks
    assert networks["d"].average is None and networks["d"].averaged == networks["d"].variables
    for name in ("g1", "g2"):
        assert networks[name].averaged["params"] is networks[name].average
        assert jax.tree.structure(networks[name].average) == jax.tree.structure(
            networks[name].params
        )


def _halved(state, name, field):
    """The state with a network's field divided by 2."""
    network = state.networks[name]
    halved = network._replace(**{field: jax.tree.map(lambda x: x / 2, getattr(network, field))})
    return state._replace(networks=state.networks | {name: halved})


@pytest.mark.slow
def test_whoever_does_not_play_is_seen_with_its_average():
    """Stage 2 draws with the average of the first generator, as evaluation does."""
    config = tiny.config()
    config.ema = EMA
    recipe = build(config)
    stage, state = recipe.stages["stage2"], init_state(build(config))
    step = over_devices(make_step(recipe, stage))
    batches = tuple(split_over_devices(tiny.batch(seed), 2) for seed in range(stage.batches))

    def loss(changed):
        return float(step(replicate(changed), batches)[1]["g2/loss"][0])

    first = loss(state)
    assert loss(_halved(state, "g1", "params")) == first
    assert loss(_halved(state, "g1", "average")) != first
    assert loss(_halved(state, "g2", "average")) == first
    assert loss(_halved(state, "g2", "params")) != first


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run that nothing interrupted, and its last state."""
    with pytest.MonkeyPatch.context() as patch:
        tiny.use_data(patch)
        workdir = tmp_path_factory.mktemp("runs") / "whole"
        yield workdir, loop.train_and_evaluate(_config(), workdir, "unused")


def _saved(workdir, step=None):
    config = run_directory.read_config(workdir)
    with Checkpoints(workdir, run_directory.identity(config)) as checkpoints:
        return checkpoints.restore(state_shapes(build(config)), step)


class _KilledError(Exception):
    pass


@pytest.mark.slow
def test_the_average_follows_the_clipped_weights(finished):
    steps = [init_state(build(_config())), *(_saved(finished[0], step) for step in range(1, 5))]
    seen = [state.networks["g"] for state in steps]
    _equal(seen[0].average, seen[0].params)
    assert max(np.abs(x).max() for x in _leaves(seen[0].params)) > CLIP
    average = [x.astype(float) for x in _leaves(seen[0].params)]
    for network in seen[1:]:
        params = _leaves(network.params)
        assert max(np.abs(x).max() for x in params) == np.float32(CLIP)
        average = [EMA * a + (1 - EMA) * x for a, x in zip(average, params, strict=True)]
        for a, x in zip(average, _leaves(network.average), strict=True):
            np.testing.assert_allclose(x, a, rtol=1e-5, atol=1e-8)
    # The rate is 0 from the third move on: weights stay, the average goes on.
    assert _differ(seen[1].params, seen[2].params) and _differ(seen[2].average, seen[3].average)
    _equal(seen[2].params, seen[3].params)


@pytest.mark.slow
def test_a_killed_run_ends_with_the_same_weights_and_averages(finished, tmp_path, monkeypatch):
    real = loop.batches

    def failing(*args, start, stop, **kwargs):
        for step, batch in enumerate(real(*args, start=start, stop=stop, **kwargs), start):
            if start == 0 and step == 3:
                raise _KilledError
            yield batch

    workdir, state = finished
    _equal(_saved(workdir), state)
    monkeypatch.setattr(loop, "batches", failing)
    with pytest.raises(_KilledError):
        loop.train_and_evaluate(_config(), tmp_path / "run", "unused")
    assert 0 < int(_saved(tmp_path / "run").step) < 4
    _equal(loop.train_and_evaluate(_config(), tmp_path / "run", "unused"), state)
    # Every scored step is saved with its score.
    lines = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    scores = {line["step"]: line["held_out/l1"] for line in lines if "held_out/l1" in line}
    assert list(scores) == [1, 2, 3, 4] == saved_steps(workdir)
    value, step = min((value, step) for step, value in scores.items())
    for run in (workdir, tmp_path / "run"):
        state, best = read_chosen(run, run_directory.read_config(run))
        assert (int(state.step), best) == (step, Best("l1", value, 4))


@pytest.mark.slow
def test_pictures_scores_and_models_are_of_the_average(finished):
    workdir, state = finished
    recipe, network = build(_config()), state.networks["g"]
    assert _differ(network.params, network.average)
    predictor = generation.Predictor(recipe, "stage1", scored=False)
    pairs = np.array([[0, 1], [2, 3], [4, 5], [6, 7]])
    (made,) = predictor(state, tiny.SPLITS["test"].store, pairs)
    generate = make_generate(recipe, recipe.stages["stage1"])
    for params, same in ((network.average, True), (network.params, False)):
        image = jax.jit(generate)({"g": {"params": params}}, made.batch)["g"]
        expected = np.clip((np.asarray(image) + 1) * 127.5, 0, 255)
        apart = np.abs(made.images["g"] - expected).max()
        assert (apart <= 1.01) == same
    model = export.model_of(_config(), state)
    _equal(model.variables["g"]["params"], network.average)
    arrays = finetuning.read(str(workdir)).networks["g"]
    _equal(arrays, flatten_dict({"params": network.average}, sep="/"))


@pytest.mark.slow
def test_a_run_of_before_there_were_averages_goes_on(finished, tmp_path):
    """Its config says nothing of them; another decay is another run."""
    config = tiny.generator_config()
    values = run_directory.plain(config)
    del values["ema"]
    with run_directory.open_run(tmp_path, values):
        pass
    run_directory.check(tmp_path, config)
    config.ema = 0.5
    with pytest.raises(ValueError, match=r"config\.ema is 0\.0 there and 0\.5 here"):
        run_directory.check(tmp_path, config)


SCRIPT = """
import json

import jax
import numpy as np
import optax

jax.config.update("jax_num_cpu_devices", 8)

import tiny
from pgjax.data.pipeline import split_over_devices
from pgjax.runtime.devices import over_devices
from pgjax.training.recipe import OPTIMIZERS, build
from pgjax.training.state import init_state
from pgjax.training.steps import make_step

# Adam would make whole steps of rounding errors.
OPTIMIZERS["sgd"] = lambda learning_rate: optax.sgd(learning_rate)
config = tiny.generator_config()
config.batch_size, config.ema = 8, 0.75
schedule = {"name": "cosine", "warmup": 2, "options": {"end": 4}}
config.networks.g.optimizer = {
    "name": "sgd", "learning_rate": 0.05, "schedule": schedule, "clip_norm": 0.5
}
config.networks.g.weight_clip = 0.2
recipe = build(config)
state = init_state(recipe)
step = make_step(recipe, recipe.stages["stage1"])


def run(devices):
    mapped = over_devices(step)
    after = jax.tree.map(lambda x: np.stack([x] * devices), state)
    for seed in (3, 4, 5):
        after, _ = mapped(after, (split_over_devices(tiny.batch(seed, 8), devices),))
    for leaf in jax.tree.leaves(after):
        for other in leaf[1:]:
            np.testing.assert_array_equal(leaf[0], other)
    return jax.tree.map(lambda x: np.asarray(x[0]), after.networks["g"])


one, many = run(1), run(8)
start = state.networks["g"].params
worst = {}
for field in ("params", "average"):
    a, b, old = (jax.tree.leaves(x) for x in (getattr(one, field), getattr(many, field), start))
    moved = max(np.abs(x - y).max() for x, y in zip(a, old))
    worst[field] = max(np.abs(x - y).max() for x, y in zip(a, b)) / moved
print(json.dumps({name: float(value) for name, value in worst.items()}))
"""


@pytest.mark.slow
def test_eight_devices_are_one():
    """Three moves, clipped, warmed up and averaged: apart by rounding, beside the way that was gone."""
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=places.environment(), capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    worst = json.loads(ended.stdout)
    assert set(worst) == {"params", "average"} and max(worst.values()) < 1e-4, worst
