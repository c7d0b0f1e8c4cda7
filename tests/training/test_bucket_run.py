"""Runs on gs:// paths alone: killed, gone on with, evaluated; equal to the run on a disk."""

import gc
import json
import os
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

import gcs
import tiny
import two_hosts
from pgjax.files import buckets, paths
from pgjax.scoring import run_evaluation
from pgjax.tools import figure, report
from pgjax.tools.reports import training
from pgjax.tools.reports.pairs import Asked
from pgjax.training import loop, model_folder, run_directory
from pgjax.training.checkpoint import saved_steps
from pgjax.training.choice import read_chosen

ROOT = gcs.ROOT
ROW = "--config=configs/pg2.py:synthetic_people/g1_l1"
SMALL = [
    "--config.networks.g1.options.features=4",
    "--config.networks.g1.options.code=8",
    "--config.batch_size=4",
    "--config.report.log_every=50",
    "--config.report.checkpoint_every=50",
    "--config.report.score_pairs=4",
]

TRAIN = """
import runpy, sys
from pgjax.files import lease
lease.BEAT, lease.LEASE = 1.0, 20.0  # a third of what a killed process is waited for
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture
def environment(emulator, tmp_path, monkeypatch):
    gcs.use(monkeypatch, emulator, tmp_path / "cache")
    yield os.environ | {"PYTHONPATH": str(ROOT)}
    while _started:  # a test that failed may have left one at a million steps
        _started[-1].kill()
        _started.pop().communicate()


_started = []


def _start(environment, *arguments):
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _started.append(process)
    return process


def _end(process) -> tuple[str, str]:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out, err


def _first_that_ends(processes):
    deadline = time.monotonic() + 300
    while all(process.poll() is None for process in processes):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return next(process for process in processes if process.poll() is not None)


def _arrays(workdir):
    """The last checkpoint's numbers, as orbax alone reads them."""
    import orbax.checkpoint as ocp

    step = max(saved_steps(workdir))
    with ocp.StandardCheckpointer() as reader:
        return step, reader.restore(paths.of(workdir) / "checkpoints" / str(step) / "state")


@pytest.mark.slow
def test_commands_on_a_bucket(environment, tmp_path):
    there, here = f"gs://{gcs.BUCKET}/runs/a", tmp_path / "run"
    data = f"--data_dir=gs://{gcs.BUCKET}/data"
    _end(_start(environment, "-m", "pgjax.tools.prepare", "synthetic_people", data))
    train = ["-c", TRAIN, "train.py", ROW, *SMALL, data]
    both = [
        _start(environment, *train, "--config.total_steps=1000000", f"--workdir={there}")
        for _ in "ab"
    ]
    refused, killed = sorted(both, key=lambda process: process is not _first_that_ends(both))
    _, err = refused.communicate()
    assert refused.returncode == 2, err
    assert err.splitlines()[-1].startswith(f"error: another process is training in {there}")
    while not saved_steps(there):
        assert killed.poll() is None
        time.sleep(0.1)
    killed.kill()
    killed.communicate()
    before = max(saved_steps(there))

    train.append(f"--config.total_steps={before + 20}")
    _, err = _end(_start(environment, *train, f"--workdir={there}"))
    assert "waiting 20 s at most" in err
    assert f"{before} of {before + 20} steps done in {there}" in err
    _end(_start(environment, *train, f"--workdir={here}"))
    (a, x), (b, y) = _arrays(there), _arrays(here)
    assert a == b == before + 20
    for one, two in zip(jax.tree.leaves(x), jax.tree.leaves(y), strict=True):
        np.testing.assert_array_equal(one, two)

    for workdir in (there, here):
        out, _ = _end(_start(environment, "evaluate.py", f"--workdir={workdir}", data, "--limit=8"))
        assert "copy of the source" in out
    scores = [json.loads((paths.of(w) / "metrics.json").read_text()) for w in (there, here)]
    assert scores[0]["scores"] == scores[1]["scores"]
    model = model_folder.read(f"{there}/export")
    assert model.step == before + 20 and model.scores["scores"] == scores[0]["scores"]
    out, _ = _end(_start(environment, "-m", "pgjax.tools.table", "pg2", f"gs://{gcs.BUCKET}/runs"))
    assert "measured" in out
    assert not [p for p in buckets.find(paths.of(there), ".lock")]


@pytest.mark.long
def test_two_hosts_share_a_bucket(environment, tmp_path):
    """Both save into it, are killed, go on, and end as one process does."""
    there, here = f"gs://{gcs.BUCKET}/two", tmp_path / "one"
    processes = two_hosts.start("train", there, count=2)
    while not saved_steps(there):
        assert [p.poll() for p in processes] == [None, None], [p.communicate() for p in processes]
        time.sleep(0.1)
    for process in processes:
        process.kill()
        process.communicate()
    two_hosts.end(two_hosts.start("train", there, count=2))
    two_hosts.end(two_hosts.start("train", here, devices=2))
    assert two_hosts.apart(two_hosts.final(here), two_hosts.final(there)) == 0
    ended = two_hosts.end(two_hosts.start("evaluate", there, count=2))
    first, second = (two_hosts.scores(out) for out, _ in ended)
    assert first == second == json.loads((paths.of(there) / "metrics.json").read_text())["scores"]


def _equal(a, b) -> None:
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(x, y)


# Where a read fails, orbax leaves coroutines behind that nothing awaits.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.slow
def test_a_run_in_a_bucket_is_the_run_on_a_disk(environment, tmp_path, capsys):
    """Trained, damaged, gone on with, evaluated; what a killed save left is removed."""
    home = paths.of(f"gs://{gcs.BUCKET}/run")
    with pytest.MonkeyPatch.context() as patch:
        tiny.use_data(patch)
        config = tiny.config("g1_l1", steps=(4,))
        config.report.keep_best = "ssim"
        whole = loop.train_and_evaluate(config, tmp_path, "unused")
        stop = iter((False, True))
        stopped = loop.train_and_evaluate(config, home, "unused", lambda: next(stop))
        assert int(stopped.step) == 2
        gcs.put(home / "checkpoints" / "4" / "state" / "d" / "half", "written")
        again = loop.train_and_evaluate(config, home, "unused", after_sample=training.write)
        _equal(again, whole)
        assert "up to step 4 of 4" in (home / "report.html").read_text()
        assert saved_steps(home) == [2, 4] and "half" not in "".join(gcs.names(home))
        assert two_hosts.final(home).step == 4
        buckets.remove(home / "checkpoints" / "4" / "state" / "d")
        capsys.readouterr()
        _equal(loop.train_and_evaluate(config, home, "unused"), whole)
        (line,) = (x for x in capsys.readouterr().err.splitlines() if x.startswith("warning"))
        assert f"{home}/checkpoints/4 is damaged" in line and line.endswith("going on from step 2")
        assert saved_steps(home) == [2, 4]
        assert any(name.startswith("checkpoints.damaged/4/") for name in gcs.names(home))
        _equal(two_hosts.final(home), whole)
        scores = [
            run_evaluation.evaluate(w, "unused", save_images=True)["scores"]
            for w in (home, tmp_path)
        ]
        assert scores[0] == scores[1]
        bests = [read_chosen(w, run_directory.read_config(w))[1] for w in (home, tmp_path)]
        assert bests[0] == bests[1] is not None
        _, test, columns = figure.read_systems([str(home), str(tmp_path)], None, "unused")
        pairs = run_evaluation.choose_pairs("synthetic_people", test, "unused", None, 2)[0]
        _equal(*(column.images(pairs) for column in columns))
        both = [home, tmp_path]
        options = report.Options("unused", asked=Asked(count=2, points=4))
        report.write(both, home / "page.html", options)
    shown = (home / "page.html").read_text()
    assert [shown.count(f'id="run{n}-pair') for n in (1, 2)] == [4, 4] and str(home) in shown
    assert json.loads((home / "metrics.json").read_text())["scores"] == scores[0]
    assert len([n for n in gcs.names(home) if n.startswith("generated/0000004/")]) == 6
    assert "evaluation.png" in gcs.names(home) and "samples/0000004.png" in gcs.names(home)
    steps = [
        [json.loads(x)["step"] for x in (w / "metrics.jsonl").read_text().splitlines()]
        for w in (home, tmp_path)
    ]
    assert steps[0] == steps[1]
    gc.collect()  # what orbax left, here and not in the middle of another test
