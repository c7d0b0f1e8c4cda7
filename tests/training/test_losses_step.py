"""One real step over two devices with every adversarial loss, the SSIM terms and RMSprop."""

import jax
import numpy as np
import pytest

import tiny
from configs import common
from pgjax.data.pipeline import split_over_devices
from pgjax.errors import InputError
from pgjax.runtime.devices import over_devices, replicate
from pgjax.training import losses
from pgjax.training.checkpoint import Checkpoints
from pgjax.training.losses import ADVERSARIAL
from pgjax.training.recipe import build
from pgjax.training.state import init_state
from pgjax.training.steps import make_step

BATCHES = tuple(tiny.batch(seed) for seed in (3, 4, 5))
TERMS = ("l1", "ssim", "mask_ssim")


def _recipe():
    config = tiny.deformable_config("baseline")
    for network in config.networks.values():
        network.optimizer = common.rmsprop(2e-4)
    stage = config.stages.stage1
    stage.terms = {name: {"weight": 1.0} for name in TERMS}
    stage.adversarial = {name: {"weight": 1.0} for name in ADVERSARIAL}
    return build(config)


@pytest.fixture(scope="module")
def run():
    """(recipe, first state, state after a step, its log)."""
    recipe = _recipe()
    first = init_state(recipe)
    step = over_devices(make_step(recipe, recipe.stages["stage1"]))
    given = replicate(first), tuple(split_over_devices(batch, 2) for batch in BATCHES)
    # Run once: unoptimised it compiles in a third of the time.
    options = {"xla_backend_optimization_level": 0}
    state, log = jax.tree.map(lambda x: x[0], step.lower(*given).compile(options)(*given))
    return recipe, first, state, {name: float(value) for name, value in log.items()}


@pytest.mark.slow
def test_every_loss_is_logged_and_both_players_move(run):
    _, first, state, log = run
    sides = {f"d/{name}_{side}" for name in ADVERSARIAL for side in ("real", "generated")}
    own = {f"g/{name}" for name in (*TERMS, *ADVERSARIAL)}
    both = {f"{player}/{part}" for player in "dg" for part in ("loss", "gradient_norm")}
    assert log.keys() == sides | own | both
    assert np.isfinite(list(log.values())).all()
    np.testing.assert_allclose(log["g/loss"], sum(log[name] for name in own), rtol=1e-5)
    for player, network in first.networks.items():
        for before, after in zip(
            *map(jax.tree.leaves, (network, state.networks[player])), strict=True
        ):
            assert np.isfinite(after).all() and not np.array_equal(before, after)


@pytest.mark.slow
def test_a_checkpoint_with_rmsprop_comes_back(run, tmp_path):
    recipe, first, state, _ = run
    with Checkpoints(tmp_path, {"row": recipe.row}) as checkpoints:
        checkpoints.save(state)
        restored = checkpoints.restore(first)
    for saved, found in zip(*map(jax.tree.leaves, (state, restored)), strict=True):
        np.testing.assert_array_equal(saved, found)


@pytest.mark.parametrize("part", ["term", "critic", "generator"])
def test_a_loss_that_is_no_scalar_is_named(monkeypatch, part):
    per_image = jax.numpy.ravel
    mean = jax.numpy.mean
    monkeypatch.setitem(
        losses.TERMS,
        "own",
        lambda scene, image, features: (per_image if part == "term" else mean)(image),
    )
    monkeypatch.setitem(
        ADVERSARIAL,
        "own",
        losses.Adversarial(
            lambda real, fake: (mean(real), (per_image if part == "critic" else mean)(fake)),
            lambda real, fake: (per_image if part == "generator" else mean)(fake),
        ),
    )
    config = tiny.deformable_config("baseline")
    config.stages.stage1.terms = {"own": {"weight": 1.0}}
    config.stages.stage1.adversarial = {"own": {"weight": 1.0}}
    recipe = build(config)
    step = over_devices(make_step(recipe, recipe.stages["stage1"]))
    given = replicate(init_state(recipe)), tuple(split_over_devices(b, 2) for b in BATCHES)
    with pytest.raises(InputError, match=r"'own'\].* returned an array of shape .* scalar"):
        step.lower(*given)
