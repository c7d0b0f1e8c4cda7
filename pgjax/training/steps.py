"""The training step of any stage, and generation. Knows players, losses and draws; no paper."""

import dataclasses
import functools
import itertools
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from pgjax import frozen
from pgjax.errors import InputError
from pgjax.nets import NETS, spectral
from pgjax.pose.batch import Batch, Store, fetch
from pgjax.pose.scene import Scene, derive
from pgjax.runtime import random_keys
from pgjax.runtime.devices import DEVICES
from pgjax.training import losses
from pgjax.training.objectives import (
    Log,
    Shown,
    appliers,
    critic_loss,
    generator_loss,
    judged_alone,
)
from pgjax.training.optimizers import OPTIMIZERS, SCHEDULES
from pgjax.training.pools import Pool, exchange
from pgjax.training.recipe import Recipe, Stage
from pgjax.training.state import NetworkState, State, optimizer


def make_step(
    recipe: Recipe, stage: Stage, looped: bool = False
) -> Callable[..., tuple[State, Log]]:
    """The pure training step of a stage, for one device of the axis `devices.DEVICES`.

    Args:
      recipe: of the row.
      stage: one of its stages.
      looped: every array of `batches` and of the log has a first axis of steps, which one call makes
        one after another. Any number of steps gives the same bits; without a loop XLA fuses a step
        otherwise, and the last bits differ.

    Returns:
      A function (state, batches, weights=None, store=None) -> (state, log). `batches` holds
      `stage.batches` Batches, this device's share of each draw; where `store` is given, a Store of
      arrays on the device, they are Indices into it. `weights` are the frozen network's (frozen.load),
      for the terms that read its features. `log` has, averaged over devices and a player's moves,
      "player/term" for every loss as it is before weighting (and "player/term_critic" where several
      critics judge), "player/loss" for the weighted sum, and "player/gradient_norm".
    """
    made, count = appliers(recipe), recipe.compute.accumulate
    alone = judged_alone(recipe, stage)
    first = recipe.start_of(stage) if stage.generators_from else 0

    def step(
        state: State, batches: tuple[Any, ...], weights: Any = None, store: Store | None = None
    ) -> tuple[State, Log]:
        # Once a step, before their first use; whoever does not play is as in evaluation.
        networks = {
            name: _iterated(network) if name in stage.players else network
            for name, network in state.networks.items()
        }
        logs: dict[str, list[jax.Array]] = {}
        if store is not None:
            batches = tuple(fetch(store, indices) for indices in batches)
        drawn = [
            (batch, _keys(recipe.seed, state.step, draw, len(batch.target_image)))
            for draw, batch in enumerate(batches)
        ]
        scenes = _scenes(recipe, drawn) if count == 1 else None
        images: Any = None  # that a generator has made as it moved
        kept = dict(state.pools)
        reads = recipe.features
        features = (
            None
            if reads is None
            else frozen.Features(
                reads.net, weights, reads.means, recipe.compute.precision, reads.scale
            )
        )
        for move in stage.moves:
            player = move.player
            network = networks[player]
            earlier = None
            if stage.pool and player in stage.judges:
                given = images[stage.generators[-1]], drawn[move.draw]
                kept[player], earlier = _exchanged(recipe, state.step, player, kept[player], *given)

            def loss(params, scenes, move=move, network=network, images=images, earlier=earlier):
                moved = networks | {move.player: network._replace(params=params)}
                variables = {
                    name: network.variables if name in stage.players else network.averaged
                    for name, network in moved.items()
                }
                given = made, variables, stage, move.player, scenes[move.draw]
                if move.player not in stage.judges:
                    return generator_loss(*given, features=features, alone=alone)
                images = images if stage.earlier_fakes else None
                real = scenes[move.real]
                total, parts = critic_loss(*given, real=real, images=images, earlier=earlier)
                return total, (parts, None)

            gradient = functools.partial(jax.grad(loss, has_aux=True), network.params)
            statistics: Any = {}
            if count == 1:
                gradients, (parts, found) = gradient(scenes)
                if found is not None:
                    images, statistics = found.images, found.statistics[player]
            else:
                if jax.tree.leaves(network.statistics):
                    raise InputError(
                        f"config.compute.accumulate: running statistics of {player} are of the whole "
                        "batch at once; this row takes 1 only"
                    )

                def of_part(part, gradient=gradient):
                    gradients, (parts, _) = gradient(_scenes(recipe, part))
                    return gradients, parts

                gradients, parts = _mean_of_parts(of_part, drawn, count)
            gradients, parts, statistics = jax.lax.pmean((gradients, parts, statistics), DEVICES)
            parts["gradient_norm"] = optax.tree.norm(gradients)
            for name, value in parts.items():
                logs.setdefault(f"{player}/{name}", []).append(value)
            moved = _move(recipe, player, network, gradients)
            if player in stage.generators:
                moved = moved._replace(statistics=statistics)
                if stage.generators_from:
                    waits = state.step < first + stage.generators_from
                    moved = jax.tree.map(functools.partial(jnp.where, waits), network, moved)
            networks[player] = moved
        log = {
            name: values[0] if len(values) == 1 else jnp.mean(jnp.stack(values))
            for name, values in logs.items()
        }
        return State(state.step + 1, networks, kept), log

    def loop(state: State, batches: tuple[Any, ...], weights: Any = None, store: Any = None):
        def body(state, batches):
            return step(state, batches, weights, store)

        return _loop(body, state, batches)

    return loop if looped else step


def step_identity(recipe: Recipe, stage: Stage, looped: bool = False) -> str | None:
    """What make_step's function follows from, for over_devices.

    None where a table that configs choose from has what is not pgjax's: that may be anything.
    """
    pairs = itertools.chain(*losses.ADVERSARIAL.values())
    factors = (schedule.factor for schedule in SCHEDULES.values())
    chosen = (*NETS.values(), *OPTIMIZERS.values(), *factors, *losses.TERMS.values(), *pairs)
    homes = {str(getattr(choice, "__module__", None)).partition(".")[0] for choice in chosen}
    if not homes <= {"pgjax", "optax"}:
        return None
    # No step depends on how many there are, nor on what is told of them; some on where their stage begins.
    stages = {name: dataclasses.replace(s, steps=0) for name, s in recipe.stages.items()}
    told = dict.fromkeys(("report", "evaluation", "published", "published_in", "protocol"))
    fixed = dataclasses.replace(recipe, stages=stages, **told)
    first = recipe.start_of(stage) if stage.generators_from else None
    return repr(("step", fixed, dataclasses.replace(stage, steps=0), first, looped))


def _loop(step: Callable, state: State, batches: Any) -> tuple[State, Log]:
    """lax.scan, that stays a loop where there is one step only."""
    if len(jax.tree.leaves(batches)[0]) > 1:
        return jax.lax.scan(step, state, batches)

    def body(i, carry):
        return step(carry[0], jax.tree.map(lambda x: x[i], batches))

    log = jax.eval_shape(body, 0, (state, None))[1]
    start = state, jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), log)
    # XLA would take a loop of one step apart, if it could see that it is one.
    count = jax.lax.optimization_barrier(jnp.int32(1))
    state, log = jax.lax.fori_loop(0, count, body, start)
    return state, jax.tree.map(lambda x: x[None], log)


def _mean_of_parts(function: Callable[[Any], Any], examples: Any, count: int) -> Any:
    """The mean of function(part) over `count` equal parts of the examples, one after another."""
    parts = jax.tree.map(lambda x: x.reshape(count, -1, *x.shape[1:]), examples)
    like = jax.eval_shape(function, jax.tree.map(lambda x: x[0], parts))

    def add(total, part):
        return jax.tree.map(jnp.add, total, function(part)), None

    start = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), like)
    total, _ = jax.lax.scan(add, start, parts)
    return jax.tree.map(lambda x: x / count, total)


def make_generate(recipe: Recipe, stage: Stage) -> Callable[..., dict[str, jax.Array]]:
    """(variables by network, Batch, keys=None) -> outputs of the stage's generators by name.

    Images are (B, H, W, 3).

    Variables are `NetworkState.averaged`; generating changes none of them. Images are meant for
    [-1, 1], but are not clipped: not all networks end in a tanh. With random keys (B,) a generator's
    noise (dropout) stays on, as it is in training.
    """
    made = appliers(recipe)

    def generate(
        variables: Mapping[str, Any], batch: Batch, keys: Any = None
    ) -> dict[str, jax.Array]:
        scene = derive(batch, **recipe.scene)._replace(keys=keys)
        images: dict[str, jax.Array] = {}
        for name in stage.generators:
            images[name], _ = made[name](variables[name], scene, images, train=False)
        return images

    return generate


def _move(recipe: Recipe, player: str, network: NetworkState, gradients: Any) -> NetworkState:
    update = optimizer(recipe.networks[player]).update
    updates, moved = update(gradients, network.optimizer, network.params)
    params = optax.apply_updates(network.params, updates)
    if clip := recipe.networks[player].weight_clip:
        params = optax.tree.clip(params, -clip, clip)
    average = network.average and optax.incremental_update(params, network.average, 1 - recipe.ema)
    return network._replace(params=params, optimizer=moved, average=average)


def _exchanged(
    recipe: Recipe,
    step: jax.Array,
    critic: str,
    pool: Pool,
    images: jax.Array,
    drawn: tuple[Batch, jax.Array],
) -> tuple[Pool, Shown]:
    """A critic's pool after new images have come, and what it is shown in their place."""
    batch, keys = drawn
    key = random_keys.key(recipe.seed)
    for number in (step, zlib.crc32(critic.encode())):
        key = jax.random.fold_in(key, number)
    pool, images, batch = exchange(pool, images, batch, key)
    (scene,) = _scenes(recipe, [(batch, keys)])
    return pool, Shown(scene, images)


def _iterated(network: NetworkState) -> NetworkState:
    return network._replace(vectors=spectral.iterate(network.params, network.vectors))


def example_keys(seed: int, numbers: tuple[Any, ...], examples: jax.Array) -> jax.Array:
    """Random keys (B,) of examples int32 (B,) in the stream (seed, *numbers): no device in it."""
    key = random_keys.key(seed)
    for number in numbers:
        key = jax.random.fold_in(key, number)
    return jax.vmap(functools.partial(jax.random.fold_in, key))(examples)


def _keys(seed: int, step: jax.Array, draw: int, count: int) -> jax.Array:
    """Keys (count,) that follow from each example's place in the global batch."""
    examples = jax.lax.axis_index(DEVICES) * count + jnp.arange(count)
    return example_keys(seed, (step, draw), examples)


def _scenes(recipe: Recipe, drawn: list[tuple[Batch, jax.Array]]) -> list[Scene]:
    return [derive(batch, **recipe.scene)._replace(keys=keys) for batch, keys in drawn]
