"""A row as frozen records, built from its config and checked key by key.

Everything that training and evaluation read stands in a Recipe. A key that no record has, a value of
the wrong type, or an option that the chosen network, loss or optimizer does not take stops here, with
an error that names the key.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from pgjax import data, frozen
from pgjax.data.pairs import RULES
from pgjax.errors import InputError
from pgjax.metrics.protocols import PROTOCOLS, while_training
from pgjax.nets import NETS
from pgjax.pose import scene
from pgjax.runtime.precision import PRECISIONS
from pgjax.training.optimizers import OPTIMIZERS
from pgjax.training.recipe.checks import (
    EXTENDED,
    check_accumulation,
    check_optimizer,
    check_stage,
)
from pgjax.training.recipe.parsing import (
    check_choice,
    check_module_options,
    check_not_negative,
    check_options,
    check_positive,
    parse_record,
    parse_value,
)
from pgjax.training.recipe.records import (
    DRAWS,
    PLACES,
    Compute,
    Data,
    Evaluation,
    Features,
    Init,
    Loss,
    Network,
    Optimizer,
    Recipe,
    Report,
    Schedule,
    Stage,
)

__all__ = [
    "OPTIMIZERS",
    "PLACES",
    "Compute",
    "Data",
    "Evaluation",
    "Features",
    "Init",
    "Loss",
    "Network",
    "Optimizer",
    "Recipe",
    "Report",
    "Schedule",
    "Stage",
    "build",
]


def build(config: Mapping[str, Any]) -> Recipe:
    """Builds and checks a Recipe.

    Args:
      config: nested mapping with the fields of Recipe, such as a ConfigDict.

    Raises:
      InputError: names the key that is unknown, missing, of the wrong type or not allowed, and what is.
    """
    total = 0
    if hasattr(config, "items"):
        config = dict(config.items())
        total = parse_value(int, config.pop("total_steps", 0), "config.total_steps")
    recipe = parse_record(Recipe, config, "config")
    try:
        data.find(recipe.data.name)
    except InputError as error:
        raise InputError(f"config.data.name: {error}") from None
    if recipe.row.partition("/")[0] != recipe.data.name:
        raise InputError(
            f"config.data.name: {recipe.data.name!r} is not the data set of row {recipe.row!r}"
        )
    check_choice(recipe.data.pairs, RULES, "config.data.pairs")
    check_choice(recipe.data.draw, DRAWS, "config.data.draw")
    check_options(scene.derive, recipe.scene, "config.scene", skip=("batch",))
    check_positive(recipe.batch_size, "config.batch_size")
    check_positive(recipe.data.memory_limit_gb, "config.data.memory_limit_gb")
    for part in ("report", "evaluation", "scene"):
        values = getattr(recipe, part)
        values = values if part == "scene" else dataclasses.asdict(values)
        for name, value in values.items():
            if name != "keep_best":
                check_positive(value, f"config.{part}.{name}")
    if recipe.report.keep_best:
        check_choice(recipe.report.keep_best, while_training(), "config.report.keep_best")
    check_choice(recipe.compute.precision, PRECISIONS, "config.compute.precision")
    check_choice(recipe.compute.images, PLACES, "config.compute.images")
    check_positive(recipe.compute.accumulate, "config.compute.accumulate")
    check_positive(recipe.compute.steps_per_call, "config.compute.steps_per_call")
    every = min(getattr(recipe.report, f"{what}_every") for what in ("log", "sample", "checkpoint"))
    if recipe.compute.steps_per_call > every:
        raise InputError(
            f"config.compute.steps_per_call: {recipe.compute.steps_per_call} steps are more than "
            f"config.report logs, samples or saves after, {every}"
        )
    if recipe.protocol:
        check_choice(recipe.protocol, PROTOCOLS, "config.protocol")
    if recipe.seed < 0:
        raise InputError(f"config.seed: expected a number from 0 on, got {recipe.seed}")
    for name, network in recipe.networks.items():
        key = f"config.networks.{name}"
        check_choice(network.net, NETS, f"{key}.net", EXTENDED)
        check_module_options(NETS[network.net], network.options, f"{key}.options")
        check_optimizer(network.optimizer, f"{key}.optimizer")
        check_not_negative(network.weight_clip, f"{key}.weight_clip")
    if not 0 <= recipe.ema < 1:
        raise InputError(f"config.ema: expected 0 <= ema < 1, got {recipe.ema}")
    if recipe.features is not None:
        check_choice(recipe.features.net, frozen.NETS, "config.features.net")
        check_choice(recipe.features.weights, frozen.WEIGHTS, "config.features.weights")
        known_means = frozen.MEANS[recipe.features.net]
        check_choice(recipe.features.means, known_means, "config.features.means")
        check_positive(recipe.features.scale, "config.features.scale")
    if not recipe.stages:
        raise InputError("config.stages: a recipe needs at least one stage")
    for name, stage in recipe.stages.items():
        check_stage(recipe, stage, f"config.stages.{name}")
        check_accumulation(recipe, stage, f"config.stages.{name}")
    if total < 0:
        raise InputError(f"config.total_steps: expected a number from 0 on, got {total}")
    return dataclasses.replace(recipe, stages=_ending_at(recipe, total)) if total else recipe


def _ending_at(recipe: Recipe, total: int) -> dict[str, Stage]:
    """The stages, the last that begins before step `total` ending there; those after it have no steps.

    They are kept, since networks start by the part that they play in them.
    """
    starts, last = recipe.starts(), recipe.stage_of(total)
    stages = {}
    for name, stage in recipe.stages.items():
        room = max(0, total - starts[name])
        steps = room if name == last else min(stage.steps, room)
        stages[name] = dataclasses.replace(stage, steps=steps)
    return stages
