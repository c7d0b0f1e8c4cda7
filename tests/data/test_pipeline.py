import itertools

import numpy as np
import pytest

from pgjax.data import pipeline
from pgjax.pose.batch import Indices, Store, fetch

COUNT = 13
PAIRS = np.array(list(itertools.permutations(range(COUNT), 2)), np.int32)


@pytest.fixture(scope="module")
def store():
    rng = np.random.default_rng(0)
    return Store(
        images=rng.integers(0, 256, (COUNT, 16, 8, 3), np.uint8),
        keypoints=rng.integers(0, 8, (COUNT, 18, 2)).astype(np.float32),
        visible=rng.random((COUNT, 18)) < 0.8,
    )


def _order(**changes):
    settings = {"seed": 0, "draw": 0, "start": 0, "size": COUNT} | changes
    return pipeline.order(COUNT, **settings)


def test_every_epoch_is_a_permutation_of_its_own():
    epochs = [_order(start=COUNT * epoch) for epoch in range(3)]
    for epoch in epochs:
        assert sorted(epoch) == list(range(COUNT))
    assert not np.array_equal(epochs[0], epochs[1])


def test_positions_run_on_across_epochs():
    whole = _order(size=5 * COUNT)
    for start in range(0, 4 * COUNT, 7):
        np.testing.assert_array_equal(_order(start=start, size=7), whole[start : start + 7])


def test_seed_and_draw_change_the_order():
    assert not np.array_equal(_order(seed=1), _order())
    assert not np.array_equal(_order(draw=1), _order())


def _indices(step, batch_size=8, seed=3):
    settings = {"seed": seed, "draw": 0, "batch_size": batch_size, "flip": True}
    return pipeline.batch_indices(PAIRS, step=step, **settings)


def test_hosts_share_the_global_batch():
    whole = _indices(4)
    shares = [pipeline.share(whole, host, 4) for host in range(4)]
    for field in range(3):
        joined = np.concatenate([share[field] for share in shares])
        np.testing.assert_array_equal(joined, whole[field])


def test_about_half_of_the_pairs_are_mirrored():
    flips = np.concatenate([_indices(step).flip for step in range(100)])
    assert 0.4 < flips.mean() < 0.6
    assert not pipeline.batch_indices(
        PAIRS, seed=0, step=0, draw=0, batch_size=8, flip=False
    ).flip.any()


def _run(store, start, stop, **changes):
    settings = {"seed": 3, "batch_size": 8, "flip": True, "draws": 2, "devices": 2} | changes
    return list(pipeline.batches(store, PAIRS, start=start, stop=stop, **settings))


def test_batches_resume_from_the_step_number_alone(store):
    whole, resumed = _run(store, 0, 7), _run(store, 4, 7)
    assert len(whole) == 7 and len(resumed) == 3
    for a, b in zip(whole[4:], resumed, strict=True):
        for draw in range(2):
            for x, y in zip(a[draw][:6], b[draw][:6], strict=True):
                np.testing.assert_array_equal(x, y)


def test_batches_hold_what_the_indices_say(store):
    first, second = _run(store, 5, 6)[0]
    expected = fetch(store, _indices(5))
    assert first.source_image.shape == (2, 4, 16, 8, 3)
    np.testing.assert_array_equal(first.source_image.reshape(8, 16, 8, 3), expected.source_image)
    assert not np.array_equal(first.source_image, second.source_image)


def test_a_batch_that_does_not_split_is_an_error(store):
    with pytest.raises(ValueError, match=r"config\.batch_size: 8 .* 3 device"):
        _run(store, 0, 1, devices=3)


def test_fetch_mirrors_image_and_joints_together(store):
    indices = Indices(np.array([2, 2]), np.array([5, 5]), np.array([False, True]))
    batch = fetch(store, indices)
    np.testing.assert_array_equal(batch.source_image[1], store.images[2][:, ::-1])
    np.testing.assert_array_equal(batch.target_visible[1][2], store.visible[5][5])
    np.testing.assert_array_equal(
        batch.target_keypoints[1][2], [store.keypoints[5][5][0], 7 - store.keypoints[5][5][1]]
    )


def test_fetch_works_on_the_device_alike(store):
    import jax.numpy as jnp

    indices = _indices(0)
    on_host = fetch(store, indices)
    there = Store(*(None if x is None else jnp.asarray(x) for x in store))
    for a, b in zip(on_host[:6], fetch(there, indices)[:6], strict=True):
        np.testing.assert_array_equal(a, b)
