"""What benchmarks.gpu_market1501 does: tasks, each of which writes its result as it goes.

A result is a JSON file {"asked", "finished", ...}. A task that finds its own, with the same `asked`, goes on
from it. The deadlines are in seconds since the epoch.
"""

import json
import math
import pathlib
import statistics
import time
from typing import Any

import jax

from benchmarks import feeding, gpu_numerics, input_pipeline, measure, stepping
from pgjax.data import store as stores
from pgjax.runtime.interruption import Interruption
from pgjax.scoring import run_evaluation
from pgjax.tools import papers
from pgjax.tools.overrides import set_key
from pgjax.training import loop, run_directory
from pgjax.training.recipe import build


def config_of(name: str, changes: tuple[str, ...] = ()) -> Any:
    """The config of PAPER:DATASET/ROW with KEY=VALUE changes (overrides.set_key), checked.

    Raises:
      InputError: an unknown row, or a bad change.
    """
    paper, _, row = name.partition(":")
    config = papers.find(paper).get_config(row)
    for change in changes:
        set_key(config, change)
    build(config)
    return config


def read(path: pathlib.Path, asked: Any) -> dict[str, Any]:
    """The result that lies there, if the same was asked for; an empty one else."""
    try:
        found = json.loads(path.read_text())
        if found["asked"] == json.loads(json.dumps(asked)):
            return found
    except (OSError, ValueError, KeyError):
        pass
    return {"asked": asked, "finished": False}


def _write(path: pathlib.Path, result: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    run_directory.write_text(path, json.dumps(result, indent=2) + "\n")


def numerics(path: pathlib.Path, asked: dict[str, Any], data_dir: str, deadline: float) -> None:
    """asked: "rows", "changes" and "features"; see gpu_numerics."""
    result = read(path, asked)
    result["environment"] = run_directory.environment()
    rows = result.setdefault("rows", {})
    configs = {
        name: gpu_numerics.narrow(config_of(name, asked["changes"]), asked["features"])
        for name in asked["rows"]
        if name not in rows
    }
    for name, found in gpu_numerics.check(configs, data_dir, deadline):
        rows[name] = found
        _write(path, result)
    result["finished"] = set(rows) == set(asked["rows"])
    _write(path, result)


def pipeline(path: pathlib.Path, asked: dict[str, Any], data_dir: str, deadline: float) -> None:
    """asked: "dataset" and "batches"."""
    result = read(path, asked) | {"lines": [], "environment": run_directory.environment()}
    train = stores.load_split(asked["dataset"], "train", data_dir)
    pairs = stores.train_pairs(train, input_pipeline.RULE)
    for size in asked["batches"]:
        found = feeding.measured(train.store, pairs, batch_size=size, flip=True, seconds=1.0)
        result["lines"].append(found)
    result["finished"] = True
    _write(path, result)


def bench(path: pathlib.Path, asked: dict[str, Any], data_dir: str, deadline: float) -> None:
    """asked: "row", "changes", "precisions", "batches" and "steps" in a round.

    Every stage, precision and batch size; a batch that is too large for the memory ends its
    precision's.
    """
    result = read(path, asked)
    result["environment"] = run_directory.environment()
    points = result.setdefault("points", [])
    done = [(p["stage"], p["precision"], p["batch_size"]) for p in points]
    full = {p["precision"] for p in points if "error" in p}
    ceilings: dict[str, dict] = {}
    # The published batch size of every precision first: the larger ones are for the time that is left.
    for size in asked["batches"]:
        for precision in asked["precisions"]:
            config = config_of(asked["row"], tuple(asked["changes"]))
            config.compute.precision, config.batch_size = precision, size
            recipe = build(config)
            for stage in recipe.stages:
                key = {"stage": stage, "precision": precision, "batch_size": size}
                if tuple(key.values()) in done or precision in full:
                    continue
                if time.time() >= deadline:
                    return
                try:
                    if precision not in ceilings:
                        ceilings[precision] = measure.ceilings(precision)
                    point = stepping.measured(
                        recipe,
                        stage,
                        data_dir,
                        rounds=3,
                        steps=asked["steps"],
                        cache=False,
                        with_parts=False,
                        ceilings=ceilings[precision],
                    )
                except jax.errors.JaxRuntimeError as error:
                    if "RESOURCE_EXHAUSTED" not in str(error):
                        raise
                    point = key | {"error": str(error)[:200]}
                    full.add(precision)
                points.append(point)
                result["best"] = best(points)
                _write(path, result)
    result["finished"] = True
    _write(path, result)


def best(points: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The batch size of most images a second, by "stage precision"."""
    found: dict[str, dict[str, Any]] = {}
    for point in points:
        if "error" in point:
            continue
        short = {k: point[k] for k in ("batch_size", "images_per_second", "share_of_matmul")}
        name = f"{point['stage']} {point['precision']}"
        if name not in found or short["images_per_second"] > found[name]["images_per_second"]:
            found[name] = short
    return found


def train(path: pathlib.Path, asked: dict[str, Any], data_dir: str, deadline: float) -> None:
    """asked: "row", "changes", "folder" of the run and "limit" of the pairs to score.

    Trains until the deadline at the latest, goes on with a run that lies there, and scores it then.
    """
    result = read(path, asked)
    # Steps and seconds of all starts together; what a killed start did is not in them.
    result |= {"environment": run_directory.environment(), "finished": False}
    config = config_of(asked["row"], tuple(asked["changes"]))
    folder, total = pathlib.Path(asked["folder"]), build(config).total_steps
    started = time.time()
    with Interruption() as stop:
        state = loop.train_and_evaluate(
            config, folder, data_dir, enough=lambda: stop() or time.time() >= deadline
        )
        stop.end(int(state.step))
    step, trained = int(state.step), time.time()
    result |= {
        "step": step,
        "total_steps": total,
        "train_seconds": result.get("train_seconds", 0) + round(trained - started, 1),
        "steps_per_second": median_rate(folder),
    }
    _write(path, result)
    result["metrics"] = run_evaluation.evaluate(folder, data_dir, asked["limit"])
    result["evaluate_seconds"] = round(time.time() - trained, 1)
    result["finished"] = step == total
    _write(path, result)


def median_rate(folder: pathlib.Path) -> float | None:
    """Median of the steps a second that a run logged: of training as it is, samples left out."""
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    rates = [
        line["steps_per_second"] for line in map(json.loads, lines) if "steps_per_second" in line
    ]
    return measure.rounded(statistics.median(rates)) if rates else None


def share(now: float, end: float, rows: int, reserve: float) -> float:
    """The deadline of the next of `rows` trainings, each of which leaves `reserve` seconds to score."""
    return now + max((end - now) / rows - reserve, 0) if math.isfinite(end) else end
