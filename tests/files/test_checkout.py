"""configs/ is found wherever a command is called."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROW = "synthetic_people/dsc"
MINE = """
from configs import deformable


def get_config(spec=None):
    config = deformable.get_config(spec)
    config.batch_size = 3
    return config
"""


def _run(folder, *arguments, home=ROOT):
    return subprocess.run(
        [sys.executable, "-m", "pgjax", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(home), "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def elsewhere(tmp_path):
    """Another project's folder, with a configs/ of its own."""
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "__init__.py").write_text("")
    (tmp_path / "mine.py").write_text(MINE)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "size"),
    [(ROOT / "configs" / "demo.py", 8), ("configs/demo.py", 8), ("mine.py", 3)],
    ids=["whole path", "as in the project", "own"],
)
def test_rows_are_found_elsewhere(elsewhere, file, size):
    ended = _run(elsewhere, "train", f"--config={file}:{ROW}", "--dry_run")
    assert ended.returncode == 0, ended.stderr
    assert f'"batch_size": {size},' in ended.stdout


@pytest.mark.slow
def test_tables_are_found_elsewhere(elsewhere):
    ended = _run(elsewhere, "rows")
    assert ended.returncode == 0, ended.stderr
    assert "deformable.py" in ended.stdout


def test_a_package_without_configs_says_so(tmp_path):
    shutil.copytree(ROOT / "pgjax", tmp_path / "installed" / "pgjax")
    (tmp_path / "mine.py").write_text(MINE)
    for arguments in (["train", f"--config=mine.py:{ROW}", "--dry_run"], ["rows"]):
        ended = _run(tmp_path, *arguments, home=tmp_path / "installed")
        assert ended.returncode == 2
        (line,) = ended.stderr.splitlines()
        assert "configs" in line and "call this in the root of the repository" in line
