"""A stage whose output is no image, judged against what a frozen network makes of photos; single images."""

import critic_rows
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from critic_rows import RATE

import tiny
from pgjax.data.pipeline import split_over_devices
from pgjax.errors import InputError
from pgjax.images.pixels import to_float
from pgjax.runtime.devices import over_devices
from pgjax.scoring import run_evaluation
from pgjax.serving import export
from pgjax.training import loop, model_folder
from pgjax.training.losses import TERMS
from pgjax.training.recipe import build
from pgjax.training.state import init_state
from pgjax.training.steps import example_keys, make_step

BATCHES = tuple(tiny.batch(seed) for seed in (3, 4, 5))


@pytest.fixture(scope="module", autouse=True)
def _networks():
    with critic_rows.known():
        yield


def _dense(layer, x):
    return x @ layer["kernel"] + layer["bias"][None]


def _judged(params, code):
    return _dense(params["out"], jnp.square(_dense(params["in"], code)))[:, 0]


def _mapped(params, draw):
    keys = example_keys(0, (0, draw), jnp.arange(4))
    return _dense(params["out"], jax.vmap(lambda key: jax.random.normal(key, (5,)))(keys))


def _coded(params, batch):
    return _dense(params["out"], to_float(batch.source_image)[:, ::16, ::16].reshape(4, -1))


def _step(m, d, e):
    """The mapper moves, then the critic: its fakes are of its own draw's noise, by the moved mapper."""

    def of_m(params):
        return -jnp.mean(jnp.log(jax.nn.sigmoid(_judged(d, _mapped(params, 0)))))

    def of_d(params, fake):
        real = -jnp.mean(jnp.log(jax.nn.sigmoid(_judged(params, _coded(e, BATCHES[2])))))
        return real - jnp.mean(jnp.log(1 - jax.nn.sigmoid(_judged(params, fake))))

    def moved(params, gradient):
        return jax.tree.map(lambda p, g: p - RATE * g, params, gradient)

    loss_of_m, gradient = jax.value_and_grad(of_m)(m)
    m = moved(m, gradient)
    loss_of_d, gradient = jax.value_and_grad(of_d)(d, _mapped(m, 1))
    return m, moved(d, gradient), {"m/loss": loss_of_m, "d/loss": loss_of_d}


def test_codes_of_noise_are_judged_against_those_of_photos():
    recipe = build(critic_rows.coded())
    state = init_state(recipe)
    step = over_devices(make_step(recipe, recipe.stages["stage2"]))
    given = jax.tree.map(lambda x: np.stack([x, x]), state)
    after, log = step(given, tuple(split_over_devices(batch, 2) for batch in BATCHES))
    params = {name: network.params for name, network in state.networks.items()}
    m, d, losses = jax.jit(_step)(params["m"], params["d"], params["e"])
    for name, loss in losses.items():
        np.testing.assert_allclose(log[name][0], loss, rtol=1e-5)
    for name, expected in {"m": m, "d": d, "e": params["e"], "g": params["g"]}.items():
        found = jax.tree.map(lambda x: x[0], after.networks[name].params)
        jax.tree.map(
            lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-6), found, expected
        )
        assert (name in "md") != all(
            np.array_equal(x, y)
            for x, y in zip(*map(jax.tree.leaves, (found, params[name])), strict=True)
        )


def test_a_real_side_that_moves_is_refused():
    config = critic_rows.coded()
    config.stages.stage2.players = ("e", "m", "d")
    with pytest.raises(InputError, match=r"stages\.stage2\.real: e plays; expected e to be frozen"):
        build(config)
    config.stages.stage2.real = "g"
    with pytest.raises(
        InputError, match=r"stages\.stage2\.real: unknown name 'g'; known are e, m, target"
    ):
        build(config)
    config = critic_rows.coded()
    config.data.draw = "photos"
    with pytest.raises(InputError, match=r"config\.data\.draw: unknown name 'photos'"):
        build(config)


def test_a_code_is_set_against_codes_alone(monkeypatch):
    for changes, message in [
        ({"real": "target"}, r"stage2\.real: 'target' is an image; m makes none"),
        (
            {"negatives": {"generated": 1.0, "source": 1.0}},
            r"stage2\.negatives: 'source' is an image",
        ),
        ({"terms": {"l1": {}}}, r"stage2\.terms\.l1: compares images; m makes none"),
    ]:
        config = critic_rows.coded()
        config.stages.stage2.update(changes)
        with pytest.raises(InputError, match=message):
            build(config)
    config = critic_rows.coded()
    stage = config.stages.stage1
    stage.update(critic="d", adversarial={"bce": {}}, negatives={"e": 1.0})
    with pytest.raises(InputError, match=r"stage1\.negatives: 'e' is no image; g makes images"):
        build(config)
    # A user's own term may be of a code.
    monkeypatch.setitem(TERMS, "small", lambda scene, code, features: jnp.mean(code**2))
    config = critic_rows.coded()
    config.stages.stage2.terms = {"small": {}}
    assert set(build(config).stages["stage2"].terms) == {"small"}


@pytest.mark.slow
def test_a_run_shows_and_scores_the_last_stage_that_draws_images(tmp_path, monkeypatch, capsys):
    tiny.use_data(monkeypatch)
    given = []
    batches = loop.batches
    monkeypatch.setattr(
        loop,
        "batches",
        lambda store, pairs, **rest: given.append(pairs) or batches(store, pairs, **rest),
    )
    config = critic_rows.coded()
    state = loop.train_and_evaluate(config, tmp_path, "unused")
    for pairs in given:
        np.testing.assert_array_equal(pairs[:, 0], pairs[:, 1])
        # Identities of three images: each is drawn twice a pass.
        assert set(np.unique(pairs[:, 0], return_counts=True)[1]) == {2}
    assert [p.name for p in (tmp_path / "samples").iterdir()] == ["0000002.png"]
    assert "step 4: stage2 draws no images; nothing to show or score" in capsys.readouterr().err
    result = run_evaluation.evaluate(tmp_path, "unused", limit=2)
    assert (result["stage"], result["step"]) == ("stage1", 4)
    model = model_folder.read(export.export_run(tmp_path))
    # Those of stages after it come along: `pgjax sample` draws with them.
    assert model.stage == "stage1" and set(model.variables) == {"e", "g", "m"}
    assert int(state.step) == 4
    config.stages = {"stage2": config.stages.stage2}
    with pytest.raises(InputError, match="no stage up to step 2 draws images"):
        build(config).drawing_stage_of(2)
