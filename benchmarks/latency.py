"""How long an exported model takes to draw, and to compile."""

import time

import numpy as np

from benchmarks import measure
from pgjax.keypoints import make_pose
from pgjax.scoring.run_evaluation import aligned
from pgjax.serving.transfer import PoseTransfer
from pgjax.training import model_folder


def measured(model: model_folder.Model, batches: list[int], repeats: int) -> dict:
    """Compilation and latency of every batch size."""
    transfer, calls, first = PoseTransfer(model, max(batches)), {}, {}
    for size in batches:
        given = _inputs(model.size, size)
        calls[str(size)] = lambda given=given: transfer(*given)
        started = time.perf_counter()
        calls[str(size)]()
        first[str(size)] = time.perf_counter() - started
    times = measure.in_turn(calls, repeats)
    found = {}
    for size, seconds in times.items():
        median = float(np.median(seconds))
        found[size] = measure.spread(seconds) | {
            "compile_seconds": measure.rounded(first[size] - median),
            "images_per_second": measure.rounded(int(size) / median),
        }
    return {
        "row": model.config["row"],
        "image_size": list(model.size),
        "precision": model.recipe.compute.precision,
        "batches": found,
        **measure.machine(),
    }


def _inputs(size: tuple[int, int], count: int):
    rng = np.random.default_rng(0)
    photos = list(rng.integers(0, 256, (count, *size, 3), np.uint8))
    poses = [[make_pose(rng.uniform(0, size, (18, 2))) for _ in photos] for _ in range(2)]
    return photos, *poses


def table(result: dict) -> str:
    """A result to read."""
    height, width = result["image_size"]
    rows = [("batch", "seconds", "range", "images/s", "compile s")]
    for size, found in result["batches"].items():
        low, high = found["seconds_range"]
        cells = (found["seconds"], f"{low} to {high}", found["images_per_second"])
        rows.append((size, *map(str, cells), str(found["compile_seconds"])))
    head = f"{result['row']}, {height}x{width}, {result['precision']}, on {result['device']}"
    return "\n".join([head, *aligned(rows)])
