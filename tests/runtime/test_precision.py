"""Every family of networks in the rounded precisions beside float32: what is rounded, and by how much."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import tiny
from configs import deformable, horiuchi, patn, pdig, pg2, varigan, vdg
from pgjax import frozen
from pgjax.data.pipeline import split_over_devices
from pgjax.nets import NETS
from pgjax.runtime.devices import DEVICES, over_devices, replicate
from pgjax.runtime.precision import PRECISIONS
from pgjax.training.recipe import Compute, build
from pgjax.training.state import init_state, state_shapes
from pgjax.training.steps import make_step
from programs import equations

ROWS = {
    "full": (deformable, "percloss", "stage1"),
    "spectral": (horiuchi, "sn_rh", "stage1"),
    "pg2": (pg2, "g1_g2_d", "stage2"),
    "coordinates": (pg2, "g1_ce_l1", "stage1"),
    "vdg": (vdg, "vdg", "stage2"),
    "patn": (patn, "patn", "stage1"),
    "pdig": (pdig, "pdig_sampling", "stage3"),
    "coarse": (varigan, "varigan_reading", "stage1"),
    "fine": (varigan, "varigan_reading", "stage2"),
}
TOLERANCE = 0.05
"""Of a first loss, relative; measured: at most 0.02."""


def recipes(name, precision="bfloat16"):
    module, row, stage = ROWS[name]
    recipe = build(tiny.narrow(module.get_config(f"synthetic_people/{row}")))
    half = dataclasses.replace(recipe, compute=Compute(precision=precision))
    return recipe, half, stage


def weights_of(recipe):
    return frozen.random("vgg19") if recipe.reads_features else None


@functools.cache
def _first_log(name, precision):
    """The losses of a first step; two more are made, and the state stays what it is."""
    exact, rounded, stage = recipes(name, precision)
    recipe = exact if precision == "float32" else rounded
    start = init_state(exact)
    batches = tuple(tiny.batch(seed) for seed in range(recipe.stages[stage].batches))
    batches = tuple(split_over_devices(batch, 2) for batch in batches)
    weights = weights_of(recipe)
    given = () if weights is None else (replicate(weights),)
    step = over_devices(make_step(recipe, recipe.stages[stage]))
    state, log = step(replicate(start), batches, *given)
    told = {key: float(value[0]) for key, value in log.items()}
    for _ in range(2):
        state, log = step(state, batches, *given)
    assert np.isfinite([value[0] for value in log.values()]).all()
    for leaf, old in zip(*map(jax.tree.leaves, (state, start)), strict=True):
        assert leaf.dtype == old.dtype != jnp.bfloat16
    return told


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "precision"),
    [*((name, "bfloat16") for name in ROWS), *((name, PRECISIONS[1]) for name in ("full", "pg2"))],
)
def test_rounded_steps_are_close_and_their_state_is_float32(name, precision):
    exact, rounded = _first_log(name, "float32"), _first_log(name, precision)
    assert exact != rounded
    # A player that moves later, moves against one that was rounded.
    recipe, _, stage = recipes(name)
    first = recipe.stages[stage].players[0]
    for key, value in exact.items():
        if key.startswith(f"{first}/") and not key.endswith("gradient_norm"):
            np.testing.assert_allclose(rounded[key], value, rtol=TOLERANCE, err_msg=key)


def operands_of(primitive, recipe, stage):
    """The names of the types that each such primitive of a step has."""
    stage = recipe.stages[stage]
    step = jax.vmap(make_step(recipe, stage), axis_name=DEVICES)
    one = jax.tree.map(lambda x: jnp.zeros((1, *x.shape), x.dtype), state_shapes(recipe))
    batches = (jax.tree.map(lambda x: x[None], tiny.batch()),) * stage.batches
    weights = jax.tree.map(lambda x: jnp.array(x)[None], weights_of(recipe))
    program = jax.make_jaxpr(step)(one, batches, weights)
    return [
        {operand.aval.dtype.name for operand in equation.invars}
        for equation in equations(program.jaxpr)
        if equation.primitive.name == primitive
    ]


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        pytest.param(name, precision, marks=[pytest.mark.slow] * (name != "pg2"))
        for precision, names in zip(PRECISIONS[1:], (ROWS, ("full", "pg2")), strict=True)
        for name in names
    ],
)
def test_every_convolution_of_an_accelerators_rounded_step_is_one(name, precision, monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    _, recipe, stage = recipes(name, precision)
    kinds = operands_of("conv_general_dilated", recipe, stage)
    assert len(kinds) > 10
    assert all(kind == {"bfloat16"} for kind in kinds), "use the layers of pgjax.nets.layers"


@pytest.mark.slow
@pytest.mark.parametrize("precision", PRECISIONS[1:])
def test_every_product_of_a_processors_rounded_step_is_one(precision):
    _, recipe, stage = recipes("full", precision)
    kinds = operands_of("dot_general", recipe, stage)
    assert len(kinds) > 100 and all(kind == {"bfloat16"} for kind in kinds)


def test_every_network_is_among_them():
    named = set()
    for name in ROWS:
        named |= {network.net for network in recipes(name)[0].networks.values()}
    lacking = set(NETS) - named
    assert not lacking, (
        f"add to ROWS, in this file, a row of configs/ that has {', '.join(lacking)}"
    )
