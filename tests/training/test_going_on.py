"""A run goes on: past damaged checkpoints, after a disk that was full, beyond its first end."""

import json
import os
import shutil
import subprocess

import jax
import numpy as np
import pytest

import tiny
from pgjax.errors import DiskFullError, InputError
from pgjax.scoring import run_evaluation
from pgjax.training import checkpoint, logbook, loop

# Where a read or a save fails, orbax leaves coroutines behind that nothing awaits.
orbax_gives_up = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def _tiny_data():
    with pytest.MonkeyPatch.context() as patch:
        tiny.use_data(patch)
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of stages 4 and 4, and its last state."""
    workdir = tmp_path_factory.mktemp("runs") / "whole"
    return workdir, loop.train_and_evaluate(tiny.config(), workdir, "unused")


def _train(config, workdir):
    return loop.train_and_evaluate(config, workdir, "unused")


def _equal(a, b) -> None:
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(x, y)


def _ending(total):
    config = tiny.config(steps=(4, 2))
    config.total_steps = total
    return config


def test_a_run_goes_on_when_its_end_is_raised(finished, tmp_path):
    # In stage 1; after the stages' own 6 steps; and two more, as the run of 4 and 4.
    for total, step in ((3, 3), (0, 6), (8, 8)):
        state = _train(_ending(total), tmp_path / "run")
        assert int(state.step) == step
    _equal(state, finished[1])
    before = (tmp_path / "run" / "config.json").read_bytes()
    with pytest.raises(
        InputError, match=r"total_steps: .*/run has done 8 steps already, .* than 7"
    ):
        _train(_ending(7), tmp_path / "run")
    assert (tmp_path / "run" / "config.json").read_bytes() == before
    assert run_evaluation.evaluate(tmp_path / "run", "unused", limit=1)["step"] == 8


@orbax_gives_up
def test_a_damaged_checkpoint_is_passed_over_and_replaced(finished, tmp_path, capsys):
    workdir = tmp_path / "run"
    shutil.copytree(finished[0], workdir)
    (workdir / "checkpoints" / "8" / "state" / "manifest.ocdbt").unlink()
    left = workdir / "checkpoints" / "10.orbax-checkpoint-tmp"
    left.mkdir()
    assert run_evaluation.evaluate(workdir, "unused", limit=1)["step"] == 6
    # Another process may train there: evaluation touches nothing.
    assert left.exists() and 8 in checkpoint.saved_steps(workdir)
    capsys.readouterr()
    _equal(_train(tiny.config(), workdir), finished[1])
    (line,) = (x for x in capsys.readouterr().err.splitlines() if x.startswith("warning"))
    assert line.startswith(f"warning: checkpoint {workdir}/checkpoints/8 is damaged or incomplete")
    assert line.endswith("; going on from step 6")
    assert checkpoint.saved_steps(workdir) == [2, 4, 6, 8] and not left.exists()
    assert [p.name for p in (workdir / "checkpoints.damaged").iterdir()] == ["8"]
    _equal(_train(tiny.config(), workdir), finished[1])
    assert "warning" not in capsys.readouterr().err


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a file system of its own, and what sets its size in KiB."""
    folder = tmp_path / "small"
    folder.mkdir()

    def mount(size, *options):
        options = ",".join([f"size={size}k", *options])
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        return subprocess.run(command, capture_output=True, text=True)

    if os.geteuid() or not shutil.which("mount") or mount(1000).returncode:
        pytest.skip(
            "a small file system cannot be mounted here; root can where mounting is allowed"
        )
    yield folder, lambda size: mount(size, "remount").check_returncode()
    subprocess.run(["umount", "-l", str(folder)], check=True)


def _fill(folder, leave):
    """Takes all room but so many KiB."""
    free = shutil.disk_usage(folder).free // 1024 - leave
    (folder / "other").write_bytes(bytes(1024 * free))


@orbax_gives_up
def test_a_disk_that_fills_up_ends_a_run_at_its_last_good_checkpoint(finished, small_disk):
    """Whatever it is that does not fit: a checkpoint, seen late or at once, or a line of the log."""
    folder, resize = small_disk
    sizes = {p: sum(f.stat().st_size for f in p.rglob("*")) for p in finished[0].iterdir()}
    one = sizes[finished[0] / "checkpoints"] // 4 // 1024
    workdir, steps = folder / "run", []
    for room in (0.5 * one, 2.2 * one, 3.3 * one):
        resize(round(room + 200))
        with pytest.raises(DiskFullError) as caught:
            _train(tiny.config(), workdir)
        message = str(caught.value)
        assert str(workdir) in message and "No space left on device" in message
        steps.append(max(checkpoint.saved_steps(workdir), default=0))
        good = f"checkpoint is of step {steps[-1]}, and" if steps[-1] else "nothing is saved yet"
        assert good in message and "the same command goes on" in message
    assert steps[0] < steps[-1] < 8
    resize(20_000)
    _equal(_train(tiny.config(), workdir), finished[1])
    logged = [
        [json.loads(x)["step"] for x in (w / "metrics.jsonl").read_text().splitlines()]
        for w in (workdir, finished[0])
    ]
    assert logged[0] == logged[1]


def test_a_log_that_does_not_fit_is_a_full_disk(small_disk):
    folder, _ = small_disk
    with logbook.Logbook(folder, 0) as log:
        log.write(1, {"loss": 1.0})
    _fill(folder, 0)
    with pytest.raises(DiskFullError, match="nothing is saved yet"), checkpoint.need_room(folder):
        for start in range(3):  # a line may fit into the last block
            with logbook.Logbook(folder, start) as log:
                for step in range(2000):
                    log.write(start + step, {"loss": 1.0})


def test_another_error_is_left_as_it_is(tmp_path):
    with pytest.raises(ValueError, match="else"), checkpoint.need_room(tmp_path):
        raise ValueError("else")
