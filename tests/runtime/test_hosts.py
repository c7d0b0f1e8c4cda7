"""Two processes on this machine make one run: kills, a signal, evaluation, other numbers of devices."""

import json
import shutil
import signal
import time

import jax
import numpy as np
import pytest

import two_hosts
from pgjax.errors import InputError
from pgjax.runtime import hosts


def _lines(workdir) -> list[dict]:
    file = workdir / "metrics.jsonl"
    return [json.loads(x) for x in file.read_text().splitlines()] if file.exists() else []


def _wait_for_more(workdir, processes) -> None:
    """Until the run has saved itself once more than at its start, and gone on."""
    known, deadline = len(_lines(workdir)), time.monotonic() + 600
    while len(_lines(workdir)) < known + 4:
        assert time.monotonic() < deadline
        assert [p.poll() for p in processes] == [None] * len(processes), [
            p.communicate()[1] for p in processes
        ]
        time.sleep(0.02)


@pytest.mark.slow
def test_two_hosts_are_one(tmp_path):
    two, one = tmp_path / "two", tmp_path / "one"
    processes = two_hosts.start("train", two, count=2)
    _wait_for_more(two, processes)
    for process in processes:
        process.kill()
    for process in processes:
        process.communicate()
        assert process.returncode == -signal.SIGKILL

    # Told to one host alone, SIGTERM makes both save the same step and end.
    processes = two_hosts.start("train", two, count=2)
    _wait_for_more(two, processes)
    processes[1].send_signal(signal.SIGTERM)
    outputs = two_hosts.end(processes)
    stopped = int(two_hosts.final(two).step)
    assert (
        0 < stopped < two_hosts.STEPS and f"stopped by SIGTERM at step {stopped}" in outputs[1][1]
    )
    assert _lines(two)[-1]["step"] >= stopped

    outputs = two_hosts.end(two_hosts.start("train", two, count=2))
    assert f"{stopped} of {two_hosts.STEPS} steps done" in outputs[0][1] and outputs[1][1] == ""
    two_hosts.end(two_hosts.start("train", one, devices=2))
    assert int(two_hosts.final(two).step) == two_hosts.STEPS
    assert two_hosts.apart(two_hosts.final(one), two_hosts.final(two)) == 0
    # The first host draws what is scored, on its own devices: another program, and a grey level may differ.
    assert two_hosts.best(one) == pytest.approx(two_hosts.best(two), rel=0, abs=1e-4)
    logged, again = (
        {x["step"]: x["g/loss"] for x in _lines(workdir) if "g/loss" in x} for workdir in (one, two)
    )
    # The signal may have come where nothing is logged otherwise.
    for step in logged.keys() - {stopped, stopped + 1, stopped + 2}:
        assert again[step] == logged[step]
    assert len(logged) == two_hosts.STEPS / 2

    # Five pairs: two of one host, three of the other.
    scores = [
        two_hosts.scores(out)
        for out, _ in two_hosts.end(two_hosts.start("evaluate", one, devices=2))
    ]
    scores += [
        two_hosts.scores(out) for out, _ in two_hosts.end(two_hosts.start("evaluate", two, count=2))
    ]
    assert scores[0] == scores[1] == scores[2]
    generated = two / "generated" / f"{two_hosts.STEPS:07d}"
    assert len(list(generated.iterdir())) == 5
    assert json.loads((two / "metrics.json").read_text())["scores"] == scores[1]

    # Checkpoints of two devices go on with one, and of one with two.
    shutil.copytree(two, tmp_path / "fewer")
    two_hosts.end(
        two_hosts.start("train", tmp_path / "fewer", devices=1, total=two_hosts.STEPS + 2)
    )
    shutil.copytree(tmp_path / "fewer", tmp_path / "more")
    two_hosts.end(two_hosts.start("train", tmp_path / "more", devices=2, total=two_hosts.STEPS + 4))
    assert int(two_hosts.final(tmp_path / "more").step) == two_hosts.STEPS + 4


GATHERED = """
import sys
import numpy as np
from pgjax.runtime import hosts

port, host = sys.argv[1:]
hosts.start(f"localhost:{port}", 2, int(host))
whole = {
    "integers": np.array([2**62 + 1, -(2**53) - 1, 7]),
    "floats": np.array([0.1, 1e300, -np.pi]),
    "rows": np.random.default_rng(1).normal(size=(3, 2, 4)),
    "halves": np.array([0.1, 2, np.inf], np.float16),
    "flags": np.array([True, False, True]),
    "times": np.array(["2026-11-30", "NaT", "1969-07-20"], "datetime64[us]"),
    "of no width": np.zeros((3, 0)),
}
whole["none"] = whole["rows"][:0]
mine = {name: x[:1] if host == "0" else x[1:] for name, x in whole.items()}
for name, found in hosts.gather(mine).items():
    np.testing.assert_array_equal(found, whole[name], strict=True, err_msg=name)
try:
    hosts.check_same(2**53 + int(host), "a number")
except ValueError as error:
    print(error)
"""


def test_arrays_of_any_type_come_as_they_were_sent():
    """JAX's own gathering halves integers of 64 bits, and rounds floats of 64 to 32."""
    told = two_hosts.end(two_hosts.on_two_hosts(GATHERED))
    for out, _ in told:
        assert (
            out.splitlines()[-1] == f"a number is not the same on all hosts: {[2**53, 2**53 + 1]}"
        )


def test_alone_nothing_is_joined_or_gathered():
    hosts.start()
    assert hosts.count() == 1 and hosts.first()
    items = np.arange(5)
    assert hosts.part(items)[0] == 0 and hosts.gather({"a": items})["a"] is items
    agreement = hosts.Agreement()
    assert agreement(True) and not agreement(False)


def test_every_item_is_of_one_host(monkeypatch):
    monkeypatch.setattr(jax, "process_count", lambda: 3)
    for size in (0, 1, 2, 7, 9):
        items, found = np.arange(size), []
        for host in range(3):
            monkeypatch.setattr(jax, "process_index", lambda host=host: host)
            begin, mine = hosts.part(items)
            assert begin == len(found)
            found += list(mine)
        assert found == list(items)


def test_half_a_description_of_the_hosts_is_an_error():
    with pytest.raises(InputError, match=r"--num_hosts: missing; --coordinator.* go together"):
        hosts.start("localhost:1", None, 0)
    with pytest.raises(InputError, match="0 <= host < num_hosts"):
        hosts.start("localhost:1", 2, 2)
