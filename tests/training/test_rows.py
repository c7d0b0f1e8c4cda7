"""Every row of every paper: the shapes of its state, step and images, and its parameter counts."""

import json
import subprocess
import sys

import flax.linen as nn
import jax
import jax.numpy as jnp
import pytest
from flax.traverse_util import flatten_dict

import counted_rows
import tiny
from counted_rows import CHANGED, FILE, SPECS, config_of, shapes
from pgjax import frozen
from pgjax.nets import NO_IMAGES
from pgjax.runtime.devices import DEVICES
from pgjax.training.recipe import build
from pgjax.training.state import blank_batch, parameter_counts
from pgjax.training.steps import make_generate, make_step

COUNTS = json.loads(FILE.read_text(encoding="utf-8"))


def _started_alike(params) -> list[list[tuple[str, ...]]]:
    """Modules whose paths are one when they are written together: flax starts them from one key.

    docs/reference_facts.md, 7.9.
    """
    modules: dict[str, set[tuple[str, ...]]] = {}
    for *path, _ in flatten_dict(params):
        modules.setdefault("".join(path), set()).add(tuple(path))
    return [sorted(paths) for paths in modules.values() if len(paths) > 1]


def _counted():
    """Every row; by default those of Market-1501: rows of another size have the same kinds of networks."""
    for spec in SPECS:
        slow = () if ":market1501/" in spec else pytest.mark.slow
        yield pytest.param(spec, marks=slow)


@pytest.mark.parametrize("spec", list(_counted()))
def test_parameters_are_as_many_as_stored_and_each_starts_from_its_own_key(spec):
    found = shapes(spec)
    assert parameter_counts(found) == COUNTS.get(spec), CHANGED
    for name, network in found.networks.items():
        assert not _started_alike(network.params), name


class _Named(nn.Module):
    """Two layers of one shape, in folders of these names."""

    names: tuple[tuple[str, str], ...]

    @nn.compact
    def __call__(self, x):
        for outer, inner in self.names:
            x = _Inner(inner, name=outer)(x)
        return x


class _Inner(nn.Module):
    inner: str

    @nn.compact
    def __call__(self, x):
        return nn.Dense(3, name=self.inner)(x)


@pytest.mark.parametrize(
    ("names", "alike"),
    [((("enc1", "23"), ("enc12", "3")), True), ((("enc1", "23"), ("enc2", "3")), False)],
)
def test_what_is_found_to_start_alike_does(names, alike):
    params = _Named(names).init(jax.random.key(0), jnp.ones((1, 3)))["params"]
    kernels = [params[outer][inner]["kernel"] for outer, inner in names]
    assert bool((kernels[0] == kernels[1]).all()) == alike
    assert bool(_started_alike(params)) == alike


def test_the_stored_counts_are_of_these_rows():
    assert list(COUNTS) == SPECS, CHANGED


def _shapes_of_step(recipe, stage, *given):
    """What the step of one device returns, traced alone: faster than under pmap or vmap."""
    step = make_step(recipe, stage)
    return jax.make_jaxpr(step, axis_env=[(DEVICES, 1)], return_shape=True)(*given)[1]


CROPS = tuple(f"deepfashion_256x176/{row}" for row in ("dsc", "g1_g2_d", "patn"))


def _to_trace():
    """One row of each set of networks at a size; of DeepFashion's crops, one row of each family.

    At one size, rows of the same networks differ in their losses alone, which know images and no widths.
    At the smallest size, tests/training/test_rows_steps.py makes real steps of every row.
    """
    known = set()
    for spec in SPECS:
        config = config_of(spec)
        paper, dataset = spec.partition(":")[0], config.data.name
        options = [(n.net, n.options.to_dict()) for n in config.networks.values()]
        key = json.dumps([paper, dataset, options])
        if dataset.startswith("deepfashion_"):
            wanted = spec.partition(":")[2] in CROPS
        else:
            wanted = dataset != "synthetic_people" and key not in known
        if wanted:
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
        for generator, image in images.items():
            if recipe.networks[generator].net not in NO_IMAGES:
                assert image.shape == (recipe.batch_size, *recipe.image_size, 3)


def test_the_file_is_written_as_it_is_stored():
    assert counted_rows.text(COUNTS) == FILE.read_text(encoding="utf-8")


def test_the_command_that_writes_the_file_is_there():
    ended = subprocess.run(
        [sys.executable, counted_rows.__file__], capture_output=True, text=True, check=False
    )
    assert ended.stderr == "usage: python tests/counted_rows.py --update\n"
