"""The metrics' networks: pictures a second and memory, beside PyTorch's; what rounding does to FID and IS.

    python -m benchmarks.network_metrics [--torch=TORCH/bin/python] [--networks NAME ...]
        [--size 128 64] [--images 64] [--rounds 5] [--weights FOLDER] [--out FILE]

TORCH is an environment with torch and numpy (benchmarks.torch_peers.metric_networks): the same layers with
the same numbers, channels last, in inference mode, on the same pictures; bfloat16 is its autocast. Both
sides are processes of their own, use all cores, and take turns; either gets CHUNK pictures at a time.
Weights are random (speed does not depend on them), or of a folder as `pgjax weights` fills it. Besides:
seconds of FID and KID of 12,000 images, nothing extracted; FID of the pictures' two halves and IS of all, in
float32 and with rounded products. Prints JSON.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import jax
import numpy as np

from benchmarks import measure
from pgjax.frozen import inception as network
from pgjax.frozen import lpips as distance
from pgjax.frozen import lpips_weights
from pgjax.metrics import inception
from pgjax.metrics.chunks import CHUNK
from pgjax.runtime import cpu_process

SET = 12_000
PRECISIONS = {
    "inception": ("float32", "bfloat16"),
    "lpips_alex": ("float32",),
    "lpips_vgg": ("float32",),
}
PEERS = ("inception", "lpips_alex")
PICTURES = {"inception": 1, "lpips_alex": 2, "lpips_vgg": 2}
"""Of one item: LPIPS compares two."""


def pictures(size: tuple[int, int], count: int, seed: int) -> np.ndarray:
    """Waves of colour with noise, uint8 (count, H, W, 3); a seed has its own fineness."""
    random = np.random.default_rng(seed)
    y, x = (np.arange(n) / 64 for n in size)
    places = (count, 1, 3)
    rows = np.sin(
        y[None, :, None] * random.uniform(1, 12 + seed, places) + random.uniform(0, 6, places)
    )
    columns = np.cos(
        x[None, :, None] * random.uniform(1, 12, places) + random.uniform(0, 6, places)
    )
    waves = 128 + 90 * rows[:, :, None] * columns[:, None]
    return np.clip(waves + random.normal(0, 8, waves.shape), 0, 255).astype(np.uint8)


def _random(shape: tuple[int, ...], gain: float = 2.0) -> np.ndarray:
    std = (gain / np.prod(shape[:-1])) ** 0.5
    return np.random.default_rng(len(shape)).normal(0, std, shape).astype("f4")


def parameters(name: str, folder: pathlib.Path | None):
    """A network's, of the folder or random."""
    if name == "inception":
        if folder:
            return network.load(folder)
        params = {
            layer: {"kernel": _random(shape), "bias": np.zeros(shape[3], "f4")}
            for layer, shape in network.shapes().items()
        }
        return params | {"logits": {"kernel": _random((network.FEATURES, network.CLASSES))}}
    net = name.removeprefix("lpips_")
    if folder:
        return lpips_weights.load(net, folder)
    return {
        layer: {
            part: np.abs(_random(x.shape)) if layer.startswith("NetLin") else _random(x.shape)
            for part, x in parts.items()
        }
        for layer, parts in distance.shapes(net).items()
    }


def _settings(name: str) -> dict:
    if name == "inception":
        return {}
    net = name.removeprefix("lpips_")
    layers = list(distance.shapes(net))
    return {
        "layers": [list(conv) for conv in distance.NETS[net].layers],
        "names": [layer for layer in layers if not layer.startswith("NetLin")],
        "linear": [layer for layer in layers if layer.startswith("NetLin")],
        "shift": distance.SHIFT,
        "scale": distance.SCALE,
    }


class Side:
    """A process that has a network and pictures, and runs whenever it is told to."""

    def __init__(self, command: list[str], folder: pathlib.Path, environment: dict[str, str]):
        self._process = subprocess.Popen(
            [*command, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.about = self._answer()

    def _answer(self) -> dict:
        line = self._process.stdout.readline()
        if not line:
            self.close()
            raise SystemExit("a side ended; what it said stands above")
        return json.loads(line)

    def __call__(self) -> dict:
        print(file=self._process.stdin, flush=True)
        return self._answer()

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()


def _clean(environment=os.environ) -> dict[str, str]:
    """Without what this process has set for itself: each side sees to its own memory."""
    ours = (cpu_process.MARK, cpu_process.MEMORY, cpu_process.COMPILER)
    return {name: value for name, value in environment.items() if name not in ours}


def sides(name: str, precision: str, options, folder: pathlib.Path) -> dict:
    """Pictures a second of both sides, their peaks of memory, and how far their results differ."""
    given = [pictures(options.size, options.images, i) for i in range(PICTURES[name])]
    settings = {"network": name, "precision": precision, "chunk": CHUNK, "given": len(given)}
    (folder / "settings.json").write_text(json.dumps(settings | _settings(name)))
    params = parameters(name, options.weights)
    flat = {f"{layer}/{k}": x for layer, parts in params.items() for k, x in parts.items()}
    np.savez(folder / "given.npz", **flat, **{f"pictures{i}": x for i, x in enumerate(given)})
    commands = {"pgjax": [sys.executable, "-m", "benchmarks.metric_networks"]}
    if options.torch and name in PEERS:
        commands["torch"] = [options.torch, "-m", "benchmarks.torch_peers.metric_networks"]
    running = {who: Side(command, folder, _clean()) for who, command in commands.items()}
    answers = {who: [] for who in running}
    for _ in range(1 + options.rounds):
        for who, side in running.items():
            answers[who].append(side())
    found = {"network": name, "precision": precision}
    rates = {}
    for who, side in running.items():
        side.close()
        seconds = np.array([answer["seconds"] for answer in answers[who][1:]])
        rates[who] = options.images * len(given) / seconds
        last = answers[who][-1]
        found[who] = side.about | {
            "pictures_per_second": measure.rounded(np.median(rates[who])),
            "range": [measure.rounded(rates[who].min()), measure.rounded(rates[who].max())],
            "peak_mib": last["peak"] // 1024,
            "peak_mib_above_start": (last["peak"] - last["before"]) // 1024,
        }
    if "torch" in running:
        found["times_torch"] = measure.rounded(np.median(rates["pgjax"] / rates["torch"]))
        with np.load(folder / "pgjax.npz") as ours, np.load(folder / "torch.npz") as theirs:
            found["largest_relative_difference"] = max(
                measure.rounded(
                    float(np.abs(ours[k] - theirs[k]).max() / np.abs(theirs[k]).max()), 2
                )
                for k in theirs
            )
    return found


def rounding(results: dict[str, tuple[np.ndarray, np.ndarray]]) -> dict:
    """FID between the halves of the pictures and IS of all, by precision."""
    found = {}
    for precision, (features, logits) in results.items():
        halves = ((part, None) for part in np.split(features, 2))
        score = inception.inception_score("is", (features, logits))["is"]
        found[precision] = {"fid": float(inception.fid(*halves)), "is": float(score)}
    return found


def scores() -> dict[str, float]:
    """Seconds of FID and KID of two sets."""
    random = np.random.default_rng(0)
    mix = random.normal(size=(256, network.FEATURES))
    sets = [
        (np.maximum(random.normal(size=(SET, 256)) @ mix, 0).astype("f4"), None) for _ in range(2)
    ]
    times = measure.in_turn(
        {"fid": lambda: inception.fid(*sets), "kid": lambda: inception.kid(*sets)}, 1, warm=0
    )
    return {f"{name}_seconds": measure.rounded(seconds[0]) for name, seconds in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--torch", help="the python of an environment with torch and numpy")
    parser.add_argument("--networks", nargs="+", choices=PRECISIONS, default=list(PRECISIONS))
    parser.add_argument("--size", type=int, nargs=2, default=(128, 64), metavar=("H", "W"))
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--weights", type=pathlib.Path, help="folder of published weights")
    parser.add_argument("--out", type=pathlib.Path, help="JSON file of the figures")
    args = parser.parse_args()
    result = {
        "size": list(args.size),
        "images": args.images,
        "chunk": CHUNK,
        "device": jax.devices()[0].device_kind,
        "weights": "published" if args.weights else "random",
        "networks": [],
    }
    features = {}
    for name in args.networks:
        for precision in PRECISIONS[name]:
            with tempfile.TemporaryDirectory() as folder:
                row = sides(name, precision, args, pathlib.Path(folder))
                if name == "inception":
                    with np.load(pathlib.Path(folder) / "pgjax.npz") as file:
                        features[precision] = tuple(file.values())
            result["networks"].append(row)
            print(json.dumps(row), flush=True)
    if features:
        result["rounding"] = rounding(features)
    result["scores"] = scores()
    print(json.dumps(result, indent=2))
    if args.out:
        args.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    cpu_process.begin()
    main()
