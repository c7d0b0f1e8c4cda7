import json
import subprocess
import sys

import pytest

import pgjax
from pgjax.errors import InputError
from pgjax.training import logbook, run_directory

CONFIG = {
    "row": "market1501/g1_l1",
    "networks": {"g1": {"features": (1, 2)}},
    "report": {"log_every": 5},
    "data": {"name": "market1501", "memory_limit_gb": 8.0},
}


def _open(workdir, **changes):
    with run_directory.open_run(workdir, CONFIG | changes):
        pass


def test_the_same_run_is_opened_again(tmp_path):
    _open(tmp_path / "run")
    _open(
        tmp_path / "run", report={"log_every": 7}, data={"name": "market1501", "memory_limit_gb": 1}
    )
    config = run_directory.read_config(tmp_path / "run")
    assert config["report"] == {"log_every": 7} and config["networks"]["g1"]["features"] == [1, 2]
    starts = (tmp_path / "run" / "environment.jsonl").read_text().splitlines()
    assert len(starts) == 2 and json.loads(starts[0])["packages"]["jax"]
    assert json.loads(starts[0])["packages"]["pgjax"] == pgjax.__version__


def test_another_run_is_refused(tmp_path):
    _open(tmp_path / "run")
    with pytest.raises(InputError, match=r"another run: config\.data\.name is 'market1501' there"):
        _open(tmp_path / "run", data={"name": "deepfashion", "memory_limit_gb": 8.0})


def test_what_a_killed_start_left_is_no_obstacle(tmp_path):
    (tmp_path / ".config.json.partial").write_text("{")
    for name in (".DS_Store", "._.DS_Store", "Thumbs.db"):
        (tmp_path / name).touch()
    _open(tmp_path)
    assert run_directory.read_config(tmp_path)["row"] == CONFIG["row"]


def test_a_file_is_no_run_directory(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="not an empty directory"):
        _open(tmp_path / "file")


def test_a_run_that_begins_meanwhile_is_a_run(tmp_path, monkeypatch):
    """Another process writes its config and the rest just as this one looks into the directory."""
    found = type(tmp_path).iterdir

    def begins(path):
        monkeypatch.undo()
        _open(tmp_path)
        return found(path)

    monkeypatch.setattr(type(tmp_path), "iterdir", begins)
    run_directory.check(tmp_path, CONFIG)
    assert (tmp_path / "environment.jsonl").exists()


@pytest.mark.parametrize("content", ["{", "[]", "{}", "\xff"])
def test_a_damaged_config_is_named(tmp_path, content):
    (tmp_path / "config.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError, match=r"config\.json: not"):
        run_directory.read_config(tmp_path)


def test_one_process_at_a_time(tmp_path):
    program = f"""
from pgjax.training import run_directory
with run_directory.open_run({str(tmp_path)!r}, {CONFIG}): pass
"""
    with run_directory.open_run(tmp_path, CONFIG):
        other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert f"another process is training in {tmp_path}" in other.stderr
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def _log(workdir, *lines):
    (workdir / "metrics.jsonl").write_text("".join(line + "\n" for line in lines))


def test_the_log_goes_on_where_the_checkpoint_is(tmp_path):
    _log(tmp_path, '{"step": 2, "a": 1.5}', '{"step": 4}', '{"step": 6}', '{"st')
    with logbook.Logbook(tmp_path, 4) as log:
        log.write(5, {"a": 2.5})
    lines = [json.loads(x) for x in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert lines == [{"step": 2, "a": 1.5}, {"step": 4}, {"step": 5, "a": 2.5}]


@pytest.mark.parametrize("bad", ["garbage", '{"loss": 3}', "[1]"])
def test_a_damaged_log_is_not_cut_off(tmp_path, bad):
    _log(tmp_path, '{"step": 2}', bad, '{"step": 4}')
    before = (tmp_path / "metrics.jsonl").read_bytes()
    with pytest.raises(InputError, match=r"metrics\.jsonl, line 2"):
        logbook.Logbook(tmp_path, 4)
    assert (tmp_path / "metrics.jsonl").read_bytes() == before
