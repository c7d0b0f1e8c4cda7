"""What can be known of the comparison with PyTorch where there is none."""

import ast
import pathlib
import sys

import numpy as np
import pytest

from benchmarks import against_torch

PEERS = pathlib.Path(against_torch.__file__).parent / "torch_peers"

STAND_IN = """#!{python}
import json, pathlib, sys
import numpy as np
folder = pathlib.Path(sys.argv[-1])
given = np.load(folder / "given.npz")
settings = json.loads((folder / "settings.json").read_text())
print(json.dumps(settings | {{"sum": float(given["draw0/x"].sum())}}), flush=True)
for line in sys.stdin:
    print(json.dumps({{"seconds": 1.0, "log": {{line.strip(): 2.0}}}}), flush=True)
"""


def test_a_peer_has_what_it_is_given_and_steps_when_told(tmp_path):
    python = tmp_path / "python"
    python.write_text(STAND_IN.format(python=sys.executable))
    python.chmod(0o755)
    peer = against_torch.Peer(str(python), "pg2", {"draws": 1}, {"draw0/x": np.ones(3)})
    assert peer.about == {"draws": 1, "sum": 3.0}
    for stage in ("stage1", "stage2"):
        assert peer.step(stage) == {"seconds": 1.0, "log": {stage: 2.0}}
    peer.close()


def test_a_peer_that_ends_is_told():
    with pytest.raises(SystemExit, match="ended"):
        against_torch.Peer("false", "pg2", {}, {})


@pytest.mark.parametrize("name", against_torch.ROWS)
def test_a_check_has_nothing_random(name):
    recipe = against_torch._row(name, 2, features=4, check=True)
    assert recipe.batch_size == 2
    for network in recipe.networks.values():
        assert network.options["features"] == 4
        assert network.options.get("dropout", 0.0) == 0.0
    assert recipe.features is None or recipe.features.weights == "random"


@pytest.mark.parametrize("path", sorted(PEERS.glob("*.py")), ids=lambda path: path.stem)
def test_the_side_of_pytorch_needs_no_jax(path):
    """Its environment has torch and numpy alone."""
    tree = ast.parse(path.read_text())
    asked = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    } | {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    roots = {name for name in asked if not name.startswith("benchmarks.torch_peers.")}
    assert {name.partition(".")[0] for name in roots} <= {
        "torch",
        "numpy",
        *sys.stdlib_module_names,
    }
