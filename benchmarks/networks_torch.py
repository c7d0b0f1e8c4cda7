"""The frozen networks of the metrics against PyTorch's, with equal random weights, and LPIPS' published ones.

    TORCH/bin/python benchmarks/networks_torch.py make FOLDER      (an environment with torch,
                                                                    torchvision, lpips, torch-fidelity)
    python -m benchmarks.networks_torch compare FOLDER [--out FILE]

The first command writes weights, as .pth files in both layouts, pictures, and what torch-fidelity's
InceptionV3 and the package lpips make of them; the second reads the weights with pgjax's own reader,
computes the same and prints the largest differences, as a share of the largest number. Both take
`--weights=data/weights`: LPIPS is then also computed with the published weights that are there in our own
form (`pgjax weights`), and the package lpips' own linear layers. `--networks=lpips` needs no torch-fidelity.
"""

import argparse
import json
import pathlib
from collections.abc import Iterable

import numpy as np

SIZES = {"market1501": (128, 64), "deepfashion": (256, 256), "other": (65, 300)}
COUNT = 4
NETWORKS = ("inception", "lpips")
PUBLISHED = {"alex": "lpips_alexnet.npz", "vgg": "lpips_vgg16.npz"}


def _pictures(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Smooth pictures with noise, and others that differ little: uint8 (COUNT, H, W, 3)."""
    random = np.random.default_rng(size[1])
    y, x = (np.linspace(0, 6, n) for n in size)
    waves = np.sin(y[:, None] + random.uniform(0, 6, (COUNT, 1, 1)))[..., None] * np.cos(
        x[:, None] * random.uniform(1, 3, 3)
    )
    one = 128 + 90 * waves + random.normal(0, 20, (COUNT, *size, 3))
    other = one + random.normal(0, 15, one.shape)
    return tuple(np.clip(np.round(pictures), 0, 255).astype(np.uint8) for pictures in (one, other))


def make(
    folder: pathlib.Path, networks: Iterable[str] = NETWORKS, published: pathlib.Path | None = None
) -> None:
    """Writes weights and PyTorch's results."""
    import torch

    torch.manual_seed(0)
    found = {}
    if "inception" in networks:
        found |= _make_inception(folder)
    if "lpips" in networks:
        found |= _make_lpips(folder, published)
    np.savez(folder / "torch.npz", **found)


def _randomise(state):
    for name, x in state.items():
        if name.endswith("running_var"):
            x.uniform_(0.5, 2)
        elif "bn.weight" in name:
            x.uniform_(0.8, 2.5)
        elif x.ndim == 4:
            x.normal_(0, (2 / x[0].numel()) ** 0.5)
        elif x.is_floating_point():
            x.normal_(0, 0.1)


def _save(state, folder, name):
    import torch

    torch.save(state, folder / f"{name}.pth")
    torch.save(state, folder / f"{name}_older.pth", _use_new_zipfile_serialization=False)


def write_inception(folder: pathlib.Path) -> None:
    """Random weights of the InceptionV3 of FID, by its published names: inception.pth, and _older.pth."""
    import torch

    torch.manual_seed(0)
    state = _inception_state(folder)
    _randomise(state)
    _save(state, folder, "inception")


def _make_inception(folder):
    import torch
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    write_inception(folder)
    found = {}
    net = FeatureExtractorInceptionV3(
        "inception", ["2048", "logits_unbiased"], str(folder / "inception.pth")
    )
    for name, size in SIZES.items():
        pictures = torch.from_numpy(_pictures(size)[0].transpose(0, 3, 1, 2).copy())
        with torch.no_grad():
            found[f"{name}/features"], found[f"{name}/logits"] = (x.numpy() for x in net(pictures))
    return found


def _make_lpips(folder, published):
    import lpips
    import torch

    def distances(net):
        for name, size in SIZES.items():
            one, other = (
                torch.from_numpy(x.transpose(0, 3, 1, 2) / np.float32(127.5) - 1)
                for x in _pictures(size)
            )
            with torch.no_grad():
                yield name, net(one, other).numpy().reshape(-1)

    found = {}
    for kind in ("alex", "vgg"):
        net = lpips.LPIPS(
            net=kind, pnet_rand=True, verbose=False
        )  # keeps the published linear ones
        features = [x for slice in net.net.children() for x in slice.named_parameters()]
        state = {f"features.{name}": x.data for name, x in features}
        _randomise(state)
        _save(state, folder, kind)
        linear = {k: v for k, v in net.state_dict().items() if k.startswith("lin")}
        _save(linear, folder, f"{kind}_linear")
        found |= {f"{name}/{kind}": x for name, x in distances(net)}
        if published is not None and (published / PUBLISHED[kind]).is_file():
            with np.load(published / PUBLISHED[kind]) as arrays:
                convolutions = [name for name in arrays if not name.startswith("NetLin")]
                for x, name in zip(state.values(), convolutions, strict=True):
                    array = arrays[name]
                    x.copy_(torch.from_numpy(array.transpose(3, 2, 0, 1) if x.ndim == 4 else array))
            found |= {f"{name}/{kind}_published": x for name, x in distances(net)}
    return found


def _inception_state(folder):
    """The state of torch-fidelity's network, whose constructor asks for a file of weights."""
    import torch
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    captured = {}

    def capture(self, state, *args, **kwargs):
        captured.update(self.state_dict())

    torch.save({}, folder / "none.pth")
    original, torch.nn.Module.load_state_dict = torch.nn.Module.load_state_dict, capture
    try:
        FeatureExtractorInceptionV3("inception", ["2048"], str(folder / "none.pth"))
    finally:
        torch.nn.Module.load_state_dict = original
    return captured


def compare(
    folder: pathlib.Path, networks: Iterable[str] = NETWORKS, published: pathlib.Path | None = None
) -> dict[str, float]:
    """The largest difference of every result, as a share of the largest number."""
    found = {}
    if "inception" in networks:
        found |= _inception(folder)
    if "lpips" in networks:
        found |= _lpips(folder, published)
    with np.load(folder / "torch.npz") as file:
        expected = dict(file)
    assert found.keys() == expected.keys()
    return {
        name: float(np.abs(np.asarray(x) - expected[name]).max() / np.abs(expected[name]).max())
        for name, x in found.items()
    }


def _inception(folder):
    import jax

    from pgjax.frozen import inception, torch_file

    older, newer = (
        torch_file.tensors(folder / f"inception{end}.pth", inception.names())
        for end in ("_older", "")
    )
    assert all(np.array_equal(older[name], newer[name]) for name in inception.names())
    params, found = inception.convert(newer), {}
    extract = jax.jit(inception.extract)
    for name, size in SIZES.items():
        found[f"{name}/features"], found[f"{name}/logits"] = extract(params, _pictures(size)[0])
    return found


def _lpips(folder, published):
    import jax

    from pgjax.frozen import lpips, lpips_weights, torch_file

    found = {}
    distance = jax.jit(lpips.distance, static_argnums=0)
    for net in lpips.NETS:
        weights, linear = lpips.names(net)
        tensors = torch_file.tensors(folder / f"{net}_older.pth", weights)
        tensors |= torch_file.tensors(folder / f"{net}_linear.pth", linear)
        weighed = {net: lpips.convert(net, tensors)}
        if published is not None and (published / PUBLISHED[net]).is_file():
            weighed[f"{net}_published"] = lpips_weights.load(net, published)
        for title, params in weighed.items():
            for name, size in SIZES.items():
                one, other = (x / np.float32(127.5) - 1 for x in _pictures(size))
                found[f"{name}/{title}"] = distance(net, params, one, other)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("role", choices=("make", "compare"))
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, help="JSON file of the differences")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=NETWORKS)
    parser.add_argument("--weights", type=pathlib.Path, help="folder of LPIPS' published weights")
    args = parser.parse_args()
    if args.role == "make":
        args.folder.mkdir(parents=True, exist_ok=True)
        make(args.folder, args.networks, args.weights)
        return
    differences = compare(args.folder, args.networks, args.weights)
    text = json.dumps({"largest_relative_difference": differences}, indent=2)
    print(text)
    if args.out:
        args.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
