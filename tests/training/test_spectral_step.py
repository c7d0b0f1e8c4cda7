"""Steps of a row whose networks are spectrally normalised and have self-attention."""

import jax
import numpy as np
import pytest
from flax import jax_utils

import tiny
from pgjax.data.pipeline import split_over_devices
from pgjax.images.pixels import to_uint8
from pgjax.pose.scene import derive
from pgjax.runtime.devices import over_devices
from pgjax.training.checkpoint import Checkpoints
from pgjax.training.generation import Predictor
from pgjax.training.recipe import build
from pgjax.training.state import init_state, modules, state_shapes
from pgjax.training.steps import make_step

BATCHES = tuple(tiny.batch(seed) for seed in (3, 4, 5))


def _recipe():
    """Both networks move in the first stage; in the second, the generator alone, without a critic."""
    config = tiny.deformable_config("baseline")
    for name, constant, levels in (("g", 1.0, (1,)), ("d", 0.7, (2,))):
        config.networks[name].options.update(features=2, spectral=constant, attention=levels)
    config.stages.stage2 = {
        "steps": 4,
        "players": ("g",),
        "generators": ("g",),
        "terms": {"l1": {"weight": 1.0}},
    }
    return build(config)


def _cold(state):
    """With random vectors, so that one iteration shows."""
    rng = np.random.default_rng(0)

    def draw(vector):
        drawn = rng.normal(size=vector.shape)
        return np.float32(drawn / np.linalg.norm(drawn))

    networks = {
        name: network._replace(vectors=jax.tree.map(draw, network.vectors))
        for name, network in state.networks.items()
    }
    return state._replace(networks=networks)


class Compiled:
    def __init__(self):
        self.recipe = _recipe()
        self.state = _cold(init_state(self.recipe))
        self.steps = {
            name: over_devices(make_step(self.recipe, stage))
            for name, stage in self.recipe.stages.items()
        }

    def run(self, stage, devices):
        state = jax_utils.replicate(self.state, jax.devices()[:devices])
        chosen = BATCHES[: self.recipe.stages[stage].batches]
        split = tuple(split_over_devices(b, devices) for b in chosen)
        # Each is run once: unoptimised they compile in a fraction of the time.
        options = {"xla_backend_optimization_level": 0}
        step = self.steps[stage].lower(state, split).compile(compiler_options=options)
        state, log = step(state, split)
        return jax.tree.map(lambda x: x[0], state), {k: float(v[0]) for k, v in log.items()}


@pytest.fixture(scope="module")
def compiled():
    return Compiled()


@pytest.fixture(scope="module")
def one(compiled):
    return compiled.run("stage1", 1)


def _same(a, b, **tolerance):
    assert jax.tree.structure(a) == jax.tree.structure(b)
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, **tolerance), a, b)


def _iterated(network):
    """By hand: one iteration, layer after layer, from the parameters before the step."""

    def walk(params, vectors):
        if "u" not in vectors:
            return {name: walk(params[name], below) for name, below in vectors.items()}
        kernel = np.float64(params["kernel"])
        matrix = np.moveaxis(kernel, -1, 0).reshape(kernel.shape[-1], -1)
        v = matrix.T @ vectors["u"]
        v /= np.linalg.norm(v)
        u = matrix @ v
        return {"u": u / np.linalg.norm(u), "v": v}

    return walk(network.params, network.vectors)


def _largest_change(a, b):
    return max(map(lambda x, y: np.abs(x - y).max(), jax.tree.leaves(a), jax.tree.leaves(b)))


@pytest.mark.slow
def test_every_player_iterates_exactly_once(compiled, one):
    for name, network in compiled.state.networks.items():
        found, expected = one[0].networks[name].vectors, _iterated(network)
        _same(found, expected, atol=1e-5)
        # A second iteration, or none, would show.
        again = _iterated(network._replace(vectors=expected))
        assert _largest_change(expected, again) > 1e-2
        assert _largest_change(expected, network.vectors) > 1e-2


@pytest.mark.slow
def test_who_does_not_play_does_not_iterate(compiled):
    state, log = compiled.run("stage2", 1)
    assert set(log) == {"g/l1", "g/loss", "g/gradient_norm"}
    before = compiled.state.networks
    _same(state.networks["d"], before["d"], rtol=0)
    _same(state.networks["g"].vectors, _iterated(before["g"]), atol=1e-5)


@pytest.mark.slow
def test_a_step_uses_the_vectors_it_has_just_made(compiled, one):
    """Seen at the critic's loss on real images, which is the first."""
    critic, before = modules(compiled.recipe)["d"], compiled.state.networks["d"]

    @jax.jit
    def loss(vectors):
        scene = derive(BATCHES[2], **compiled.recipe.scene)
        variables = {"params": before.params, "spectral": vectors}
        logits = critic.apply(variables, scene, scene.target_image, train=True)
        return -jax.nn.log_sigmoid(logits).mean()

    expected = loss(jax.tree.map(np.float32, _iterated(before)))
    np.testing.assert_allclose(one[1]["d/bce_real"], expected, rtol=2e-5)
    assert abs(loss(before.vectors) - expected) > 1e-2 * abs(expected)


@pytest.mark.slow
def test_two_devices_equal_one(compiled, one):
    state, log = compiled.run("stage1", 2)
    assert log.keys() == one[1].keys()
    for name, value in one[1].items():
        np.testing.assert_allclose(log[name], value, rtol=5e-5, err_msg=name)
    for player in ("g", "d"):
        a, b = (s.networks[player] for s in (one[0], state))
        _same(a.vectors, b.vectors, atol=1e-6)
        a, b = a.optimizer[0].mu, b.optimizer[0].mu
        _same(a, b, atol=2e-5 * max(np.abs(x).max() for x in jax.tree.leaves(a)))


@pytest.mark.slow
def test_prediction_reads_the_stored_vectors_and_changes_nothing(compiled, one):
    state, pairs = one[0], np.array([[0, 1], [2, 3], [4, 5], [6, 7]], np.int32)
    kept = jax.tree.map(np.array, state)
    predict = Predictor(compiled.recipe, "stage1")
    predictions = [next(predict(state, tiny.split(0).store, pairs)) for _ in range(2)]
    _same(*(p.images for p in predictions), rtol=0)
    _same(state, kept, rtol=0)
    network, batch = state.networks["g"], predictions[0].batch

    @jax.jit
    def image(vectors):
        scene = derive(batch, **compiled.recipe.scene)
        variables = {"params": network.params, "spectral": vectors}
        return modules(compiled.recipe)["g"].apply(variables, scene, {}, train=False)

    found = np.float64(predictions[0].images["g"])
    # Rounding may differ by one.
    np.testing.assert_allclose(found, to_uint8(image(network.vectors)), atol=1)
    moved = jax.tree.map(np.float32, _iterated(network))
    assert _largest_change(image(moved), image(network.vectors)) > 1e-4


@pytest.mark.slow
def test_a_checkpoint_holds_the_vectors(compiled, one, tmp_path):
    with Checkpoints(tmp_path, {}) as checkpoints:
        checkpoints.save(one[0])
    with Checkpoints(tmp_path, {}) as checkpoints:
        _same(checkpoints.restore(state_shapes(compiled.recipe)), one[0], rtol=0)
