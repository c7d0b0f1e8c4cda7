"""How fast the metrics' networks are, and FID and KID of 12,000 images.

    python -m benchmarks.network_metrics [--size 128 64] [--images 64] [--out FILE]

Weights are random: speed does not depend on them. Prints JSON, images (or pairs) a second.
"""

import argparse
import json
import pathlib
import tempfile
import time

import jax
import numpy as np

from pgjax.frozen import inception as network
from pgjax.frozen import lpips as distance
from pgjax.frozen import lpips_weights
from pgjax.metrics import inception, lpips
from pgjax.metrics.inception_features import InceptionExtractor
from pgjax.runtime import cpu_process

SET = 12_000


def _random(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).normal(0, np.prod(shape[:-1]) ** -0.5, shape).astype("f4")


def _inception(weights):
    params = {
        name: {"kernel": _random(shape), "bias": np.zeros(shape[3], "f4")}
        for name, shape in network.shapes().items()
    }
    return params | {"logits": {"kernel": _random((network.FEATURES, network.CLASSES))}}


def _lpips(net, weights):
    return {
        layer: {part: _random(x.shape) for part, x in parts.items()}
        for layer, parts in distance.shapes(net).items()
    }


def _seconds(function) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def measure(size: tuple[int, int], count: int) -> dict[str, float]:
    """Rates of the networks, and seconds of FID and KID."""
    network.load, lpips_weights.load = _inception, _lpips
    random = np.random.default_rng(0)
    images, targets = random.integers(0, 256, (2, count, *size, 3), np.uint8)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        extractors = {
            "inception": (InceptionExtractor(folder), (images,)),
            "lpips_alex": (lpips.LpipsExtractor("alex", folder), (images, targets)),
            "lpips_vgg": (lpips.LpipsExtractor("vgg", folder), (images, targets)),
        }
    for name, (extract, given) in extractors.items():
        extract(*(x[:1] for x in given))  # compiles
        found[f"{name}_per_second"] = count / _seconds(lambda e=extract, g=given: e(*g))
    mix = random.normal(size=(256, network.FEATURES))
    sets = [
        (np.maximum(random.normal(size=(SET, 256)) @ mix, 0).astype("f4"), None) for _ in range(2)
    ]
    found["fid_seconds"] = _seconds(lambda: inception.fid(*sets))
    found["kid_seconds"] = _seconds(lambda: inception.kid(*sets))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=int, nargs=2, default=(128, 64), metavar=("H", "W"))
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--out", type=pathlib.Path, help="JSON file of the figures")
    args = parser.parse_args()
    figures = {name: round(x, 2) for name, x in measure(tuple(args.size), args.images).items()}
    result = {
        "size": list(args.size),
        "images": args.images,
        "device": jax.devices()[0].device_kind,
        "devices": jax.local_device_count(),
        "jax": jax.__version__,
        **figures,
    }
    text = json.dumps(result, indent=2)
    print(text)
    if args.out:
        args.out.write_text(text + "\n")


if __name__ == "__main__":
    cpu_process.begin()
    main()
