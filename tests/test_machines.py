"""Other systems, and file systems that lock nothing, by stand-ins."""

import errno
import fcntl
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import threading
import time

import pytest

from pgjax import data
from pgjax.errors import InputError
from pgjax.files import lease, locks, paths
from pgjax.training import run_directory

ROOT = pathlib.Path(__file__).resolve().parents[1]
CONFIG = {"row": "market1501/g1_l1", "networks": {"g1": {"features": [1]}}}
REASONS = ("ENOSYS", "ENOTSUP", "EOPNOTSUPP", "ENOLCK", "EINVAL")


@pytest.fixture
def _no_flock(monkeypatch, request):
    number = getattr(errno, request.param)

    def flock(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)


@pytest.fixture
def _fast(monkeypatch):
    monkeypatch.setattr(lease, "BEAT", 0.05)
    monkeypatch.setattr(lease, "LEASE", 2.0)
    monkeypatch.setattr(lease, "SETTLE", 0.1)


@pytest.mark.parametrize("_no_flock", REASONS, indirect=True)
def test_a_run_goes_on_where_nothing_can_be_locked(tmp_path, capsys, _no_flock, _fast):
    with run_directory.open_run(tmp_path, CONFIG) as check:
        check()
        said = json.loads((tmp_path / ".lock").read_text().partition("\n")[0])
        assert said["pid"] == os.getpid()
        other = run_directory.open_run(tmp_path, CONFIG)
        with pytest.raises(InputError, match="another process is training"), other:
            pass
    first, *_ = capsys.readouterr().err.splitlines()
    assert first.startswith(f"warning: {tmp_path}: its file system has no flock: ")
    assert not (tmp_path / ".lock").exists()
    with run_directory.open_run(tmp_path, CONFIG) as check:
        check()


@pytest.mark.parametrize("_no_flock", ["EACCES"], indirect=True)
def test_other_errors_of_a_lock_are_told(tmp_path, _no_flock):
    with pytest.raises(PermissionError), run_directory.open_run(tmp_path, CONFIG):
        pass


@pytest.mark.parametrize("_no_flock", ["ENOSYS"], indirect=True)
def test_what_a_killed_process_left_is_taken_over(tmp_path, capsys, _no_flock, _fast):
    run_directory.check(tmp_path, CONFIG)
    (tmp_path / ".lock").write_text('{"host": "gone"}\nabc\n')
    with run_directory.open_run(tmp_path, CONFIG) as check:
        check()
        # Whoever takes it over in turn is noticed.
        (tmp_path / ".lock").write_text('{"host": "another"}\ndef\n')
        deadline = time.monotonic() + 300
        with pytest.raises(InputError, match="another process has taken over"):
            while time.monotonic() < deadline:
                time.sleep(0.05)
                check()
    assert "waiting" in capsys.readouterr().err
    assert "another" in (tmp_path / ".lock").read_text()


def test_of_two_that_begin_together_one_is_refused(tmp_path, monkeypatch, _fast):
    monkeypatch.setattr(lease, "SETTLE", 1.0)
    gate, results = threading.Barrier(2), []

    def take():
        gate.wait()
        try:
            with lease.Lease(tmp_path / ".lock") as held:
                time.sleep(2)
                held.check()
                results.append("held")
        except InputError:
            results.append("refused")

    threads = [threading.Thread(target=take) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["held", "refused"]


def test_a_lock_that_was_left_behind_is_nothing(tmp_path, _fast, capsys):
    (tmp_path / ".lock").write_text("")  # a lock's of before, on a file system that has them
    with lease.Lease(tmp_path / ".lock") as held:
        held.check()
    assert capsys.readouterr().err == ""


def test_a_lock_leaves_what_stands_in_the_file(tmp_path):
    (tmp_path / ".lock").write_text("theirs")
    with locks.held(tmp_path / ".lock", wait=False):
        assert (tmp_path / ".lock").read_text() == "theirs"


WINDOWS = """
import builtins, os, signal, sys

ABSENT = {"fcntl", "resource", "pwd", "grp", "termios", "pty", "posix"}
imported = builtins.__import__

def here(name, globals=None, locals=None, fromlist=(), level=0):
    asked = (globals or {}).get("__name__", "").split(".")[0]
    if name in ABSENT and asked in ("pgjax", "configs", "__main__"):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return imported(name, globals, locals, fromlist, level)

builtins.__import__ = here
for name in ("fork", "nice", "getuid", "sched_getaffinity"):
    delattr(os, name)
for name in ("SIGKILL", "SIGHUP", "SIGUSR1", "pthread_sigmask"):
    delattr(signal, name)
sys.platform = "win32"
"""


def _on_windows(program: str, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", WINDOWS + program, *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def test_every_module_is_imported_without_what_windows_lacks():
    ended = _on_windows(
        """
sys.platform = "linux"  # libraries have their own ways there
import importlib, pkgutil, pgjax
for module in pkgutil.walk_packages(pgjax.__path__, "pgjax."):
    if module.name not in ("pgjax.__main__", "pgjax.tools.train"):  # its flags are evaluate's too
        importlib.import_module(module.name)
"""
    )
    assert ended.returncode == 0, ended.stderr


@pytest.mark.slow
def test_a_run_without_locks_of_the_system(tmp_path):
    ended = _on_windows(
        f"""
sys.platform = "linux"
from pgjax.files import buckets, lease
from pgjax.runtime import interruption, cpu_process
from pgjax.training import run_directory
from pgjax.tools import train
lease.SETTLE = 0.1
interruption.begin("train")
cpu_process.begin()
import pathlib
with run_directory.open_run({str(tmp_path / "run")!r}, {CONFIG!r}) as check:
    check()
with buckets.locked(pathlib.Path({str(tmp_path)!r}) / "x"):
    print("done")
from pgjax.runtime import launch
assert launch._cores() >= 1
"""
    )
    assert (ended.returncode, ended.stdout) == (0, "done\n"), ended.stderr
    (line,) = ended.stderr.splitlines()
    assert "this system has no flock; the run renews its claim" in line


def test_data_sets_say_what_they_lack(tmp_path, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "array_record" else found(name)
    )
    with pytest.raises(InputError, match=r"array_record, which is not installed; .* Windows"):
        data.build("synthetic_people", tmp_path)


def test_texts_are_the_same_whatever_the_system_writes(tmp_path, monkeypatch):
    """Windows has other line ends, and not UTF-8."""
    paths.append_text(tmp_path / "a", "é\n")
    paths.append_text(tmp_path / "a", "2\n")
    assert (tmp_path / "a").read_bytes() == b"\xc3\xa9\n2\n"
    ended = subprocess.run(
        [sys.executable, "-X", "warn_default_encoding", *WARNED, "-c", TEXTS, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr


WARNED = ("-W", "error::EncodingWarning:pgjax")
TEXTS = f"""
import pathlib, sys
from pgjax.training import logbook, run_directory
from pgjax.files import paths
folder = pathlib.Path(sys.argv[1]) / "run"
paths.write_text(folder / run_directory.CONFIG, '{json.dumps(CONFIG)}')
run_directory.read_config(folder)
paths.append_text(folder / "b", "x")
with logbook.Logbook(folder, 0) as book:
    book.write(1, {{"loss": 1.0}})
"""
