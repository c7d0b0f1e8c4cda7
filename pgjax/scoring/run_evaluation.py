"""Scores a run on the test pairs, beside two baselines and the published numbers."""

import json
import os
import pathlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from pgjax import nets
from pgjax.data import store as stores
from pgjax.data.annotations import read_pairs
from pgjax.errors import InputError
from pgjax.files import paths
from pgjax.images.pixels import write_png
from pgjax.metrics import protocols
from pgjax.metrics.records import MASKED_INPUT, PLAIN
from pgjax.pose.batch import Store
from pgjax.progress import Progress, announce
from pgjax.runtime import hosts
from pgjax.scoring.result_files import (
    RESULT,
    pairs_of,
    put_aside,
    result_of,
    write,
    write_pairs,
)
from pgjax.scoring.results import (
    ARROWS,
    CAUTION,
    LEGEND,
    aligned,
    digest,
    pairs_digest,
    provenance,
    published,
    table,
    unplaced,
)
from pgjax.scoring.scorer import PIXEL, chosen_of
from pgjax.scoring.scorers import Scorers
from pgjax.training import run_directory
from pgjax.training.choice import read_chosen
from pgjax.training.generation import Prediction, Predictor
from pgjax.training.recipe import Recipe, build
from pgjax.training.sample_grids import sample_grid

__all__ = [
    "ARROWS",
    "CAUTION",
    "LEGEND",
    "RESULT",
    "TEST_PAIRS",
    "aligned",
    "choose_pairs",
    "counts",
    "evaluate",
    "evaluate_all",
    "mean_image",
    "put_aside",
    "table",
    "unplaced",
    "write",
]

TEST_PAIRS = "the data set's test pairs"
SHOWN = 12  # pairs in evaluation.png


def mean_image(store: Store, chunk: int = 1024) -> np.ndarray:
    """The mean of all photos of a split, uint8 (H, W, 3)."""
    count = len(store.keypoints)
    total = np.zeros(store.images.shape[1:], np.int64)
    for start in range(0, count, chunk):
        photos = store.images[np.arange(start, min(start + chunk, count))]
        total += photos.sum(axis=0, dtype=np.int64)
    return np.round(total / count).astype(np.uint8)


def choose_pairs(
    dataset: str, test: stores.Split, data_dir: str, pairs_file: str | None, limit: int | None
) -> tuple[np.ndarray, int]:
    """The pairs to score, (P, 2) positions in the split, and how many the whole list has.

    Raises:
      InputError: a pair names an unknown photo, there is none, or the limit is not positive.
    """
    if limit is not None and limit <= 0:
        raise InputError(f"--limit: expected a positive number, got {limit}")
    if pairs_file is None:
        pairs = stores.test_pairs(dataset, test, data_dir)
    else:
        pairs = read_pairs(pairs_file, test.names)
    if not len(pairs):
        raise InputError(f"{pairs_file or f'{TEST_PAIRS} in {data_dir}'}: no pair in it")
    return pairs[:limit], len(pairs)


def evaluate(
    workdir: str | os.PathLike,
    data_dir: str,
    limit: int | None = None,
    pairs_file: str | None = None,
    save_images: bool = False,
    noise: bool = False,
    protocol: str | Sequence[str] | None = None,
    metrics: Sequence[str] = (PIXEL,),
    reference: str | None = None,
    step: int | None = None,
) -> dict[str, Any]:
    """Scores a run: draws the test pairs with its checkpoint and compares them with the targets.

    Args:
      workdir: of the run; gets metrics_PROTOCOL.json and metrics_PROTOCOL_pairs.csv of each protocol, the
        first of the former also as metrics.json, evaluation.png and, if asked, generated/STEP/*.png.
      data_dir: where the data sets are, and weights/ of the networks that metrics read.
      limit: only the first so many pairs, in list order.
      pairs_file: CSV `from,to` of photo names; the data set's own test pairs unless given.
      save_images: also write every generated image.
      noise: generate with the generator's dropout on, as in training (the noise vector of Isola's and
        Siarohin's generators; docs/reference_facts.md, 1.1), and with a latent that is drawn, not 0.
      protocol: a name in protocols.PROTOCOLS, or several; unless given, the project's own and the one by
        which the row's paper measured. The project's own takes the recipe's mask radius.
      metrics: which of the protocols' (scoring.chosen_of); those that need no network unless given.
      reference: the real images of FID and KID (protocols.REFERENCES); the protocol's unless given.
      step: of the checkpoint; the best by report.keep_best unless given, or else the last.

    Returns:
      What metrics.json holds: the scores under the first of the protocols.

    Raises:
      FileNotFoundError: no run, no checkpoint or no data set there.
      InputError: a pair names an unknown photo, the limit is not positive, ...
    """
    return evaluate_all(
        workdir, data_dir, limit, pairs_file, save_images, noise, protocol, metrics, reference, step
    )[0]


def evaluate_all(
    workdir: str | os.PathLike,
    data_dir: str,
    limit: int | None = None,
    pairs_file: str | None = None,
    save_images: bool = False,
    noise: bool = False,
    protocol: str | Sequence[str] | None = None,
    metrics: Sequence[str] = (PIXEL,),
    reference: str | None = None,
    step: int | None = None,
) -> list[dict[str, Any]]:
    """Generates the test pairs with a run's checkpoint and scores them, under each protocol in one pass.

    The arguments are those of `evaluate`. Of several hosts each takes its part of the pairs; all return the
    same, the first one writes.

    Returns:
      What metrics_PROTOCOL.json holds, of each protocol that has any of the metrics.

    Raises:
      FileNotFoundError: no run, no checkpoint or no data set there.
      InputError: a pair names an unknown photo, the limit is not positive, ...
    """
    started = time.perf_counter()
    workdir = paths.of(workdir)
    config = run_directory.read_config(workdir)
    recipe = build(config)
    names = [protocol] if isinstance(protocol, str) else protocol or protocols_of(recipe)
    judged = chosen_of([_judge_of(name, recipe, reference) for name in names], metrics)
    if limit is not None and limit <= 0:
        raise InputError(f"--limit: expected a positive number, got {limit}")
    name, memory = recipe.data.name, int(recipe.data.memory_limit_gb * 1e9)
    state, best = read_chosen(workdir, config, step)
    hosts.check_same(int(state.step), f"the step to evaluate, read in {workdir},")
    test = stores.load_split(name, "test", data_dir, memory)
    pairs, listed = choose_pairs(name, test, data_dir, pairs_file, limit)
    train = stores.load_split(name, "train", data_dir, memory).store
    mean = mean_image(train)

    step = int(state.step)
    stage = recipe.drawing_stage_of(step)
    generators = recipe.stages[stage].generators
    if noise and not draws_noise(recipe, stage):
        raise InputError(
            f"--noise: no generator of {recipe.row} in {stage} has dropout or draws a latent"
        )
    weights = paths.of(data_dir) / "weights"
    scorer = Scorers(judged, name, test.store, pairs, weights, lambda: train)
    predict = {PLAIN: Predictor(recipe, stage, noise=noise, scored=False)}
    if scorer.masked_input is not None:
        predict[MASKED_INPUT] = Predictor(
            recipe, stage, noise=noise, scored=False, masked_input=scorer.masked_input
        )
    _say(
        f"evaluating {recipe.row}, step {step} of {recipe.total_steps} ({stage}), on {len(pairs)} of "
        f"{listed} pairs of {pairs_file or f'{name} in {data_dir}'}, under protocol "
        f"{' and '.join(p.name for p, _ in judged)}; compiling for the first batch"
    )
    begin, mine = hosts.part(pairs)
    given = mine if len(mine) else pairs[:1]  # every host has scores to gather, be it none of them
    shown, done, clock = [], 0, {"generation": 0.0}
    with Progress(len(given), "evaluating", "pair", quiet=not hosts.first()) as bar:
        runs = {
            view: run(state, test.store, given, begin, len(pairs), jax.device_count())
            for view, run in predict.items()
        }
        for predictions in _together(runs, clock):
            prediction = predictions[PLAIN]
            count = len(prediction.batch.source_image)
            chunk = given[done : done + count]
            if done < SHOWN:
                shown.append(prediction)
            if save_images and len(mine):
                _save(workdir / "generated" / f"{step:07d}", prediction, chunk, test.names)
            views = {view: p.images[generators[-1]] for view, p in predictions.items()}
            scorer.add("model", views, prediction.batch, drawn=True)
            scorer.add_baselines(prediction.batch, chunk, mean, scorer.measures_sets)
            done += count
            bar.update(count)
    scored = scorer.scored(len(mine))
    seconds = clock | scorer.seconds() | {"total": time.perf_counter() - started}
    networks = {g: state.networks[g].averaged for g in generators}
    said = {
        "row": recipe.row,
        "step": step,
        "stage": stage,
        "pairs": len(pairs),
        "limit": limit,
        "noise": noise,
        "pairs_from": pairs_file or TEST_PAIRS,
        "pairs_sha256": pairs_digest(test.names, pairs),
        "checkpoint": {
            "step": step,
            "sha256": digest(networks),
            "best": None if best is None else best._asdict(),
        },
        "images": None,
    }
    results = [
        {
            **said,
            "mask_radius": found.protocol.mask.radius,
            "scores": found.scores,
            **published(recipe, found.protocol),
            **provenance(found.protocol, name, found, counts(pairs, train), seconds),
        }
        for found in scored
    ]
    results = json.loads(json.dumps(results))
    if hosts.first():
        write_png(workdir / "evaluation.png", sample_grid(shown, SHOWN))
        for result, found in zip(results, scored, strict=True):
            path = workdir / result_of(found.protocol.name)
            beside = workdir / pairs_of(found.protocol.name)
            put_aside(path, result, [beside.name])
            # Scores of other pairs, or of an earlier step, must not stand beside it if this is stopped now.
            beside.unlink(missing_ok=True)
            write(path, result)
            if found.each["model"]:
                write_pairs(beside, test.names, pairs, found.each["model"])
        write(workdir / RESULT, results[0])
    return results


def protocols_of(recipe: Recipe) -> list[str]:
    """Names of the protocols by which a row is scored unasked: ours, and its paper's where that is told."""
    return list(dict.fromkeys([protocols.OWN.name, recipe.protocol or protocols.OWN.name]))


def draws_noise(recipe: Recipe, stage: str) -> bool:
    """Whether a generator of the stage has dropout or draws a latent."""
    networks = [recipe.networks[name] for name in recipe.stages[stage].generators]
    return any(one.options.get("dropout") or one.net in nets.LATENT for one in networks)


def _say(what: str) -> None:
    if hosts.first():
        announce(what)


def _judge_of(name: str, recipe: Recipe, reference: str | None) -> protocols.Protocol:
    found = protocols.find(name, reference)
    if found.name == protocols.OWN.name:
        return protocols.with_radius(found, recipe.evaluation.mask_radius)
    return found


def _together(
    runs: Mapping[str, Iterator[Prediction]], clock: dict[str, float]
) -> Iterator[dict[str, Prediction]]:
    """The same pairs of every run, by its name; adds the seconds that they took to the clock."""
    while True:
        started = time.perf_counter()
        made = [next(run, None) for run in runs.values()]
        clock["generation"] += time.perf_counter() - started
        predictions = {name: one for name, one in zip(runs, made, strict=True) if one is not None}
        if len(predictions) < len(runs):
            return
        yield predictions


def counts(pairs: np.ndarray, train: Store | None) -> dict[str, int]:
    """How many pairs were scored, of how many photos, and how many training photos there are."""
    found = {"pairs": len(pairs), "sources": len(set(pairs[:, 0].tolist()))}
    found["targets"] = len(set(pairs[:, 1].tolist()))
    return found if train is None else found | {"training_photos": len(train.keypoints)}


def _save(folder: paths.Path, prediction: Prediction, pairs: np.ndarray, names) -> None:
    output = list(prediction.images.values())[-1]
    for image, (source, target) in zip(output, pairs, strict=True):
        stems = (pathlib.PurePath(names[i]).stem for i in (source, target))
        write_png(folder / f"{'_to_'.join(stems)}.png", image)
