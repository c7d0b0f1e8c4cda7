"""configs/ is found wherever a command is called."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from configs import deformable
from pgjax.errors import InputError
from pgjax.files import config_files
from pgjax.training import losses
from pgjax.training.recipe import build

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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("named", "size"),
    [
        (ROOT / "configs" / "demo.py", 8),
        ("configs/demo.py", 8),
        ("mine.py", 3),
        ("demo", 8),
    ],
    ids=["whole path", "as in the project", "own", "short"],
)
def test_rows_are_found_elsewhere(elsewhere, named, size):
    ended = _run(elsewhere, "train", f"--config={named}:{ROW}", "--dry_run")
    assert ended.returncode == 0, ended.stderr
    assert f'"batch_size": {size},' in ended.stdout


@pytest.mark.slow
def test_they_are_found_in_an_installed_package(elsewhere):
    """As the wheel lays them: pgjax/configs, beside another project's configs."""
    home = elsewhere / "installed"
    for name in ("pgjax", "configs"):
        place = home / "pgjax" / ("" if name == "pgjax" else name)
        shutil.copytree(ROOT / name, place, ignore=shutil.ignore_patterns("__pycache__"))
    (home / "configs").mkdir()
    (home / "configs" / "__init__.py").write_text("")
    for named in ("demo", "configs/demo.py", "mine.py"):
        ended = _run(elsewhere, "train", f"--config={named}:{ROW}", "--dry_run", home=home)
        assert ended.returncode == 0, ended.stderr
        assert f'"row": "{ROW}"' in ended.stdout


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("demmo:x", "unknown paper 'demmo' in --config; there are deformable, demo, "),
        ("common:x", "unknown paper 'common'"),
        ("nowhere.py:x", "there is no file nowhere.py"),
        ("configs/nowhere.py", "there is no file configs/nowhere.py"),
        ("deformable", "no row: expected --config=PAPER:DATASET/ROW"),
        ("deformable:x/full", "unknown row 'x/full'"),
        ("deformable:synthetic_people/x", "and ROW one of "),
    ],
)
def test_unknown_names_are_one_line(named, message):
    with pytest.raises((InputError, FileNotFoundError)) as raised:
        config_files.load(named)
    assert message in str(raised.value)


def test_the_command_says_unknown_names_in_one_line(tmp_path):
    for named, message in (("demmo:x", "did you mean demo?"), ("nowhere.py:x", "no file nowhere")):
        ended = _run(tmp_path, "train", f"--config={named}", "--dry_run")
        assert ended.returncode == 2
        (line,) = ended.stderr.splitlines()
        assert message in line


def test_a_config_is_loaded_by_its_short_name_and_by_its_file(tmp_path):
    short = config_files.load(f"deformable:{ROW}")
    assert short == deformable.get_config(ROW)
    assert config_files.load(f"configs/deformable.py:{ROW}") == short
    (tmp_path / "mine.py").write_text(MINE)
    assert config_files.load(f"{tmp_path / 'mine.py'}:{ROW}").batch_size == 3
    (tmp_path / "bare.py").write_text("def get_config():\n    return 7\n")
    assert config_files.load(str(tmp_path / "bare.py")) == 7
    (tmp_path / "empty.py").write_text("")
    with pytest.raises(InputError, match=r"empty\.py: no config file: it has no function"):
        config_files.load(f"{tmp_path / 'empty.py'}:{ROW}")
    (tmp_path / "row.py").write_text("def get_config(spec):\n    return 7\n")
    with pytest.raises(InputError, match=r"row\.py: no row: its get_config takes one"):
        config_files.load(str(tmp_path / "row.py"))
    with pytest.raises(InputError, match=r"bare\.py: its get_config cannot be given the row"):
        config_files.load(f"{tmp_path / 'bare.py'}:{ROW}")


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("empty.py:x", "empty.py: no config file: it has no function get_config"),
        ("row.py", "no row: its get_config takes one"),
        ("bare.py:x", "its get_config cannot be given the row"),
        (f"mine:{ROW}", "or name a file: --config=mine.py:DATASET/ROW"),
    ],
    ids=["no function", "no row", "a row too many", "forgotten .py"],
)
def test_the_command_says_in_one_line_what_is_wrong_with_a_file(tmp_path, named, message):
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "row.py").write_text("def get_config(spec):\n    return 7\n")
    (tmp_path / "bare.py").write_text("def get_config():\n    return 7\n")
    (tmp_path / "empty.py").write_text("")
    ended = _run(tmp_path, "train", f"--config={named}", "--dry_run")
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert message in line


@pytest.mark.slow
def test_tables_are_found_elsewhere(elsewhere):
    ended = _run(elsewhere, "rows")
    assert ended.returncode == 0, ended.stderr
    assert "deformable" in ended.stdout


def test_a_package_without_configs_says_so(tmp_path):
    shutil.copytree(ROOT / "pgjax", tmp_path / "installed" / "pgjax")
    (tmp_path / "mine.py").write_text(MINE)
    for arguments in (["train", f"--config=mine.py:{ROW}", "--dry_run"], ["rows"]):
        ended = _run(tmp_path, *arguments, home=tmp_path / "installed")
        assert ended.returncode == 2
        (line,) = ended.stderr.splitlines()
        assert "configs" in line and "install pgjax again" in line


def test_a_file_of_ones_own_adds_to_a_table(tmp_path, monkeypatch):
    monkeypatch.setattr(losses, "TERMS", terms := dict(losses.TERMS))
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "beside_it.py").write_text("NAME = 'zero'")
    file = tmp_path / "mine.py"
    file.write_text(
        "from beside_it import NAME\nfrom pgjax.training import losses\n"
        "losses.TERMS[NAME] = lambda scene, image, features: 0.0\n"
    )
    config_files.extend(file)
    assert terms["zero"](None, None, None) == 0
    with pytest.raises(FileNotFoundError, match=r"--extend: there is no file .*other\.py"):
        config_files.extend(tmp_path / "other.py")


@pytest.mark.parametrize("change", ["networks.g.net", "stages.stage1.terms"])
def test_an_unknown_name_hints_at_the_file_that_has_it(change):
    config = deformable.get_config(ROW)
    value = "mine" if change.endswith("net") else {"mine": {"weight": 1.0}}
    config.update_from_flattened_dict({change: value})
    with pytest.raises(InputError, match=rf"{change}: unknown name 'mine'.* named by --extend"):
        build(config)
