"""The first step of PATN's row, composed anew of its networks and of the losses as the facts have them.

docs/reference_facts.md, 4.3. Without dropout, whose masks follow from a step's keys.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import tiny
from configs import patn
from pgjax import frozen
from pgjax.data.pipeline import split_over_devices
from pgjax.nets import layers
from pgjax.pose.scene import derive
from pgjax.runtime.devices import over_devices, replicate
from pgjax.training.recipe import build
from pgjax.training.state import init_state, modules
from pgjax.training.steps import make_step

WEIGHTS = frozen.random("vgg19")
CONDITIONS = {"d_pp": "source_image", "d_pb": "target_heatmaps"}


def narrow(dataset):
    """At 64x32, whatever the data set of the settings."""
    config = tiny.narrow(patn.get_config(f"{dataset}/patn"))
    config.data.name, config.row = "synthetic_people", "synthetic_people/patn"
    config.features.weights = "random"
    for network in config.networks.values():
        network.options.update(blocks=1, dropout=0.0)
    return build(config)


def composed(recipe, state, scene, squared, weight):
    """The losses that the step logs, and the generator's averages after it."""
    made = modules(recipe)

    def played(name, given, scene):
        return made[name].apply(
            state.networks[name].variables, scene, given, train=True, mutable=[layers.STATISTICS]
        )

    def judged(name, image):
        logits, _ = played(name, image, scene)
        return logits if squared else jax.nn.sigmoid(logits)

    def loss(judgement, label):
        if squared:
            return jnp.mean((judgement - label) ** 2)
        return -jnp.mean(jnp.log(judgement if label else 1 - judgement))

    image, averages = played("g", {}, scene)
    target = scene.target_image
    seen, wanted = (frozen.extract("vgg19", WEIGHTS, x, "block1_conv2") for x in (image, target))
    l1, features = jnp.mean(jnp.abs(image - target)), jnp.mean(jnp.abs(seen - wanted)) / 57.6
    critics = {name: (judged(name, target), judged(name, image)) for name in CONDITIONS}
    fooled = sum(5 * loss(fake, 1) for _, fake in critics.values()) / 2
    losses = {"g": weight * l1 + weight * features + fooled}
    for name, (real, fake) in critics.items():
        losses[name] = (5 * loss(real, 1) + 5 * loss(fake, 0)) / 2
    return losses, averages.get(layers.STATISTICS, {})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dataset", "squared", "weight"), [("market1501", False, 10), ("deepfashion", True, 1)]
)
def test_the_first_step(dataset, squared, weight):
    recipe = narrow(dataset)
    assert {c: recipe.networks[c].options["condition"] for c in CONDITIONS} == {
        name: (condition,) for name, condition in CONDITIONS.items()
    }
    state, batch = init_state(recipe), tiny.batch(3)
    step = over_devices(make_step(recipe, recipe.stages["stage1"]))
    shares = (split_over_devices(batch, jax.local_device_count()),)
    after, log = step(replicate(state), shares, replicate(WEIGHTS))
    scene = jax.tree.map(lambda x: x[None], derive(batch, **recipe.scene))
    compose = functools.partial(composed, recipe, state, squared=squared, weight=weight)
    losses, averages = jax.vmap(compose, axis_name=layers.DEVICES)(scene)
    for name, value in losses.items():
        np.testing.assert_allclose(log[f"{name}/loss"][0], value[0], rtol=1e-5, err_msg=name)
    kept = after.networks["g"].statistics
    assert bool(jax.tree.leaves(kept)) != squared
    for x, y in zip(jax.tree.leaves(kept), jax.tree.leaves(averages), strict=True):
        np.testing.assert_allclose(x[0], y[0], rtol=1e-5, atol=1e-6)
