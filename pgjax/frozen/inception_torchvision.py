"""Inception v3 as torchvision runs it with its weights of ImageNet, on which later papers measure FID.

Another training than the graph of 2015 (pgjax.frozen.inception), and other ways: pictures are resized to
299x299 by PyTorch's bilinear rule; averages near the border count what lies beyond it as zeros; the last
block takes an average like the others; 1,000 classes, with a bias. Facts: torchvision/models/inception.py.
"""

import os
from collections.abc import Mapping

import jax
import numpy as np

from pgjax.frozen import files, inception, torch_file
from pgjax.frozen.inception import Params
from pgjax.frozen.inception_blocks import TORCHVISION
from pgjax.frozen.vgg19_torchvision import MEAN, STD
from pgjax.images import resizing

FILE = files.Published(
    url="https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth",
    sha256="0cc3c7bd",  # the part that is published, in the name
    name="inception_v3_google-0cc3c7bd.pth",
)
CLASSES = 1000
SIZE = (inception.SIZE, inception.SIZE)


def names() -> list[str]:
    """The tensors that `convert` takes, by their published names; those of AuxLogits are not needed."""
    return [*inception.names(), "fc.bias"]


def convert(tensors: Mapping[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """Parameters as of `inception.convert`, with the bias of the logits.

    Raises:
      ValueError: a tensor has another shape than this network's.
    """
    params = inception.convert(tensors, CLASSES)
    bias = np.asarray(tensors["fc.bias"], np.float32)
    if bias.shape != (CLASSES,):
        raise ValueError(f"fc.bias has the shape {bias.shape}, not {(CLASSES,)}")
    params["logits"]["bias"] = bias
    return params


def load(folder: str | os.PathLike) -> dict[str, dict[str, np.ndarray]]:
    """The published weights out of a folder, fetched into it once.

    Raises:
      NotMeasuredError, InputError: as `pgjax.frozen.files.obtain`.
    """
    return convert(torch_file.tensors(files.obtain(FILE, folder), names()))


def extract(
    params: Params, images: jax.Array, renormalised: bool = False, rounded: bool = False
) -> tuple[jax.Array, jax.Array]:
    """Features of the last average, and the logits.

    Args:
      params: as from `load`.
      images: (B, H, W, 3) RGB in [0, 255], uint8 or floating.
      renormalised: whether the network gets what `transform_input` makes of grey values in [0, 1], as in the
        FID of later papers, and not those in [-1, 1] that it was trained on.
      rounded: whether what convolutions multiply is rounded to bfloat16.

    Returns:
      (B, 2048) and (B, 1000), float32.
    """
    x = resizing.resize(images, SIZE, "bilinear") / 255.0
    if renormalised:  # undoes a normalisation that was not done
        mean, std = (np.array(v, np.float32).reshape(1, 1, 1, 3) for v in (MEAN, STD))
        x = x * std + mean
    with jax.default_matmul_precision("highest"):
        features = inception.averages(params, x * 2 - 1, TORCHVISION, rounded)
        logits = features @ params["logits"]["kernel"] + params["logits"]["bias"].reshape(1, -1)
        return features, logits
