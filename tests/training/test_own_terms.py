"""Terms that a generator computes itself: VariGAN's divergence in a step, and names that nobody computes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import tiny
from configs import varigan
from pgjax.data.pipeline import split_over_devices
from pgjax.errors import InputError
from pgjax.nets.varigan import Coarse
from pgjax.pose.scene import derive
from pgjax.runtime.devices import over_devices, replicate
from pgjax.training.recipe import OPTIMIZERS, build
from pgjax.training.state import init_state
from pgjax.training.steps import example_keys, make_generate, make_step

BATCH = tiny.batch(3)._replace(target_view=np.array([0, 1, 2, -1], np.int8))
WEIGHT = 0.01


def row(parts=1):
    config = tiny.narrow(varigan.get_config("synthetic_people/varigan_reading"))
    config.networks.g.options.update(code=5, latent=6)
    config.stages.stage1.terms.kl.weight = WEIGHT
    config.compute.accumulate = parts
    return config


def first_step(parts=1):
    """The gradient and the log of a first step on two devices."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(OPTIMIZERS, "kept", tiny.kept_gradient)
        config = row(parts)
        for network in config.networks.values():
            network.optimizer = {"name": "kept", "learning_rate": 1.0}
        recipe = build(config)
        step = over_devices(make_step(recipe, recipe.stages["stage1"]))
        state = init_state(recipe)
        after, log = step(replicate(state), (split_over_devices(BATCH, 2),))
        gradient = jax.tree.map(lambda x: np.asarray(x[0]), after.networks["g"].optimizer)
        return state, gradient, {name: float(value[0]) for name, value in log.items()}


def close(found, expected):
    largest = max(np.abs(x).max() for x in jax.tree.leaves(expected))
    assert largest > 1e-4
    for x, y in zip(*map(jax.tree.leaves, (found, expected)), strict=True):
        np.testing.assert_allclose(x, y, atol=1e-5 * largest)


@pytest.fixture(scope="module")
def whole():
    return first_step()


@pytest.mark.slow
def test_the_loss_is_the_reconstruction_and_the_divergence(whole):
    """Over the whole batch on one device, in formulas of this test."""
    state, gradient, log = whole
    scene = derive(BATCH, disc_radius=2, heatmap_sigma=3.0)
    scene = scene._replace(keys=example_keys(0, (0, 0), jnp.arange(4)))
    np.testing.assert_array_equal(scene.target_view[:3], np.eye(3))
    network = Coarse(features=4, code=5, latent=6)

    def loss(params):
        image, told = network.apply(
            {"params": params}, scene, {}, train=True, mutable=["own_terms", "intermediates"],
            capture_intermediates=lambda module, _: module.name in ("mean", "log_variance"),
        )  # fmt: skip
        kept = told["intermediates"]
        ((mean,), (log_variance,)) = (kept[n]["__call__"] for n in ("mean", "log_variance"))
        divergence = jnp.sum(mean**2 + jnp.exp(log_variance) - log_variance - 1) / 2 / 4
        reconstruction = jnp.mean(jnp.abs(image - scene.target_image))
        total = reconstruction + WEIGHT * divergence
        return total, {"g/l1": reconstruction, "g/kl": divergence, "g/loss": total}

    expected, parts = jax.jit(jax.grad(loss, has_aux=True))(state.networks["g"].params)
    for name, value in parts.items():
        np.testing.assert_allclose(log[name], value, rtol=1e-5, err_msg=name)
    assert log.keys() == {*parts, "g/gradient_norm"}
    close(gradient, expected)


@pytest.mark.slow
def test_two_parts_are_the_whole(whole):
    _, gradient, log = whole
    _, of_parts, log_of_parts = first_step(2)
    assert log.keys() == log_of_parts.keys()
    for name, value in log.items():
        np.testing.assert_allclose(log_of_parts[name], value, rtol=1e-5, err_msg=name)
    close(of_parts, gradient)


@pytest.mark.slow
def test_what_is_generated_follows_from_source_and_view_alone():
    recipe = build(row())
    state = init_state(recipe)
    variables = {name: network.averaged for name, network in state.networks.items()}
    generate = jax.jit(make_generate(recipe, recipe.stages["stage2"]))
    expected = generate(variables, BATCH)
    other = tiny.batch(4)._replace(
        source_image=BATCH.source_image, target_view=np.array([0, 1, 2, 0], np.int8)
    )
    found = generate(variables, other)
    for name in ("g", "g2"):
        np.testing.assert_array_equal(found[name][:3], expected[name][:3])
    turned = generate(variables, BATCH._replace(target_view=np.array([1, 1, 2, -1], np.int8)))
    for name in ("g", "g2"):
        differ = np.abs(turned[name] - expected[name]).max((1, 2, 3)) > 1e-3
        np.testing.assert_array_equal(differ, [True, False, False, False])


@pytest.mark.parametrize(
    ("stage", "term", "message"),
    [
        ("stage1", "kl2", r"stages\.stage1\.terms: unknown name 'kl2'.*kl"),
        # There it does not play.
        ("stage2", "kl", r"stages\.stage2\.terms: unknown name 'kl'"),
    ],
)
def test_a_term_that_no_playing_generator_has_is_named(stage, term, message):
    config = row()
    config.stages[stage].terms[term] = {"weight": 1.0}
    with pytest.raises(InputError, match=message):
        build(config)


def test_an_own_term_has_no_options():
    config = row()
    config.stages.stage1.terms.kl.options = {"layer": "none"}
    with pytest.raises(InputError, match=r"terms\.kl\.options: a network's own term takes none"):
        build(config)
