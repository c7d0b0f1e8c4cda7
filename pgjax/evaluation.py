"""Scores a run on the test pairs, beside two baselines and the published numbers."""

import json
import pathlib
from typing import Any

import jax
import numpy as np
from tqdm import tqdm

from pgjax import hosts, paths, rundir
from pgjax.batch import Store
from pgjax.checkpoint import Checkpoints
from pgjax.data import store as stores
from pgjax.data.annotations import read_pairs
from pgjax.errors import InputError
from pgjax.generation import Prediction, Predictor, mean_scores
from pgjax.image import write_png
from pgjax.metrics import HIGHER_IS_BETTER, METRICS
from pgjax.pictures import sample_grid
from pgjax.recipe import build
from pgjax.state import state_shapes

SUBJECTS = {"model": "model", "source": "copy of the source", "mean": "mean training image"}
ARROWS = {True: "^", False: "v"}
LEGEND = "^ higher is better, v lower is better"
CAUTION = (
    "Published scores were measured with their authors' code, settings and pairs; see README.md."
)
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


def evaluate(
    workdir: str | pathlib.Path,
    data_dir: str,
    limit: int | None = None,
    pairs_file: str | None = None,
    save_images: bool = False,
    noise: bool = False,
) -> dict[str, Any]:
    """Generates the test pairs with a run's last checkpoint and scores them.

    Of several hosts each takes its part of the pairs; all return the same, the first one writes.

    Args:
      workdir: of the run; gets metrics.json, evaluation.png and, if asked, generated/STEP/*.png.
      data_dir: where the data sets are.
      limit: only the first so many pairs, in list order.
      pairs_file: CSV `from,to` of photo names; the data set's own test pairs unless given.
      save_images: also write every generated image.
      noise: generate with the generator's dropout on, as in training (the noise vector of Isola's and
        Siarohin's generators; reference fact 1.1).

    Returns:
      What metrics.json holds.

    Raises:
      FileNotFoundError: no run, no checkpoint or no data set there.
      InputError: a pair names an unknown photo, the limit is not positive, ...
    """
    workdir = paths.of(workdir)
    config = rundir.read_config(workdir)
    recipe = build(config)
    if limit is not None and limit <= 0:
        raise InputError(f"--limit: expected a positive number, got {limit}")
    name, memory = recipe.data.name, int(recipe.data.memory_limit_gb * 1e9)
    with Checkpoints(workdir, rundir.identity(config)) as checkpoints:
        state = checkpoints.restore(state_shapes(recipe))
    hosts.check_same(int(state.step), f"the step to evaluate, read in {workdir},")
    test = stores.load_split(name, "test", data_dir, memory)
    if pairs_file is None:
        pairs = stores.test_pairs(name, test, data_dir)
    else:
        pairs = read_pairs(pairs_file, test.names)
    if not len(pairs):
        raise InputError(f"{pairs_file or f'{TEST_PAIRS} in {data_dir}'}: no pair in it")
    pairs = pairs[:limit]
    mean = mean_image(stores.load_split(name, "train", data_dir, memory).store)

    step = int(state.step)
    stage = recipe.stage_of(step)
    if noise and not any(
        recipe.networks[name].options.get("dropout") for name in recipe.stages[stage].generators
    ):
        raise InputError(f"--noise: no generator of {recipe.row} in {stage} has dropout")
    predict, scores, shown, done = Predictor(recipe, stage, mean, noise), [], [], 0
    begin, mine = hosts.part(pairs)
    given = mine if len(mine) else pairs[:1]  # every host has scores to gather, be it none of them
    with tqdm(total=len(given), desc="evaluating", unit="pair", disable=not hosts.first()) as bar:
        for prediction in predict(state, test.store, given, begin):
            count = len(prediction.batch.source_image)
            if done < SHOWN:
                shown.append(prediction)
            if save_images and len(mine):
                folder = workdir / "generated" / f"{step:07d}"
                _save(folder, prediction, given[done : done + count], test.names)
            scores.append(prediction.scores)
            done += count
            bar.update(count)
    joined = jax.tree.map(lambda *x: np.concatenate(x)[: len(mine)], *scores)
    everyones = hosts.gather(joined)
    result = {
        "row": recipe.row,
        "step": step,
        "stage": stage,
        "pairs": len(pairs),
        "limit": limit,
        "noise": noise,
        "pairs_from": pairs_file or TEST_PAIRS,
        "mask_radius": recipe.evaluation.mask_radius,
        "scores": mean_scores([everyones]),
        "published": dict(recipe.published),
        "published_in": recipe.published_in,
    }
    if hosts.first():
        write_png(workdir / "evaluation.png", sample_grid(shown, SHOWN))
        paths.write_text(workdir / "metrics.json", json.dumps(result, indent=2) + "\n")
    return result


def _save(folder: paths.Path, prediction: Prediction, pairs: np.ndarray, names) -> None:
    output = list(prediction.images.values())[-1]
    for image, (source, target) in zip(output, pairs, strict=True):
        stems = (pathlib.PurePath(names[i]).stem for i in (source, target))
        write_png(folder / f"{'_to_'.join(stems)}.png", image)


def table(result: dict[str, Any]) -> str:
    """A result as a table to read: one line a subject, one column a metric."""
    names = list(METRICS)
    heads = [f"{name} {ARROWS[HIGHER_IS_BETTER[name]]}" for name in names]
    lines = [("", *heads)]
    for subject, title in SUBJECTS.items():
        if subject in result["scores"]:
            values = result["scores"][subject]
            title = f"{title} (step {result['step']})" if subject == "model" else title
            lines.append((title, *(f"{values[name]:.4f}" for name in names)))
    published = result["published"]
    if published:
        cells = (f"{published[name]:.3f}" if name in published else "-" for name in names)
        lines.append((f"published: {result['published_in']}", *cells))
    noise = ", noise on" if result["noise"] else ""
    head = f"{result['row']}: {result['pairs']} test pairs{noise}; {LEGEND}"
    return "\n".join([head, *aligned(lines), *([CAUTION] if published else [])])


def aligned(lines: list[tuple[str, ...]], left: int = 1) -> list[str]:
    """Lines of cells as lines of text, the first one underlined; all but `left` columns flush right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rows = [
        "  ".join(
            c.rjust(w) if i >= left else c.ljust(w)
            for i, (c, w) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    return [rows[0], "-" * len(rows[0]), *rows[1:]]
