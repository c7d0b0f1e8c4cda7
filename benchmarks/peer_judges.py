"""The side of the other packages, for benchmarks.judges; run in an environment without JAX.

    PEERS/bin/python -m benchmarks.peer_judges FOLDER

FOLDER has generated/ and target/, pictures of equal names; given.npz with the masks (N, H, W) and two sets of
features; settings.json with SSIM's settings by metric; and lpips_alex.npz and lpips_vgg.npz with the
convolutions in PyTorch's layout. The random weights of Inception, inception.pth, are made here. What the
packages say comes into peers.npz, by "package/metric", and their versions into peers.json.
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import sys
from collections.abc import Iterator

import numpy as np
from PIL import Image

from benchmarks import networks_torch

PACKAGES = ("scikit-image", "lpips", "torch-fidelity", "pytorch-fid", "torch", "scipy")
BATCH = 16
Found = Iterator[tuple[str, np.ndarray | float]]


def _pictures(folder: pathlib.Path) -> np.ndarray:
    """(N, H, W, 3) uint8, by name."""
    return np.stack([np.asarray(Image.open(path)) for path in sorted(folder.glob("*.png"))])


def _span(image: np.ndarray) -> float:
    return float(image.max()) - float(image.min())


def scikit_image(folder: pathlib.Path, given: dict[str, np.ndarray]) -> Found:
    """SSIM in each setting, and PSNR: (N,) each."""
    from skimage.color import rgb2gray
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    pairs = list(zip(_pictures(folder / "generated"), _pictures(folder / "target"), strict=True))
    for name, setting in json.loads((folder / "settings.json").read_text()).items():
        options: dict = {"win_size": setting["size"]}
        if setting["window"] == "gaussian":
            options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
        values = []
        for pair, mask in zip(pairs, given["masks"], strict=True):
            one, other = (x * mask[..., None] for x in pair) if setting["mask"] else pair
            if setting["grey"]:
                one, other = (255 * rgb2gray(x) for x in (one, other))
            ranges = {
                "255": 255.0,
                "max - min of the generated image": _span(one),
                "max - min of the target": _span(other),
            }
            axis = None if setting["grey"] else -1
            data_range = ranges[setting["data_range"]]
            values.append(
                structural_similarity(
                    one, other, channel_axis=axis, data_range=data_range, **options
                )
            )
        yield name, np.array(values)
    yield "psnr", np.array([peak_signal_noise_ratio(other, one) for one, other in pairs])


def lpips(folder: pathlib.Path, given: dict[str, np.ndarray]) -> Found:
    """LPIPS (N,) with the package's own linear layers and the convolutions that it is given."""
    import lpips
    import torch

    sides = [
        torch.cat([lpips.im2tensor(x) for x in _pictures(folder / side)])
        for side in ("generated", "target")
    ]
    for net in ("alex", "vgg"):
        judge = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
        tensors = [x.data for part in judge.net.children() for x in part.parameters()]
        with np.load(folder / f"lpips_{net}.npz") as arrays:
            for tensor, name in zip(tensors, arrays, strict=True):
                tensor.copy_(torch.from_numpy(arrays[name]))
        with torch.no_grad():
            parts = zip(*(x.split(BATCH) for x in sides), strict=True)
            yield f"lpips_{net}", np.concatenate([judge(*x).numpy().reshape(-1) for x in parts])


def write_inception(folder: pathlib.Path) -> None:
    """inception.pth: random weights whose normalisations fit the targets, so that features are near 1."""
    import torch
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    networks_torch.write_inception(folder)
    path = folder / "inception.pth"
    net = FeatureExtractorInceptionV3("inception", ["2048"], str(path))
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.train()
            module.momentum = 1.0  # the last pictures' statistics alone
    pictures = _pictures(folder / "target")[:BATCH].transpose(0, 3, 1, 2)
    with torch.no_grad():
        net(torch.from_numpy(pictures.copy()))
    torch.save(net.state_dict(), path)


def torch_fidelity(folder: pathlib.Path, given: dict[str, np.ndarray]) -> Found:
    """Features and logits of the generated pictures; IS, FID and KID; FID and KID of given features."""
    import torch
    from torch_fidelity import calculate_metrics, metric_fid, metric_kid
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    weights = str(folder / "inception.pth")
    net = FeatureExtractorInceptionV3("inception", ["2048", "logits_unbiased"], weights)
    pictures = torch.from_numpy(_pictures(folder / "generated").transpose(0, 3, 1, 2).copy())
    with torch.no_grad():
        parts = [net(x) for x in pictures.split(BATCH)]
    for name, tensors in zip(("features", "logits"), zip(*parts, strict=True), strict=True):
        yield name, torch.cat(tensors).numpy()
    whole = {"kid_subset_size": len(pictures), "kid_subsets": 1, "verbose": False}
    found = calculate_metrics(
        input1=str(folder / "generated"),
        input2=str(folder / "target"),
        feature_extractor_weights_path=weights,
        **dict.fromkeys(("isc", "fid", "kid"), True),
        **dict.fromkeys(("cuda", "cache", "samples_shuffle"), False),
        batch_size=BATCH,
        save_cpu_ram=True,
        **whole,
    )
    yield "is", found["inception_score_mean"]
    yield "is_std", found["inception_score_std"]
    yield "fid", found["frechet_inception_distance"]
    yield "kid", found["kernel_inception_distance_mean"]
    features = [torch.from_numpy(x) for x in given["features"]]
    statistics = [metric_fid.fid_features_to_statistics(x) for x in features]
    yield (
        "fid of given features",
        metric_fid.fid_statistics_to_metric(*statistics, False)[metric_fid.KEY_METRIC_FID],
    )
    whole["kid_subset_size"] = len(features[0])
    yield (
        "kid of given features",
        metric_kid.kid_features_to_metric(*features, **whole)[metric_kid.KEY_METRIC_KID_MEAN],
    )


def pytorch_fid(folder: pathlib.Path, given: dict[str, np.ndarray]) -> Found:
    """Features of the generated pictures; FID; FID of given features."""
    import torch
    from pytorch_fid import fid_score
    from pytorch_fid.inception import FID_WEIGHTS_URL, InceptionV3

    # Where it finds what it has once downloaded.
    kept = folder / "hub" / "checkpoints" / FID_WEIGHTS_URL.rpartition("/")[2]
    kept.parent.mkdir(parents=True)
    os.link(folder / "inception.pth", kept)
    torch.hub.set_dir(folder / "hub")
    paths = [str(x) for x in sorted((folder / "generated").glob("*.png"))]
    yield "features", fid_score.get_activations(paths, InceptionV3(), BATCH, num_workers=0)
    sides = [str(folder / side) for side in ("generated", "target")]
    yield "fid", fid_score.calculate_fid_given_paths(sides, BATCH, "cpu", 2048, num_workers=0)
    features = [x.astype(np.float64) for x in given["features"]]  # as its own are kept
    moments = [x for f in features for x in (f.mean(axis=0), np.cov(f, rowvar=False))]
    yield "fid of given features", fid_score.calculate_frechet_distance(*moments)


def main(folder: pathlib.Path) -> None:
    write_inception(folder)
    with np.load(folder / "given.npz") as file:
        given = dict(file)
    found = {}
    for judge in (scikit_image, lpips, torch_fidelity, pytorch_fid):
        package = judge.__name__.replace("_", "-")
        for metric, value in judge(folder, given):
            print(f"{package}: {metric}", file=sys.stderr, flush=True)
            found[f"{package}/{metric}"] = value
    np.savez(folder / "peers.npz", **found)
    versions = {package: importlib.metadata.version(package) for package in PACKAGES}
    (folder / "peers.json").write_text(json.dumps(versions))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=pathlib.Path, help="what benchmarks.judges has written")
    main(parser.parse_args().folder)
