"""A step with noise, three draws and frozen features, against the same step written out by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import jax_utils

import tiny
from pgjax import frozen
from pgjax.data.pipeline import split_over_devices
from pgjax.images.similarity import nearest_neighbour_map
from pgjax.nets import NETS
from pgjax.pose.scene import derive
from pgjax.runtime.devices import over_devices, replicate
from pgjax.training.recipe import build
from pgjax.training.state import init_state
from pgjax.training.steps import make_generate, make_step

BATCHES = tuple(tiny.batch(seed) for seed in (3, 4, 5))
SEED, STEP = 5, 3
WEIGHTS = frozen.random("vgg19")


def _recipe():
    """The row with features, and the nearest neighbour among pixels beside them."""
    config = tiny.deformable_config("percloss")
    options = {"layer": "none", "window": 3}
    config.stages.stage1.terms.nearest = {"weight": 2.0, "options": options}
    config.features.means = "swapped"
    config.seed = SEED
    return build(config)


class Compiled:
    def __init__(self):
        self.recipe = _recipe()
        self.state = init_state(self.recipe)._replace(step=jnp.int32(STEP))
        self.step = over_devices(make_step(self.recipe, self.recipe.stages["stage1"]))

    def run(self, devices):
        chosen = jax.devices()[:devices]
        state, weights = (jax_utils.replicate(t, chosen) for t in (self.state, WEIGHTS))
        split = tuple(split_over_devices(b, devices) for b in BATCHES)
        state, log = self.step(state, split, weights)
        return jax.tree.map(lambda x: x[0], state), {k: float(v[0]) for k, v in log.items()}


@pytest.fixture(scope="module")
def compiled():
    return Compiled()


@pytest.fixture(scope="module")
def one(compiled):
    return compiled.run(1)


def _keys(draw):
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(SEED), STEP), draw)
    return jnp.stack([jax.random.fold_in(key, i) for i in range(4)])


@pytest.mark.slow
def test_a_step_is_the_step_written_out(compiled, one):
    recipe, (state, log) = compiled.recipe, one
    nets = {name: NETS[n.net](**n.options) for name, n in recipe.networks.items()}
    old, new = ({name: n.params for name, n in s.networks.items()} for s in (compiled.state, state))

    def scene(draw):
        made = derive(BATCHES[draw], disc_radius=2, heatmap_sigma=3.0)
        return made._replace(keys=_keys(draw))

    def image(scene):
        return nets["g"].apply({"params": old["g"]}, scene, {}, train=True)

    def logits(d, scene, image):
        return nets["d"].apply({"params": d}, scene, image, train=True)

    @jax.jit
    def by_hand():
        # The critic moves first: reals of the third draw, generated images of the second.
        real = logits(old["d"], scene(2), scene(2).target_image)
        fake = logits(old["d"], scene(1), image(scene(1)))
        parts = {
            "d/bce_real": -jnp.mean(jnp.log(jax.nn.sigmoid(real))),
            "d/bce_generated": -jnp.mean(jnp.log(1 - jax.nn.sigmoid(fake))),
        }
        # Then the generator, on the first draw, against the critic as it has become.
        own = scene(0)
        made = image(own)
        judged = logits(new["d"], own, made)
        parts["g/bce"] = -jnp.mean(jnp.log(jax.nn.sigmoid(judged)))
        found, wanted = (
            frozen.extract("vgg19", WEIGHTS, x, "block2_conv1", "swapped")
            for x in (made, own.target_image)
        )
        parts["g/feature_l1"] = jnp.mean(jnp.abs(found - wanted))
        parts["g/nearest"] = jnp.mean(nearest_neighbour_map(made, own.target_image, 3))
        return parts

    parts = by_hand()
    for name, part in parts.items():
        np.testing.assert_allclose(log[name], part, rtol=1e-4, err_msg=name)
    total = parts["g/bce"] + 0.5 * parts["g/feature_l1"] + 2 * parts["g/nearest"]
    np.testing.assert_allclose(log["g/loss"], total, rtol=1e-4)


@pytest.mark.slow
def test_two_devices_equal_one_noise_included(compiled, one):
    state, log = compiled.run(2)
    assert log.keys() == one[1].keys()
    for name, value in one[1].items():
        np.testing.assert_allclose(log[name], value, rtol=5e-5, err_msg=name)
    for player in ("g", "d"):
        a, b = (jax.tree.leaves(s.networks[player].optimizer[0].mu) for s in (one[0], state))
        largest = max(np.abs(x).max() for x in a)
        for x, y in zip(a, b, strict=True):
            np.testing.assert_allclose(x, y, atol=2e-5 * largest)


@pytest.mark.slow
def test_generation_is_noisy_only_on_request(compiled):
    generate = jax.jit(make_generate(compiled.recipe, compiled.recipe.stages["stage1"]))
    variables = {"g": compiled.state.networks["g"].variables}
    plain = generate(variables, BATCHES[0])["g"]
    np.testing.assert_array_equal(plain, generate(variables, BATCHES[0])["g"])
    noisy, again, other = (generate(variables, BATCHES[0], _keys(draw))["g"] for draw in (0, 0, 1))
    np.testing.assert_array_equal(noisy, again)
    assert np.abs(noisy - plain).max() > 1e-4 and np.abs(noisy - other).max() > 1e-4


@pytest.mark.slow
def test_where_all_sides_see_one_draw_the_generated_image_is_made_once():
    """By the compiler: the critic moves first, and until then nothing has changed the generator."""
    config, products = tiny.deformable_config("dsc"), []
    for draws in (3, 1):
        if draws == 1:
            config.stages.stage1.draws.d = config.stages.stage1.real_draw = 0
        recipe = build(config)
        stage, state = recipe.stages["stage1"], replicate(init_state(recipe))
        split = tuple(split_over_devices(batch, 2) for batch in BATCHES[:draws])
        step = over_devices(make_step(recipe, stage)).lower(state, split).compile()
        products.append(step.as_text().count(" dot("))
    generate = jax.jit(make_generate(recipe, stage))
    variables = {"g": init_state(recipe).networks["g"].variables}
    forward = generate.lower(variables, BATCHES[0], _keys(0)).compile().as_text().count(" dot(")
    assert forward > 10
    assert products[0] - products[1] == forward
