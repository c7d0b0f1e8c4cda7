"""Optional extras, all installed beside each other: each still works there."""

import os
import pathlib
import shutil
import subprocess
import venv

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
EXTRAS = ("pose", "detection", "blazepose", "study", "video")
TOOLS = ("pytest", "pytest-xdist", "hypothesis", "onnx")
TESTS = ("tests/metrics/test_detection.py", "tests/frozen/estimators")
# What each extra must not lose to another one.
CHECK = """
import av, cv2, onnxruntime, starlette, uvicorn
from ai_edge_litert.interpreter import Interpreter
print(cv2.__version__.partition(".")[0], cv2.dnn.readNetFromCaffe is not None)
"""


def _pip(python, *arguments):
    command = [python, "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check"]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.long
def test_extras_stand_together(tmp_path):
    """Two at once and then the third, as users add them; then the tests of each, with rtmlib as a peer."""
    place, source = tmp_path / "env", tmp_path / "source"
    venv.create(place, with_pip=True)
    python = place / "bin" / "python"
    wanted = _pip(python, "download", "--no-deps", "--dest", tmp_path, "onnxruntime")
    if wanted.returncode:
        pytest.skip(f"needs a package index: {wanted.stderr.strip().splitlines()[-1]}")
    for folder in ("pgjax", "configs"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, source / folder, ignore=ignored)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    constrained = ("install", "--no-compile", "--constraint", ROOT / "constraints.txt")
    for chosen in (EXTRAS[:2], EXTRAS[2:]):
        done = _pip(python, *constrained, f"{source}[{','.join(chosen)}]")
        assert done.returncode == 0, done.stderr[-3000:]
    assert _pip(python, "check").returncode == 0
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "JAX", "XLA"))}
    checked = subprocess.run([python, "-c", CHECK], capture_output=True, text=True, env=clean)
    assert checked.stdout == "4 True\n", checked.stderr
    # rtmlib without the builds of OpenCV that it asks for.
    for arguments in ((*constrained, *TOOLS), ("install", "--no-deps", "rtmlib==0.0.16")):
        done = _pip(python, *arguments)
        assert done.returncode == 0, done.stderr[-3000:]
    done = subprocess.run(
        [python, "-m", "pytest", "-n0", "-q", "-p", "no:cacheprovider", *TESTS],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=clean,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "rtmlib" not in done.stdout  # among the reasons of tests that were skipped
