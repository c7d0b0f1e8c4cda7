"""What each player of a stage is judged by: its loss as a function of every network's variables."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from pgjax import nets
from pgjax.errors import InputError
from pgjax.pose.scene import Scene, as_seen
from pgjax.runtime import precision
from pgjax.training import losses
from pgjax.training.losses import ADVERSARIAL, TERMS
from pgjax.training.recipe import Recipe, Stage
from pgjax.training.state import modules

Log = dict[str, jax.Array]


def appliers(recipe: Recipe) -> dict[str, Callable]:
    """Every network as (variables, scene, images given, train) -> output, in the row's precision.

    What goes in and comes out is float32, so that neither networks nor losses know of it.
    """
    arithmetic = recipe.compute.precision
    kind = precision.kind(arithmetic)

    def applied(module, variables, scene, given, train):
        given = jax.tree.map(lambda image: image.astype(kind), given)
        with precision.products(arithmetic):
            output = module.apply(variables, as_seen(scene, kind), given, train=train)
        return output.astype(jnp.float32)

    return {name: functools.partial(applied, module) for name, module in modules(recipe).items()}


def judged_alone(recipe: Recipe, stage: Stage) -> bool:
    """Whether a generator's losses follow from the logits on its own image."""
    if stage.critic is None:
        return True
    over_batch = recipe.networks[stage.critic].net in nets.OVER_BATCH
    return not over_batch and losses.OVER_BATCH.isdisjoint(stage.adversarial)


def _images(
    made: Mapping[str, Callable],
    variables: Mapping[str, Any],
    stage: Stage,
    scene: Scene,
    players: tuple[str, ...],
) -> dict[str, jax.Array]:
    images: dict[str, jax.Array] = {}
    for name in stage.generators:
        train = name in players
        # Whoever does not play is as in evaluation: nothing random.
        seen = scene if train else scene._replace(keys=None)
        images[name] = made[name](variables[name], seen, images, train=train)
    return images


def generator_loss(
    made, variables, stage: Stage, scene: Scene, features, alone: bool
) -> tuple[jax.Array, Log]:
    """What the generators that play are moved by, and its parts before weighting.

    Args:
      made: appliers(recipe).
      variables: of every network, by name.
      stage: that is played.
      scene: of the player's batch.
      features: the frozen network's (frozen.Features), or None where no term reads any.
      alone: judged_alone(recipe, stage).
    """
    images = _images(made, variables, stage, scene, stage.players)
    output = images[stage.generators[-1]]
    parts: Log = {}
    total = jnp.zeros(())
    for name, loss in stage.terms.items():
        value = TERMS[name](scene, output, features, **loss.options)
        parts[name] = _scalar(value, f"TERMS[{name!r}]")
        total += loss.weight * parts[name]
    if stage.critic is not None:
        if alone:
            seen = scene._replace(keys=None)
            judged = made[stage.critic](variables[stage.critic], seen, output, train=True)
            logits = {"real": None, "generated": judged}
        else:
            logits = _judge(made, variables, stage, scene, images, scene)
        for name, loss in stage.adversarial.items():
            play = ADVERSARIAL[name].generator
            value = play(logits["real"], logits["generated"], **loss.options)
            parts[name] = _scalar(value, f"ADVERSARIAL[{name!r}].generator")
            total += loss.weight * parts[name]
    return total, parts | {"loss": total}


def critic_loss(made, variables, stage: Stage, scene: Scene, real: Scene) -> tuple[jax.Array, Log]:
    """What the critic is moved by, as generator_loss; `real` is the scene whose targets are real to it."""
    images = _images(made, variables, stage, scene, stage.players)
    logits = _judge(made, variables, stage, scene, jax.lax.stop_gradient(images), real)
    parts: Log = {}
    total = jnp.zeros(())
    weights = sum(stage.negatives.values())
    for name, loss in stage.adversarial.items():
        play = ADVERSARIAL[name].critic
        for negative, weight in stage.negatives.items():
            # The real side counts once in all, shared among the negatives that it is set against.
            on_real, on_fake = play(logits["real"], logits[negative], **loss.options)
            for value in (on_real, on_fake):
                _scalar(value, f"ADVERSARIAL[{name!r}].critic")
            share = stage.real_weight * weight / weights
            total += loss.weight * (share * on_real + weight * on_fake)
            parts |= {f"{name}_real": on_real, f"{name}_{negative}": on_fake}
    return total, parts | {"loss": total}


def _scalar(value: jax.Array, owner: str) -> jax.Array:
    """The value of a loss, which a user may have written."""
    if (shape := jnp.shape(value)) != ():
        raise InputError(
            f"{owner} returned an array of shape {shape}; expected a scalar, the mean over the batch"
        )
    return value


def _judge(made, variables, stage: Stage, scene: Scene, images: Log, real: Scene) -> Log:
    """The critic's logits on the targets of `real` ("real") and on every negative, in one forward pass.

    One pass, because a critic may normalise over the batch (docs/reference_facts.md, 2.3).
    """
    shown = {"real": real.target_image, "generated": images[stage.generators[-1]]}
    for name in stage.negatives:
        if name == "source":
            shown[name] = scene.source_image
        elif name != "generated":
            shown[name] = images[name]
    scenes = [s._replace(keys=None) for s in (real, *[scene] * (len(shown) - 1))]
    many = jax.tree.map(lambda *parts: jnp.concatenate(parts), *scenes)
    judge = functools.partial(made[stage.critic], variables[stage.critic])
    logits = judge(many, jnp.concatenate(list(shown.values())), train=True)
    return dict(zip(shown, jnp.split(logits, len(shown)), strict=True))
