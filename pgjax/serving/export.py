"""From a run to an exported model (pgjax.training.model_folder), with its card and its scores."""

import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from pgjax.errors import InputError
from pgjax.files import paths
from pgjax.metrics.protocols import OWN, with_radius
from pgjax.scoring.results import published
from pgjax.scoring.run_evaluation import TEST_PAIRS
from pgjax.serving import model_card
from pgjax.training import model_folder, run_directory
from pgjax.training.choice import Best, read_chosen
from pgjax.training.model_folder import Model
from pgjax.training.recipe import build
from pgjax.training.state import State

FOLDER = "export"  # in a run directory
HELD_OUT = "held_out/"
SAID = ("pairs", "limit", "noise", "pairs_from", "scores")


def export_run(
    workdir: str | os.PathLike, out: str | os.PathLike | None = None, step: int | None = None
) -> paths.Path:
    """Exports a run's best checkpoint where its config says by what (report.keep_best), else its last one.

    Args:
      workdir: the run directory.
      out: the folder to write, WORKDIR/export where None.
      step: of the checkpoint to export in any case.

    Returns:
      The folder.

    Raises:
      FileNotFoundError: no run or no checkpoint there, or not of that step.
      InputError: the run is damaged, or `out` is something else than an exported model.
    """
    config = run_directory.read_config(workdir)
    state, best = read_chosen(workdir, config, step)
    return export_state(config, state, workdir, out, best)


def model_at(place: str | os.PathLike) -> Model:
    """An exported model, or what `export_run` would make of a run.

    Args:
      place: the model's folder, or the run directory.

    Raises:
      FileNotFoundError: neither is there, or the run has no checkpoint.
      InputError: it is damaged.
    """
    if is_exported(place) or not (paths.of(place) / run_directory.CONFIG).exists():
        return model_folder.read(place)
    config = run_directory.read_config(place)
    return model_of(config, read_chosen(place, config)[0])


def is_exported(place: str | os.PathLike) -> bool:
    """Whether a folder is an exported model, and no run directory."""
    return (paths.of(place) / model_folder.MODEL).exists()


def export_state(
    config: Any,
    state: State,
    workdir: str | os.PathLike,
    out: str | os.PathLike | None = None,
    best: Best | None = None,
) -> paths.Path:
    """Exports an unreplicated state of the run in `workdir`, taken as it is `best`; else as `export_run`."""
    model = model_of(config, state, _scores(paths.of(workdir), int(state.step)))
    model = model._replace(best=None if best is None else best._asdict())
    folder = paths.of(workdir) / FOLDER if out is None else paths.of(out)
    model_folder.write(folder, model, model_card.text(model))
    return folder


def model_of(config: Any, state: State, scores: Mapping[str, Any] | None = None) -> Model:
    """The generators of an unreplicated state, of the last stage so far that draws images.

    Those of the stages after it are with them: they make what is no image.
    """
    recipe, step = build(config), int(state.step)
    stage, order = recipe.drawing_stage_of(step), list(recipe.stages)
    known = order[order.index(stage) : order.index(recipe.stage_of(step)) + 1]
    names = dict.fromkeys(name for each in known for name in recipe.stages[each].generators)
    return Model(
        config=run_directory.plain(config),
        stage=stage,
        step=step,
        size=recipe.image_size,
        variables={name: _arrays(state.networks[name].averaged) for name in names},
        scores=scores,
    )


def refresh(workdir: str | os.PathLike) -> bool:
    """Puts a run's latest scores into the model that it exported, if they are of the same step.

    Returns:
      Whether there was such a model.

    Raises:
      InputError: the exported model is damaged.
    """
    folder = paths.of(workdir) / FOLDER
    if not (folder / model_folder.MODEL).exists():
        return False
    model = model_folder.read(folder)
    scores = _scores(paths.of(workdir), model.step)
    if scores is None:
        return False
    model = model._replace(scores=scores)
    model_folder.write(folder, model, model_card.text(model))
    return True


def _arrays(variables: Mapping[str, Any]) -> dict[str, Any]:
    """As numpy arrays, without empty collections."""
    found = {
        name: _arrays(value) if isinstance(value, Mapping) else np.asarray(value)
        for name, value in variables.items()
    }
    return {name: value for name, value in found.items() if not isinstance(value, dict) or value}


def _scores(workdir: paths.Path, step: int) -> dict[str, Any] | None:
    """Of evaluate.py at this step, else of the held-out pairs that training scored at it, else None.

    The published numbers beside them are those of the run's config.
    """
    found = _evaluated(workdir, step) or _held_out(workdir, step)
    if found is None:
        return None
    recipe = build(run_directory.read_config(workdir))
    return found | published(recipe, with_radius(OWN, recipe.evaluation.mask_radius))


def _evaluated(workdir: paths.Path, step: int) -> dict[str, Any] | None:
    path = workdir / f"metrics_{OWN.name}.json"  # other protocols' scores have other names
    if not path.exists():
        path = workdir / "metrics.json"
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        own = result.get("protocol", {}).get("name", OWN.name) == OWN.name
        if own and result["step"] == step:
            return {name: result[name] for name in SAID}
    except FileNotFoundError:
        pass
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not what evaluate.py writes") from error
    return None


def _held_out(workdir: paths.Path, step: int) -> dict[str, Any] | None:
    try:
        lines = (workdir / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    logged = [line for line in map(json.loads, lines) if line["step"] == step]
    held_out = {
        name.removeprefix(HELD_OUT): value
        for line in logged
        for name, value in line.items()
        if name.startswith(HELD_OUT)
    }
    if not held_out:
        return None
    recipe = build(run_directory.read_config(workdir))
    return {
        "pairs": recipe.report.score_pairs,
        "limit": recipe.report.score_pairs,
        "noise": False,
        "pairs_from": f"the first of {TEST_PAIRS}, while training",
        "scores": {"model": held_out},
    }
