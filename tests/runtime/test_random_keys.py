"""Random numbers do not follow from how JAX is set up."""

import jax
import numpy as np
import pytest

import tiny
from pgjax.data.pipeline import split_over_devices
from pgjax.runtime import random_keys
from pgjax.runtime.devices import over_devices, replicate
from pgjax.training.generation import Predictor
from pgjax.training.recipe import build
from pgjax.training.state import init_state
from pgjax.training.steps import example_keys, make_step

OTHERS = ("rbg", "unsafe_rbg")
"""JAX_DEFAULT_PRNG_IMPL; with both a vmap over keys draws for all from the first."""


def _trained() -> list[np.ndarray]:
    """A state after a step with dropout, and what it draws with its noise, as arrays."""
    recipe = build(tiny.generator_config())
    step = over_devices(make_step(recipe, recipe.stages["stage1"]))
    state, _ = step(replicate(init_state(recipe)), (split_over_devices(tiny.batch(3), 2),))
    state = jax.tree.map(lambda x: np.asarray(x[0]), state)
    predict = Predictor(recipe, "stage1", noise=True, scored=False)
    (drawn,) = predict(state, tiny.SPLITS["test"].store, np.array([[0, 1], [1, 2], [3, 4]]))
    return jax.tree.leaves((state, drawn.images))


@pytest.fixture(scope="module")
def trained():
    return _trained()


@pytest.mark.slow
def test_a_step_and_its_pictures_are_the_same_with_another_generator(trained):
    with jax.default_prng_impl("rbg"):
        for x, y in zip(trained, _trained(), strict=True):
            np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("generator", OTHERS)
def test_an_example_draws_the_same_alone_and_in_a_batch(generator):
    with jax.default_prng_impl(generator):
        keys = example_keys(0, (5,), np.arange(4, dtype=np.int32))
        alone = np.stack([jax.random.uniform(key, (8,)) for key in keys])
        together = jax.vmap(lambda key: jax.random.uniform(key, (8,)))(keys)
    np.testing.assert_array_equal(alone, together)


def test_a_key_is_what_it_was():
    """Runs of before go on as they would have."""
    np.testing.assert_array_equal(
        jax.random.key_data(random_keys.key(7)), jax.random.key_data(jax.random.key(7))
    )
