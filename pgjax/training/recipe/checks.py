"""What a recipe must keep to beyond the types of its keys; every error names the key."""

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

from pgjax import frozen
from pgjax.errors import InputError
from pgjax.nets import NETS, OVER_BATCH, TERMS_OF
from pgjax.training import losses
from pgjax.training.optimizers import OPTIMIZERS, SCHEDULES
from pgjax.training.recipe.parsing import (
    check_choice,
    check_not_negative,
    check_options,
    check_positive,
    parse_value,
)
from pgjax.training.recipe.records import Loss, Optimizer, Recipe, Schedule, Stage, layer_of

EXTENDED = ", and those of a file that is named by --extend"
"""After the names of a table to which users add."""


_OF_CRITICS = ("adversarial", "negatives", "separate", "critic_noise", "earlier_fakes", "pool")


def check_optimizer(optimizer: Optimizer, key: str) -> None:
    check_choice(optimizer.name, OPTIMIZERS, f"{key}.name")
    check_positive(optimizer.learning_rate, f"{key}.learning_rate")
    maker = OPTIMIZERS[optimizer.name]
    check_options(maker, optimizer.options, f"{key}.options", ("learning_rate",))
    for name, value in optimizer.options.items():
        # Optax annotates its numbers as arrays, so that check_options lets anything pass.
        if name in ("b1", "b2", "decay", "eps"):
            value = parse_value(float, value, f"{key}.options.{name}")
        if name == "eps":
            check_positive(value, f"{key}.options.{name}")
        elif name in ("b1", "b2", "decay") and not 0 <= value < 1:
            raise InputError(f"{key}.options.{name}: expected 0 <= {name} < 1, got {value}")
    for name in ("clip_norm", "clip_value"):
        check_not_negative(getattr(optimizer, name), f"{key}.{name}")
    check_schedule(optimizer.schedule, f"{key}.schedule")


def check_schedule(schedule: Schedule, key: str) -> None:
    check_choice(schedule.name, SCHEDULES, f"{key}.name")
    check_not_negative(schedule.warmup, f"{key}.warmup")
    check_positive(schedule.every, f"{key}.every")
    factor = SCHEDULES[schedule.name].factor
    check_options(factor, schedule.options, f"{key}.options", ())
    for name, parameter in inspect.signature(factor).parameters.items():
        if name not in schedule.options and parameter.default is parameter.empty:
            raise InputError(f"{key}.options.{name}: missing; {schedule.name} needs it")
    try:
        factor(**schedule.options)
    except InputError as error:
        raise InputError(f"{key}.options.{error}") from None


def check_stage(recipe: Recipe, stage: Stage, key: str) -> None:
    check_positive(stage.steps, f"{key}.steps")
    if not stage.players or not stage.generators:
        raise InputError(f"{key}: needs at least one player and one generator")
    for field in ("players", "generators"):
        for name in getattr(stage, field):
            check_choice(name, recipe.networks, f"{key}.{field}")
    playing = [recipe.networks[name].net for name in stage.generators if name in stage.players]
    own = [term for net in playing for term in TERMS_OF.get(net, ())]
    for name, loss in stage.terms.items():
        check_choice(name, (*losses.TERMS, *own), f"{key}.terms", EXTENDED)
        if name not in losses.TERMS:
            if loss.options:
                raise InputError(f"{key}.terms.{name}.options: a network's own term takes none")
            continue
        skip = ("scene", "image", "features")
        check_options(losses.TERMS[name], loss.options, f"{key}.terms.{name}.options", skip)
        _check_call(losses.TERMS[name], skip, loss.options, f"{key}.terms.{name}")
        _check_output(recipe, stage, name, f"{key}.terms.{name}")
        _check_layer(recipe, name, loss, f"{key}.terms.{name}")
        window = loss.options.get("window", 1)
        if window < 1 or window % 2 == 0:
            raise InputError(
                f"{key}.terms.{name}.options.window: expected a positive odd number, got {window}"
            )
    for name, loss in stage.adversarial.items():
        check_choice(name, losses.ADVERSARIAL, f"{key}.adversarial", EXTENDED)
        skip = ("real", "fake")
        maker = losses.ADVERSARIAL[name].critic
        check_options(maker, loss.options, f"{key}.adversarial.{name}.options", skip)
        for function in losses.ADVERSARIAL[name]:
            _check_call(function, skip, loss.options, f"{key}.adversarial.{name}")
    _check_critics(recipe, stage, key)
    for name in stage.players:
        if name not in (*stage.generators, *stage.judges):
            raise InputError(f"{key}.players: {name!r} is neither a generator nor a critic here")
    if stage.generators_from < 0:
        raise InputError(f"{key}.generators_from: {stage.generators_from} is negative")
    if stage.generators_from >= stage.steps:
        raise InputError(
            f"{key}.generators_from: in {stage.steps} steps no generator would move; expected fewer than "
            f"these, got {stage.generators_from}"
        )
    for group in ("terms", "adversarial"):
        for name, loss in getattr(stage, group).items():
            if not 0 <= loss.weight < math.inf:
                raise InputError(
                    f"{key}.{group}.{name}.weight: expected a number from 0 on, got {loss.weight}"
                )
    for name, draw in stage.draws.items():
        check_choice(name, stage.players, f"{key}.draws")
        if draw < 0:
            raise InputError(f"{key}.draws.{name}: {draw} is negative")
    drawn = {f"draws.{name}": stage.draws.get(name, 0) for name in stage.players}
    if stage.real_draw is not None:
        drawn["real_draw"] = stage.real_draw
    used = {0, *drawn.values(), *(n for move in stage.moves for n in (move.draw, move.real))}
    if not used <= set(range(len(used))):
        told = ", ".join(f"{name}={number}" for name, number in drawn.items())
        raise InputError(
            f"{key}.draws: {sorted(used)} are used ({told}); number them 0, 1, ... without gaps, "
            f"{key}.real_draw among them"
        )
    plays = not set(stage.judges).isdisjoint(stage.players)
    if stage.real_draw is not None and (not plays or stage.real_draw < 0):
        raise InputError(
            f"{key}.real_draw: expected a number from 0 on in a stage whose critic plays, "
            f"got {stage.real_draw}"
        )


def _check_critics(recipe: Recipe, stage: Stage, key: str) -> None:
    if not stage.judges:
        for field in _OF_CRITICS:
            if getattr(stage, field):
                raise InputError(f"{key}.{field}: only a stage with a critic takes this")
        return
    if stage.critic is not None and stage.critics:
        raise InputError(f"{key}.critics: {key}.critic names one already; expected one of the two")
    for name in stage.judges:
        check_choice(name, recipe.networks, f"{key}.critic{'s' if stage.critics else ''}")
    if len(set(stage.judges)) < len(stage.judges):
        raise InputError(f"{key}.critics: {', '.join(stage.judges)}: expected different networks")
    if not stage.adversarial or not any(stage.negatives.values()):
        raise InputError(f"{key}: a critic needs `adversarial` and weighted `negatives`")
    for name in stage.negatives:
        check_choice(name, ("generated", "source", *stage.generators), f"{key}.negatives")
    if "." in stage.real:
        network, _, method = stage.real.partition(".")
        check_choice(network, recipe.networks, f"{key}.real")
        function = getattr(NETS[recipe.networks[network].net], method, None)
        if not callable(function):
            raise InputError(f"{key}.real: {network} has no method {method!r}")
        if network in stage.players:
            raise InputError(f"{key}.real: {network} plays; expected it to be frozen")
        _check_call(function, ("self", "scene", "images"), {"train": False}, f"{key}.real")
    elif stage.real != "target":
        check_choice(stage.real, ("target", *stage.generators), f"{key}.real")
        before = stage.generators[: stage.generators.index(stage.real) + 1]
        for name in before:
            if name in stage.players:
                raise InputError(
                    f"{key}.real: {name} plays; expected {', '.join(before)} to be frozen"
                )
    _check_sides(recipe, stage, key)
    if stage.pool:
        _check_pool(recipe, stage, key)
    if stage.earlier_fakes:
        made = None  # by the latest generator that moved, of this draw
        for move in stage.moves:
            if move.player in stage.generators:
                made = move.draw
            elif move.draw != made:
                raise InputError(
                    f"{key}.earlier_fakes: {move.player} moves on draw {move.draw}; expected a "
                    "generator that moves before it, on the same draw"
                )


def _check_sides(recipe: Recipe, stage: Stage, key: str) -> None:
    """A critic sees images alone, or none."""
    output = stage.generators[-1]
    for field, names in (("real", (stage.real,)), ("negatives", stage.negatives)):
        for name in names:
            # What a method makes is not known.
            if name == "generated" or "." in name:
                continue
            images = name in ("target", "source") or recipe.networks[name].draws_images
            if images != recipe.draws_images(stage):
                kind, made = ("an image", "none") if images else ("no image", "images")
                raise InputError(f"{key}.{field}: {name!r} is {kind}; {output} makes {made}")


def _check_pool(recipe: Recipe, stage: Stage, key: str) -> None:
    if stage.pool < 0 or not stage.earlier_fakes:
        raise InputError(
            f"{key}.pool: expected a number from 0 on, and earlier_fakes=True with it, got {stage.pool}"
        )
    for name in stage.judges:
        pooled = [s for s in recipe.stages.values() if s.pool and name in s.judges]
        if len(pooled) > 1:
            raise InputError(f"{key}.pool: {name} has a pool in another stage too; expected one")


def check_accumulation(recipe: Recipe, stage: Stage, key: str) -> None:
    """What depends on the batch as a whole cannot be computed from its parts."""
    if recipe.compute.accumulate == 1:
        return
    networks = [*stage.generators, *stage.judges]
    parts = [f"config.networks.{n}" for n in networks if recipe.networks[n].net in OVER_BATCH]
    parts += [f"{key}.adversarial.{n}" for n in stage.adversarial if n in losses.OVER_BATCH]
    parts += [f"{key}.earlier_fakes"] if stage.earlier_fakes else []
    if parts:
        raise InputError(
            f"config.compute.accumulate: {parts[0]} depends on the whole batch at once; this row "
            "takes 1 only"
        )


def _check_call(
    function: Callable, given: tuple[str, ...], options: Mapping[str, Any], key: str
) -> None:
    """A function can be called as training calls it: what is given comes first, then options by name."""
    try:
        inspect.signature(function).bind(*given, **options)
    except TypeError as error:
        called = ", ".join([*given, *(f"{name}=..." for name in options)])
        name = getattr(function, "__name__", repr(function))
        raise InputError(f"{key}: {name} cannot be called as ({called}): {error}") from None


def _check_output(recipe: Recipe, stage: Stage, term: str, key: str) -> None:
    """A term fits what the stage's last generator makes."""
    images, output = recipe.draws_images(stage), stage.generators[-1]
    if images and term in losses.OF_POSES:
        raise InputError(f"{key}: compares poses; {output} makes images")
    if not images and term in losses.OF_IMAGES:
        raise InputError(f"{key}: compares images; {output} makes none")


def _check_layer(recipe: Recipe, name: str, loss: Loss, key: str) -> None:
    """A term on features needs a frozen network that has its layer."""
    layer = layer_of(name, loss)
    if layer in (None, losses.PIXELS):
        return
    if recipe.features is None:
        raise InputError(
            f"{key}: layer {layer!r} is of a frozen network; config.features names none"
        )
    check_choice(layer, frozen.LAYERS[recipe.features.net], f"{key}.options.layer")
