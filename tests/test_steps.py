import jax
import numpy as np
import pytest
from flax import jax_utils

import tiny
from pgjax.data.pipeline import split_over_devices
from pgjax.recipe import build
from pgjax.state import init_state
from pgjax.steps import make_generate, make_step, over_devices


class Compiled:
    """The steps of the released row at toy width: it has every kind of negative."""

    def __init__(self):
        self.recipe = build(tiny.config("g1_g2_d_released"))
        self.state = init_state(self.recipe)
        self.steps = {
            name: over_devices(make_step(self.recipe, stage))
            for name, stage in self.recipe.stages.items()
        }

    def run(self, stage, devices, batches):
        state = jax_utils.replicate(self.state, jax.devices()[:devices])
        split = tuple(split_over_devices(b, devices) for b in batches)
        state, log = self.steps[stage](state, split)
        return jax_utils.unreplicate(state), {k: float(v[0]) for k, v in log.items()}


@pytest.fixture(scope="module")
def compiled():
    return Compiled()


@pytest.fixture(scope="module")
def two(compiled):
    """Stage 2 after one step, on a batch of four."""
    return compiled.run("stage2", 2, (tiny.batch(),))


def _changed(a, b) -> set[str]:
    return {
        name
        for name in a.networks
        if not all(
            np.array_equal(x, y)
            for x, y in zip(
                jax.tree.leaves(a.networks[name]), jax.tree.leaves(b.networks[name]), strict=True
            )
        )
    }


def test_only_the_players_of_a_stage_move(compiled, two):
    one, log = compiled.run("stage1", 2, (tiny.batch(),))
    assert _changed(compiled.state, one) == {"g1"} and int(one.step) == 1
    assert _changed(compiled.state, two[0]) == {"g2", "d"}
    assert set(log) == {"g1/mask_l1", "g1/loss", "g1/gradient_norm"}


def test_the_learning_rate_reaches_the_optimizer(compiled, two):
    # Adam's first step moves every parameter that has a gradient by the learning rate.
    rate = compiled.recipe.networks["g2"].optimizer.learning_rate
    before, after = (s.networks["g2"].params["out"]["bias"] for s in (compiled.state, two[0]))
    np.testing.assert_allclose(np.abs(after - before), rate, rtol=1e-2)


def test_the_generators_loss_is_the_weighted_sum(compiled, two):
    log = two[1]
    weight = compiled.recipe.stages["stage2"].terms["mask_l1"].weight
    assert weight == 10.0
    expected = weight * log["g2/mask_l1"] + log["g2/bce"]
    np.testing.assert_allclose(log["g2/loss"], expected, rtol=1e-5)


def test_the_critics_loss_is_the_released_codes(two):
    # Reference fact 2.4: 0.5 real + 0.25 source + 0.25 generated; G1's image counts nothing.
    log = two[1]
    expected = 0.5 * log["d/bce_real"] + 0.25 * (log["d/bce_source"] + log["d/bce_generated"])
    np.testing.assert_allclose(log["d/loss"], expected, rtol=1e-5)


def test_two_devices_equal_one(compiled, two):
    _, one = compiled.run("stage2", 1, (tiny.batch(),))
    assert two[1].keys() == one.keys()
    for name, value in one.items():
        np.testing.assert_allclose(two[1][name], value, rtol=2e-5, err_msg=name)


def test_generation_is_what_the_modules_compute(compiled):
    recipe, stage = compiled.recipe, compiled.recipe.stages["stage2"]
    params = {name: network.params for name, network in compiled.state.networks.items()}
    batch = tiny.batch()
    images = jax.jit(make_generate(recipe, stage))(params, batch)
    assert list(images) == ["g1", "g2"]
    for image in images.values():
        assert image.shape == (4, *tiny.SIZE, 3)
        assert np.abs(image).max() <= 1.0 and np.std(image) > 0


def test_the_state_is_a_function_of_the_seed(compiled):
    config = tiny.config("g1_g2_d_released")
    again = init_state(build(config))
    assert not _changed(compiled.state, again)
    config.seed = 1
    other = init_state(build(config))
    assert _changed(compiled.state, other) == {"g1", "g2", "d"}
