"""Points of the table of growing cost: which there are, what is kept, what is printed."""

import json
import subprocess
import sys

import pytest

from benchmarks import scaling
from pgjax.errors import InputError

RESULT = {
    "stage": "stage1",
    "device": "cpu",
    "seconds": 0.5,
    "steps_per_second": 2.0,
    "images_per_second": 8.0,
    "peak_mib": 99.6,
    "least_seconds_by_arithmetic": 0.25,
    "least_seconds_by_state": 0.01,
    "share_of_matmul": 0.5,
}


def test_one_thing_changes_at_a_time_and_no_point_comes_twice():
    found = scaling.points(scaling.AXES)
    assert len(found) == 5 + 2 + 2 + 2
    assert all(sum(p[a] != scaling.START[a] for a in p) <= 1 for p in found)


def test_what_is_measured_is_kept_and_what_failed_is_tried_again(tmp_path, monkeypatch, capsys):
    calls, broken = [], [True]

    def measured(call, out):
        calls.append(call)
        batch = next(c for c in call if "batch_size" in c)
        return [{"error": "too large"}] if broken[0] and batch.endswith("=8") else [RESULT]

    monkeypatch.setattr(scaling, "measured", measured)
    out = f"--out={tmp_path / 'points.json'}"
    arguments = ["--axis=batch", out, "--batch", "4", "8"]
    scaling.main(arguments)
    scaling.main([out, "--markdown"])
    printed = capsys.readouterr().out
    assert "| 4 | 32 | 128x64 | 1 | 0.5 | 2.0 | 8.0 | 100 | 0.25 | 0.01 | 50 % |" in printed
    assert "Failed: {'batch': 8" in printed and "too large" in printed
    broken[0] = False
    scaling.main(arguments)
    assert len(calls) == 3
    kept = json.loads((tmp_path / "points.json").read_text())
    assert [(p["point"]["batch"], p["results"]) for p in kept["points"]] == [
        (4, [RESULT]),
        (8, [RESULT]),
    ]
    with pytest.raises(InputError, match="holds points of"):
        scaling.main([*arguments, "--row=pg2:g1_l1"])


def test_a_point_that_fails_says_how(tmp_path):
    code = "import sys; print('first'); print('no memory', file=sys.stderr); sys.exit(3)"
    (found,) = scaling.measured([sys.executable, "-c", code], tmp_path / "none")
    assert found == {"error": "exit code 3: no memory"}


@pytest.mark.slow
def test_a_real_point(tmp_path):
    """Two devices in a process of its own, as the command measures it."""
    point = {"batch": 2, "features": 4, "size": "64x32", "devices": 2}
    out = tmp_path / "point.json"
    call = scaling.command("pg2:g1_l1", point, "unused", str(out), 1)
    (result,) = scaling.measured(call, out)
    assert result["devices"] == 2 and result["batch_size"] == 2 and result["image_size"] == [64, 32]
    assert result["features"] == {"g1": 4} and 0 < result["share_of_matmul"] < 1
    table = scaling.markdown(
        {"row": "pg2:g1_l1", "points": [{"point": point, "results": [result]}]}
    )
    assert f"| 2 | 4 | 64x32 | 2 | {result['seconds']} |" in table


def test_the_command_has_help():
    call = [sys.executable, "-m", "benchmarks.scaling", "--help"]
    assert "--markdown" in subprocess.run(call, capture_output=True, text=True, check=True).stdout
