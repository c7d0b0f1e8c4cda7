"""Keras' RMSprop, its first two steps worked out by hand."""

import jax
import jax.numpy as jnp
import numpy as np

import tiny
from configs import common
from pgjax.training.recipe import build
from pgjax.training.state import optimizer


def test_rmsprop_adds_epsilon_outside_the_root():
    config = tiny.deformable_config()
    config.networks.g.optimizer = common.rmsprop(2e-4)
    made = optimizer(build(config).networks["g"])
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
