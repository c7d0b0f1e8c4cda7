"""What a config says, in words and numbers, without data or weights."""

import inspect
import itertools
import json
from typing import Any

from pgjax.training import finetuning, run_directory
from pgjax.training.optimizers import SCHEDULES
from pgjax.training.recipe import Network, Schedule, build
from pgjax.training.state import parameter_counts, state_shapes


def describe(config: Any) -> str:
    """The resolved recipe as JSON, and a table of parameter counts; computes no parameter."""
    recipe = build(config)
    counts = parameter_counts(state_shapes(recipe))
    height, width = recipe.image_size
    lines = [
        json.dumps(run_directory.plain(config), indent=2),
        "",
        f"{recipe.row}: {height}x{width}, {recipe.total_steps} steps of batch {recipe.batch_size}",
    ]
    for name, stage in recipe.stages.items():
        lines.append(f"  {name}: {stage.steps} steps; players {_listed(stage.players)}")
    lines += [f"  {name}: {_moved(network)}" for name, network in recipe.networks.items()]
    if recipe.ema:
        lines.append(f"  generators are averaged over their moves, with decay {recipe.ema:g}")
    if recipe.init is not None:
        lines.append(f"  {finetuning.described(recipe)}")
    width = max(map(len, ("network", *counts)))
    lines += ["", f"{'network':<{width}}  parameters"]
    for name, count in {**counts, "total": sum(counts.values())}.items():
        lines.append(f"{name:<{width}} {count:>11}")
    return "\n".join(lines)


def _listed(players: tuple[str, ...]) -> str:
    """Names, one that moves several times in a row once, with their number."""
    runs = ((name, len(list(moves))) for name, moves in itertools.groupby(players))
    return ", ".join(name if count == 1 else f"{name} {count} times" for name, count in runs)


def _moved(network: Network) -> str:
    """How a network is moved."""
    chosen = network.optimizer
    parts = [f"{chosen.name} {chosen.learning_rate:g}", *_said(chosen.schedule)]
    if chosen.clip_value:
        parts.append(f"gradients clipped to {chosen.clip_value:g}")
    if chosen.clip_norm:
        parts.append(f"gradients clipped to norm {chosen.clip_norm:g}")
    if network.weight_clip:
        parts.append(f"weights clipped to {network.weight_clip:g}")
    return ", ".join(parts)


def _said(schedule: Schedule) -> list[str]:
    """A schedule in words."""
    factor, words = SCHEDULES[schedule.name]
    options = inspect.signature(factor).bind(**schedule.options)
    options.apply_defaults()
    parts = [words.format(**options.arguments)]
    if schedule.every > 1:
        parts.append(f"{schedule.every:,} moves at one rate")
    if schedule.warmup:
        parts.append(f"warmed up over {schedule.warmup:,} moves")
    return parts
