"""The command for a GPU machine: on a CPU, with a budget of seconds; what its numbers are compared with."""

import json
import pathlib
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

import tiny
from benchmarks import gpu_market1501, gpu_numerics, gpu_tasks
from pgjax.errors import InputError

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_differences_are_relative_and_nan_never_passes():
    there = {"log": {"g/loss": 2.0, "g/gradient_norm": 4.0}, "images": {"g": np.ones((1, 2, 2, 3))}}
    here = {
        "log": {"g/loss": 2.001, "g/gradient_norm": 3.96},
        "images": {"g": np.full((1, 2, 2, 3), 1.0005)},
    }
    found = gpu_numerics.differences(here, there)
    expected = {"losses": 5e-4, "gradient_norms": 1e-2, "images": 5e-4, "pixel": 5e-4}
    assert found == pytest.approx(expected)
    assert gpu_numerics.agree(gpu_numerics.differences(there, there))
    for kind, value in (("losses", 2.01), ("losses", np.nan)):
        here["log"]["g/loss"] = value
        found = gpu_numerics.differences(here, there)
        assert not gpu_numerics.agree(found) and found[kind] > 1e-3


@pytest.mark.slow
def test_the_first_step_agrees_with_itself_and_bfloat16_is_reported():
    config = tiny.config("g1_l1")
    ((name, found),) = gpu_numerics.check({"row": config}, "unused", time.time() + 600)
    assert name == "row" and found["agrees"]
    # The second of two CPU devices stands for the accelerator.
    assert found["differences"]["strict"]["losses"] < 1e-6
    assert set(found["differences"]) == {"strict", "default", "bfloat16"}
    assert found["cpu"]["g1/loss"] > 0 and found["accelerator"] == jax.devices()[1].device_kind


def test_after_the_deadline_nothing_begins():
    assert not list(gpu_numerics.check({"row": tiny.config("g1_l1")}, "unused", 0))


def test_the_time_is_shared_and_leaves_room_to_score():
    assert gpu_tasks.share(now=100, end=400, rows=3, reserve=40) == 160
    assert gpu_tasks.share(now=390, end=400, rows=2, reserve=40) == 390


def test_the_best_batch_is_the_one_of_most_images():
    def point(stage, size, rate, **more):
        return {
            "stage": stage,
            "precision": "float32",
            "batch_size": size,
            "images_per_second": rate,
            "share_of_matmul": 0.1,
        } | more

    points = [point("s1", 4, 10.0), point("s1", 16, 30.0), point("s2", 4, 5.0)]
    points.append({"stage": "s2", "precision": "float32", "batch_size": 16, "error": "full"})
    found = gpu_tasks.best(points)
    assert {k: v["batch_size"] for k, v in found.items()} == {"s1 float32": 16, "s2 float32": 4}


def test_a_result_counts_for_what_was_asked_only(tmp_path):
    path = tmp_path / "deep" / "result.json"
    assert gpu_tasks.read(path, {"row": "a"}) == {"asked": {"row": "a"}, "finished": False}
    path.parent.mkdir()
    path.write_text(json.dumps({"asked": {"row": "a"}, "finished": True}))
    assert gpu_tasks.read(path, {"row": "a"})["finished"]
    assert not gpu_tasks.read(path, {"row": "b"})["finished"]
    path.write_text('{"asked"')  # cut off
    assert not gpu_tasks.read(path, {"row": "a"})["finished"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rows", "full"], "expected PAPER:ROW"),
        (["--rows", "deformable:fulll"], "unknown row"),
        (["--rows", *(f"pg2:{i}" for i in range(8))], "at most 7"),
        (["--rows", "deformable:full", "--set", "batch=3"], "no key batch"),
    ],
)
def test_bad_arguments_start_nothing(arguments, message, tmp_path):
    place = [f"--{name}={tmp_path / name}" for name in ("data_dir", "workdir", "out")]
    with pytest.raises(InputError, match=message):
        gpu_market1501.main([*place, *arguments])
    assert not list(tmp_path.iterdir())


SMALL = (
    "networks.*.options.features=4",
    "networks.g1.options.code=8",
    "stages.*.steps=3",
    "evaluation.batch_size=4",
    "report.score_pairs=4",
)


def _command(folder, minutes):
    call = [sys.executable, "-m", "benchmarks.gpu_market1501", "--dataset=synthetic_people"]
    call += [f"--{name}={folder / name}" for name in ("data_dir", "workdir", "out")]
    call += [f"--minutes={minutes}", "--rows", "pg2:g1_l1", "--families", "pg2:g1_l1"]
    call += ["--features=4", "--batches", "2", "--steps=1", "--limit=5"]
    call += ["--evaluation_minutes=0.1"]
    call += [x for change in SMALL for x in ("--set", change)]
    ended = subprocess.run(call, cwd=ROOT, capture_output=True, text=True)
    return ended, json.loads((folder / "out" / "results.json").read_text())


@pytest.mark.long
def test_the_whole_command_on_a_cpu(tmp_path):
    """First with no time at all, then with enough, then with nothing left to do."""
    ended, results = _command(tmp_path, 0)
    assert ended.returncode == 0 and not (tmp_path / "workdir" / "runs").exists()
    assert not any(results[name]["finished"] for name in results if name != "failed")

    ended, results = _command(tmp_path, 20)
    assert ended.returncode == 0, ended.stderr
    summary = json.loads(ended.stdout)
    assert summary["unfinished"] == [] and summary["numerics_agree"] == 1
    row = "pg2:synthetic_people/g1_l1"
    trained = results["train-pg2-synthetic_people-g1_l1"]
    assert trained["step"] == trained["total_steps"] == 3
    assert trained["metrics"]["pairs"] == 5 and trained["metrics"]["row"] == row.partition(":")[2]
    assert results["numerics"]["rows"][row]["agrees"]
    points = results["bench-pg2-synthetic_people-g1_l1"]["points"]
    assert [p["precision"] for p in points] == ["float32", "bfloat16"]
    assert results["input"]["lines"][0]["pairs_per_second"] > 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["pg2-synthetic_people-g1_l1.png", "results.json"]

    # $OUT is empty at the next call: everything is there again, and nothing was done anew.
    for path in (tmp_path / "out").iterdir():
        path.unlink()
    ended, again = _command(tmp_path, 20)
    assert ended.returncode == 0 and again == results
    assert ended.stderr.count("is finished") == 4
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
