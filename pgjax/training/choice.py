"""The checkpoint of a run that is evaluated and exported: the best one where it is kept, else the last."""

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from pgjax.progress import announce
from pgjax.runtime import hosts
from pgjax.training import run_directory
from pgjax.training.checkpoint import Checkpoints
from pgjax.training.recipe import build
from pgjax.training.state import State, state_shapes


class Best(NamedTuple):
    """Why a step was taken: it had the best value of a metric; `last_step` is the last that is saved."""

    metric: str
    value: float
    last_step: int


def read_chosen(
    workdir: str | os.PathLike, config: Mapping[str, Any], step: int | None = None
) -> tuple[State, Best | None]:
    """The state of a step, or of the best one (report.keep_best), or of the last.

    The best one counts where it is of the last one's stage, and can be read; else the last is taken that can.
    On several hosts all call it, since reading waits for all.

    Args:
      workdir: the run directory.
      config: of the run.
      step: to take in any case.

    Returns:
      The state, and why it was taken if that is for a score.

    Raises:
      FileNotFoundError: there is no checkpoint, or not of that step.
      InputError: it is damaged, or of another run.
    """
    recipe, identity = build(config), run_directory.identity(config)
    with Checkpoints(workdir, identity, best=recipe.report.keep_best) as checkpoints:
        last, first, best = checkpoints.latest_step(), step, None
        found = checkpoints.best() if step is None else None
        # A stage after the best step's may draw no images, and have no scores; its networks are wanted.
        if (
            found is not None
            and last is not None
            and recipe.stage_of(found[0]) == recipe.stage_of(last)
        ):
            first, score = found
            best = Best(score.metric, score.value, last)
        if last is not None and hosts.first():
            why = "" if best is None else f", the best by {best.metric},"
            announce(
                f"reading the checkpoint of step {last if first is None else first}{why} in {workdir}"
            )
        state = checkpoints.restore(state_shapes(recipe), step, first)
        return state, best if int(state.step) == first else None
