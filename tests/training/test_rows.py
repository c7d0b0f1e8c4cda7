"""Every row of every paper: the shapes of its state, step and images, and its parameter counts.

`python tests/training/test_rows.py --update` writes parameter_counts.json anew, from the rows as they are.
"""

import functools
import json
import pathlib
import sys

import jax
import pytest

import tiny
from pgjax import frozen
from pgjax.runtime.devices import DEVICES
from pgjax.tools import papers
from pgjax.training.recipe import build
from pgjax.training.state import blank_batch, parameter_counts, state_shapes
from pgjax.training.steps import make_generate, make_step

PAPERS = papers.load()
SPECS = [
    f"{name}:{dataset}/{row}"
    for name, paper in PAPERS.items()
    for dataset in paper.SETTINGS
    for row in paper.ROWS
]
FILE = pathlib.Path(__file__).parent / "parameter_counts.json"
COUNTS = json.loads(FILE.read_text(encoding="utf-8"))
CHANGED = (
    "the rows or their networks have changed: if that was meant, run python tests/training/test_rows.py "
    "--update in the root of the repository, and look at what git diff shows"
)


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
    assert _text(COUNTS) == FILE.read_text(encoding="utf-8")


def _text(counts: dict[str, dict[str, int]]) -> str:
    return json.dumps(counts, indent=1) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] != ["--update"]:
        sys.exit("usage: python tests/training/test_rows.py --update")
    FILE.write_text(
        _text({spec: parameter_counts(shapes(spec)) for spec in SPECS}), encoding="utf-8"
    )
