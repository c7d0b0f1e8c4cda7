"""VGG-19 up to block3_conv4 as torchvision weighs it, its layers called as Keras calls them.

Another training than Keras' (pgjax.frozen.vgg19), of pixels on another scale; used by PATN's loss
(docs/reference_facts.md, 4.3).
"""

import os

import jax
import jax.numpy as jnp
import numpy as np

from pgjax.errors import InputError
from pgjax.files import buckets, paths
from pgjax.frozen import files, torch_file, vgg19

FILE = files.Published(
    url="https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
    sha256="dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
    name="vgg19-dcbb9e9d.pth",
)
LAYERS, shapes = vgg19.LAYERS, vgg19.shapes
MEANS = ("proper",)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of red, green and blue in [0, 1]: what is subtracted, and what the rest is divided by."""
_NUMBERS = dict(zip(LAYERS, (0, 2, 5, 7, 10, 12, 14, 16), strict=True))
"""In torchvision's `features`."""


def load(folder: str | os.PathLike) -> dict[str, dict[str, np.ndarray]]:
    """As `pgjax.frozen.load`."""
    path = files.obtain(FILE, buckets.fetch(paths.of(folder)))
    names = [f"features.{n}.{part}" for n in _NUMBERS.values() for part in ("weight", "bias")]
    return convert(torch_file.tensors(path, names))


def convert(tensors) -> dict[str, dict[str, np.ndarray]]:
    """Parameters from torchvision's tensors by name: kernels (out, in, 3, 3) to (3, 3, in, out)."""
    return {
        layer: {
            "kernel": np.ascontiguousarray(
                tensors[f"features.{number}.weight"].transpose(2, 3, 1, 0)
            ),
            "bias": tensors[f"features.{number}.bias"],
        }
        for layer, number in _NUMBERS.items()
    }


def extract(
    params, images: jax.Array, layer: str, means: str, arithmetic: str = "float32"
) -> jax.Array:
    """Activations of a layer; as `pgjax.frozen.extract`. Later layers are not computed."""
    if means not in MEANS:
        raise InputError(f"means: {means!r} is not of this network; there is {', '.join(MEANS)}")
    mean, std = (jnp.array(x, jnp.float32).reshape(1, 1, 1, 3) for x in (MEAN, STD))
    return vgg19.activations(params, ((images + 1) / 2 - mean) / std, layer, arithmetic)
