"""A step of a mapping network of PDIG: every move has photos and noise of its own; real are embeddings."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import scenes
import tiny
from configs import pdig
from pgjax.data.pipeline import split_over_devices
from pgjax.nets import pdig as nets
from pgjax.pose.scene import derive
from pgjax.runtime.devices import over_devices
from pgjax.training.recipe import OPTIMIZERS, build
from pgjax.training.state import state_shapes
from pgjax.training.steps import example_keys, make_step


@pytest.mark.slow
def test_a_step_of_the_poses_mapping_is_the_one_written_out(monkeypatch):
    monkeypatch.setitem(OPTIMIZERS, "kept", tiny.kept_gradient)
    config = tiny.narrow(pdig.get_config("synthetic_people/pdig_sampling"))
    config.stages.stage5.generators_from = 0
    for network in config.networks.values():
        network.optimizer = {"name": "kept", "learning_rate": 1.0}
        network.weight_clip = 0.0
    recipe = build(config)
    shapes = state_shapes(recipe)
    networks = {
        name: network._replace(
            params=scenes.noisy(network.params), optimizer=scenes.noisy(network.params)
        )
        for name, network in shapes.networks.items()
    }
    state = shapes._replace(step=jnp.int32(0), networks=networks)
    batches = [tiny.batch(seed) for seed in range(6)]
    step = over_devices(make_step(recipe, recipe.stages["stage5"]))
    given = tuple(split_over_devices(batch, 2) for batch in batches)
    _, log = step(jax.tree.map(lambda x: np.stack([x] * 2), state), given)

    modules = {
        "pose": nets.Mapping(32, 4, "pose"),
        "pose_critic": nets.EmbeddingCritic(4),
        "poses": nets.PoseAutoEncoder(4, 32),
    }

    @jax.jit
    def judged(params, batch, draw):
        """The critic's mean logits on the embeddings of a draw's photos, and of its noise."""

        def call(name, *args, **options):
            return modules[name].apply({"params": params[name]}, *args, **options)

        scene = derive(batch)
        noisy = scene._replace(keys=example_keys(0, (0, draw), jnp.arange(4)))
        codes = call("poses", scene, method="embed"), call("pose", noisy, {}, True)
        return jnp.stack([jnp.mean(call("pose_critic", scene, code, True)) for code in codes])

    params = {name: networks[name].params for name in modules}
    sides = np.array([judged(params, batch, draw) for draw, batch in enumerate(batches)], float)
    found = {name: float(value[0]) for name, value in log.items()}
    assert found["pose/wgan"] == pytest.approx(-sides[0, 1], rel=1e-4)
    assert found["pose_critic/wgan_real"] == pytest.approx(-sides[1:, 0].mean(), rel=1e-4)
    assert found["pose_critic/wgan_generated"] == pytest.approx(sides[1:, 1].mean(), rel=1e-4)
