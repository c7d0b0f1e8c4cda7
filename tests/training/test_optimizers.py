"""Optimizers, schedules and clipping against NumPy, and by hand."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import tiny
from configs import common
from pgjax.errors import InputError
from pgjax.tools import row_summary
from pgjax.training.recipe import OPTIMIZERS, Optimizer, Schedule, build
from pgjax.training.state import learning_rate, optimizer


def _network(**settings):
    config = tiny.deformable_config()
    config.networks.g.optimizer = settings
    return build(config).networks["g"]


def test_rmsprop_adds_epsilon_outside_the_root():
    made = optimizer(_network(**common.rmsprop(2e-4)))
    params = jnp.zeros(3)
    state = made.init(params)
    gradients = jnp.array([[0.5, 1e-6, 0.0], [-0.25, 2e-6, 0.0]])
    # Mean squares 0.1 * 0.25 = 0.025, then 0.9 * 0.025 + 0.1 * 0.0625 = 0.02875: the first parameter
    # moves by 2e-4 * 0.5 / (0.1581139 + 1e-7), then 2e-4 * -0.25 / (0.1695582 + 1e-7). Of the second
    # the roots are 3.1622777e-7 and 7e-7: 2e-4 * 1e-6 / 4.1622777e-7 and 2e-4 * 2e-6 / 8e-7. Inside
    # the root epsilon would leave it a thousandth of that.
    expected = [[-6.324551e-4, -4.805061e-4, 0.0], [2.948837e-4, -5e-4, 0.0]]
    for gradient, wanted in zip(gradients, expected, strict=True):
        updates, state = jax.jit(made.update)(gradient, state, params)
        np.testing.assert_allclose(updates, wanted, rtol=1e-6)


def test_tensorflow_1s_rmsprop_begins_at_1():
    made = optimizer(_network(name="rmsprop_tf1", learning_rate=2e-5))
    params = jnp.zeros(3)
    state = made.init(params)
    square, random = np.ones(3), np.random.default_rng(0)
    for _ in range(4):
        gradient = random.normal(size=3) * [1.0, 1e-3, 10.0]
        updates, state = jax.jit(made.update)(jnp.float32(gradient), state, params)
        square = 0.9 * square + 0.1 * gradient**2
        np.testing.assert_allclose(updates, -2e-5 * gradient / np.sqrt(square + 1e-10), rtol=1e-5)
    # Where the mean square has died out, epsilon is inside the root: the root of 1e-10 is 1e-5.
    blank = jax.tree.map(jnp.zeros_like, state)
    updates, _ = made.update(jnp.full(3, 1e-9), blank, params)
    np.testing.assert_allclose(updates, -2e-5 * 1e-4, rtol=1e-4)


def _rates(counts, rate=2e-4, **schedule):
    found = learning_rate(Optimizer("adam", rate, schedule=Schedule(**schedule)))
    return np.asarray(jax.jit(found)(jnp.arange(counts)))


def test_a_linear_decay():
    counts = np.arange(40)
    found = _rates(40, name="linear_decay", options={"begin": 10, "end": 30, "to": 0.25})
    expected = 2e-4 * np.interp(counts, [10, 30], [1, 0.25])
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    found = _rates(40, name="linear_decay", every=4, options={"end": 30})
    np.testing.assert_allclose(found, 2e-4 * np.interp(counts // 4 * 4, [0, 30], [1, 0]), rtol=1e-5)
    assert (found[32:] == 0).all()


def test_steps():
    found = _rates(40, name="step", options={"size": 7, "factor": 0.3})
    np.testing.assert_allclose(found, 2e-4 * 0.3 ** (np.arange(40) // 7), rtol=1e-5)
    # Optax's staircase, compiled, is a move late here: 61 * (1 / 61) is less than 1.
    found = _rates(400, name="step", options={"size": 61})
    np.testing.assert_allclose(found, 2e-4 * 0.5 ** (np.arange(400) // 61), rtol=1e-6)
    # PDIG's: halved after every 50,000.
    rate = learning_rate(
        Optimizer("adam", 2e-5, schedule=Schedule("step", options={"size": 50_000}))
    )
    places = jnp.array([0, 49_999, 50_000, 99_999, 100_000, 119_999])
    np.testing.assert_allclose(rate(places), np.array([2, 2, 1, 1, 0.5, 0.5]) * 1e-5, rtol=1e-6)


def test_a_cosine():
    found = _rates(60, name="cosine", options={"begin": 10, "end": 50, "to": 0.1})
    part = np.clip((np.arange(60) - 10) / 40, 0, 1)
    expected = 2e-4 * (0.1 + 0.9 * (1 + np.cos(math.pi * part)) / 2)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("name", ["constant", "step"])
def test_a_warm_up_multiplies_the_schedule(name):
    options = {} if name == "constant" else {"size": 6}
    plain = np.ones(20) if name == "constant" else 0.5 ** (np.arange(20) // 6)
    found = _rates(20, name=name, warmup=8, options=options)
    expected = 2e-4 * plain * np.minimum(1, np.arange(1, 21) / 8)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_constant_rate_is_a_number():
    """As before there were schedules: no count of it is in a checkpoint."""
    assert learning_rate(Optimizer("adam", 2e-4)) == 2e-4


PATN = {"name": "linear_decay", "every": 125, "options": {"begin": 62_250, "end": 87_375}}


def test_patns_rate_is_the_reference_codes_in_every_epoch(shared):
    """700 epochs of 125 iterations (docs/reference_facts.md, 4)."""
    with np.load(shared / "golden" / "patn_dev.npz") as file:
        expected = file["schedule/lr_of_epoch_1_to_700"]
    found = _rates(87_500, **PATN).reshape(700, 125)
    np.testing.assert_allclose(found, np.tile(expected[:, None], 125), rtol=2e-6, atol=1e-12)
    assert (found[0] == np.float32(2e-4)).all() and (found[498] == found[0]).all()
    np.testing.assert_allclose(found[499], 2e-4 * 200 / 201, rtol=1e-6)
    assert (found[699] == 0).all() and (found[698] > 0).all()


def test_the_count_is_of_the_networks_moves():
    schedule = {"name": "linear_decay", "options": {"end": 3}}
    made = optimizer(_network(name="adam", learning_rate=0.5, schedule=schedule))
    params = jnp.zeros(2)
    state, sizes = made.init(params), []
    for _ in range(5):
        updates, state = jax.jit(made.update)(jnp.array([1.0, -1.0]), state, params)
        sizes.append(float(np.abs(updates).max()))
    # Adam moves by the rate where the gradient is always the same.
    np.testing.assert_allclose(sizes, [0.5, 1 / 3, 1 / 6, 0, 0], rtol=1e-4)
    assert sizes[3:] == [0, 0]


def test_gradients_are_clipped_by_value_and_then_by_norm(monkeypatch):
    monkeypatch.setitem(OPTIMIZERS, "kept", tiny.kept_gradient)
    gradient = {"a": np.array([3.0, -0.5]), "b": np.array([[-8.0, 1.0]])}
    clipped = {name: np.clip(x, -2, 2) for name, x in gradient.items()}
    norm = math.sqrt(sum((x**2).sum() for x in clipped.values()))
    for settings, expected in [
        ({}, gradient),
        ({"clip_value": 2.0}, clipped),
        ({"clip_norm": 1.5}, {k: x * 1.5 / math.sqrt(74.25) for k, x in gradient.items()}),
        ({"clip_norm": 100.0}, gradient),
        ({"clip_value": 2.0, "clip_norm": 1.5}, {k: x * 1.5 / norm for k, x in clipped.items()}),
    ]:
        made = optimizer(_network(name="kept", learning_rate=1.0, **settings))
        state = made.init(gradient)
        kept = jax.tree.leaves(made.update(jax.tree.map(jnp.float32, gradient), state, gradient)[1])
        for x, y in zip(kept, jax.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"schedule": {"name": "linear"}}, r"schedule\.name: unknown name 'linear'"),
        ({"schedule": {"name": "linear_decay"}}, r"schedule\.options\.end: missing; linear_decay"),
        ({"schedule": {"end": 5}}, r"schedule\.end: unknown key"),
        (
            {"schedule": {"name": "cosine", "options": {"end": 5, "begin": 5}}},
            r"schedule\.options\.end: expected more than begin, 5, got 5$",
        ),
        (
            {"schedule": {"name": "linear_decay", "options": {"end": 5, "to": -1.0}}},
            r"schedule\.options\.to: expected a number from 0 to 1, got -1",
        ),
        (
            {"schedule": {"name": "linear_decay", "options": {"end": 5, "begin": -1}}},
            r"schedule\.options\.begin: expected a number from 0 on",
        ),
        (
            {"schedule": {"name": "step", "options": {"size": 0}}},
            r"schedule\.options\.size: expected a positive number",
        ),
        (
            {"schedule": {"name": "step", "options": {"size": 5, "factor": 0.0}}},
            r"schedule\.options\.factor: expected a number above 0",
        ),
        (
            {"schedule": {"name": "step", "options": {"size": 5.0}}},
            r"schedule\.options\.size: expected int",
        ),
        (
            {"schedule": {"name": "step", "options": {"size": 5, "rate": 2}}},
            r"schedule\.options\.rate: step takes no such option; it takes size, factor",
        ),
        ({"schedule": {"warmup": -1}}, r"schedule\.warmup: expected a number from 0 on"),
        ({"schedule": {"every": 0}}, r"schedule\.every: expected a positive number"),
        ({"clip_norm": -1.0}, r"clip_norm: expected a number from 0 on"),
        ({"clip_value": float("nan")}, r"clip_value: expected a number from 0 on"),
        ({"options": {"b1": 0.5}, "name": "rmsprop_tf1"}, r"options\.b1: rmsprop_tf1 takes no"),
        (
            {"options": {"decay": 1.0}, "name": "rmsprop_tf1"},
            r"options\.decay: expected 0 <= decay < 1",
        ),
    ],
)
def test_a_wrong_key_is_named(settings, message):
    with pytest.raises(InputError, match=rf"config\.networks\.g\.optimizer\.{message}"):
        _network(**{"name": "adam", "learning_rate": 1e-3} | settings)


def test_wrong_clips_and_averages_are_named():
    config = tiny.deformable_config()
    config.networks.d.weight_clip = -0.5
    with pytest.raises(InputError, match=r"config\.networks\.d\.weight_clip: expected a number"):
        build(config)
    config = tiny.deformable_config()
    config.ema = 1.0
    with pytest.raises(InputError, match=r"config\.ema: expected 0 <= ema < 1, got 1"):
        build(config)


def test_a_dry_run_says_how_every_network_is_moved():
    config = tiny.config()
    config.networks.g2.optimizer.schedule = PATN | {"warmup": 1_000}
    config.networks.g2.optimizer.clip_norm = 1.0
    config.networks.d.optimizer = {
        "name": "rmsprop_tf1",
        "learning_rate": 2e-5,
        "schedule": {"name": "step", "options": {"size": 50_000}},
    }
    config.networks.d.weight_clip = 0.01
    config.ema = 0.999
    said = row_summary.describe(config).splitlines()
    assert "  g1: adam 0.0007, constant" in said
    assert (
        "  g2: adam 0.0002, linear from move 62,250 to 0 times that at move 87,375, 125 moves at one "
        "rate, warmed up over 1,000 moves, gradients clipped to norm 1"
    ) in said
    assert (
        "  d: rmsprop_tf1 2e-05, times 0.5 after every 50,000 moves, weights clipped to 0.01"
    ) in said
    assert "  generators are averaged over their moves, with decay 0.999" in said
