"""Steps of several critics, repeated moves and running statistics, against the steps written out by hand."""

import critic_rows
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from critic_rows import RATE, Judge, Painter

import tiny
from pgjax.data.pipeline import split_over_devices
from pgjax.errors import InputError
from pgjax.pose.scene import derive
from pgjax.runtime.devices import DEVICES, over_devices
from pgjax.serving import export
from pgjax.training import finetuning, model_folder
from pgjax.training.checkpoint import Checkpoints
from pgjax.training.losses import ADVERSARIAL, Adversarial
from pgjax.training.recipe import build
from pgjax.training.state import init_state, state_shapes
from pgjax.training.steps import example_keys, make_generate, make_step

BATCHES = tuple(tiny.batch(seed) for seed in (3, 4, 5))


@pytest.fixture(scope="module", autouse=True)
def _networks():
    with critic_rows.known():
        yield


def mapped(recipe, stage="stage1"):
    return over_devices(make_step(recipe, recipe.stages[stage]))


def run(step, state, batches, devices=2):
    """The state and the log after a step of mapped(recipe)."""
    split = tuple(split_over_devices(batch, devices) for batch in batches)
    state = jax.tree.map(lambda x: np.stack([x] * devices), state)
    state, log = step(state, split)
    for leaf in jax.tree.leaves(state):
        np.testing.assert_array_equal(leaf[0], leaf[-1])
    return jax.tree.map(lambda x: np.asarray(x[0]), state), {k: float(v[0]) for k, v in log.items()}


def close(a, b, **tolerance):
    assert jax.tree.structure(a) == jax.tree.structure(b)
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, **tolerance), a, b)


class ByHand:
    """The networks' own forward passes, the whole batch on one device, and what is made of them here."""

    def __init__(self, state):
        self.g = {
            "params": state.networks["g"].params,
            "batch_stats": state.networks["g"].statistics,
        }
        self.critics = {k: n.params for k, n in state.networks.items() if k != "g"}
        self.step = state.step

    def scene(self, draw):
        scene = derive(BATCHES[draw], disc_radius=2, heatmap_sigma=3.0)
        return scene._replace(keys=example_keys(0, (self.step, draw), jnp.arange(4)))

    def draw(self, params, scene):
        variables = {"params": params, "batch_stats": self.g["batch_stats"]}

        def painted(scene):
            return Painter().apply(variables, scene, {}, train=True, mutable=["batch_stats"])

        image, written = _alone(painted, scene)
        return image, written["batch_stats"]

    def judge(self, params, scene, image, condition="source_image"):
        scene = scene._replace(keys=None)
        return _alone(
            lambda both: Judge(condition).apply({"params": params}, *both, train=True),
            (scene, image),
        )


def _alone(function, given):
    """function(given) where one device has the whole batch."""
    found = jax.vmap(function, axis_name=DEVICES)(jax.tree.map(lambda x: x[None], given))
    return jax.tree.map(lambda x: x[0], found)


def _is(logits, real):
    """Mean binary cross-entropy of being real, or not."""
    p = jax.nn.sigmoid(logits)
    return -jnp.mean(jnp.log(p if real else 1 - p))


def _descended(params, gradient):
    return jax.tree.map(lambda p, g: p - RATE * g, params, gradient)


CONDITIONS = {"pp": "source_image", "pb": "target_discs"}


def _patns_step(state):
    """PATN's step (PATN.py, 146-237): G, then each critic on the image that G made before it moved."""
    hand = ByHand(state)
    scene, log = hand.scene(0), {}

    def of_g(params):
        image, statistics = hand.draw(params, scene)
        parts = {"l1": jnp.mean(jnp.abs(image - scene.target_image))}
        for name, condition in CONDITIONS.items():
            logits = hand.judge(hand.critics[name], scene, image, condition)
            parts[f"bce_{name}"] = _is(logits, real=True)
        total = 10 * parts["l1"] + 5 * (parts["bce_pp"] + parts["bce_pb"]) / 2
        return total, (parts | {"loss": total}, image, statistics)

    gradient, (parts, image, statistics) = jax.grad(of_g, has_aux=True)(hand.g["params"])
    log |= {f"g/{k}": v for k, v in parts.items()}
    after = {"g": _descended(hand.g["params"], gradient)}
    for name, condition in CONDITIONS.items():

        def of_d(params, name=name, condition=condition):
            real = _is(hand.judge(params, scene, scene.target_image, condition), real=True)
            fake = _is(hand.judge(params, scene, image, condition), real=False)
            total = (5 * real + 5 * fake) / 2
            return total, {"bce_real": real, "bce_generated": fake, "loss": total}

        gradient, parts = jax.grad(of_d, has_aux=True)(hand.critics[name])
        log |= {f"{name}/{k}": v for k, v in parts.items()}
        after[name] = _descended(hand.critics[name], gradient)
    return after, statistics, log


@pytest.fixture(scope="module")
def patns():
    """(recipe, first state, its state after a step over two devices, the log)."""
    recipe = build(critic_rows.patn())
    first = init_state(recipe)
    return recipe, first, *run(mapped(recipe), first, BATCHES[:1])


@pytest.mark.slow
def test_two_critics_and_fakes_of_before_are_patns_step(patns):
    recipe, first, state, log = patns
    params, statistics, parts = jax.jit(_patns_step)(first)
    assert tiny.logged(recipe.stages["stage1"]) == set(log)
    for name, value in parts.items():
        np.testing.assert_allclose(log[name], value, rtol=1e-4, err_msg=name)
    for name, expected in params.items():
        close(state.networks[name].params, expected, rtol=1e-4, atol=1e-6)
    close(state.networks["g"].statistics, statistics, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_running_statistics_go_where_the_network_goes(patns, tmp_path):
    recipe, first, state, _ = patns
    drawn = jax.jit(make_generate(recipe, recipe.stages["stage1"]))(
        {"g": state.networks["g"].variables}, BATCHES[1]
    )["g"]
    scene = derive(BATCHES[1], disc_radius=2, heatmap_sigma=3.0)
    variables = {
        "params": state.networks["g"].params,
        "batch_stats": state.networks["g"].statistics,
    }
    expected = Painter().apply(variables, scene, {}, train=False)
    np.testing.assert_allclose(drawn, expected, atol=1e-5)
    before = Painter().apply(
        variables | {"batch_stats": first.networks["g"].statistics}, scene, {}, train=False
    )
    assert np.abs(expected - before).max() > 1e-2
    config = critic_rows.patn()
    with Checkpoints(tmp_path / "checkpoints", {}) as checkpoints:
        checkpoints.save(state)
        close(checkpoints.restore(state_shapes(recipe)), state, rtol=0)
    model = export.model_of(config, state)
    model_folder.write(tmp_path / "model", model, "")
    begun = finetuning.with_init(config, str(tmp_path / "model"))
    close(
        finetuning.first_state(build(begun)).networks["g"].variables,
        variables | {"spectral": {}},
        rtol=0,
    )


def test_accumulation_of_what_is_of_the_whole_batch_is_refused(monkeypatch):
    config = critic_rows.patn()
    config.compute.accumulate = 2
    with pytest.raises(InputError, match=r"accumulate: config\.stages\.stage1\.earlier_fakes dep"):
        build(config)
    config = critic_rows.patn(earlier_fakes=False)
    config.compute.accumulate = 2
    recipe = build(config)
    with pytest.raises(InputError, match="accumulate: running statistics of g are of the whole"):
        run(mapped(recipe), init_state(recipe), BATCHES[:1])


def _repeated(**changes):
    """After another stage of three steps: G from its second step on, and two moves of a critic."""
    config = critic_rows.patn()
    later = {
        "players": ("g", "pp", "pp"),
        "critics": (),
        "critic": "pp",
        "draws": {"pp": 1},
        "earlier_fakes": False,
        "generators_from": 1,
    }
    config.stages = {
        "stage0": {
            "steps": 3,
            "players": ("g",),
            "generators": ("g",),
            "terms": {"l1": {"weight": 1.0}},
        },
        "stage1": config.stages.stage1.to_dict() | later | changes,
    }
    del config.networks["pb"]
    return config


def _two_moves_of_the_critic(state):
    hand = ByHand(state)
    params, losses = hand.critics["pp"], []
    for draw in (1, 2):
        scene = hand.scene(draw)
        image, _ = hand.draw(hand.g["params"], scene)

        def loss(params, scene=scene, image=image):
            real = _is(hand.judge(params, scene, scene.target_image), real=True)
            return (5 * real + 5 * _is(hand.judge(params, scene, image), real=False)) / 2

        value, gradient = jax.value_and_grad(loss)(params)
        params = _descended(params, gradient)
        losses.append(value)
    return params, sum(losses) / 2


@pytest.mark.slow
def test_every_move_of_a_critic_has_a_draw_of_its_own_and_generators_wait():
    recipe = build(_repeated())
    assert recipe.stages["stage1"].batches == 3
    first = init_state(recipe)._replace(step=jnp.int32(3))
    step = mapped(recipe)
    state, log = run(step, first, BATCHES)
    params, loss = jax.jit(_two_moves_of_the_critic)(first)
    close(state.networks["pp"].params, params, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(log["pp/loss"], loss, rtol=1e-4)
    close(state.networks["g"], jax.tree.map(np.asarray, first.networks["g"]), rtol=0)
    later, _ = run(step, state, BATCHES)
    for tree in ("params", "statistics"):
        a, b = (jax.tree.leaves(getattr(s.networks["g"], tree)) for s in (state, later))
        assert not any(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.slow
def test_critics_dropout_is_another_in_every_use(monkeypatch):
    """The logits are uniform numbers of the keys, and the losses their means."""
    mean = Adversarial(
        lambda real, fake: (jnp.mean(real), jnp.mean(fake)), lambda real, fake: jnp.mean(fake)
    )
    monkeypatch.setitem(ADVERSARIAL, "mean", mean)

    def values(steps=(0,), **changes):
        config = critic_rows.patn(**changes)
        config.stages.stage1.adversarial = {"mean": {"weight": 1.0}}
        for name in ("pp", "pb"):
            config.networks[name] = critic_rows.network("teller")
        recipe = build(config)
        step, first = mapped(recipe), init_state(recipe)
        logs = [run(step, first._replace(step=jnp.int32(n)), BATCHES[:1])[1] for n in steps]
        return [value for log in logs for name, value in log.items() if "/mean_" in name]

    assert values() == [0.0] * 6
    drawn = values((0, 1), critic_noise=True)
    assert len(set(drawn)) == 12
    np.testing.assert_allclose(values(critic_noise=True, separate=False), drawn[:6], rtol=1e-6)
