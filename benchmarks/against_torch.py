"""Training steps against equal ones in PyTorch, turn about on one machine.

    python -m benchmarks.against_torch --torch=TORCH/bin/python [--row deformable:dsc ...]
        [--batch_size N ...] [--compile] [--check] [--out=FILE]

TORCH is an environment with torch and numpy; a process of it (benchmarks.torch_peers) makes one step
whenever it is told to. Both sides have the same layers, start from the same parameters and see the same
pairs; both use all cores, one at a time. PyTorch keeps channels last, as oneDNN likes them, and Adam in
its fused form; --compile lets torch.compile have its networks. Its process keeps its memory as ours does
(pgjax.runtime.cpu_process), in one heap for all threads, which PyTorch by itself does not see to. It is
spared some of our steps' work: what is derived from joints (poses, masks, transforms), the gradients'
norms for the log, and in PG2, whose halving convolutions TensorFlow pads at one end, the copies that take
torch to do so.

--check compares numbers instead: without dropout and with TensorFlow's padding both sides make two steps.
It tells the relative differences of their losses and gradients' norms.
"""

import argparse
import json
import os
import pathlib
import subprocess
import tempfile
import time

import jax
import numpy as np

from benchmarks import measure
from benchmarks.stepping import Training
from configs import deformable, pg2
from pgjax.pose import scene
from pgjax.runtime import cpu_process
from pgjax.training.recipe import Recipe, Stage, build
from pgjax.training.state import parameter_counts, state_shapes

PAPERS = {"pg2": pg2, "deformable": deformable}
ROWS = {"pg2:g1_g2_d": (4,), "deformable:dsc": (4, 2), "deformable:full": (4,)}
"""What is compared unless said otherwise: rows of Market-1501, with their batch sizes."""

SEEN = (
    *("source_image", "target_image", "source_heatmaps", "target_heatmaps", "target_discs"),
    *("pose_mask", "part_transforms", "part_exists", "part_masks"),
)
"""What PyTorch's side is given of a scene."""


class Peer:
    """The process of PyTorch, with the parameters and pairs of a training of ours."""

    def __init__(self, python: str, paper: str, settings: dict, given: dict[str, np.ndarray]):
        with tempfile.TemporaryDirectory() as folder:
            place = pathlib.Path(folder)
            (place / "settings.json").write_text(json.dumps(settings))
            np.savez(place / "given.npz", **given)
            self._process = subprocess.Popen(
                [python, "-m", f"benchmarks.torch_peers.{paper}", folder],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=_environment(),
            )
            self.about = self._answer()

    def _answer(self) -> dict:
        line = self._process.stdout.readline()
        if not line:
            self.close()
            raise SystemExit("PyTorch's side ended; what it said stands above")
        return json.loads(line)

    def step(self, stage: str) -> dict:
        """Makes one; its seconds and log."""
        self._process.stdin.write(f"{stage}\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        self._process.communicate()


def _environment() -> dict[str, str]:
    """Ours, and one heap for whichever thread of PyTorch's asks."""
    memory = os.environ.get(cpu_process.MEMORY)
    if cpu_process.MARK not in os.environ or not memory:
        return dict(os.environ)
    return os.environ | {cpu_process.MEMORY: f"{memory}:glibc.malloc.arena_max=1"}


def _named(prefix: str, tree) -> dict[str, np.ndarray]:
    """Leaves by their paths, of the first device."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {
        "/".join([prefix, *(str(getattr(k, "key", k)) for k in path)]): np.asarray(leaf[0])
        for path, leaf in leaves
    }


def _given(recipe: Recipe, training: Training) -> dict[str, np.ndarray]:
    """All that PyTorch's side starts from."""
    given = _named("frozen", training.weights)
    for name, network in training.state.networks.items():
        given |= _named(f"params/{name}", network.params)
    derive = jax.jit(lambda batch: scene.derive(batch, **recipe.scene))
    for draw, batch in enumerate(training.batches):
        derived = derive(jax.tree.map(lambda x: x[0], batch))
        given |= {f"draw{draw}/{name}": np.asarray(getattr(derived, name)) for name in SEEN}
    return given


def _settings(recipe: Recipe, stage: Stage, options) -> dict:
    networks = recipe.networks
    return {
        "features": {name: network.options["features"] for name, network in networks.items()},
        "rates": {name: network.optimizer.learning_rate for name, network in networks.items()},
        "dropout": networks["g"].options["dropout"] if "g" in networks else 0.0,
        "terms": {n: {"weight": t.weight, **t.options} for n, t in stage.terms.items()},
        "draws": stage.batches,
        "exact": options.check,
        "compile": options.compile,
    }


def _row(name: str, batch_size: int, features: int | None, check: bool) -> Recipe:
    paper, _, row = name.partition(":")
    config = PAPERS[paper].get_config(f"market1501/{row}")
    config.batch_size = batch_size
    if "features" in config:
        config.features.weights = "random"
    for network in config.networks.values():
        network.options.features = features or network.options.features
        if check and "dropout" in network.options:
            network.options.dropout = 0.0
    return build(config)


def _difference(ours: dict, theirs: dict) -> dict[str, float]:
    return {
        name: measure.rounded(abs(float(ours[name][0]) - value) / abs(value), 2)
        for name, value in theirs.items()
        if name in ours
    }


def compare(paper: str, recipe: Recipe, name: str, options) -> dict:
    """One stage of a row."""
    stage = recipe.stages[name]
    training = Training(recipe, stage, "", cache=False)
    settings = _settings(recipe, stage, options)
    peer = Peer(options.torch, paper, settings, _given(recipe, training))
    counts = parameter_counts(state_shapes(recipe))
    if counts != peer.about["parameters"]:
        raise SystemExit(f"not the same networks: {counts} and {peer.about['parameters']}")
    found = {"row": f"{paper}:{recipe.row}", "stage": name, "batch_size": recipe.batch_size}
    found |= peer.about
    found["torch_compiled"] = options.compile
    if options.check:
        steps = [(training.move(1), peer.step(name)["log"]) for _ in range(2)]
        peer.close()
        return found | {"differences": [_difference(*step) for step in steps]}
    times = {"pgjax": [], "torch": []}
    for _ in range(options.rounds + 1):
        started = time.perf_counter()
        jax.block_until_ready(training.move(1))
        times["pgjax"].append(time.perf_counter() - started)
        times["torch"].append(peer.step(name)["seconds"])
    peer.close()
    # The first round warms up.
    spreads = {side: measure.spread(np.array(seconds[1:])) for side, seconds in times.items()}
    faster = spreads["torch"]["seconds"] / spreads["pgjax"]["seconds"]
    return found | spreads | {"times_faster_than_torch": measure.rounded(faster, 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--torch", required=True, help="the python of an environment with torch")
    parser.add_argument("--row", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--batch_size", nargs="+", type=int, help="instead of each row's own")
    parser.add_argument("--features", type=int, help="another width of all networks")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--compile", action="store_true", help="PyTorch's networks, by torch.compile"
    )
    parser.add_argument("--check", action="store_true", help="compare numbers, not times")
    parser.add_argument("--out", help="JSON file")
    options = parser.parse_args()
    result = measure.machine()
    result["matmul_flops_per_second"] = measure.ceilings("float32")["matmul_flops_per_second"]
    result["steps"] = []
    for name in options.row:
        for batch_size in options.batch_size or ROWS[name]:
            recipe = _row(name, batch_size, options.features, options.check)
            for stage in recipe.stages:
                found = compare(name.partition(":")[0], recipe, stage, options)
                print(json.dumps(found), flush=True)
                result["steps"].append(found)
                measure.write(options.out, result)


if __name__ == "__main__":
    cpu_process.begin()
    main()
