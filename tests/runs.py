"""Runs at toy size for the tests of tables and studies: pretended ones, and real ones."""

import json
import pathlib

import pytest

import tiny
from configs import pg2
from pgjax.metrics import of_pixels
from pgjax.metrics.protocols import PROTOCOLS
from pgjax.tools import study
from pgjax.training import run_directory

SMALL = (
    "networks.*.options.features=4",
    "networks.g1.options.code=8",
    "batch_size=4",
    "evaluation.batch_size=4",
    "report.checkpoint_every=2",
    "report.score_pairs=4",
)


def pixel_metrics(protocol):
    return of_pixels(PROTOCOLS[protocol].metrics)


def write(folder, row="market1501/g1_l1", seed=0, ssim=0.25, config=None, protocol="pg2", **result):
    """A finished run's config.json and metrics.json; returns its folder."""
    config = pg2.get_config(row) if config is None else config
    config.seed = seed
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(run_directory.plain(config)))
    steps = sum(stage.steps for stage in config.stages.values())
    whole = _result(protocol, {"model": ssim, "source": 0.9})
    whole |= {"row": config.row, "step": config.total_steps or steps, "noise": False}
    (folder / "metrics.json").write_text(json.dumps(whole | result))
    return folder


def write_judged(path, dataset="market1501", protocol="pg2", ssim=0.5, **result):
    """What evaluate.py --images writes."""
    whole = _result(protocol, {"images": ssim}) | {"row": None, "dataset": dataset}
    path.write_text(json.dumps(whole | result))
    return path


def _result(protocol, values):
    record = PROTOCOLS[protocol].record()
    names = pixel_metrics(protocol)
    return {
        "pairs": 12_000,
        "limit": None,
        "pairs_from": "the data set's test pairs",
        "pairs_sha256": "0" * 64,
        "mask_radius": record["mask"]["radius"],
        "protocol": record,
        "scores": {subject: dict.fromkeys(names, value) for subject, value in values.items()},
    }


def plans(rows, seeds, workdir, steps):
    """A study of rows of PG2 at toy width."""
    return study.plan(rows, seeds, pathlib.Path(workdir), steps, None, SMALL)


def work(plan, data_dir, deadline):
    """What a study's processes do, on the toy data set."""
    with pytest.MonkeyPatch.context() as patch:
        tiny.use_data(patch)
        study.work(plan, data_dir, deadline)
