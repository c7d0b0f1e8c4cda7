"""The wheel alone, in an environment of its own outside the tree: nothing of the checkout is there."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import venv
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

import tiny
from pgjax import keypoints
from pgjax.training import model_folder

ROOT = pathlib.Path(__file__).resolve().parents[1]
BLOCK = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"tensorflow_datasets", "tensorflow"}:
            raise ModuleNotFoundError(f"{name} is blocked")

sys.meta_path.insert(0, Block())
"""
API = """
import numpy as np
import pgjax, sys
transfer = pgjax.PoseTransfer.load("model")
images = transfer("photo.png", "photo.json", ["target.json", "photo.json"])
print(pgjax.__file__, len(images), images[0].shape, "tensorflow_datasets" in sys.modules)
"""
ROW = "synthetic_people/dsc"
MINE = """
from configs import common, deformable


def get_config(spec=None):
    config = deformable.get_config("/".join(common.parse(spec, ("dsc",), ("synthetic_people",))))
    config.batch_size = 3
    return config
"""


class Installed(NamedTuple):
    """The environment's Python, its command pgjax, its site-packages, and what is to be set for both."""

    python: pathlib.Path
    command: pathlib.Path
    library: pathlib.Path
    environment: dict[str, str]


def _check(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Installed:
    """Everything is installed anew from the package index, at the tested versions."""
    home = tmp_path_factory.mktemp("wheel")
    source, place = home / "source", home / "env"
    # A copy: setuptools keeps what it built beside the sources, and takes up what is left of it.
    for folder in ("pgjax", "configs"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, source / folder, ignore=ignored)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    # Nothing of the tree may be found by its paths.
    bare = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "JAX", "XLA"))}
    bare |= {"XDG_CACHE_HOME": str(home / "cache"), "JAX_PLATFORMS": "cpu"}
    bare["XLA_FLAGS"] = os.environ["XLA_FLAGS"]  # compiles faster
    outside = {"cwd": home, "env": bare}
    _check([sys.executable, "-m", "build", "--wheel", source], **outside)
    (wheel,) = (source / "dist").glob("*.whl")
    venv.create(place, with_pip=True)
    python = place / "bin" / "python"
    pip = [python, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt"]
    pip += ["--no-compile"]  # of all that comes little is imported
    _check([*pip, wheel], **outside)
    (library,) = (place / "lib").glob("python*/site-packages")
    return Installed(python, place / "bin" / "pgjax", library, bare)


@pytest.mark.slow
def test_the_wheel_re_poses_a_photo(installed, tmp_path):
    """Without tensorflow-datasets."""
    work, block = tmp_path / "work", tmp_path / "block"
    work.mkdir()
    block.mkdir()
    # Python runs it at every start.
    (block / "sitecustomize.py").write_text(BLOCK)
    outside = {"cwd": work, "env": installed.environment | {"PYTHONPATH": str(block)}}
    python, command = installed.python, installed.command

    model_folder.write(work / "model", tiny.model(tiny.generator_config()), "card")
    photo = np.kron(tiny.SPLITS["test"].store.images[0], np.ones((2, 2, 1), np.uint8))
    Image.fromarray(photo).save(work / "photo.png")
    for name, i in (("photo", 0), ("target", 1)):
        pose = keypoints.moved(tiny.pose(2, i), lambda points: 2 * points, (128, 64))
        keypoints.write(work / f"{name}.json", {f"{name}.png": [pose]}, "openpose")
    blocked = subprocess.run(
        [python, "-c", "import tensorflow_datasets"], capture_output=True, **outside
    )
    assert blocked.returncode == 1 and b"is blocked" in blocked.stderr
    said = _check([python, "-c", API], **outside).split(maxsplit=1)
    assert pathlib.Path(said[0]).is_relative_to(installed.library)
    assert said[1] == "2 (128, 64, 3) False\n"
    flags = ["--model=model", "--source=photo.png", "--source_pose=photo.json"]
    flags += ["--target_pose=target.json", "--out=result.png"]
    assert _check([command, "generate", *flags], **outside) == "result.png\n"
    with Image.open(work / "result.png") as image:
        assert image.size == (64, 128)
    assert "generate " in _check([command, "--help"], **outside)
    # Its page, style and script are in the wheel.
    pictures = ["--real=.", "--generated=.", "--count=1", "--practice=0", "--size=64x32"]
    assert _check([command, "userstudy", "make", "study", *pictures], **outside) == (
        "study/site/index.html\n"
    )
    assert "localStorage" in (work / "study" / "site" / "index.html").read_text()
    page = pathlib.Path("pgjax", "serving", "page", "files")
    there = {path.name for path in (ROOT / page).glob("*.*")}
    assert "worker.js" in there
    assert {path.name for path in (installed.library / page).iterdir()} == there
    fault = subprocess.run([command, "prepare", "x"], capture_output=True, text=True, **outside)
    assert fault.returncode == 2 and "unknown data set 'x'" in fault.stderr


@pytest.mark.slow
def test_the_wheel_trains_and_scores_rows_in_an_empty_folder(installed, tmp_path):
    def pgjax(*words):
        return _check([installed.command, *words], cwd=tmp_path, env=installed.environment)

    assert not (installed.library / "configs").exists()  # a name that others would have, too
    small = [f"--config.networks.{name}.options.features=4" for name in ("g", "d")]
    small += ["--config.stages.stage1.steps=2", "--config.report.score_pairs=4"]
    pgjax("train", f"--config=deformable:{ROW}", "--workdir=run", *small)
    assert "ssim" in pgjax("evaluate", "--workdir=run", "--limit=4")
    pgjax("examples", "synthetic_people", "--out=examples")
    given = ["--source=examples/source.png", "--source_pose=examples/source_keypoints.json"]
    given += ["--target_pose=examples/target_keypoints.json", "--out=result.png"]
    assert pgjax("generate", "--model=run/export", *given) == "result.png\n"

    few = ["--seeds=1", "--steps=2", "--limit=4", "--set", "networks.*.options.features=4"]
    study = pgjax("study", f"deformable:{ROW}", "--workdir=study", *few)
    line = next(line for line in study.splitlines() if line.startswith("dsc "))
    assert line.split()[1:5] == ["measured", "1", "2", "4"]  # runs, steps, pairs
    assert pgjax("table", "deformable", "study", "--dataset=synthetic_people") == study
    for page, part in (("run/report.html", "step 2 of 2"), ("study/report.html", "run1-pair")):
        assert part in (tmp_path / page).read_text()
    assert "pgjax train --config=deformable:DATASET/ROW" in pgjax("rows")

    (tmp_path / "mine.py").write_text(MINE)
    for named in ("mine.py", "configs/deformable.py"):
        said = pgjax("train", f"--config={named}:{ROW}", "--dry_run")
        config, _ = json.JSONDecoder().raw_decode(said[said.index("{") :])
        assert config["row"] == ROW
