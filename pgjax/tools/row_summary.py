"""What a config says, in words and numbers, without data or weights."""

import json
from typing import Any

from pgjax.training import finetuning, run_directory
from pgjax.training.recipe import build
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
        lines.append(f"  {name}: {stage.steps} steps; players {', '.join(stage.players)}")
    if recipe.init is not None:
        lines.append(f"  {finetuning.described(recipe)}")
    lines += ["", "network  parameters"]
    for name, count in {**counts, "total": sum(counts.values())}.items():
        lines.append(f"{name:<7} {count:>11}")
    return "\n".join(lines)
