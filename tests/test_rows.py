"""Every row of every paper: shapes of its state, step and images; parameter counts; one real step."""

import functools
import json
import pathlib

import jax
import numpy as np
import pytest

import tiny
from pgjax import frozen
from pgjax.checkpoint import Checkpoints
from pgjax.data.pipeline import split_over_devices
from pgjax.devices import DEVICES, over_devices, replicate
from pgjax.image import to_uint8
from pgjax.recipe import build
from pgjax.rundir import identity
from pgjax.state import blank_batch, init_state, parameter_counts, state_shapes
from pgjax.steps import make_generate, make_step
from pgjax.tools import papers

PAPERS = papers.load()
SPECS = [
    f"{name}:{dataset}/{row}"
    for name, paper in PAPERS.items()
    for dataset in paper.SETTINGS
    for row in paper.ROWS
]
COUNTS = json.loads((pathlib.Path(__file__).parent / "parameter_counts.json").read_text())


def config_of(spec: str):
    paper, _, row = spec.partition(":")
    return PAPERS[paper].get_config(row)


@functools.cache
def _shapes(networks: str, spec: str):
    """Of all rows with these networks; the first one's."""
    return state_shapes(build(config_of(spec)))


def shapes(spec: str):
    config = config_of(spec)
    options = [(n.net, n.options.to_dict()) for _, n in sorted(config.networks.items())]
    optimizers = [n.optimizer.name for n in config.networks.values()]
    key = json.dumps([config.data.name, sorted(config.networks), options, optimizers])
    return _shapes(key, _first.setdefault(key, spec))


_first: dict[str, str] = {}


@pytest.mark.parametrize("spec", SPECS)
def test_parameter_counts_are_the_stored_ones(spec):
    assert parameter_counts(shapes(spec)) == COUNTS[spec]


def test_the_stored_counts_are_of_these_rows():
    assert set(COUNTS) == set(SPECS)


def _steps(recipe, stage):
    """The step as one of one device, for tracing."""
    step = make_step(recipe, stage)
    return jax.vmap(step, axis_name=DEVICES, in_axes=(0, 0, None))


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS)
def test_steps_and_images_have_the_shapes_of_the_row(spec):
    recipe, state = build(config_of(spec)), shapes(spec)
    weights = frozen.shapes("vgg19") if recipe.reads_features else None

    def with_devices(tree):
        return jax.tree.map(lambda x: jax.ShapeDtypeStruct((1, *x.shape), x.dtype), tree)

    batch = jax.eval_shape(lambda: blank_batch(recipe, recipe.batch_size))
    for name, stage in recipe.stages.items():
        batches = (with_devices(batch),) * stage.batches
        after, log = jax.eval_shape(_steps(recipe, stage), with_devices(state), batches, weights)
        assert jax.tree.map(lambda x: (x.shape, x.dtype), after) == jax.tree.map(
            lambda x: (x.shape, x.dtype), with_devices(state)
        )
        for player in stage.players:
            critic = player == stage.critic
            expected = {f"{player}/{term}" for term in ("loss", "gradient_norm")}
            if critic:
                sides = ("real", *stage.negatives)
                expected |= {f"{player}/{k}_{side}" for k in stage.adversarial for side in sides}
            else:
                expected |= {f"{player}/{k}" for k in (*stage.terms, *stage.adversarial)}
            assert {key for key in log if key.startswith(f"{player}/")} == expected
        variables = {k: v.variables for k, v in state.networks.items()}
        images = jax.eval_shape(make_generate(recipe, recipe.stages[name]), variables, batch)
        assert list(images) == list(stage.generators)
        assert {x.shape for x in images.values()} == {(recipe.batch_size, *recipe.image_size, 3)}


def _changed(a, b) -> bool:
    """Whether anything of a network's state differs."""
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return not all(np.array_equal(x, y) for x, y in pairs)


TOY = [spec for spec in SPECS if ":synthetic_people/" in spec]


@pytest.mark.slow
@pytest.mark.parametrize("spec", TOY)
def test_a_real_step_of_every_row(spec, tmp_path):
    """At toy width: exactly the stage's players change, everything is finite, the state is kept."""
    config = tiny.narrow(config_of(spec))
    recipe = build(config)
    state = init_state(recipe)
    weights = replicate(frozen.random("vgg19")) if recipe.reads_features else None
    batches = tuple(
        split_over_devices(tiny.batch(seed), jax.local_device_count()) for seed in (3, 4, 5)
    )
    for name, stage in recipe.stages.items():
        step = over_devices(make_step(recipe, stage))
        after, log = step(replicate(state), batches[: stage.batches], weights)
        assert all(np.isfinite(value).all() for value in log.values())
        after = jax.tree.map(lambda x: np.asarray(x[0]), after)
        moved = {k for k in state.networks if _changed(state.networks[k], after.networks[k])}
        assert moved == set(stage.players)
        generate = jax.jit(make_generate(recipe, recipe.stages[name]))
        variables = {k: v.variables for k, v in after.networks.items()}
        for image in generate(variables, tiny.batch(3)).values():
            assert np.isfinite(image).all() and np.asarray(image).std() > 0
            shown = to_uint8(image)
            assert shown.dtype == np.uint8 and np.asarray(shown).std() > 0
        state = after
    with Checkpoints(tmp_path, identity(config)) as checkpoints:
        checkpoints.save(state)
    with Checkpoints(tmp_path, identity(config)) as checkpoints:
        kept = checkpoints.restore(state_shapes(recipe))
    for x, y in zip(jax.tree.leaves(kept), jax.tree.leaves(state), strict=True):
        np.testing.assert_array_equal(x, y)
