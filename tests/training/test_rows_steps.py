"""One real step of every row of every paper, at toy width."""

import jax
import numpy as np
import pytest

import tiny
from pgjax import frozen
from pgjax.data.pipeline import split_over_devices
from pgjax.images.pixels import to_uint8
from pgjax.nets import NO_IMAGES
from pgjax.runtime.devices import over_devices, replicate
from pgjax.tools import papers
from pgjax.training.checkpoint import Checkpoints
from pgjax.training.recipe import build
from pgjax.training.run_directory import identity
from pgjax.training.state import init_state, state_shapes
from pgjax.training.steps import make_generate, make_step, step_identity

PAPERS = papers.load()
ROWS = [(name, row) for name, paper in PAPERS.items() for row in paper.ROWS]


def _changed(a, b) -> bool:
    """Whether anything of a network's state differs."""
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return not all(np.array_equal(x, y) for x, y in pairs)


@pytest.mark.slow
@pytest.mark.parametrize(("paper", "row"), ROWS)
def test_a_real_step_of_every_row(paper, row, tmp_path, kept_programs):
    """Its players alone change, all is finite and of the right shape, state and programs are kept."""
    config = tiny.narrow(PAPERS[paper].get_config(f"synthetic_people/{row}"))
    for stage in config.stages.values():
        stage.generators_from = 0  # so that all of them move
    recipe = build(config)
    state = init_state(recipe)
    weights = replicate(frozen.random("vgg19")) if recipe.reads_features else None
    batches = tuple(
        split_over_devices(tiny.batch(seed), jax.local_device_count()) for seed in range(3, 9)
    )
    for name, stage in recipe.stages.items():
        step = over_devices(make_step(recipe, stage), identity=step_identity(recipe, stage))
        after, log = step(replicate(state), batches[: stage.batches], weights)
        assert all(np.isfinite(value).all() for value in log.values())
        assert tiny.of_players(log) == tiny.logged(stage)
        after = jax.tree.map(lambda x: np.asarray(x[0]), after)
        moved = {k for k in state.networks if _changed(state.networks[k], after.networks[k])}
        assert moved == set(stage.players)
        generate = jax.jit(make_generate(recipe, recipe.stages[name]))
        variables = {k: v.variables for k, v in after.networks.items()}
        images = generate(variables, tiny.batch(3))
        assert list(images) == list(stage.generators)
        drawn = [k for k in images if recipe.networks[k].net not in NO_IMAGES]
        assert all(np.isfinite(output).all() for output in images.values())
        for image in (images[k] for k in drawn):
            assert image.shape == (4, *recipe.image_size, 3)
            assert np.isfinite(image).all() and np.asarray(image).std() > 0
            shown = to_uint8(image)
            assert shown.dtype == np.uint8 and np.asarray(shown).std() > 0
        state = after
    assert len(list(kept_programs.iterdir())) == len(recipe.stages)
    with Checkpoints(tmp_path / "run", identity(config)) as checkpoints:
        checkpoints.save(state)
    with Checkpoints(tmp_path / "run", identity(config)) as checkpoints:
        kept = checkpoints.restore(state_shapes(recipe))
    for x, y in zip(jax.tree.leaves(kept), jax.tree.leaves(state), strict=True):
        np.testing.assert_array_equal(x, y)
