"""Every row of every paper: the shapes of its state, step and images, and its parameter counts."""

import json
import subprocess
import sys

import jax
import pytest

import counted_rows
import tiny
from counted_rows import CHANGED, FILE, SPECS, config_of, shapes
from pgjax import frozen
from pgjax.runtime.devices import DEVICES
from pgjax.training.recipe import build
from pgjax.training.state import blank_batch, parameter_counts
from pgjax.training.steps import make_generate, make_step

COUNTS = json.loads(FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("spec", SPECS)
def test_parameter_counts_are_the_stored_ones(spec):
    assert parameter_counts(shapes(spec)) == COUNTS.get(spec), CHANGED


def test_the_stored_counts_are_of_these_rows():
    assert list(COUNTS) == SPECS, CHANGED


def _shapes_of_step(recipe, stage, *given):
    """What the step of one device returns, traced alone: faster than under pmap or vmap."""
    step = make_step(recipe, stage)
    return jax.make_jaxpr(step, axis_env=[(DEVICES, 1)], return_shape=True)(*given)[1]


def _to_trace():
    """Of the real data sets' sizes every row; of drawn people's, one row of each set of networks.

    At one size, rows of the same networks differ in their losses alone, which know images and no widths.
    At the smallest size, tests/training/test_rows_steps.py makes real steps.
    """
    known = set()
    for spec in SPECS:
        config = config_of(spec)
        paper, dataset = spec.partition(":")[0], config.data.name
        options = [(n.net, n.options.to_dict()) for n in config.networks.values()]
        key = json.dumps([paper, dataset, options])
        if not dataset.startswith("synthetic"):
            yield spec
        elif dataset != "synthetic_people" and key not in known:
            known.add(key)
            yield spec


@pytest.mark.slow
@pytest.mark.parametrize("spec", list(_to_trace()))
def test_steps_and_images_have_the_shapes_of_the_row(spec):
    recipe, state = build(config_of(spec)), shapes(spec)
    weights = frozen.shapes("vgg19") if recipe.reads_features else None
    batch = jax.eval_shape(lambda: blank_batch(recipe, recipe.batch_size))
    for name, stage in recipe.stages.items():
        batches = (batch,) * stage.batches
        after, log = _shapes_of_step(recipe, stage, state, batches, weights)
        assert jax.tree.map(lambda x: (x.shape, x.dtype), after) == jax.tree.map(
            lambda x: (x.shape, x.dtype), state
        )
        assert tiny.of_players(log) == tiny.logged(stage)
        variables = {k: v.variables for k, v in state.networks.items()}
        images = jax.eval_shape(make_generate(recipe, recipe.stages[name]), variables, batch)
        assert list(images) == list(stage.generators)
        assert {x.shape for x in images.values()} == {(recipe.batch_size, *recipe.image_size, 3)}


def test_the_file_is_written_as_it_is_stored():
    assert counted_rows.text(COUNTS) == FILE.read_text(encoding="utf-8")


def test_the_command_that_writes_the_file_is_there():
    ended = subprocess.run(
        [sys.executable, counted_rows.__file__], capture_output=True, text=True, check=False
    )
    assert ended.stderr == "usage: python tests/counted_rows.py --update\n"
