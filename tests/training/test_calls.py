"""Photos on the device, several steps a call, and accumulation: the same steps, computed elsewise."""

import itertools

import jax
import numpy as np
import pytest

import tiny
from pgjax.data import store as stores
from pgjax.data.pipeline import ahead, batches, check_split, chunks, on_device
from pgjax.errors import InputError
from pgjax.pose.batch import Store
from pgjax.runtime.devices import over_devices, place, replicate
from pgjax.training.recipe import build
from pgjax.training.state import init_state
from pgjax.training.steps import make_step

STEPS = 4
SPLIT = tiny.SPLITS["train"]


class Runs:
    def __init__(self):
        config = tiny.generator_config()
        config.ema = 0.9
        config.networks.g.optimizer.schedule = {"name": "cosine", "options": {"end": 3}}
        config.networks.g.optimizer.clip_norm = 1.0
        self.recipe = build(config)
        self.state = init_state(self.recipe)

    def __call__(self, images: str, counts: tuple[int, ...] | None):
        """State and logs (STEPS,) after STEPS steps, so many a call; None: without a loop."""
        stage = self.recipe.stages["stage1"]
        held = images == "device"
        starts = itertools.accumulate(counts or (), initial=0)
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
            together=counts and zip(starts, counts, strict=False),
            gather=not held,
        )
        mapped = over_devices(make_step(self.recipe, stage, counts is not None), donate=(0,))
        step = tiny.with_users_fusions(mapped)
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
    return runs("host", None)


def _equal(a, b):
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.slow
def test_photos_on_the_device_change_nothing(runs, plain):
    assert int(plain[0].step) == STEPS
    _equal(runs("device", None), plain)


@pytest.mark.slow
def test_how_many_steps_a_call_changes_nothing(runs, plain):
    three, one = runs("device", (3, 1)), runs("host", (1, 1, 1, 1))
    _equal(three, one)
    assert int(one[0].step) == STEPS
    # Outside of a loop XLA fuses otherwise: the first step's losses agree to rounding.
    assert one[1].keys() == plain[1].keys()
    for name, values in plain[1].items():
        np.testing.assert_allclose(one[1][name][0], values[0], rtol=1e-5, err_msg=name)


def test_chunks_do_not_cross_where_something_is_to_be_done():
    found = list(chunks(0, 23, 4, 10, 6))
    assert [start for start, _ in found] == [0, 4, 5, 6, 10, 11, 12, 16, 17, 18, 19, 20, 21, 22][
        : len(found)
    ]
    for start, count in found:
        assert count in (1, 4)
        assert not any(step % e == 0 for e in (10, 6) for step in range(start + 1, start + count))
    assert sum(count for _, count in found) == 23
    # A run that is stopped after any chunk goes on with the same ones.
    for i, (start, _) in enumerate(found):
        assert list(chunks(start, 23, 4, 10, 6)) == found[i:]


class Device:
    """As jax.Device says what it is."""

    def __init__(self, platform: str, memory: int | None):
        self.platform, self._memory = platform, memory

    def memory_stats(self):
        return None if self._memory is None else {"bytes_limit": self._memory}


def test_photos_go_where_they_fit():
    store = SPLIT.store
    size = sum(x.nbytes for x in (store.images, store.keypoints, store.visible))
    big, small, cpu = Device("gpu", 4 * size), Device("gpu", 4 * size - 4), Device("cpu", None)
    assert on_device("auto", store, big) and not on_device("auto", store, small)
    assert not on_device("auto", store, cpu) and not on_device("auto", store, Device("tpu", None))
    assert on_device("device", store, cpu) and not on_device("host", store, big)
    on_demand = Store(stores.OnDemand(None, np.arange(3), "image", (8, 8)), *store[1:])
    assert not on_device("auto", on_demand, big) and not on_device("host", on_demand, big)
    with pytest.raises(InputError, match=r"config\.compute\.images: 'device' needs all photos"):
        on_device("device", on_demand, big)


def test_a_share_that_does_not_go_in_parts_is_an_error():
    check_split(12, devices=2, hosts=2, parts=3)
    message = r"config\.batch_size: 12 .*2 host.*in 6 parts each \(config\.compute\.accumulate\)"
    with pytest.raises(InputError, match=message):
        check_split(12, devices=2, hosts=2, parts=6)
