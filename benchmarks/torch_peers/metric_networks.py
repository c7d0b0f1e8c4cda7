"""PyTorch's side of benchmarks.network_metrics: Inception of 2015 and LPIPS with AlexNet, channels last.

    TORCH/bin/python -m benchmarks.torch_peers.metric_networks FOLDER

FOLDER is as benchmarks.network_metrics makes it. The tables of layers are pgjax's, which need no JAX.
"""

import importlib.util
import itertools
import json
import pathlib
import sys
import time

import numpy as np
import torch
from torch.nn import functional

PGJAX = pathlib.Path(__file__).parents[2] / "pgjax"


def _blocks():
    """pgjax.frozen.inception_blocks, without what importing its package takes."""
    path = PGJAX / "frozen" / "inception_blocks.py"
    spec = importlib.util.spec_from_file_location("inception_blocks", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _layer(arrays, name):
    kernel = torch.from_numpy(arrays[f"{name}/kernel"]).permute(3, 2, 0, 1)
    bias = torch.from_numpy(arrays[f"{name}/bias"])
    return kernel.contiguous(memory_format=torch.channels_last), bias


class Inception:
    """Features of pictures uint8 (B, H, W, 3)."""

    def __init__(self, arrays, settings):
        del settings
        self._blocks = _blocks()
        self._layers = {name: _layer(arrays, name) for name in self._blocks.shapes()}
        self._logits = torch.from_numpy(arrays["logits/kernel"])

    def __call__(self, pictures):
        x = _resized(torch.from_numpy(pictures).float(), 299)
        x = (x.permute(0, 3, 1, 2) - 128) / 128
        x = self._follow(self._blocks.STEM, x, "")
        for block, branches in self._blocks.BLOCKS.items():
            x = torch.cat([self._follow(steps, x, f"{block}.") for steps in branches], 1)
        features = x.float().mean((2, 3))
        return features.numpy(), (features @ self._logits).float().numpy()

    def _follow(self, steps, x, prefix):
        for step in steps:
            if isinstance(step, self._blocks.Fork):
                x = torch.cat([self._unit(side, x, prefix) for side in step], 1)
            elif isinstance(step, self._blocks.Conv):
                x = self._unit(step, x, prefix)
            elif step == self._blocks.HALVE:
                x = functional.max_pool2d(x, 3, 2)
            elif step == self._blocks.LARGEST:
                x = functional.max_pool2d(x, 3, 1, 1)
            else:
                x = functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        return x

    def _unit(self, conv, x, prefix):
        kernel, bias = self._layers[prefix + conv.name]
        free = conv.valid or conv.stride > 1
        padding = 0 if free else tuple(k // 2 for k in conv.kernel)
        return functional.relu_(functional.conv2d(x, kernel, bias, conv.stride, padding))


def _resized(x, size):
    """Bilinear, corner on corner as the graph of 2015 has it: (B, H, W, C) to (B, size, size, C)."""
    for axis in (1, 2):
        before = x.shape[axis]
        place = torch.arange(size, dtype=torch.float32) * (before / size)
        low = place.floor().long().clamp(max=before - 1)
        share = (place - low).reshape(-1, *[1] * (3 - axis))
        high = (low + 1).clamp(max=before - 1)
        x = x.index_select(axis, low) * (1 - share) + x.index_select(axis, high) * share
    return x


class Alex:
    """LPIPS of pairs of pictures uint8 (B, H, W, 3)."""

    def __init__(self, arrays, settings):
        self._table = settings["layers"]
        self._layers = [
            (
                *_layer(arrays, name),
                torch.from_numpy(arrays[f"{linear}/kernel"]).reshape(1, -1, 1, 1),
            )
            for name, linear in zip(settings["names"], settings["linear"], strict=True)
        ]
        self._shift, self._scale = (
            torch.tensor(settings[name]).reshape(1, 3, 1, 1) for name in ("shift", "scale")
        )

    def __call__(self, one, other):
        x = torch.from_numpy(np.concatenate([one, other])).permute(0, 3, 1, 2).float() / 127.5 - 1
        x, total = (x - self._shift) / self._scale, 0.0
        for (_, _, _, stride, padding, pooled, _), (kernel, bias, linear) in zip(
            self._table, self._layers, strict=True
        ):
            if pooled:
                x = functional.max_pool2d(x, pooled, 2)
            x = functional.relu_(functional.conv2d(x, kernel, bias, stride, padding))
            normal = x.float()
            normal = normal / (normal.square().sum(1, keepdim=True).sqrt() + 1e-10)
            first, second = normal.chunk(2)
            total = total + ((first - second).square() * linear).sum(1).mean((1, 2))
        return (total.numpy(),)


def peak() -> int:
    """The largest memory of this process so far, in KiB."""
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    settings = json.loads((folder / "settings.json").read_text())
    with np.load(folder / "given.npz") as file:
        arrays = dict(file)
    given = [arrays.pop(f"pictures{i}") for i in range(settings["given"])]
    before = peak()
    network = {"inception": Inception, "lpips_alex": Alex}[settings["network"]](arrays, settings)
    rounded = settings["precision"] == "bfloat16"

    def extract():
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=rounded):
            chunks = [
                network(*(x[i : i + settings["chunk"]] for x in given))
                for i in range(0, len(given[0]), settings["chunk"])
            ]
        return [np.concatenate(parts) for parts in zip(*chunks, strict=True)]

    print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads()}), flush=True)
    for call in itertools.count():
        if not sys.stdin.readline():
            break
        started = time.perf_counter()
        found = extract()
        seconds = time.perf_counter() - started
        if not call:
            np.savez(folder / "torch.npz", *found)
        print(json.dumps({"seconds": seconds, "peak": peak(), "before": before}), flush=True)


if __name__ == "__main__":
    main()
