"""Real signals to real processes."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import time

import jax
import numpy as np
import pytest

import places
from pgjax import data
from pgjax.runtime import traced_programs
from pgjax.runtime.interruption import EXIT_CODES, Interruption, Stopped
from pgjax.training import checkpoint, run_directory
from pgjax.training.recipe import build
from pgjax.training.state import state_shapes

ENVIRONMENT = places.environment()
LIMIT = 1200  # seconds, far beyond what a busy machine takes to compile
STOPS = pytest.mark.parametrize(
    ("command", "number", "more"),
    [
        ("train", signal.SIGTERM, "; the same command goes on"),
        ("train", signal.SIGINT, "; the same command goes on"),
        ("generate", signal.SIGINT, ""),
    ],
)

SLEEPER = """
import signal, sys, time
from pgjax.runtime.interruption import Interruption
signal.signal(signal.SIGINT, signal.default_int_handler)  # a command in the background ignores it
with Interruption() as stop:
    if sys.argv[1] != "start-up":
        stop()
    print("up", flush=True)
    if sys.argv[1] == "start-up":
        time.sleep(60)
    while not stop():
        time.sleep(0.01)
    print("noted", flush=True)
    if sys.argv[1] == "slow":
        time.sleep(60)
    stop.end(7)
print("not reached")
"""


def _sleeper(how):
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPER, how],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "up\n"
    return process


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)], ids=["SIGTERM", "SIGINT"]
)
@pytest.mark.parametrize(
    ("how", "noted", "where"),
    [("start-up", "", ""), ("loop", "noted\n", " at step 7")],
)
def test_a_signal_ends_a_process_with_a_line(how, noted, where, number, code):
    process = _sleeper(how)
    process.send_signal(number)
    out, err = process.communicate(timeout=300)
    assert (out, process.returncode) == (noted, code)
    assert err == f"stopped by {number.name}{where}; the same command goes on\n"


COMMANDS = {
    "train": [str(places.ROOT / "train.py")],
    "pgjax.tools.train": ["-m", "pgjax.tools.train"],
    "pgjax train": ["-m", "pgjax", "train"],
    "evaluate": [str(places.ROOT / "evaluate.py")],
    "pgjax.tools.evaluate": ["-m", "pgjax.tools.evaluate"],
}
OURS = ("JAX_COMPILATION_CACHE_DIR", "XLA_FLAGS")  # tests/conftest.py's, for other programs
WAITING = """
import time
print("up", flush=True)
time.sleep(60)
"""


HEARING = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)  # a command in the background ignores it
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def _stopped(command, number, folder=None):
    """Exit code and lines of a Python that got a signal when it printed "up"."""
    paths = [str(folder)] * (folder is not None) + [ENVIRONMENT["PYTHONPATH"]]
    process = subprocess.Popen(
        [sys.executable, "-c", HEARING, *command],
        env=ENVIRONMENT | {"PYTHONPATH": os.pathsep.join(paths), "JAX_PLATFORMS": "cpu"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "up\n"
    time.sleep(1)
    process.send_signal(number)
    out, err = process.communicate(timeout=300)
    return process.returncode, out + err


@pytest.mark.parametrize("number", EXIT_CODES)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_ends_while_it_is_imported(tmp_path, command, number):
    (tmp_path / "absl.py").write_text(WAITING)  # the first that takes its time
    code, said = EXIT_CODES[number], f"stopped by {number.name}\n"
    if number == signal.SIGTERM and "evaluate" in command:
        code, said = -number, ""
    assert _stopped(COMMANDS[command], number, tmp_path) == (code, said)


@pytest.mark.parametrize("number", EXIT_CODES)
def test_an_import_is_not_broken_off_but_ended(tmp_path, number):
    """Modules of JAX's crash where an exception breaks them off; this one would go on."""
    (tmp_path / "slow.py").write_text(f"try:{textwrap.indent(WAITING, '    ')}finally: print('on')")
    program = (
        "from pgjax.runtime.interruption import Interruption\nwith Interruption(): import slow"
    )
    ended = EXIT_CODES[number], f"stopped by {number.name}; the same command goes on\n"
    assert _stopped(["-c", program], number, tmp_path) == ended


HELD_UP = """
import sys, time
from pgjax.tools import cli
from pgjax.runtime import interruption
interruption.PATIENCE = 0.5

def held_up():
    print("up", flush=True)
    try:
        time.sleep(60)
    except BaseException:  # as a destructor's caller does
        time.sleep(60)

def train():
    with interruption.Interruption(patience=0.5):
        held_up()

interruption.begin(sys.argv[1])
cli.run({"train": train, "generate": held_up}[sys.argv[1]])
"""


@STOPS
def test_a_signal_ends_a_process_that_holds_exceptions_up(command, number, more):
    ended = _stopped(["-c", HELD_UP, command], number)
    assert ended == (EXIT_CODES[number], f"stopped by {number.name}{more}\n")


COMPILING = """
import faulthandler, sys
import jax
from pgjax.tools import cli
from pgjax.runtime import interruption
faulthandler.enable()  # as absl does

def function(x):
    for i in range(900):  # seconds of compiling, also on a quick machine
        x = jax.numpy.fft.fft(jax.numpy.tanh(x @ x.T) + jax.numpy.sort(x, axis=0) * i).real
    return x

def compile():
    program = jax.jit(function).lower(jax.numpy.ones((64, 64)))
    print("up", flush=True)
    try:
        program.compile()
    finally:
        print("in order")

def train():
    with interruption.Interruption():
        compile()

interruption.begin(sys.argv[1])
cli.run({"train": train, "generate": compile}[sys.argv[1]])
print("not reached")
"""


@STOPS
def test_a_process_that_compiles_ends_in_order(command, number, more):
    """XLA compiles in a thread of its own, and crashes when it is done and JAX is not there any more."""
    ended = _stopped(["-c", COMPILING, command], number)
    assert ended == (EXIT_CODES[number], f"in order\nstopped by {number.name}{more}\n")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with the demo's data set."""
    folder = tmp_path_factory.mktemp("data")
    data.build("synthetic_people", folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "after"),
    [
        (signal.SIGINT, "building data set"),
        (signal.SIGTERM, "making the networks"),
        (signal.SIGINT, "compiling its step"),
        (signal.SIGTERM, None),
    ],
    ids=["data", "networks", "compiling", "steps"],
)
def test_a_first_start_is_stopped_at_any_moment(tmp_path, request, number, after):
    """With nothing compiled, after this line of it; None: in its first steps."""
    folder = tmp_path if after == "building data set" else request.getfixturevalue("built")
    command = [str(places.ROOT / "train.py"), "--config=configs/demo.py:synthetic_people/dsc"]
    command += [f"--workdir={tmp_path / 'run'}", f"--data_dir={folder}"]
    command += ["--config.report.log_every=1"]
    told, log = tmp_path / "told", tmp_path / "run" / "metrics.jsonl"
    with told.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", HEARING, *command],
            env={k: v for k, v in ENVIRONMENT.items() if k not in OURS}
            | {"XDG_CACHE_HOME": str(tmp_path / "cache")},
            cwd=places.ROOT,
            stderr=errors,
        )
    deadline = time.monotonic() + LIMIT
    try:
        while not (after in told.read_text() if after else log.exists() and log.read_text()):
            assert process.poll() is None and time.monotonic() < deadline, told.read_text()
            time.sleep(0.02)
        time.sleep(random.uniform(0, 3))
        process.send_signal(number)
        assert process.wait(LIMIT) == EXIT_CODES[number], told.read_text()
    finally:
        process.kill()
        process.wait()
    assert told.read_text().splitlines()[-1].startswith(f"stopped by {number.name}")


def test_a_second_ctrl_c_ends_at_once_and_a_second_sigterm_does_not():
    process = _sleeper("slow")
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "noted\n"
    process.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)
    process.send_signal(signal.SIGINT)  # the first
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)
    process.send_signal(signal.SIGINT)
    assert process.wait(300) == -signal.SIGINT
    process.communicate()


def test_handlers_come_back_and_what_is_ignored_stays_so():
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with Interruption() as stop:
            assert not stop()
            signal.raise_signal(signal.SIGINT)
            assert not stop()
            signal.raise_signal(signal.SIGTERM)
            assert stop() and stop.signal == signal.SIGTERM
        assert signal.getsignal(signal.SIGTERM) == before[0]
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
        assert not issubclass(Stopped, Exception)
    finally:
        signal.signal(signal.SIGINT, before[1])


TRAIN = """
import jax, pathlib, signal, sys
jax.config.update("jax_num_cpu_devices", 2)
signal.signal(signal.SIGINT, signal.default_int_handler)
import pytest, tiny
from pgjax.tools import cli
from pgjax.runtime import traced_programs
from pgjax.training import loop
from pgjax.runtime.interruption import Interruption

traced_programs.keep(pathlib.Path(sys.argv[1]).parent)  # as the command does, elsewhere

def main(workdir):
    with pytest.MonkeyPatch.context() as patch:
        tiny.use_data(patch)
        with Interruption() as stop:
            config = tiny.config("g1_l1", steps=(int(sys.argv[2]),))
            stop.end(int(loop.train_and_evaluate(config, workdir, "unused", stop).step))

cli.run(main, sys.argv[1])
"""


def _start(workdir, steps):
    command = [sys.executable, "-c", TRAIN, str(workdir), str(steps)]
    return subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)


def _until_logged(workdir, process, known=""):
    deadline = time.monotonic() + LIMIT
    log = workdir / "metrics.jsonl"
    while not log.exists() or len(log.read_text()) <= len(known):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_sigterm_saves_the_step_under_way_and_a_second_start_is_refused(tmp_path):
    """A real training process, stopped wherever it is, and one beside it on the same directory."""
    long, workdir = 100_000, tmp_path / "run"
    process = _start(workdir, long)
    try:
        _until_logged(workdir, process)
        other = _start(workdir, long)
        _, refused = other.communicate(timeout=LIMIT)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=LIMIT)
    finally:
        process.kill()
    assert other.returncode == 2
    assert refused.splitlines()[-1] == f"error: another process is training in {workdir}"
    step = max(checkpoint.saved_steps(workdir))
    assert process.returncode == 0 and 0 < step < long
    assert err.splitlines()[-1] == f"stopped by SIGTERM at step {step}; the same command goes on"
    assert _restored(workdir).step == step


def _restored(workdir):
    config = run_directory.read_config(workdir)
    with checkpoint.Checkpoints(workdir, run_directory.identity(config)) as checkpoints:
        return checkpoints.restore(state_shapes(build(config)))


@pytest.mark.long
def test_sigterm_and_ctrl_c_at_any_moment_change_nothing(tmp_path):
    """Stopped in its start-up and twice at random moments, then to the end: bit-identical."""
    total, moments = 80, random.Random()
    assert _start(tmp_path / "whole", total).communicate()[1] and _restored(tmp_path / "whole")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
        workdir = tmp_path / "stopped"
        known = (workdir / "metrics.jsonl").read_text() if workdir.exists() else ""
        process = _start(workdir, total)
        _until_logged(workdir, process, known)
        time.sleep(moments.uniform(0, 0.3))
        process.send_signal(number)
        _, err = process.communicate(timeout=LIMIT)
        assert process.returncode == EXIT_CODES[number], err
        step = max(checkpoint.saved_steps(workdir))
        assert err.splitlines()[-1].startswith(f"stopped by {number.name} at step {step};")
    process = _start(workdir, total)
    assert process.communicate()[1] and process.returncode == 0
    assert len(list((tmp_path / traced_programs.FOLDER).iterdir())) == 1  # traced once, then read
    a, b = (_restored(tmp_path / name) for name in ("whole", "stopped"))
    assert a.step == total
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(x, y)
