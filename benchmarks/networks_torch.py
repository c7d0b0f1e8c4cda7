"""The frozen networks of the metrics against PyTorch's, with equal random weights.

    TORCH/bin/python benchmarks/networks_torch.py make FOLDER      (an environment with torch,
                                                                    torchvision, lpips, torch-fidelity)
    python -m benchmarks.networks_torch compare FOLDER [--out FILE]

The first command writes weights, as .pth files in both layouts, pictures, and what torch-fidelity's
InceptionV3 and the package lpips make of them; the second reads the weights with pgjax's own reader,
computes the same and prints the largest differences, as a share of the largest number.
"""

import argparse
import json
import pathlib

import numpy as np

SIZES = {"market1501": (128, 64), "deepfashion": (256, 256), "other": (65, 300)}
COUNT = 4


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


def make(folder: pathlib.Path) -> None:
    """Writes weights and PyTorch's results."""
    import lpips
    import torch
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    torch.manual_seed(0)

    def randomise(state):
        for name, x in state.items():
            if name.endswith("running_var"):
                x.uniform_(0.5, 2)
            elif "bn.weight" in name:
                x.uniform_(0.8, 2.5)
            elif x.ndim == 4:
                x.normal_(0, (2 / x[0].numel()) ** 0.5)
            elif x.is_floating_point():
                x.normal_(0, 0.1)

    def save(state, name):
        torch.save(state, folder / f"{name}.pth")
        torch.save(state, folder / f"{name}_older.pth", _use_new_zipfile_serialization=False)

    bare = FeatureExtractorInceptionV3.__new__(FeatureExtractorInceptionV3)
    template = _inception_state(bare, folder)
    randomise(template)
    save(template, "inception")
    found = {}
    net = FeatureExtractorInceptionV3(
        "inception", ["2048", "logits_unbiased"], str(folder / "inception.pth")
    )
    for name, size in SIZES.items():
        pictures = torch.from_numpy(_pictures(size)[0].transpose(0, 3, 1, 2).copy())
        with torch.no_grad():
            found[f"{name}/features"], found[f"{name}/logits"] = (x.numpy() for x in net(pictures))
    for kind in ("alex", "vgg"):
        net = lpips.LPIPS(
            net=kind, pnet_rand=True, verbose=False
        )  # keeps the published linear ones
        features = [x for slice in net.net.children() for x in slice.named_parameters()]
        state = {f"features.{name}": x.data for name, x in features}
        randomise(state)
        save(state, kind)
        save({k: v for k, v in net.state_dict().items() if k.startswith("lin")}, f"{kind}_linear")
        for name, size in SIZES.items():
            one, other = (
                torch.from_numpy(x.transpose(0, 3, 1, 2) / np.float32(127.5) - 1)
                for x in _pictures(size)
            )
            with torch.no_grad():
                found[f"{name}/{kind}"] = net(one, other).numpy().reshape(-1)
    np.savez(folder / "torch.npz", **found)


def _inception_state(bare, folder):
    """The state of torch-fidelity's network, whose constructor asks for a file of weights."""
    import torch

    captured = {}

    def capture(self, state, *args, **kwargs):
        captured.update(self.state_dict())

    torch.save({}, folder / "none.pth")
    original, torch.nn.Module.load_state_dict = torch.nn.Module.load_state_dict, capture
    try:
        type(bare)("inception", ["2048"], str(folder / "none.pth"))
    finally:
        torch.nn.Module.load_state_dict = original
    return captured


def compare(folder: pathlib.Path) -> dict[str, float]:
    """The largest difference of every result, as a share of the largest number."""
    import jax

    from pgjax.frozen import inception, lpips, torch_file

    older, newer = (
        torch_file.tensors(folder / f"inception{end}.pth", inception.names())
        for end in ("_older", "")
    )
    assert all(np.array_equal(older[name], newer[name]) for name in inception.names())
    params, found = inception.convert(newer), {}
    extract = jax.jit(inception.extract)
    expected = dict(np.load(folder / "torch.npz"))
    for name, size in SIZES.items():
        found[f"{name}/features"], found[f"{name}/logits"] = extract(params, _pictures(size)[0])
    for net in lpips.NETS:
        weights, linear = lpips.names(net)
        tensors = torch_file.tensors(folder / f"{net}_older.pth", weights)
        tensors |= torch_file.tensors(folder / f"{net}_linear.pth", linear)
        params = lpips.convert(net, tensors)
        distance = jax.jit(lpips.distance, static_argnums=0)
        for name, size in SIZES.items():
            one, other = (x / np.float32(127.5) - 1 for x in _pictures(size))
            found[f"{name}/{net}"] = distance(net, params, one, other)
    assert found.keys() == expected.keys()
    return {
        name: float(np.abs(np.asarray(x) - expected[name]).max() / np.abs(expected[name]).max())
        for name, x in found.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("role", choices=("make", "compare"))
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, help="JSON file of the differences")
    args = parser.parse_args()
    if args.role == "make":
        args.folder.mkdir(parents=True, exist_ok=True)
        make(args.folder)
        return
    differences = compare(args.folder)
    text = json.dumps({"largest_relative_difference": differences}, indent=2)
    print(text)
    if args.out:
        args.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
