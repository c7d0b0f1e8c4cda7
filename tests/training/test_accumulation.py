"""Gradient accumulation: a batch in parts has the gradients and losses of the whole."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import tiny
from configs import horiuchi, pg2
from pgjax import nets
from pgjax.data.pipeline import split_over_devices
from pgjax.errors import InputError
from pgjax.nets import NETS
from pgjax.pose.scene import derive
from pgjax.runtime.devices import over_devices, replicate
from pgjax.training import losses
from pgjax.training.losses import ADVERSARIAL, TERMS
from pgjax.training.recipe import OPTIMIZERS, build
from pgjax.training.state import init_state
from pgjax.training.steps import make_step

SMALL = {"pg2_g1": {"code": 8}, "patch_critic": {"blocks": 2}}
BATCHES = tuple(tiny.batch(seed, 8) for seed in (3, 4, 5))


def _first_step(parts: int):
    config = tiny.deformable_config("dsc")
    config.batch_size = 8
    config.compute.accumulate = parts
    for network in config.networks.values():
        network.optimizer = {"name": "kept", "learning_rate": 1.0}
    recipe = build(config)
    step = over_devices(make_step(recipe, recipe.stages["stage1"]))
    batches = tuple(split_over_devices(batch, 2) for batch in BATCHES)
    state, log = step(replicate(init_state(recipe)), batches)
    gradients = {k: jax.tree.map(lambda x: x[0], n.optimizer) for k, n in state.networks.items()}
    return gradients, {name: float(value[0]) for name, value in log.items()}


@pytest.mark.slow
def test_two_parts_are_the_whole_noise_included(monkeypatch):
    monkeypatch.setitem(OPTIMIZERS, "kept", tiny.kept_gradient)
    (whole, log), (parts, log_of_parts) = _first_step(1), _first_step(2)
    assert log.keys() == log_of_parts.keys()
    for name, value in log.items():
        np.testing.assert_allclose(log_of_parts[name], value, rtol=1e-5, err_msg=name)
    for name, gradient in whole.items():
        largest = max(np.abs(x).max() for x in jax.tree.leaves(gradient))
        assert largest > 1e-3
        for x, y in zip(*map(jax.tree.leaves, (gradient, parts[name])), strict=True):
            np.testing.assert_allclose(y, x, atol=1e-5 * largest, err_msg=name)


@pytest.mark.parametrize(
    ("config", "part"),
    [
        (pg2.get_config("synthetic_people/g1_d"), r"config\.networks\.d depends"),
        (
            horiuchi.get_config("synthetic_people/sn_rh"),
            r"config\.stages\.stage1\.adversarial\.relativistic_hinge depends",
        ),
    ],
)
def test_what_depends_on_the_whole_batch_is_refused(config, part):
    build(config)
    config.compute.accumulate = 2
    with pytest.raises(InputError, match=rf"config\.compute\.accumulate: {part}"):
        build(config)


def _averages_over_devices(function, *args) -> bool:
    try:
        jax.eval_shape(function, *args)
    except NameError as error:
        assert "devices" in str(error)
        return True
    return False


@pytest.mark.slow
def test_the_lists_of_what_depends_on_the_whole_batch_are_whole():
    # Only what averages over devices can depend on other devices' examples, so only that is traced.
    scene, logits = derive(BATCHES[0]), jnp.ones((8, 3))
    for name, pair in ADVERSARIAL.items():
        for play in pair:
            assert _averages_over_devices(play, logits, logits) == (name in losses.OVER_BATCH), name
    features = lambda images, layer: images  # noqa: E731
    for name, term in TERMS.items():
        shown = jnp.zeros((8, 18, 3)) if name == "pose" else scene.target_image
        assert not _averages_over_devices(lambda t=term, x=shown: t(scene, x, features))
    for name, net in NETS.items():
        made = net(features=4, **SMALL.get(name, {}))
        given = scene.target_image
        if not name.endswith("_critic"):
            given = dict.fromkeys(("g", "g1"), given)
        init = functools.partial(made.init, train=False)
        variables = jax.eval_shape(init, jax.random.key(0), scene, given)

        def apply(variables, made=made, given=given):
            return made.apply(variables, scene, given, train=True)

        assert _averages_over_devices(apply, variables) == (name in nets.OVER_BATCH), name
