"""Pretrained networks as features: by name, their weights verified, never trained.

Parameters are {layer: {"kernel", "bias"}}, and are handed to the step beside its state.
"""

import dataclasses
import os
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import jax
import numpy as np

from pgjax.errors import InputError
from pgjax.frozen import vgg19, vgg19_torchvision

NETS: dict[str, ModuleType] = {"vgg19": vgg19, "vgg19_torchvision": vgg19_torchvision}
LAYERS: dict[str, tuple[str, ...]] = {name: net.LAYERS for name, net in NETS.items()}
WEIGHTS = ("imagenet", "random")
MEANS: dict[str, tuple[str, ...]] = {name: tuple(net.MEANS) for name, net in NETS.items()}

Params = Mapping[str, Mapping[str, Any]]


def _find(name: str) -> ModuleType:
    if name not in NETS:
        raise InputError(f"unknown frozen network {name!r}; there are {', '.join(NETS)}")
    return NETS[name]


def shapes(name: str) -> dict[str, dict[str, jax.ShapeDtypeStruct]]:
    """The parameters' shapes and types, without the weights.

    Raises:
      InputError: no network has that name.
    """
    return _find(name).shapes()


def load(name: str, folder: str | os.PathLike) -> dict[str, dict[str, np.ndarray]]:
    """The published weights, verified: from files in `folder`, else downloaded into it, once.

    Args:
      name: of the network, one of NETS.
      folder: holds the network's own .npz or the official file; made if need be.

    Raises:
      InputError: the name is unknown, a file is damaged or another one, or there is none and it
        can't be downloaded; says what to fetch and where to put it.
    """
    return _find(name).load(folder)


def random(name: str) -> dict[str, dict[str, np.ndarray]]:
    """Weights that need no file: normal, of variance 2 / fan-in (He 2015), always the same ones."""
    generator = np.random.default_rng(0)
    params: dict[str, dict[str, np.ndarray]] = {}
    for layer, parts in shapes(name).items():
        shape = parts["kernel"].shape
        std = np.sqrt(2 / np.prod(shape[:-1]))
        kernel = generator.normal(0, std, shape).astype(np.float32)
        params[layer] = {"kernel": kernel, "bias": np.zeros(parts["bias"].shape, np.float32)}
    return params


def extract(
    name: str,
    params: Params,
    images: jax.Array,
    layer: str,
    means: str = "proper",
    precision: str = "float32",
) -> jax.Array:
    """Activations of one layer, after its ReLU.

    Args:
      name: of the network, one of NETS.
      params: as from `load`.
      images: (B, H, W, 3) RGB in [-1, 1].
      layer: one of LAYERS[name].
      means: one of MEANS[name]: "proper", as the network was trained, or "swapped"
        (docs/reference_facts.md, 1.3).
      precision: of the arithmetic, a name in precision.PRECISIONS.

    Returns:
      (B, h, w, C) float32.

    Raises:
      InputError: names the network, layer or means that is unknown, and what there is.
    """
    return _find(name).extract(params, images, layer, means, precision)


@dataclasses.dataclass(frozen=True, eq=False)
class Features:
    """A frozen network as the losses call it: (images, layer) -> activations / scale; see `extract`."""

    name: str
    params: Params
    means: str = "proper"
    precision: str = "float32"
    scale: float = 1.0

    def __call__(self, images: jax.Array, layer: str) -> jax.Array:
        found = extract(self.name, self.params, images, layer, self.means, self.precision)
        return found / self.scale
