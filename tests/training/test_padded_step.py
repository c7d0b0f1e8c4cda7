"""A step of a row whose generator pads: one that 44 columns, a quarter of 176, could not halve."""

import jax
import numpy as np
import pytest
from flax import jax_utils

import tiny
from configs import deformable
from pgjax.data.pipeline import split_over_devices
from pgjax.runtime.devices import over_devices
from pgjax.training.recipe import build
from pgjax.training.state import init_state
from pgjax.training.steps import make_step

WIDTH = 44


def _wide(image):
    return np.pad(image, [(0, 0), (0, 0), (0, WIDTH - image.shape[2]), (0, 0)], mode="edge")


@pytest.mark.slow
def test_a_step_moves_a_padded_generator():
    config = tiny.narrow(deformable.get_config(f"custom_64x{WIDTH}/dsc"))
    config.networks.g.options.pad = True
    recipe = build(config)
    batches = []
    for seed in (3, 4, 5):
        batch = tiny.batch(seed)
        wide = {name: _wide(getattr(batch, name)) for name in ("source_image", "target_image")}
        batches.append(split_over_devices(batch._replace(**wide), 1))
    before = init_state(recipe)
    step = over_devices(make_step(recipe, recipe.stages["stage1"]))
    state, log = step(jax_utils.replicate(before, jax.devices()[:1]), tuple(batches), None)
    assert all(np.isfinite(value).all() for value in log.values())
    for name, network in state.networks.items():
        old = before.networks[name].params
        moved = jax.tree.map(lambda a, b: np.abs(np.asarray(a[0]) - b).max(), network.params, old)
        assert min(jax.tree.leaves(moved)) > 0, name
