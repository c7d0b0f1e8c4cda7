"""How far our metrics are from those of lpips, torch-fidelity, pytorch-fid and scikit-image: the same files.

    python3.11 -m venv PEERS && PEERS/bin/pip install torch torchvision lpips==0.1.4 \\
        torch-fidelity==0.4.0 pytorch-fid==0.3.0 scikit-image 'scipy<1.18'
    python -m benchmarks.judges --peers=PEERS/bin/python [--weights=data/weights] [--out=FILE]

(pytorch-fid 0.3.0 gives SciPy's sqrtm an argument that SciPy 1.18 does not take.)

Photos of synthetic people, 128x64, and the same ones blurred, with noise, as JPEG, or shifted, are written as
PNG. A process of PEERS (benchmarks.peer_judges) and pgjax judge these files.

LPIPS has its published weights on both sides: the convolutions are ours (`pgjax weights`; pip brings them),
the linear layers are each side's own. Inception has random weights of the published names and shapes, the
same file for all three: these distances say how equal the computations are, and nothing of the people. "The
same input" means that our network is given pictures as pytorch-fid resizes and scales them.

Prints a table and writes JSON. "Relative" means: as a share of the largest value. A difference beyond its
bound, or a number that is not finite, ends the program with an error.
"""

import argparse
import dataclasses
import io
import itertools
import json
import pathlib
import subprocess
import tempfile
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image, ImageFilter

from benchmarks import measure
from pgjax.data import people
from pgjax.frozen import inception as network
from pgjax.frozen import lpips as distance
from pgjax.frozen import lpips_weights, torch_file
from pgjax.images.photo import read_photo
from pgjax.metrics import METRICS, Ssim, inception, pixel
from pgjax.metrics.chunks import Chunked
from pgjax.metrics.lpips import LpipsExtractor
from pgjax.metrics.records import PLAIN
from pgjax.pose import raster
from pgjax.runtime import cpu_process

SIZE, SEED = (128, 64), 0
DISTURBANCES = 4
GIVEN = (1000, 256)  # of the features that both sides are given
SSIMS = [n for n, m in METRICS.items() if isinstance(m, Ssim) and m.view == PLAIN]

ROUNDING = 1e-5
ROOTS = (
    "fewer pictures than features: it adds up the roots of eigenvalues that are 0 but for rounding"
)
RESIZED = (
    "it resizes from pixel centres and scales by 127.5; the graph, torch-fidelity and pgjax resize "
    "from corners and scale by 128"
)
DEEP = "rounding of float32, which grows through all the layers"
SINGLE = "it keeps features, kernels and their sums in float32; ours are float64"
EXCEPTIONS: dict[str, tuple[float | None, str]] = {
    "torch-fidelity/features": (1e-4, DEEP),
    "torch-fidelity/logits": (1e-4, DEEP),
    "pytorch-fid/features, the same input": (1e-4, DEEP),
    "torch-fidelity/fid": (1e-4, ROOTS),
    "torch-fidelity/kid": (1e-3, SINGLE),
    "torch-fidelity/kid of given features": (1e-3, SINGLE),
    "pytorch-fid/features": (None, RESIZED),
    "pytorch-fid/fid": (None, RESIZED),
    "pytorch-fid/fid, the same input": (1e-4, ROOTS),
}
"""Where the bound is not ROUNDING: the bound (None: none), and what makes the difference."""


def _disturbed(photo: np.ndarray, index: int) -> np.ndarray:
    """A photo blurred, with noise, as JPEG or shifted, the stronger the higher the index."""
    kind, strength = index % DISTURBANCES, 1 + index // DISTURBANCES
    image = Image.fromarray(photo)
    if kind == 0:
        return np.asarray(image.filter(ImageFilter.GaussianBlur(0.2 * strength)))
    if kind == 1:
        noise = np.random.default_rng(index).normal(0, 2 * strength, photo.shape)
        return np.clip(np.round(photo + noise), 0, 255).astype(np.uint8)
    if kind == 2:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=max(5, 95 - 6 * strength))
        return np.asarray(Image.open(file))
    return np.roll(photo, (strength // 2, strength), axis=(0, 1))


def write_pictures(folder: pathlib.Path, pairs: int) -> np.ndarray:
    """generated/ and target/ of so many pairs, one person each; the masks (N, H, W) of the targets.

    People of whom nothing is found are passed over: of equal black pictures, whose range is 0, scikit-image
    says NaN (pgjax: 1).
    """
    seen = (
        photo
        for i in itertools.count(1)
        if (photo := people.photo(SEED, i, 0, SIZE))["visible"].any()
    )
    photos = list(itertools.islice(seen, pairs))
    for side in ("generated", "target"):
        (folder / side).mkdir()
    for i, photo in enumerate(photos):
        Image.fromarray(photo["image"]).save(folder / "target" / f"{i:03d}.png")
        Image.fromarray(_disturbed(photo["image"], i)).save(folder / "generated" / f"{i:03d}.png")
    joints, visible = (np.stack([photo[x] for photo in photos]) for x in ("keypoints", "visible"))
    return np.asarray(raster.person_mask(joints, visible, SIZE)).astype(np.uint8)


def _features() -> np.ndarray:
    """Two sets of more features than dimensions, as of a network that ends in a ReLU: (2, N, D)."""
    random = np.random.default_rng(SEED)
    mix = random.normal(0, GIVEN[1] ** -0.5, (GIVEN[1], GIVEN[1]))
    one, other = np.maximum(random.normal(0, 1, (2, *GIVEN)) @ mix + 0.3, 0)
    return np.stack([one, 1.1 * other]).astype(np.float32)


def _convolutions(net: str, weights: str) -> dict[str, np.ndarray]:
    """Of LPIPS' network, in PyTorch's layout, in order."""
    params = lpips_weights.load(net, weights)
    return {
        f"{layer}/{part}": np.asarray(x).transpose(3, 2, 0, 1) if x.ndim == 4 else np.asarray(x)
        for layer, parts in params.items()
        if layer.startswith(distance.NETS[net].name)
        for part, x in sorted(parts.items(), reverse=True)
    }


def peers(folder: pathlib.Path, python: str, masks: np.ndarray, weights: str) -> dict[str, Any]:
    """What the packages say of the folder's pictures, by "package/metric"; also makes inception.pth."""
    np.savez(folder / "given.npz", masks=masks, features=_features())
    settings = {name: dataclasses.asdict(METRICS[name]) for name in SSIMS}
    (folder / "settings.json").write_text(json.dumps(settings))
    for net in distance.NETS:
        np.savez(folder / f"lpips_{net}.npz", **_convolutions(net, weights))
    subprocess.run([python, "-m", "benchmarks.peer_judges", folder], check=True)
    with np.load(folder / "peers.npz") as found:
        return dict(found)


def _as_pytorch_fid(images: jax.Array) -> jax.Array:
    """Pictures uint8 as pytorch-fid's network sees them, in the units of `network.extract`."""
    shape = (len(images), network.SIZE, network.SIZE, 3)
    resized = jax.image.resize(images.astype(jnp.float32), shape, "bilinear", antialias=False)
    return 128 * (resized / 127.5 - 1) + 128


def ours(folder: pathlib.Path, masks: np.ndarray, weights: str) -> dict[str, Any]:
    """The same as `peers`, and what "the same input" gives."""
    generated, target = (
        np.stack([read_photo(path) for path in sorted((folder / side).glob("*.png"))])
        for side in ("generated", "target")
    )
    found: dict[str, Any] = {}
    scores = pixel.score((*SSIMS, "psnr"), {PLAIN: generated}, target, masks)
    found |= {f"scikit-image/{name}": np.asarray(x) for name, x in scores.items()}
    for net in distance.NETS:
        found[f"lpips/lpips_{net}"] = LpipsExtractor(net, weights)(generated, target)
    params = network.convert(torch_file.tensors(folder / "inception.pth", network.names()))
    extract = Chunked(network.extract, (params,))
    sides = extract(generated), extract(target)
    found |= {
        f"torch-fidelity/{n}": x for n, x in zip(("features", "logits"), sides[0], strict=True)
    }
    found["pytorch-fid/features"] = sides[0][0]
    scores = inception.inception_score("is", sides[0]) | inception.kid(*sides)
    found |= {f"torch-fidelity/{name}": scores[name] for name in ("is", "is_std", "kid")}
    as_it = Chunked(lambda params, x: network.extract(params, _as_pytorch_fid(x)), (params,))
    alike = as_it(generated), as_it(target)
    found["pytorch-fid/features, the same input"] = alike[0][0]
    found["pytorch-fid/fid, the same input"] = inception.fid(*alike)
    given = [(x, None) for x in _features()]
    found["torch-fidelity/kid of given features"] = inception.kid(*given)["kid"]
    for package in ("torch-fidelity", "pytorch-fid"):
        found[f"{package}/fid"] = inception.fid(*sides)
        found[f"{package}/fid of given features"] = inception.fid(*given)
    return found


def compared(ours: Any, theirs: Any, bound: float | None) -> dict[str, Any]:
    """Two sides' values of a metric, numbers or arrays of one shape; "agrees" is None without a bound."""
    ours, theirs = (np.asarray(x, np.float64) for x in (ours, theirs))
    if ours.shape != theirs.shape:
        raise ValueError(f"shapes {ours.shape} and {theirs.shape} cannot be compared")
    absolute = float(np.abs(ours - theirs).max())
    relative = absolute / float(np.abs(theirs).max())
    return {
        "ours": measure.rounded(ours.mean(), 6),
        "theirs": measure.rounded(theirs.mean(), 6),
        "largest_difference": measure.rounded(absolute, 2),
        "relative": measure.rounded(relative, 2),
        "bound": bound,
        "agrees": None if bound is None else bool(relative <= bound),
    }


def lines(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Each metric compared, by "package/metric", with the reason where it is known."""
    found = {}
    for name, value in ours.items():
        bound, why = EXCEPTIONS.get(name, (ROUNDING, ""))
        found[name] = compared(value, theirs[name.removesuffix(", the same input")], bound)
        found[name]["why"] = why or "rounding of float32"
    return dict(sorted(found.items()))


def markdown(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The table of docs/precision.md."""
    rows = [
        "| package | metric | ours | theirs | largest difference | relative |",
        "|" + "---|" * 6,
    ]
    for name, x in found.items():
        package, metric = name.split("/")
        values = (x[k] for k in ("ours", "theirs", "largest_difference", "relative"))
        rows.append(f"| {package} | {metric} | {' | '.join(f'{v:g}' for v in values)} |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--peers", required=True, help="the python of an environment with them")
    parser.add_argument("--weights", default="data/weights", help="folder of LPIPS' weights")
    parser.add_argument("--pairs", type=int, default=64)
    parser.add_argument("--out", help="JSON file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        masks = write_pictures(folder, options.pairs)
        theirs = peers(folder, options.peers, masks, options.weights)
        found = lines(ours(folder, masks, options.weights), theirs)
        versions = json.loads((folder / "peers.json").read_text())
    print(markdown(found))
    result = measure.machine() | {"pairs": options.pairs, "size": SIZE, "packages": versions}
    measure.write(options.out, result | {"metrics": found})
    if wrong := [name for name, x in found.items() if x["agrees"] is False]:
        raise SystemExit(f"further apart than they may be: {', '.join(wrong)}")


if __name__ == "__main__":
    cpu_process.begin()
    main()
