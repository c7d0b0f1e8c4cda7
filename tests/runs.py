"""Runs at toy size for the tests of tables and studies: pretended ones, and real ones."""

import json
import pathlib

import pytest

import tiny
from configs import pg2
from pgjax import rundir
from pgjax.metrics import METRICS
from pgjax.tools import study

SMALL = (
    "networks.*.options.features=4",
    "networks.g1.options.code=8",
    "batch_size=4",
    "evaluation.batch_size=4",
    "report.checkpoint_every=2",
    "report.score_pairs=4",
)


def write(folder, row="market1501/g1_l1", seed=0, ssim=0.25, config=None, **result):
    """A finished run's config.json and metrics.json; returns its folder."""
    config = pg2.get_config(row) if config is None else config
    config.seed = seed
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(rundir.plain(config)))
    whole = {
        "row": config.row,
        "step": sum(stage.steps for stage in config.stages.values()),
        "pairs": 12_000,
        "limit": None,
        "noise": False,
        "pairs_from": "the data set's test pairs",
        "mask_radius": 4,
        "scores": {"model": dict.fromkeys(METRICS, ssim), "source": dict.fromkeys(METRICS, 0.9)},
    }
    (folder / "metrics.json").write_text(json.dumps(whole | result))
    return folder


def plans(rows, seeds, workdir, steps):
    """A study of rows of PG2 at toy width."""
    return study.plan(rows, seeds, pathlib.Path(workdir), steps, None, SMALL)


def work(plan, data_dir, deadline):
    """What a study's processes do, on the toy data set."""
    with pytest.MonkeyPatch.context() as patch:
        tiny.use_data(patch)
        study.work(plan, data_dir, deadline)
