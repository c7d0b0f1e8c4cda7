import dataclasses
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from ml_collections import ConfigDict

import runs
from configs import pg2
from pgjax import data
from pgjax.errors import InputError
from pgjax.runtime import traced_programs
from pgjax.scoring import run_evaluation
from pgjax.tools import overrides, study
from pgjax.tools.child_process import call_apart
from pgjax.training import loop, run_directory
from pgjax.training.state import State
from runs import write

ROWS = ("pg2:synthetic_people/g1_l1", "pg2:synthetic_people/g1_mask")

pages, page_code = [], [0]  # what pages were made of, and how their processes end


@pytest.fixture
def pretended(monkeypatch):
    """Pretends to train: a row's score is its seed, and what is in `broken` fails."""
    calls, broken = [], set()
    pages.clear()
    page_code[:] = [0]

    def call(work, *args):
        if work is study.check:
            return 0
        if work is study.write_report:
            pages.append(args)
            return page_code[0]
        plan, _, _ = args
        calls.append(str(plan))
        if str(plan) in broken:
            return 2
        config = pg2.get_config(plan.config["row"])
        config.update(plan.config)
        seed = plan.config["seed"]
        asked = {"mask_radius": 2, "limit": plan.limit, "protocol": plan.protocol}
        write(plan.folder, config=config, seed=seed, ssim=float(seed), **asked)
        return 0

    monkeypatch.setattr(study, "call_apart", call)
    monkeypatch.setattr(data, "load", lambda name, data_dir: None)
    return calls, broken


def _main(workdir, *arguments):
    study.main([*ROWS, "--seeds=2", f"--workdir={workdir}", *arguments])


def test_seed_0_of_every_row_comes_first_and_what_is_finished_is_skipped(
    pretended, tmp_path, capsys
):
    calls, _ = pretended
    _main(tmp_path)
    order = [f"{row} seed {seed}" for seed in (0, 1) for row in ROWS]
    assert calls == order
    assert (tmp_path / "pg2/synthetic_people/g1_l1/seed1/metrics.json").exists()
    # Scores 0 and 1: mean 1/2, deviation sqrt(1/2).
    out = capsys.readouterr().out
    assert out.count("0.5000 ± 0.7071") == 2 * len(runs.pixel_metrics("pg2"))
    assert "pg2 on market1501" not in out
    study.main([*ROWS, "--seeds=3", f"--workdir={tmp_path}"])
    assert calls == [*order, *(f"{row} seed 2" for row in ROWS)]
    # Other pairs: scored anew.
    _main(tmp_path, "--limit=5")
    assert calls[6:] == order


def test_a_study_ends_with_a_page_of_its_runs(pretended, tmp_path, capsys):
    _, broken = pretended
    broken.add(f"{ROWS[1]} seed 1")
    page_code[:] = [2]
    theirs = runs.write_judged(tmp_path / "theirs.json", "synthetic_people", mask_radius=2)
    with pytest.raises(SystemExit) as ended:
        _main(tmp_path / "study", f"theirs={theirs}", "--protocol=pg2", "--data_dir=d")
    assert ended.value.code == 1
    error = f"error: {tmp_path / 'study/report.html'} could not be written (exit code 2)"
    assert capsys.readouterr().err.splitlines()[-1] == error
    ((folders, out, data_dir, protocol, judged),) = pages
    names = [folder.relative_to(tmp_path / "study/pg2/synthetic_people") for folder in folders]
    assert list(map(str, names)) == ["g1_l1/seed0", "g1_mask/seed0", "g1_l1/seed1"]
    assert (out, data_dir, protocol) == (tmp_path / "study/report.html", "d", "pg2")
    assert [other.name for other in judged] == ["theirs"]


def test_the_tables_are_of_the_protocol_that_is_asked_for(pretended, tmp_path, capsys):
    calls, _ = pretended
    _main(tmp_path)
    assert "protocol pg2;" in capsys.readouterr().out
    _main(tmp_path, "--protocol=patn")
    out = capsys.readouterr().out
    assert "protocol patn;" in out and "ssim_reference" in out
    assert out.count("±") - 1 == 2 * len(runs.pixel_metrics("patn"))
    assert len(calls) == 8  # under which they were not scored yet
    with pytest.raises(InputError, match="--protocol: unknown 'none'; there are pgjax, pg2"):
        _main(tmp_path, "--protocol=none")


def test_a_run_is_scored_under_all_protocols_that_its_tables_may_have(monkeypatch, tmp_path):
    (each,) = study.plan(ROWS[:1], 1, tmp_path, 4, protocol="patn")
    asked = []
    monkeypatch.setattr(loop, "train_and_evaluate", lambda *_: State(np.int32(4), {}))
    monkeypatch.setattr(run_evaluation, "evaluate", lambda *_, protocol: asked.append(protocol))
    study.work(each, "unused", time.time() + 3600)
    assert asked == [["pgjax", "pg2", "patn"]]


def test_judged_pictures_are_in_the_table(pretended, tmp_path, capsys):
    theirs = runs.write_judged(tmp_path / "theirs.json", "synthetic_people", mask_radius=2)
    _main(tmp_path / "study", f"theirs={theirs}")
    assert re.search(r"^theirs +judged +- +- +12000 +0\.5000", capsys.readouterr().out, re.M)
    # Of other pairs, which is known when the runs are scored: the table comes all the same.
    other = runs.write_judged(
        tmp_path / "other.json", "synthetic_people", mask_radius=2, pairs_sha256="1" * 64
    )
    with pytest.raises(InputError, match="cannot share a table: pairs_sha256 '111"):
        _main(tmp_path / "study", f"theirs={other}")
    out = capsys.readouterr().out
    assert "0.5000 ± 0.7071" in out and "theirs" not in out


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"protocol": "patn"}, "judged on synthetic_people under protocol patn; .* are of synth"),
        ({"dataset": "market1501"}, "judged on market1501 under protocol pg2"),
        ({"limit": 5}, "judged with limit 5, this study scores with None"),
    ],
)
def test_pictures_without_a_place_are_refused_before_anything_runs(
    pretended, tmp_path, changes, message
):
    given = {"dataset": "synthetic_people"} | changes
    theirs = runs.write_judged(tmp_path / "theirs.json", **given)
    with pytest.raises(InputError, match=message):
        _main(tmp_path / "study", f"theirs={theirs}")
    with pytest.raises(InputError, match="no row to train"):
        study.main([f"theirs={theirs}", f"--workdir={tmp_path}"])
    assert not pretended[0]


def test_one_that_fails_loses_no_other(pretended, tmp_path, capsys):
    calls, broken = pretended
    broken.add(f"{ROWS[0]} seed 0")
    with pytest.raises(SystemExit) as ended:
        _main(tmp_path)
    assert ended.value.code == 1 and len(calls) == 4
    out, err = capsys.readouterr()
    assert "1.0000" in out and "0.5000 ± 0.7071" in out
    assert err.splitlines()[-1] == f"error: 1 of 4 runs failed: {ROWS[0]} seed 0 (exit code 2)"
    broken.clear()
    _main(tmp_path)
    assert calls[4:] == [f"{ROWS[0]} seed 0"]


def test_when_the_time_is_over_only_what_is_trained_goes_on(pretended, tmp_path, capsys):
    calls, _ = pretended
    trained = tmp_path / "pg2/synthetic_people/g1_mask/seed1"
    half = tmp_path / "pg2/synthetic_people/g1_mask/seed0"
    for plan in study.plan(ROWS, 2, tmp_path, 100):
        if plan.folder in (trained, half):
            with run_directory.open_run(plan.folder, plan.config):
                (plan.folder / "checkpoints" / str(100 if plan.folder == trained else 40)).mkdir(
                    parents=True
                )
    _main(tmp_path, "--steps=100", "--minutes=1e-9")
    assert calls == [f"{ROWS[1]} seed 1"]
    lines = capsys.readouterr().err.splitlines()
    assert f"unfinished: {ROWS[1]} seed 0, step 40 of 100" in lines
    assert f"unfinished: {ROWS[0]} seed 1, step 0 of 100" in lines
    assert sum(line.startswith("unfinished") for line in lines) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pg2/market1501/g1_l1"], "expected PAPER:DATASET/ROW"),
        (["pg3:market1501/g1_l1"], "unknown paper 'pg3'"),
        (["pg2:market1501/g3"], "unknown row 'market1501/g3'"),
        (
            [*ROWS, "--set=networks.g2.options.features=4"],
            r"has no key networks\.g2\.options\.features: networks has g1$",
        ),
        ([*ROWS, "--set=networks.*.optons.features=4"], r"networks\.\* has .*mean options\?\)"),
        ([*ROWS, "--set=batchsize=4"], r"g1_l1 has .*mean batch_size\?\)"),
        ([*ROWS, "--set=batch_size.x=4"], r"has no key batch_size\.x: batch_size has none"),
        ([*ROWS, "--set=networks.g1=4"], "has keys of its own"),
        ([*ROWS, "--set=batch_size=many"], "expected int, such as 8"),
        ([*ROWS, "--set=batch_size"], "expected KEY=VALUE"),
        ([*ROWS, "--set=batch_size=0"], r"config\.batch_size: expected a positive number"),
        ([*ROWS, "--set=seed=4"], "row and seed are the study's own"),
        (["pg2:synthetic_people/g1_g2_d", "--steps=1"], "has 2 stages"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(pretended, tmp_path, arguments, message):
    with pytest.raises(InputError, match=message):
        study.main([*arguments, f"--workdir={tmp_path}"])
    assert not pretended[0] and not list(tmp_path.iterdir())


@pytest.mark.parametrize("argument", ["--seeds=0", "--steps=-3", "--minutes=nan", "--limit=x"])
def test_a_bad_number_is_named(tmp_path, argument, capsys):
    with pytest.raises(SystemExit) as ended:
        _main(tmp_path, argument)
    assert ended.value.code == 2 and argument.partition("=")[0] in capsys.readouterr().err


def test_another_studys_directory_is_refused(pretended, tmp_path):
    _main(tmp_path, "--steps=100")
    with pytest.raises(InputError, match=r"stages\.stage1\.steps is 100 there and 200 here"):
        _main(tmp_path, "--steps=200")
    assert len(pretended[0]) == 4


@pytest.mark.parametrize(
    ("total", "shares"), [(4000, [3000, 1000]), (100, [75, 25]), (7, [5, 2]), (2, [1, 1])]
)
def test_stages_share_the_steps_as_the_rows_own(total, shares):
    config = pg2.get_config("synthetic_people/g1_g2_d")  # 3,000 and 1,000
    overrides.set_steps(config, total)
    assert [stage.steps for stage in config.stages.values()] == shares


def test_a_key_may_be_a_pattern_and_keeps_its_type():
    config = pg2.get_config("synthetic_people/g1_g2_d")
    overrides.set_key(config, "networks.*.options.features=4")
    assert [n.options.features for n in config.networks.values()] == [4, 4, 4]
    overrides.set_key(config, "data.memory_limit_gb=2")
    assert config.data.memory_limit_gb == 2.0 and type(config.data.memory_limit_gb) is float
    overrides.set_key(config, "data.pairs=deformable")
    overrides.set_key(config, "data.flip=False")
    overrides.set_key(config, "stages.stage2.players=('d', 'g2')")
    assert (config.data.pairs, config.data.flip) == ("deformable", False)
    assert config.stages.stage2.players == ("d", "g2")


def test_a_process_of_its_own_ends_as_it_ends(capfd):
    assert call_apart(os.getpid) == 0
    assert call_apart(sys.exit, 3) == 3
    assert call_apart(signal.raise_signal, signal.SIGKILL) == -signal.SIGKILL
    assert call_apart(os.listdir, "/no such folder") == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line == "error: /no such folder: No such file or directory"


STUDY = """
import sys, runs
from pgjax.tools import study
if __name__ == "__main__":
    plans = runs.plans(sys.argv[2:], 2, sys.argv[1], 40)
    failed = study.run(plans, "unused", work=runs.work)
    print(study.report(plans))
    sys.exit(len(failed))
"""


CHILD = """
import signal, sys, time
from pgjax.runtime.interruption import Interruption
from pgjax.tools.child_process import call_apart

def child(path):
    with Interruption() as stop, open(path, "w", buffering=1) as file:
        stop()
        file.write("up\\n")
        while not stop():
            time.sleep(0.01)
        time.sleep(0.3)
        file.write("saved\\n")

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background
    with Interruption():
        call_apart(child, sys.argv[1])
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_child_saves_itself_however_its_parent_is_stopped(tmp_path, number):
    (tmp_path / "program.py").write_text(CHILD)
    said = tmp_path / "said"
    root = pathlib.Path(runs.__file__).parents[1]
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "program.py"), str(said)],
        env=os.environ | {"PYTHONPATH": str(root)},
    )
    deadline = time.monotonic() + 300
    while not (said.exists() and said.read_text()):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(number)
    codes = {signal.SIGTERM: 0, signal.SIGINT: 130, signal.SIGKILL: -signal.SIGKILL}
    assert process.wait(300) == codes[number]
    while said.read_text() != "up\nsaved\n":
        assert number == signal.SIGKILL and time.monotonic() < deadline
        time.sleep(0.02)


def test_what_only_a_network_knows_to_be_wrong_is_found_first(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(data, "load", lambda name, data_dir: None)
    with pytest.raises(SystemExit) as ended:
        _main(tmp_path, "--set=networks.*.options.pose=stick")
    assert ended.value.code == 2 and not list(tmp_path.iterdir())
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("error: synthetic_people/g1_l1: config.networks.g1.options: ")


@pytest.mark.slow
def test_a_killed_study_goes_on_to_its_table(tmp_path):
    """Two rows × two seeds; the study is killed in its second run, and started again."""
    tests = pathlib.Path(runs.__file__).parent
    paths = [str(tests.parent), str(tests)]
    cache = tmp_path / "cache"
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(paths),
        "JAX_COMPILATION_CACHE_DIR": str(cache),
    }
    program = tmp_path / "program.py"
    program.write_text(STUDY)
    command = [sys.executable, str(program), str(tmp_path / "study"), *ROWS]
    options = {"env": environment, "stderr": subprocess.DEVNULL}

    plans = runs.plans(ROWS, 2, tmp_path / "study", 40)
    deadline = time.monotonic() + 300
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, **options)
    while not plans[1].done:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert plans[0].finished and not plans[1].finished
    scored = (plans[0].folder / "metrics.json").stat().st_mtime_ns
    # Its run ends with it, else the directory would be locked for the next one.
    again = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=600, **options)
    assert again.returncode == 0
    assert all(plan.finished for plan in plans)
    assert (plans[0].folder / "metrics.json").stat().st_mtime_ns == scored
    starts = [len((p.folder / "environment.jsonl").read_text().splitlines()) for p in plans]
    assert starts == [1, 2, 1, 1]
    lines = [x for x in again.stdout.splitlines() if re.search(r" measured +2 +40 +6 ", x)]
    assert [line.split()[0] for line in lines] == ["g1_l1", "g1_mask"]
    assert all(line.count("±") == len(runs.pixel_metrics("pg2")) for line in lines)
    # A step's program follows from row and seed: the run that went on found the one it had kept.
    assert len(list((cache / traced_programs.FOLDER).iterdir())) == len(plans)


def test_a_run_whose_end_was_raised_is_not_finished(tmp_path):
    (done,) = runs.plans(["pg2:synthetic_people/g1_l1"], 1, tmp_path, 4)
    radius = done.config["evaluation"]["mask_radius"]
    runs.write(done.folder, config=ConfigDict(done.config), mask_radius=radius)
    assert done.finished
    assert not dataclasses.replace(done, config=done.config | {"total_steps": 8}).finished
