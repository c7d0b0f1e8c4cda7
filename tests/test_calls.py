"""Photos on the device, several steps a call, and accumulation: the same steps, computed elsewise."""

import itertools

import jax
import numpy as np
import pytest

import tiny
from pgjax.batch import Store
from pgjax.data import store as stores
from pgjax.data.pipeline import ahead, batches, check_split, chunks, on_device
from pgjax.devices import over_devices, place, replicate
from pgjax.errors import InputError
from pgjax.recipe import build
from pgjax.state import init_state
from pgjax.steps import make_step

STEPS = 4
SPLIT = tiny.SPLITS["train"]


def _recipe(**compute):
    """Dropout, spectral norm's like and three draws: everything that depends on the step's number."""
    config = tiny.deformable_config("dsc")
    config.compute.update(compute)
    return build(config)


class Runs:
    def __init__(self):
        self.recipe = _recipe()
        self.state = init_state(self.recipe)

    def __call__(self, images: str, size: int):
        """State and logs (STEPS,) after STEPS steps, `size` a call."""
        stage = self.recipe.stages["stage1"]
        held = images == "device"
        steps = batches(
            SPLIT.store,
            stores.train_pairs(SPLIT, "deformable"),
            seed=3,
            batch_size=4,
            flip=True,
            draws=stage.batches,
            start=0,
            stop=STEPS,
            devices=2,
            together=chunks(0, STEPS, size),
            gather=not held,
        )
        step = over_devices(make_step(self.recipe, stage, size), donate=(0,))
        store = replicate(SPLIT.store) if held else None
        state, logs = replicate(self.state), []
        for given in ahead(steps, place):
            state, log = step(state, given, None, store)
            logs.append({k: np.ravel(v[0]) for k, v in log.items()})
        whole = {k: np.concatenate([log[k] for log in logs]) for k in logs[0]}
        return jax.tree.map(lambda x: np.asarray(x[0]), state), whole


@pytest.fixture(scope="module")
def runs():
    return Runs()


@pytest.fixture(scope="module")
def plain(runs):
    return runs("host", 1)


def _equal(a, b):
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(x, y)


def test_photos_on_the_device_change_nothing(runs, plain):
    assert int(plain[0].step) == STEPS
    _equal(runs("device", 1), plain)


@pytest.mark.parametrize("images", ["device", "host"])
def test_several_steps_a_call_change_nothing(runs, plain, images):
    _equal(runs(images, 2), plain)
