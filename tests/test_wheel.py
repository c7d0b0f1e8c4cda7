"""The wheel alone, in an environment of its own outside the tree, without tensorflow-datasets."""

import os
import pathlib
import shutil
import subprocess
import sys
import venv

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
from pgjax.serving.transfer import PoseTransfer
transfer = PoseTransfer.load("model")
images = transfer("photo.png", "photo.json", ["target.json", "photo.json"])
print(pgjax.__file__, len(images), images[0].shape, "tensorflow_datasets" in sys.modules)
"""


def _check(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
def test_the_wheel_re_poses_a_photo(tmp_path):
    """Everything is installed anew from the package index, at the tested versions."""
    source, place, work = tmp_path / "source", tmp_path / "env", tmp_path / "work"
    # A copy: setuptools keeps what it built beside the sources, and takes up what is left of it.
    shutil.copytree(ROOT / "pgjax", source / "pgjax", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    # Nothing of the tree may be found by its paths.
    bare = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "JAX", "XLA"))}
    outside = {"cwd": tmp_path, "env": bare | {"XDG_CACHE_HOME": str(tmp_path / "cache")}}
    _check([sys.executable, "-m", "build", "--wheel", source], **outside)
    (wheel,) = (source / "dist").glob("*.whl")
    venv.create(place, with_pip=True)
    python, command = place / "bin" / "python", place / "bin" / "pgjax"
    pip = [python, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt"]
    _check([*pip, wheel], **outside)
    (library,) = (place / "lib").glob("python*/site-packages")
    # Python runs it at every start.
    (library / "sitecustomize.py").write_text(BLOCK)

    work.mkdir()
    model_folder.write(work / "model", tiny.model(tiny.generator_config()), "card")
    photo = np.kron(tiny.SPLITS["test"].store.images[0], np.ones((2, 2, 1), np.uint8))
    Image.fromarray(photo).save(work / "photo.png")
    for name, i in (("photo", 0), ("target", 1)):
        pose = keypoints.moved(tiny.pose(2, i), lambda points: 2 * points, (128, 64))
        keypoints.write(work / f"{name}.json", {f"{name}.png": [pose]}, "openpose")
    outside["cwd"] = work
    blocked = subprocess.run(
        [python, "-c", "import tensorflow_datasets"], capture_output=True, **outside
    )
    assert blocked.returncode == 1 and b"is blocked" in blocked.stderr
    said = _check([python, "-c", API], **outside).split(maxsplit=1)
    assert pathlib.Path(said[0]).is_relative_to(library) and said[1] == "2 (128, 64, 3) False\n"
    flags = ["--model=model", "--source=photo.png", "--source_pose=photo.json"]
    flags += ["--target_pose=target.json", "--out=result.png"]
    assert _check([command, "generate", *flags], **outside) == "result.png\n"
    with Image.open(work / "result.png") as image:
        assert image.size == (64, 128)
    assert "generate " in _check([command, "--help"], **outside)
    fault = subprocess.run([command, "prepare", "x"], capture_output=True, text=True, **outside)
    assert fault.returncode == 2 and "unknown data set 'x'" in fault.stderr
