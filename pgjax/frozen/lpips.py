"""LPIPS, version 0.1: distances of pictures in the activations of AlexNet or VGG-16.

Zhang 2018, with the linear layers that its authors trained ("lin") and torchvision's networks, as the
package `lpips` computes it: pixels in [-1, 1] are shifted and scaled, activations normalised to length 1
over the channels, squared differences weighed, averaged over places and summed over five layers.
"""

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from pgjax.errors import InputError
from pgjax.frozen import files, torch_file
from pgjax.nets.convolution import convolve

VERSION = "0.1"
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
EPSILON = 1e-10

Params = Mapping[str, Mapping[str, Any]]


class Conv(NamedTuple):
    """A convolution and its ReLU.

    Attributes:
      number: in torchvision's `features`.
      channels: that come out.
      kernel: its height and width.
      stride: of both.
      padding: pixels on every side.
      pooled: window of the maximum taken before it, with a stride of 2; 0 for none.
      judged: whether the distance takes these activations.
    """

    number: int
    channels: int
    kernel: int = 3
    stride: int = 1
    padding: int = 1
    pooled: int = 0
    judged: bool = True


class Net(NamedTuple):
    """A network, the smallest side of a picture that it takes, its weights, and those of its distance."""

    layers: tuple[Conv, ...]
    smallest: int
    weights: files.Published
    linear: files.Published


_PLACE = (
    "https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/"
    "082bb24f84c091ea94de2867d34c4544f68e0963/lpips/weights/v0.1/"
)
NETS = {
    "alex": Net(
        layers=(
            Conv(0, 64, kernel=11, stride=4, padding=2),
            Conv(3, 192, kernel=5, padding=2, pooled=3),
            Conv(6, 384, pooled=3),
            Conv(8, 256),
            Conv(10, 256),
        ),
        smallest=31,
        weights=files.Published(
            url="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
            sha256="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
            name="alexnet-owt-7be5be79.pth",
        ),
        linear=files.Published(
            url=f"{_PLACE}alex.pth",
            sha256="df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
            name="lpips_v0.1_alex.pth",
        ),
    ),
    "vgg": Net(
        layers=tuple(
            Conv(number, channels, pooled=2 * (first and number > 0), judged=last)
            for number, channels, first, last in (
                (0, 64, True, False),
                (2, 64, False, True),
                (5, 128, True, False),
                (7, 128, False, True),
                (10, 256, True, False),
                (12, 256, False, False),
                (14, 256, False, True),
                (17, 512, True, False),
                (19, 512, False, False),
                (21, 512, False, True),
                (24, 512, True, False),
                (26, 512, False, False),
                (28, 512, False, True),
            )
        ),
        smallest=16,
        weights=files.Published(
            url="https://download.pytorch.org/models/vgg16-397923af.pth",
            sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
            name="vgg16-397923af.pth",
        ),
        linear=files.Published(
            url=f"{_PLACE}vgg.pth",
            sha256="a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
            name="lpips_v0.1_vgg.pth",
        ),
    ),
}


def names(net: str) -> tuple[list[str], list[str]]:
    """The tensors that `convert` takes: of the network, and of its linear layers."""
    layers = NETS[net].layers
    weights = [f"features.{x.number}.{part}" for x in layers for part in ("weight", "bias")]
    return weights, [f"lin{i}.model.1.weight" for i in range(sum(x.judged for x in layers))]


def convert(net: str, tensors: Mapping[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """Parameters {layer: {"kernel", "bias", and where it is judged "linear"}}, float32.

    Args:
      net: "alex" or "vgg".
      tensors: as `names` lists them, in PyTorch's layout.

    Raises:
      ValueError: a tensor has another shape than this network's.
    """
    params, before, judged = {}, 3, 0
    for conv in NETS[net].layers:
        kernel = np.asarray(tensors[f"features.{conv.number}.weight"], np.float32)
        shape = (conv.channels, before, conv.kernel, conv.kernel)
        if kernel.shape != shape:
            raise ValueError(f"features.{conv.number} has the shape {kernel.shape}, not {shape}")
        layer = {
            "kernel": np.ascontiguousarray(kernel.transpose(2, 3, 1, 0)),
            "bias": np.asarray(tensors[f"features.{conv.number}.bias"], np.float32),
        }
        if conv.judged:
            linear = np.asarray(tensors[f"lin{judged}.model.1.weight"], np.float32)
            layer["linear"] = linear.reshape(conv.channels)
            judged += 1
        params[f"features.{conv.number}"] = layer
        before = conv.channels
    return params


def load(net: str, folder: str | os.PathLike) -> dict[str, dict[str, np.ndarray]]:
    """The published weights out of a folder, fetched into it once.

    Raises:
      NotMeasuredError, InputError: as `pgjax.frozen.files.obtain`.
    """
    paths = files.obtain_all((NETS[net].weights, NETS[net].linear), folder)
    tensors = {}
    for path, wanted in zip(paths, names(net), strict=True):
        tensors |= torch_file.tensors(path, wanted)
    return convert(net, tensors)


def distance(net: str, params: Params, one: jax.Array, other: jax.Array) -> jax.Array:
    """LPIPS of pairs of pictures: 0 where they are alike.

    Args:
      net: "alex" or "vgg".
      params: as from `load`.
      one: (B, H, W, 3) RGB in [-1, 1].
      other: likewise.

    Returns:
      (B,) float32.

    Raises:
      InputError: the pictures are too small for the network.
    """
    if min(one.shape[1:3]) < NETS[net].smallest:
        raise InputError(
            f"LPIPS ({net}): pictures of {one.shape[1]}x{one.shape[2]} pixels are too small; "
            f"at least {NETS[net].smallest} on each side"
        )
    shift, scale = (np.array(x, np.float32).reshape(1, 1, 1, 3) for x in (SHIFT, SCALE))
    total = jnp.zeros(len(one), jnp.float32)
    with jax.default_matmul_precision("highest"):
        x = (jnp.concatenate([one, other]) - shift) / scale
        for conv in NETS[net].layers:
            layer = params[f"features.{conv.number}"]
            if conv.pooled:
                x = _largest(x, conv.pooled)
            beside = (conv.padding, conv.padding)
            x = convolve(x, layer["kernel"], conv.stride, (beside, beside))
            x = jax.nn.relu(x + layer["bias"].reshape(1, 1, 1, -1))
            if conv.judged:
                length = jnp.sqrt(jnp.square(x).sum(axis=-1, keepdims=True))
                first, second = jnp.split(x / (length + EPSILON), 2)
                weighed = jnp.square(first - second) @ layer["linear"]
                total = total + weighed.mean(axis=(1, 2))
    return total


def _largest(x: jax.Array, size: int) -> jax.Array:
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, size, size, 1), (1, 2, 2, 1), "VALID")
