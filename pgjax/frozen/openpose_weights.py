"""The weights of pgjax.frozen.openpose_mobilenet: read from the published graph, and made ready for use.

MOMENTS holds the means and variances that the published graph has lost: those over five photos that
their authors have given away (benchmarks/openpose_moments.py makes the file).
"""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pgjax.frozen import openpose_mobilenet, tensorflow_graph, weights
from pgjax.frozen.weights import Params, Shapes, Source

MOMENTS = Path(__file__).with_name("openpose_moments.npz")
_BRANCH = {"fields": "L1", "joints": "L2"}  # in the published graph


def load(folder: str | os.PathLike) -> Params:
    """The published weights, verified: from files in `folder`, else downloaded into it, once.

    It may also be the file itself.

    Raises:
      FileNotFoundError: there is no such file.
      InputError: as pgjax.frozen.load.
    """
    return weights.load(SOURCE, openpose_mobilenet.shapes(), folder)


def fixed(params: Mapping[str, Mapping[str, np.ndarray]]) -> Params:
    """The parameters with MOMENTS folded into the kernels of the first half.

    What is found on a photo then depends neither on its margins nor on the others of its batch. Of the
    joints published for DeepFashion's photos 80 % are found within 5 % of the height instead of 61 %, for
    Market-1501's crops 72 % instead of 11 % (benchmarks/keypoints.py).
    """
    result = {}
    with np.load(MOMENTS, allow_pickle=False) as moments:
        for name, layer in params.items():
            if "scale" in layer:
                mean, variance = (moments[f"{name}/{part}"] for part in ("mean", "variance"))
                scale = layer["scale"] / np.sqrt(variance + np.float32(openpose_mobilenet.EPSILON))
                layer = {"kernel": layer["kernel"] * scale, "bias": layer["bias"] - mean * scale}
            result[name] = dict(layer)
    return result


def read(path: Path, shapes: Shapes) -> Params:
    """The parameters in the published graph; a ValueError or KeyError where it is another one."""
    constants = {
        name.partition("/read/")[0]: value
        for name, value in tensorflow_graph.constants(path).items()
    }
    return {
        layer: _stage(constants, layer) if layer.startswith("stage") else _block(constants, layer)
        for layer in shapes
    }


def _block(constants: Mapping[str, np.ndarray], layer: str) -> dict[str, np.ndarray]:
    block, _, kind = layer.partition("/")
    number = block.removeprefix("block")
    name = "Conv"
    if block != "stem":
        name = f"expanded_conv{'' if number == '0' else f'_{number}'}/{kind}"
    name = f"MobilenetV2/{name}"
    if kind == "depthwise":
        kernel = constants[f"{name}/depthwise_weights"].swapaxes(2, 3)
    else:
        kernel = constants[f"{name}/weights"]
    scale, bias = (constants[f"{name}/BatchNorm/{part}"] for part in ("gamma", "beta"))
    return {"kernel": kernel, "scale": scale, "bias": bias}


def _stage(constants: Mapping[str, np.ndarray], layer: str) -> dict[str, np.ndarray]:
    """Folds what is linear: normalisation, and a depthwise kernel of one pixel, into the 1×1 kernel."""
    stage, _, rest = layer.partition("/")
    branch, number = rest[:-1], rest[-1]
    name = f"Openpose/MConv_{stage.title()}_{_BRANCH[branch]}_{number}"
    depthwise = constants[f"{name}_depthwise/depthwise_weights"].swapaxes(2, 3)
    kernel = constants[f"{name}_pointwise/weights"][0, 0].astype(np.float64)
    norm = f"{name}_pointwise/BatchNorm"
    mean, variance, bias = (
        constants[f"{norm}/{part}"].astype(np.float64)
        for part in ("moving_mean", "moving_variance", "beta")
    )
    scale = 1 / np.sqrt(variance + openpose_mobilenet.EPSILON)
    parts = {}
    if depthwise.shape[0] == 1:
        kernel *= depthwise.reshape(-1, 1)
    else:
        parts["depthwise"] = depthwise
    parts["kernel"] = (kernel * scale).astype(np.float32)
    parts["bias"] = (bias - mean * scale).astype(np.float32)
    return parts


SOURCE = Source(
    file="openpose_mobilenet_v2_small.npz",
    # The first repository is no longer to be had; this copy of it is pinned to a commit.
    url=(
        "https://raw.githubusercontent.com/gsethi2409/tf-pose-estimation/"
        "0eeb3f0316795329a750d09cb140a4996f9ed732/models/graph/mobilenet_v2_small/graph_opt.pb"
    ),
    sha256="c2cc17071f1eac6331283815b464326143709a5c17ed1e57b6d18bdccade0ef9",
    read=read,
    rename="openpose_mobilenet_v2_small.pb",
)
