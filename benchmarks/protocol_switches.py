"""How far the same pictures move when one choice of a protocol does.

    python -m benchmarks.protocol_switches --out=benchmarks/results/protocol_switches.json
    python -m benchmarks.protocol_switches --out=benchmarks/results/protocol_switches.json --markdown

A copy of the source photo and the mean training image are judged under the protocols of later papers, and
under `gfla` with one switch changed at a time. Photos of 256x256 pixels are laid as those of `deepfashion`.
FID and LPIPS are left out where their weights are not in DATA_DIR/weights; with --random, networks of the
same structure with random weights stand in for Inception. Their FID has no meaning but how it moves.
"""

import argparse
import dataclasses
import functools
import hashlib
import json
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from benchmarks import measure
from pgjax import data
from pgjax.data import store as stores
from pgjax.frozen import inception, inception_torchvision
from pgjax.images.pixels import through_jpeg
from pgjax.metrics import protocol as records
from pgjax.metrics.chunks import Chunked
from pgjax.metrics.later_protocols import CROP, LATER
from pgjax.metrics.protocol import Frame, Protocol, Resize, frames
from pgjax.metrics.protocols import PROTOCOLS
from pgjax.metrics.records import PLAIN
from pgjax.pose.batch import Indices, Store, fetch
from pgjax.runtime import cpu_process, launch
from pgjax.scoring.picture_judging import MEMORY
from pgjax.scoring.run_evaluation import mean_image
from pgjax.scoring.scorer import Scorer

CHUNK = 64
JOINTS = ("keypoints", "visible")
COLUMNS = ("fid", "lpips_alex", "ssim_window51", "ssim_reference", "ssim_sigma12", "psnr")


def _resized(rule: str) -> dict[str, Any]:
    return {"frames": frames(deepfashion=Frame(resize=Resize(CROP, rule)))}


SWITCHES: dict[str, dict[str, Any]] = {
    "the graph of 2015": {"features": records.INCEPTION, "scaling": records.SYMMETRIC},
    "grey values in [-1, 1]": {"scaling": records.SYMMETRIC},
    "real images: the targets": {"reference": "targets"},
    "PNG": {"jpeg": None},
    "resized, `bilinear`": _resized("bilinear"),
    "resized, `cv2_bicubic`": _resized("cv2_bicubic"),
    "resized, `pil_bicubic`": _resized("pil_bicubic"),
    "cut to 176 columns": {"frames": frames(deepfashion=Frame(crop=CROP))},
    "cut, then white columns": {"frames": frames(deepfashion=records.WHITE)},
    "no image left out": {"fid_batch": 1, "lpips_batch": 1},
    "LPIPS of [0, 1]": {"lpips_scaling": records.UNIT},
}
"""What is changed of `gfla`."""


class Random:
    """As InceptionExtractor, with random weights; a picture that it has seen is not extracted again."""

    def __init__(self, module: Any, classes: int, **options: bool):
        self.what = f"{module.__name__}, random weights"
        extract = functools.partial(module.extract, **options)
        self._extract = Chunked(extract, (_random(module, classes),))
        self._known: dict[bytes, Any] = {}

    def __call__(self, images: np.ndarray, targets: np.ndarray | None = None) -> Any:
        keys = [hashlib.sha256(np.ascontiguousarray(image).tobytes()).digest() for image in images]
        new = {key: i for i, key in enumerate(keys) if key not in self._known}
        if new:
            found = self._extract(images[list(new.values())])
            for row, key in enumerate(new):
                self._known[key] = jax.tree.map(lambda x, row=row: x[row], found)
        return jax.tree.map(lambda *x: np.stack(x), *(self._known[key] for key in keys))


def _random(module: Any, classes: int) -> Mapping[str, Any]:
    """Kernels of variance 2 / fan-in (He 2015), and norms that change nothing."""
    generator, tensors = np.random.default_rng(0), {}
    for name, (height, width, before, after) in inception.shapes().items():
        kernel = generator.normal(
            0, (2 / (height * width * before)) ** 0.5, (height, width, before, after)
        )
        tensors[f"{name}.conv.weight"] = kernel.transpose(3, 2, 0, 1)
        tensors |= dict.fromkeys((f"{name}.bn.weight", f"{name}.bn.running_var"), np.ones(after))
        tensors |= dict.fromkeys((f"{name}.bn.bias", f"{name}.bn.running_mean"), np.zeros(after))
    tensors["fc.weight"] = generator.normal(0, 0.02, (classes, inception.FEATURES))
    tensors["fc.bias"] = np.zeros(classes)
    return module.convert(tensors)


def random_networks() -> dict[Any, Any]:
    """In place of what a Bank loads, by network and grey values."""
    found = {}
    for features, scaling in (
        (records.INCEPTION, records.SYMMETRIC),
        (records.IMAGENET, records.SYMMETRIC),
        (records.IMAGENET, records.RENORMALISED),
    ):
        key = ("inception", ("features", features), ("scaling", scaling))
        if features == records.INCEPTION:
            found[key] = Random(inception, inception.CLASSES)
        else:
            renormalised = scaling == records.RENORMALISED
            found[key] = Random(
                inception_torchvision, inception_torchvision.CLASSES, renormalised=renormalised
            )
    return found


def judged(
    protocol: Protocol,
    laid: str,
    test: Store,
    pairs: np.ndarray,
    training: Store,
    weights: pathlib.Path,
    loaded: dict[Any, Any],
) -> dict[str, Any]:
    """Scores of a copy of the source, as if it were drawn, and of the mean training image."""
    scorer = Scorer(protocol, laid, test, pairs, weights, None, lambda: training, loaded)
    mean = mean_image(training)
    if protocol.jpeg is not None:
        mean = through_jpeg(mean[None], protocol.jpeg)[0]
    for start in range(0, len(pairs), CHUNK):
        chunk = pairs[start : start + CHUNK]
        batch = fetch(test, Indices(*chunk.T, np.zeros(len(chunk), bool)))
        scorer.add("source", {PLAIN: batch.source_image}, batch, drawn=True)
        same, none = np.broadcast_to(mean, batch.target_image.shape), np.zeros(len(chunk), int)
        scorer.add("mean", {PLAIN: same}, batch, none, mean[None])
    return {"scores": scorer.scores(), "not_measured": dict(scorer.not_measured)}


def changed() -> dict[str, Protocol]:
    """The later protocols by name, then `gfla` with each switch changed."""
    base = PROTOCOLS["gfla"]
    found = {f"`{protocol.name}`": protocol for protocol in LATER}
    return found | {
        f"`gfla`, {name}": dataclasses.replace(base, **change) for name, change in SWITCHES.items()
    }


def run(arguments: argparse.Namespace, say: Callable[[str], None] = print) -> dict[str, Any]:
    """What the file holds: the scores by subject of every protocol of `changed`."""
    size = data.find(arguments.dataset).size
    laid = "deepfashion" if size == (256, 256) else arguments.dataset
    test, train = (
        stores.load_split(arguments.dataset, split, arguments.data_dir, MEMORY)
        for split in ("test", "train")
    )
    pairs = stores.test_pairs(arguments.dataset, test, arguments.data_dir)
    # From all over the list, so that many persons are among them.
    pairs = pairs[np.linspace(0, len(pairs) - 1, min(arguments.count, len(pairs))).astype(int)]
    count = len(train.names)
    chosen = np.linspace(0, count - 1, min(arguments.count, count)).astype(int)
    training = Store(*(getattr(train.store, part)[chosen] for part in ("images", *JOINTS)))
    weights = pathlib.Path(arguments.data_dir) / "weights"
    loaded = random_networks() if arguments.random else {}
    found = {}
    for name, protocol in changed().items():
        found[name] = judged(protocol, laid, test.store, pairs, training, weights, loaded)
        say(f"{name}: {found[name]['scores']['source']}")
    return {
        "dataset": arguments.dataset,
        "pairs": len(pairs),
        "training_photos": len(chosen),
        "random_weights": arguments.random,
        "protocols": found,
        "machine": measure.machine(),
    }


def markdown(found: Mapping[str, Any]) -> str:
    """A line a protocol: the copy's scores, and the FID of the mean image."""
    heads = [
        "FID",
        "FID of the mean image",
        "LPIPS",
        *(f"`{name}`" for name in COLUMNS[2:-1]),
        "PSNR",
    ]
    lines = [f"| protocol | {' | '.join(heads)} |", f"|---|{'---|' * len(heads)}"]
    for name, result in found["protocols"].items():
        source, mean = result["scores"]["source"], result["scores"]["mean"]
        values = [source.get("fid"), mean.get("fid"), *(source.get(key) for key in COLUMNS[1:])]
        cells = ("" if value is None else f"{value:.4g}" for value in values)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", default="synthetic_people_256x256", choices=data.DATASETS)
    parser.add_argument("--data_dir", default=data.DATA_DIR)
    parser.add_argument(
        "--count", type=int, default=150, help="pairs, and training photos (default: %(default)s)"
    )
    parser.add_argument("--random", action="store_true", help="random weights for Inception")
    parser.add_argument("--out", metavar="FILE", required=True)
    parser.add_argument("--markdown", action="store_true", help="print the table of FILE")
    arguments = parser.parse_args()
    out = pathlib.Path(arguments.out)
    if arguments.markdown:
        print(markdown(json.loads(out.read_text())))
        return
    launch.start_alone()
    found = run(arguments)
    measure.write(str(out), found)
    print(markdown(found))


if __name__ == "__main__":
    cpu_process.begin()
    main()
