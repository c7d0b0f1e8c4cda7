"""TensorFlow and PyTorch, in an environment of their own, for slow tests."""

import os
import pathlib
import subprocess

import numpy as np
import pytest

FRAMEWORKS = pathlib.Path(__file__).resolve().parents[3] / ".venv-frameworks"


@pytest.fixture(scope="session")
def made_anew(tmp_path_factory):
    """Runs a script that makes released weights, with another seed; gives the folder that it wrote."""
    if not (FRAMEWORKS / "installed").exists():
        pytest.skip("needs TensorFlow and PyTorch beside pgjax: make frameworks")
    # Its own flags; what it imports is compiled once.
    ours = ("PYTHON", "XLA", "TF_")
    environment = {name: x for name, x in os.environ.items() if not name.startswith(ours)}

    def run(script: pathlib.Path, seed: int) -> pathlib.Path:
        folder = tmp_path_factory.mktemp("anew")
        command = [FRAMEWORKS / "bin" / "python", script, folder, str(seed)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr[-3000:]
        return folder

    return run


@pytest.fixture(scope="module")
def place(request):
    """The folder of a module's files: its HERE, or, for a seed, of what its MAKER has just written."""
    seed, module = getattr(request, "param", None), request.module
    if seed is None:
        return module.HERE
    return request.getfixturevalue("made_anew")(module.HERE / module.MAKER, seed)


@pytest.fixture(scope="module")
def expected(place):
    """What the framework computed with them."""
    with np.load(place / "expected.npz") as file:
        return dict(file)
