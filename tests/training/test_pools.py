"""Pools of earlier fakes, against the rule image after image and against a step written out by hand."""

import json
import subprocess
import sys

import critic_rows
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from critic_rows import Judge

import places
import tiny
import two_hosts
from configs import patn
from pgjax import frozen
from pgjax.data.pipeline import split_over_devices
from pgjax.errors import InputError
from pgjax.pose.scene import derive
from pgjax.runtime import random_keys
from pgjax.runtime.devices import DEVICES, over_devices
from pgjax.training import loop, pools
from pgjax.training.checkpoint import Checkpoints
from pgjax.training.recipe import build
from pgjax.training.state import blank_batch, init_state, state_shapes
from pgjax.training.steps import make_step

BATCHES = tuple(tiny.batch(seed) for seed in (3, 4, 5))
CONDITIONS = {"pp": "source_image", "pb": "target_discs"}


@pytest.fixture(scope="module", autouse=True)
def _networks():
    with critic_rows.known():
        yield


def _numbered(start, count):
    """Images and examples that all hold their own numbers."""
    numbers = np.arange(start, start + count)
    batch = tiny.batch(0, count)
    examples = [
        np.broadcast_to(numbers.reshape(-1, *[1] * (x.ndim - 1)), x.shape).astype(x.dtype)
        for x in batch[:6]
    ]
    return numbers.astype(np.float32)[:, None], batch._replace(
        **dict(zip(batch._fields[:6], examples, strict=True))
    )


@pytest.mark.parametrize("devices", [1, 2])
def test_new_images_are_exchanged_for_earlier_ones_half_the_time(devices):
    size, count, rounds = 10, 8, 60
    image, example = _numbered(0, 1)
    pool = jax.tree.map(lambda x: np.stack([x] * devices), pools.empty_pool(image, example, size))
    exchange = over_devices(pools.exchange)
    keys = jax.random.split(random_keys.key(0), rounds)
    held, places_taken, kept_new = [], [], 0
    for turn in range(rounds):
        new = np.arange(1, count + 1) + turn * count
        images, batch = _numbered(new[0], count)
        given = images.reshape(devices, -1, 1), split_over_devices(batch, devices)
        pool, judged, of = exchange(pool, *given, jnp.stack([keys[turn]] * devices))
        judged = np.asarray(judged).reshape(-1)
        # What an image was made of comes with it.
        points = np.asarray(of.target_keypoints).reshape(count, -1)
        np.testing.assert_array_equal(points, np.broadcast_to(judged[:, None], points.shape))
        # The rule, image after image; which ones were drawn is told by what was judged.
        for number, shown in zip(new, judged, strict=True):
            if len(held) < size:
                assert shown == number
                held.append(number)
            elif shown == number:
                kept_new += 1
            else:
                places_taken.append(held.index(shown))
                held[places_taken[-1]] = number
        for copy in np.asarray(pool.images)[..., 0]:
            np.testing.assert_array_equal(copy[: len(held)], held)
    drawn = rounds * count - size
    assert kept_new + len(places_taken) == drawn
    # Three standard deviations of a fair coin, and of a fair choice among the places.
    assert abs(kept_new - drawn / 2) < 3 * np.sqrt(drawn) / 2
    times, fair = np.bincount(places_taken, minlength=size), len(places_taken) / size
    assert np.abs(times - fair).max() < 3.5 * np.sqrt(fair)


def _run(step, state, batch):
    """The state and the log after a step over two devices."""
    state, log = step(
        jax.tree.map(lambda x: np.stack([x, x]), state), (split_over_devices(batch, 2),)
    )
    for leaf in jax.tree.leaves(state):
        np.testing.assert_array_equal(leaf[0], leaf[1])
    return jax.tree.map(lambda x: np.asarray(x[0]), state), {k: float(v[0]) for k, v in log.items()}


def _loss_on_fakes(params, condition, photos, batches):
    """Binary cross-entropy of a critic on photos, each with the example that it was made of."""
    scenes = [derive(batch, disc_radius=2, heatmap_sigma=3.0) for batch in batches]
    scene = jax.tree.map(lambda *x: jnp.concatenate(x), *scenes)

    def judge(scene, photos):
        return Judge(condition).apply({"params": params}, scene, photos, train=True)

    logits = jax.vmap(judge, axis_name=DEVICES)(*jax.tree.map(lambda x: x[None], (scene, photos)))
    return -jnp.mean(jnp.log(1 - jax.nn.sigmoid(logits)))


@pytest.mark.slow
def test_critics_judge_what_their_pools_give_with_what_it_was_made_of():
    recipe = build(critic_rows.patn(pool=4))
    first = state = init_state(recipe)
    step = over_devices(make_step(recipe, recipe.stages["stage1"]))
    assert set(state.pools) == {"pp", "pb"}
    made, earlier = [], 0
    for batch in BATCHES:
        # Empty pools keep what the generator makes, and so tell it.
        told, _ = _run(step, state._replace(pools=first.pools), batch)
        new = list(told.pools["pp"].images)
        made += [(x, jax.tree.map(lambda y, i=i: y[i : i + 1], batch)) for i, x in enumerate(new)]
        before, (state, log) = state, _run(step, state, batch)
        for name, condition in CONDITIONS.items():
            held = list(before.pools[name].images[: before.pools[name].count])
            left = {x.tobytes() for x in state.pools[name].images}
            judged = [x for x in held + new if x.tobytes() not in left] if held else new
            assert len(judged) == 4
            earlier += sum(x.tobytes() in {y.tobytes() for y in held} for x in judged)
            examples = [next(of for y, of in made if np.array_equal(x, y)) for x in judged]
            params = before.networks[name].params
            expected = jax.jit(_loss_on_fakes, static_argnums=1)(
                params, condition, jnp.stack(judged), examples
            )
            np.testing.assert_allclose(log[f"{name}/bce_generated"], expected, rtol=1e-4)
    assert 0 < earlier < 16
    assert not np.array_equal(*(state.pools[name].images for name in CONDITIONS))


def test_a_checkpoint_holds_the_pools(tmp_path):
    recipe = build(critic_rows.patn(pool=4))
    state = init_state(recipe)
    filled = jax.tree.map(lambda x: np.full_like(x, 3), state.pools)
    state = state._replace(pools=filled)
    with Checkpoints(tmp_path, {}) as checkpoints:
        checkpoints.save(state)
    with Checkpoints(tmp_path, {}) as checkpoints:
        restored = checkpoints.restore(state_shapes(recipe))
        with pytest.raises(
            InputError, match=r"pools\.pb\.count is .*, expected nothing of that name"
        ):
            checkpoints.restore(state_shapes(build(critic_rows.patn())))
    assert jax.tree.structure(restored) == jax.tree.structure(state)
    jax.tree.map(np.testing.assert_array_equal, restored, state)


def test_a_pool_is_of_images_of_before_and_of_one_stage():
    for changes in ({"pool": -1}, {"pool": 4, "earlier_fakes": False}):
        with pytest.raises(InputError, match=r"stage1\.pool: expected .*earlier_fakes=True"):
            build(critic_rows.patn(**changes))
    config = critic_rows.patn(pool=4)
    config.compute.accumulate = 2
    with pytest.raises(InputError, match=r"accumulate: config\.stages\.stage1\.earlier_fakes"):
        build(config)
    config = critic_rows.patn(pool=4)
    config.stages["stage2"] = config.stages["stage1"]
    with pytest.raises(InputError, match=r"stage1\.pool: pp has a pool in another stage too"):
        build(config)


def _check_traced(config):
    """A step of synthetic people, which have backgrounds and views, traced: the state keeps its shapes."""
    recipe = build(config)
    batch = blank_batch(recipe, recipe.batch_size)
    views = np.zeros(recipe.batch_size, np.int8)
    batch = batch._replace(background=batch.target_image, target_view=views)
    state, weights = state_shapes(recipe), None
    if recipe.reads_features:
        weights = jax.eval_shape(lambda: frozen.random(recipe.features.net))
    step = jax.vmap(
        make_step(recipe, recipe.stages["stage1"]), axis_name=DEVICES, axis_size=1, in_axes=None
    )
    after, _ = jax.eval_shape(step, state, (batch,), weights)
    shapes = jax.tree.map(lambda x: x.shape[1:], after)
    assert shapes == jax.tree.map(lambda x: x.shape, state)


def test_pools_take_examples_with_backgrounds_and_views():
    _check_traced(critic_rows.patn(pool=4))


@pytest.mark.slow
def test_patns_row_takes_what_synthetic_people_give():
    _check_traced(patn.get_config("synthetic_people/patn"))


@pytest.mark.slow
def test_a_run_with_pools_goes_on_as_if_it_had_not_stopped(tmp_path, monkeypatch):
    """Also where a call makes several steps: any number of steps a call gives the same bits."""
    tiny.use_data(monkeypatch)

    def run(name, total, calls):
        config = critic_rows.patn(pool=6)
        config.total_steps, config.compute.steps_per_call = total, calls
        return loop.train_and_evaluate(config, tmp_path / name, "unused")

    whole = run("whole", 4, 2)
    run("parts", 2, 2)
    jax.tree.map(np.testing.assert_array_equal, run("parts", 4, 2), whole)
    assert int(whole.pools["pp"].count) == 6
    single = run("single", 4, 1)
    for name, pool in whole.pools.items():
        jax.tree.map(np.testing.assert_array_equal, single.pools[name].examples, pool.examples)
        np.testing.assert_allclose(single.pools[name].images, pool.images, atol=1e-5)


SCRIPT = """
import json

import jax
import numpy as np

jax.config.update("jax_num_cpu_devices", 8)

import critic_rows
import tiny
from pgjax.data.pipeline import split_over_devices
from pgjax.runtime.devices import over_devices
from pgjax.training.recipe import build
from pgjax.training.state import init_state
from pgjax.training.steps import make_step

with critic_rows.known():
    recipe = build(critic_rows.patn(pool=12, critic_noise=True))
    first = init_state(recipe)
    step = make_step(recipe, recipe.stages["stage1"])


def run(devices):
    mapped = over_devices(step)
    state = jax.tree.map(lambda x: np.stack([x] * devices), first)
    for seed in (3, 4, 5):
        state, log = mapped(state, (split_over_devices(tiny.batch(seed, 8), devices),))
    for leaf in jax.tree.leaves((state, log)):
        for other in leaf[1:]:
            np.testing.assert_array_equal(leaf[0], other)
    return jax.tree.map(lambda x: np.asarray(x[0]), (state, log))


with critic_rows.known():
    (one, log), (many, log_of_many) = run(1), run(8)
for name in one.pools:
    a, b = one.pools[name], many.pools[name]
    jax.tree.map(np.testing.assert_array_equal, (a.examples, a.count), (b.examples, b.count))
for a, b in zip(jax.tree.leaves((one, log)), jax.tree.leaves((many, log_of_many)), strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
networks = (jax.tree.leaves(state.networks) for state in (first, one))
moved = [float(np.abs(a - b).max()) for a, b in zip(*networks, strict=True)]
print(json.dumps({"count": int(one.pools["pp"].count), "moved": min(moved)}))
"""


@pytest.mark.slow
def test_eight_devices_are_one_with_pools_and_running_statistics():
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=places.environment(),
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert told["count"] == 12 and told["moved"] > 0


RUN = """
import sys

import jax

workdir, devices, port, host = sys.argv[1:]
jax.config.update("jax_num_cpu_devices", int(devices))
import critic_rows, pytest, tiny
from pgjax.runtime import hosts
if devices == "1":
    hosts.start(f"localhost:{port}", 2, int(host))
from pgjax.training import loop

with critic_rows.known(), pytest.MonkeyPatch.context() as patch:
    tiny.use_data(patch)
    loop.train_and_evaluate(critic_rows.patn(pool=6), workdir, "unused")
"""


@pytest.mark.slow
def test_two_hosts_are_one_with_pools(tmp_path):
    port = two_hosts.free_port()
    two_hosts.end(
        [two_hosts.process(RUN, tmp_path / "one", 2, port, 0)]
        + [two_hosts.process(RUN, tmp_path / "two", 1, port, host) for host in range(2)]
    )
    one, two = (two_hosts.final(tmp_path / name) for name in ("one", "two"))
    assert int(one.step) == 4 and int(one.pools["pp"].count) == 6
    for name, pool in one.pools.items():
        jax.tree.map(np.testing.assert_array_equal, two.pools[name].examples, pool.examples)
    assert two_hosts.apart(one, two) < 1e-5
