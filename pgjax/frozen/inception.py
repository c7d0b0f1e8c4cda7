"""Inception-v3 as in the graph `inception-2015-12-05`, whose features IS, FID and KID are defined on.

Salimans 2016 and Heusel 2017 take this very graph; today's re-trained Inception-v3 networks give other
numbers. Its ways, all kept here: pictures are resized to 299x299 inside, bilinear, corner on corner
without smoothing; pixels become (x - 128) / 128; averages near the border leave out what lies beyond it;
the last block takes a maximum where the one before takes an average; 1,008 classes. The logits of the
Inception Score lack the bias (docs/reference_facts.md, 6.2).

Weights: the lossless conversion that pytorch-fid publishes and torch-fidelity made from the graph.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pgjax.frozen import files, torch_file
from pgjax.frozen.inception_blocks import (
    AVERAGE,
    BLOCKS,
    HALVE,
    LARGEST,
    PADDED,
    STEM,
    Branches,
    Conv,
    Fork,
    Step,
    shapes,
)
from pgjax.nets.convolution import frozen, windows

FILE = files.Published(
    url=(
        "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
        "pt_inception-2015-12-05-6726825d.pth"
    ),
    sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    name="pt_inception-2015-12-05-6726825d.pth",
)
GRAPH = "inception-2015-12-05"
SIZE = 299
FEATURES, CLASSES = 2048, 1008
EPSILON = 0.001  # of the batch normalisation
_FEW = 2  # images whose maps stay in a CPU's cache
_LAST = 2  # blocks with few pixels and large kernels, which are read once for all images

Params = Mapping[str, Mapping[str, Any]]


_PARTS = ("conv.weight", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var")


def names() -> list[str]:
    """The tensors that `convert` takes, by their published names."""
    return [f"{name}.{part}" for name in shapes() for part in _PARTS] + ["fc.weight"]


def convert(
    tensors: Mapping[str, np.ndarray], classes: int = CLASSES
) -> dict[str, dict[str, np.ndarray]]:
    """Parameters {layer: {"kernel", "bias"}}, the normalisation folded in, in float64, kept as float32.

    Args:
      tensors: as `names` lists them, in PyTorch's layout: kernels (out, in, h, w).
      classes: how many logits there are.

    Raises:
      ValueError: a tensor has another shape than this network's.
    """
    params = {}
    for name, shape in shapes().items():
        kernel, scale, shift, mean, variance = (
            np.asarray(tensors[f"{name}.{part}"], np.float64) for part in _PARTS
        )
        kernel = kernel.transpose(2, 3, 1, 0)
        if kernel.shape != shape or {x.shape for x in (scale, shift, mean, variance)} != {
            shape[3:]
        }:
            raise ValueError(f"{name} has a kernel of the shape {kernel.shape}, not {shape}")
        scale = scale / np.sqrt(variance + EPSILON)
        params[name] = {
            "kernel": (kernel * scale).astype(np.float32),
            "bias": (shift - mean * scale).astype(np.float32),
        }
    logits = np.asarray(tensors["fc.weight"], np.float32)
    if logits.shape != (classes, FEATURES):
        raise ValueError(f"fc.weight has the shape {logits.shape}, not {(classes, FEATURES)}")
    params["logits"] = {"kernel": np.ascontiguousarray(logits.T)}
    return params


def load(folder: str | os.PathLike) -> dict[str, dict[str, np.ndarray]]:
    """The published weights out of a folder, fetched into it once.

    Raises:
      NotMeasuredError, InputError: as `pgjax.frozen.files.obtain`.
    """
    return convert(torch_file.tensors(files.obtain(FILE, folder), names()))


def extract(
    params: Params, images: jax.Array, rounded: bool = False
) -> tuple[jax.Array, jax.Array]:
    """Features of the last average, and the logits without bias.

    Args:
      params: as from `load`.
      images: (B, H, W, 3) RGB in [0, 255], uint8 or floating.
      rounded: whether what convolutions multiply is rounded to bfloat16.

    Returns:
      (B, 2048) and (B, 1008), float32.
    """
    with jax.default_matmul_precision("highest"):
        x = (resize(images.astype(jnp.float32)) - 128.0) / 128.0
        features = averages(params, x, BLOCKS, rounded)
        return features, features @ params["logits"]["kernel"]


def averages(
    params: Params, x: jax.Array, blocks: Mapping[str, Branches], rounded: bool = False
) -> jax.Array:
    """The last average (B, 2048) over pixels that are scaled already, (B, 299, 299, 3)."""

    def trunk(x):
        x = _follow(params, STEM, x, "", rounded)
        for name in list(blocks)[:-_LAST]:
            x = _block(params, name, blocks[name], x, rounded)
        return x

    x = _in_parts(trunk, x)
    for name in list(blocks)[-_LAST:]:
        x = _block(params, name, blocks[name], x, rounded)
    return x.mean(axis=(1, 2))


def _block(params: Params, name: str, branches: Branches, x: jax.Array, rounded: bool) -> jax.Array:
    sides = [_follow(params, steps, x, f"{name}.", rounded) for steps in branches]
    return jnp.concatenate(sides, axis=-1)


def _in_parts(function: Callable[[jax.Array], jax.Array], x: jax.Array) -> jax.Array:
    """The function of a few images at a time on the CPU: their maps then stay in its cache."""
    if jax.default_backend() != "cpu" or len(x) % _FEW or len(x) == _FEW:
        return function(x)
    found = jax.lax.map(function, x.reshape(-1, _FEW, *x.shape[1:]))
    return found.reshape(-1, *found.shape[2:])


def resize(images: jax.Array) -> jax.Array:
    """TensorFlow 1's ResizeBilinear: pixel i of 299 is taken from i h / 299, in float32."""
    x = images
    for axis in (1, 2):
        low, high, share = _places(images.shape[axis])
        share = share.reshape([-1 if i == axis else 1 for i in range(4)])
        x = x.take(low, axis) * (1 - share) + x.take(high, axis) * share
    return x


def _places(before: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of every pixel of 299: the two that it lies between, and the second one's share."""
    place = np.arange(SIZE, dtype=np.float32) * (np.float32(before) / np.float32(SIZE))
    low = np.minimum(np.floor(place).astype(int), before - 1)
    return low, np.minimum(low + 1, before - 1), place - low.astype(np.float32)


def _follow(
    params: Params, steps: tuple[Step, ...], x: jax.Array, prefix: str, rounded: bool
) -> jax.Array:
    pooled = None
    for step in steps:
        if isinstance(step, Fork):
            sides = [_convolve(params[prefix + side.name], side, x, None, rounded) for side in step]
            x = jnp.concatenate(sides, axis=-1)
        elif isinstance(step, Conv):
            x, pooled = _convolve(params[prefix + step.name], step, x, pooled, rounded), None
        elif step in _AVERAGES:
            pooled = step
        else:
            x = _LARGEST[step](x)
    return x


def _convolve(
    layer: Mapping[str, Any], conv: Conv, x: jax.Array, pooled: str | None, rounded: bool
) -> jax.Array:
    """The layer; of the averages that `pooled` names. These and the products are exchanged: the result has
    a fraction of the channels."""
    padding = "VALID" if conv.valid or conv.stride > 1 else "SAME"
    x = frozen.convolve(x, layer["kernel"], conv.stride, padding, rounded)
    if pooled is not None:
        x = _AVERAGES[pooled](x)
    return jax.nn.relu(x + layer["bias"].reshape(1, 1, 1, -1))


_AVERAGES = {
    AVERAGE: lambda x: windows.average(x, 3, padded=False),
    PADDED: lambda x: windows.average(x, 3, padded=True),
}
_LARGEST = {
    LARGEST: lambda x: windows.largest(x, 3, 1, 1),
    HALVE: lambda x: windows.largest(x, 3, 2),
}
