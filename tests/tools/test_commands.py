"""The commands as a user types them, each in a process of its own."""

import json
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest

from pgjax.images.result_names import NAMINGS
from pgjax.metrics.protocols import PROTOCOLS

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROW = "--config=configs/pg2.py:synthetic_people/g1_g2_d"


def run(*arguments):
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize("command", ["train.py", "evaluate.py"])
def test_help(command):
    ended = run(command, "--help")
    assert ended.returncode == 0 and "--data_dir" in ended.stdout
    if command == "evaluate.py":
        assert set(PROTOCOLS) | set(NAMINGS) <= set(re.findall(r"\w+", ended.stdout))


def test_help_of_generate():
    ended = run("generate.py", "--help")
    assert ended.returncode == 0 and "--source_pose" in ended.stdout


def test_a_dry_run_prints_full_integers_and_writes_nothing(tmp_path):
    place = f"--workdir={tmp_path / 'run'}"
    row = "--config=configs/pg2.py:market1501/g1_g2_d"
    ended = run("train.py", row, place, "--dry_run", f"--data_dir={tmp_path / 'none'}")
    assert ended.returncode == 0, ended.stderr
    for count in ("70795075", "6058883", "4329537"):
        assert count in ended.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train.py"], "--config: missing"),
        (["train.py", ROW], "--workdir: missing"),
        (["train.py", "--config=configs/pg2.py:market1501/g3"], "unknown row 'market1501/g3'"),
        (["train.py", ROW, "--config.batchsize=3"], "unknown config key config.batchsize"),
        (["train.py", ROW, "--dry_run", "--config.batch_size=0"], "config.batch_size: expected"),
        (["train.py", ROW, "--dry_run", "--init=none"], "--init: none: neither an exported model"),
        (["train.py", ROW, "--dry_run", "--init_networks=g"], "--init_networks: needs --init"),
        (
            [
                "train.py",
                "--config=configs/pg2.py:market1501/g1_l1",
                "--workdir=w",
                "--data_dir=none",
            ],
            "data set market1501 is not in none: build it with",
        ),
        (["evaluate.py"], "--workdir: missing"),
        (["evaluate.py", "--workdir=none"], "none holds no run"),
        (["evaluate.py", "--images=none"], "--dataset: missing"),
        (["evaluate.py", "--baselines", "--dataset=market"], "unknown data set 'market'"),
        (
            ["evaluate.py", "--baselines", "--dataset=market1501", "--protocol=dgan"],
            "unknown 'dgan'; there are pgjax, pg2, pdig, deformable, kurupathi, patn",
        ),
        (["evaluate.py", "--workdir=w", "--out=x"], "--out: does not go with --workdir"),
        (
            ["evaluate.py", "--baselines", "--distributed"],
            "--distributed: does not go with --images",
        ),
    ],
)
def test_a_fault_is_one_line_and_exit_code_2(arguments, message):
    ended = run(*arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert message in line
    assert not (ROOT / "w").exists()


@pytest.mark.slow
def test_train_and_evaluate_on_synthetic_people(tmp_path, monkeypatch):
    """Build the data set, train both stages at toy width, evaluate, resume: by commands alone."""
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "cache"))
    places = [f"--workdir={tmp_path / 'run'}", f"--data_dir={tmp_path / 'data'}"]
    small = [f"--config.networks.{n}.options.features=4" for n in ("g1", "g2", "d")]
    steps = [f"--config.stages.{s}.steps=6" for s in ("stage1", "stage2")]
    trained = run("train.py", ROW, *places, *small, *steps, "--config.report.score_pairs=8")
    assert (trained.returncode, trained.stdout) == (0, ""), trained.stderr
    scored = run("evaluate.py", *places, "--limit=40", "--save_images")
    assert scored.returncode == 0, scored.stderr
    assert "copy of the source" in scored.stdout and "mean training image" in scored.stdout
    result = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert (result["pairs"], result["step"]) == (40, 12)
    assert len(list((tmp_path / "run" / "generated" / "0000012").glob("*.png"))) == 40
    _re_pose(tmp_path)
    again = run("train.py", ROW, *places, *small, *steps, "--config.report.score_pairs=8")
    assert again.returncode == 0 and "12 of 12 steps done" in again.stderr
    programs = set((tmp_path / "cache" / "programs").iterdir())
    longer = run("train.py", ROW, *places, *small, *steps, "--config.total_steps=14")
    assert longer.returncode == 0 and "12 of 14 steps done" in longer.stderr
    # Both stages' steps are kept, and found again.
    assert set((tmp_path / "cache" / "programs").iterdir()) == programs and len(programs) == 2
    other = run("train.py", ROW, *places)
    assert other.returncode == 2 and "already holds another run" in other.stderr


def _re_pose(folder):
    """The run's exported model draws, and its card has the scores."""
    card = (folder / "run" / "export" / "README.md").read_text()
    assert "On 40 pairs" in card and "copy of the source" in card
    generated = next((folder / "run" / "generated").rglob("*.png"))
    joints = np.stack([np.linspace(5, 58, 18), np.linspace(0, 60, 18) % 9 + 11], axis=1)
    np.save(folder / "pose.npy", joints)
    np.save(folder / "poses.npy", np.stack([joints, joints + 1]))
    photo = [f"--source={generated}", f"--source_pose={folder / 'pose.npy'}"]
    model, target = f"--model={folder / 'run' / 'export'}", f"--target_pose={folder / 'poses.npy'}"
    out, moving = folder / "sequence", folder / "moving.gif"
    drawn = run("generate.py", model, *photo, target, f"--out={out}", f"--animation={moving}")
    assert (drawn.returncode, drawn.stdout) == (0, f"{out}\n{moving}\n"), drawn.stderr
    assert [p.name for p in sorted(out.iterdir())] == ["000000.png", "000001.png"]
    exported = run(
        "-m", "pgjax.tools.export", f"--workdir={folder / 'run'}", f"--out={folder / 'm'}"
    )
    assert exported.stdout == f"{folder / 'm'}\n"
    sums = ((f / "SHA256SUMS").read_text() for f in (folder / "m", folder / "run" / "export"))
    assert len(set(sums)) == 1
