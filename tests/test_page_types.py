"""The modules of pages for browsers keep to their types, which TypeScript reads from their comments."""

import re
import shutil
import subprocess

import pytest

import places

COMMAND = re.compile(r"`(npx [^`]+)`")


@pytest.mark.slow
def test_pages_keep_to_their_types():
    (command,) = COMMAND.findall((places.ROOT / "CONTRIBUTING.md").read_text())
    npx, *words = command.split()
    found = shutil.which(npx)
    if found is None:
        pytest.skip("needs npx, which fetches TypeScript")
    done = subprocess.run([found, *words], capture_output=True, text=True, cwd=places.ROOT)
    if "npm error" in done.stderr:
        pytest.skip(f"npx could not fetch TypeScript: {done.stderr[:200]}")
    assert done.returncode == 0, done.stdout
