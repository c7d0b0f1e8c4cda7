"""What each player of a stage is judged by: its loss as a function of every network's variables."""

import functools
import zlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from pgjax import nets
from pgjax.errors import InputError
from pgjax.nets import layers
from pgjax.pose.scene import Scene, as_seen
from pgjax.runtime import precision
from pgjax.training import losses
from pgjax.training.losses import ADVERSARIAL, TERMS
from pgjax.training.recipe import Recipe, Stage
from pgjax.training.state import modules

Log = dict[str, jax.Array]


class Made(NamedTuple):
    """What the generators made of a scene, by name: images, and the running statistics they then have.

    `terms` are their own ones (layers.OWN_TERMS), means over images.
    """

    images: dict[str, jax.Array]
    statistics: dict[str, Any]
    terms: dict[str, jax.Array]


class Shown(NamedTuple):
    """Images that a critic judges, and the scene that they belong to."""

    scene: Scene
    images: jax.Array


def appliers(recipe: Recipe) -> dict[str, Callable]:
    """Every network as (variables, scene, images given, train) -> (output, what it writes).

    In the row's precision; what goes in and comes out is float32, so that neither networks nor losses
    know of it. Written are, by collection, the running statistics after the pass and the network's own
    terms; without `train`, and of networks without any, nothing. A stage's `real` that is a method of a
    network is among them, by its own name.
    """
    arithmetic = recipe.compute.precision
    kind = precision.kind(arithmetic)

    def applied(module, variables, scene, given, train, method=None):
        given = jax.tree.map(lambda image: image.astype(kind), given)
        with precision.products(arithmetic):
            output, written = module.apply(
                variables,
                as_seen(scene, kind),
                given,
                train=train,
                method=method,
                mutable=[layers.STATISTICS, layers.OWN_TERMS] if train else [],
            )
        return output.astype(jnp.float32), written

    networks = modules(recipe)
    made: dict[str, Callable] = {}
    for name, module in networks.items():
        made[name] = functools.partial(applied, module)
    for real in {stage.real for stage in recipe.stages.values() if "." in stage.real}:
        name, _, method = real.partition(".")
        made[real] = functools.partial(applied, networks[name], method=method)
    return made


def judged_alone(recipe: Recipe, stage: Stage) -> bool:
    """Whether a generator's losses follow from the logits on its own image."""
    over_batch = not stage.separate and any(
        recipe.networks[name].net in nets.OVER_BATCH for name in stage.judges
    )
    return not over_batch and losses.OVER_BATCH.isdisjoint(stage.adversarial)


def _make(
    made: Mapping[str, Callable],
    variables: Mapping[str, Any],
    stage: Stage,
    scene: Scene,
) -> Made:
    images: dict[str, jax.Array] = {}
    statistics = {}
    terms: dict[str, jax.Array] = {}
    for name in stage.generators:
        train = name in stage.players
        # Whoever does not play is as in evaluation: nothing random.
        seen = scene if train else scene._replace(keys=None)
        images[name], written = made[name](variables[name], seen, images, train=train)
        statistics[name] = written.get(layers.STATISTICS, {})
        for term, sown in written.get(layers.OWN_TERMS, {}).items():
            terms[term] = sum(map(jnp.mean, sown), start=terms.get(term, jnp.zeros(())))
    return Made(images, statistics, terms)


def generator_loss(
    made, variables, stage: Stage, player: str, scene: Scene, features, alone: bool
) -> tuple[jax.Array, tuple[Log, Made]]:
    """What a generator that plays is moved by; its parts before weighting, and what was made for it.

    Args:
      made: appliers(recipe).
      variables: of every network, by name.
      stage: that is played.
      player: the generator that moves.
      scene: of the player's batch.
      features: the frozen network's (frozen.Features), or None where no term reads any.
      alone: judged_alone(recipe, stage).
    """
    found = _make(made, variables, stage, scene)
    output = found.images[stage.generators[-1]]
    parts: Log = {}
    total = jnp.zeros(())
    for name, loss in stage.terms.items():
        if name in TERMS:
            value = TERMS[name](scene, output, features, **loss.options)
            parts[name] = _scalar(value, f"TERMS[{name!r}]")
        elif name in found.terms:
            parts[name] = found.terms[name]
        else:
            raise InputError(f"nets.TERMS_OF: no generator of the stage has sown {name!r}")
        total += loss.weight * parts[name]
    if alone:
        shown = {"generated": Shown(scene, output)}
    else:
        shown = _shown(made, variables, stage, scene, found.images, scene)
    for critic in stage.judges:
        logits = {"real": None} | _judge(made, variables, stage, player, critic, shown)
        of_critic = "" if len(stage.judges) == 1 else f"_{critic}"
        for name, loss in stage.adversarial.items():
            play = ADVERSARIAL[name].generator
            value = play(logits["real"], logits["generated"], **loss.options)
            parts[name + of_critic] = _scalar(value, f"ADVERSARIAL[{name!r}].generator")
            total += loss.weight / len(stage.judges) * parts[name + of_critic]
    return total, (parts | {"loss": total}, found)


def critic_loss(
    made,
    variables,
    stage: Stage,
    player: str,
    scene: Scene,
    real: Scene,
    images: Mapping[str, jax.Array] | None,
    earlier: Shown | None,
) -> tuple[jax.Array, Log]:
    """What a critic is moved by, as generator_loss.

    Args:
      real: the scene whose targets are real to it.
      images: of `scene` by the generators' names, or None to make them.
      earlier: what is shown in the place of the stage's output, or None.
    """
    if images is None:
        images = _make(made, variables, stage, scene).images
    images = jax.lax.stop_gradient(images)
    shown = _shown(made, variables, stage, scene, images, real)
    if earlier is not None:
        shown["generated"] = earlier
    logits = _judge(made, variables, stage, player, player, shown)
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


def _real(made, variables, stage: Stage, scene: Scene) -> jax.Array:
    """What critics take for real of a scene."""
    if stage.real == "target":
        return scene.target_image
    still = scene._replace(keys=None)
    if "." in stage.real:
        network, _, _ = stage.real.partition(".")
        output, _ = made[stage.real](variables[network], still, {}, train=False)
        return jax.lax.stop_gradient(output)
    outputs: dict[str, jax.Array] = {}
    for name in stage.generators[: stage.generators.index(stage.real) + 1]:
        outputs[name], _ = made[name](variables[name], still, outputs, train=False)
    return jax.lax.stop_gradient(outputs[stage.real])


def _shown(
    made, variables, stage: Stage, scene: Scene, images: Mapping[str, jax.Array], real: Scene
) -> dict[str, Shown]:
    """What is real of `real` ("real"), the stage's output ("generated") and every negative, by name."""
    shown = {
        "real": Shown(real, _real(made, variables, stage, real)),
        "generated": Shown(scene, images[stage.generators[-1]]),
    }
    for name in stage.negatives:
        if name == "source":
            shown[name] = Shown(scene, scene.source_image)
        elif name != "generated":
            shown[name] = Shown(scene, images[name])
    return shown


def _judge(
    made, variables, stage: Stage, player: str, critic: str, shown: Mapping[str, Shown]
) -> Log:
    """A critic's logits on all that is shown, for the player's move.

    In one forward pass unless the stage says otherwise: a critic may normalise over the batch
    (docs/reference_facts.md, 2.3).
    """
    judge = functools.partial(made[critic], variables[critic], train=True)
    scenes = [
        s.scene._replace(keys=_critics_keys(stage, s.scene, f"{player} {critic} {name}"))
        for name, s in shown.items()
    ]
    if stage.separate or len(shown) == 1:
        return {
            name: judge(scene, s.images)[0]
            for scene, (name, s) in zip(scenes, shown.items(), strict=True)
        }
    many = jax.tree.map(lambda *parts: jnp.concatenate(parts), *scenes)
    logits, _ = judge(many, jnp.concatenate([s.images for s in shown.values()]))
    return dict(zip(shown, jnp.split(logits, len(shown)), strict=True))


def _critics_keys(stage: Stage, scene: Scene, use: str) -> jax.Array | None:
    """Keys of a critic's dropout: others in every use that a step makes of it."""
    if not stage.critic_noise:
        return None
    number = zlib.crc32(use.encode())
    return jax.vmap(lambda key: jax.random.fold_in(key, number))(scene.keys)
