"""A small OpenPose network: MobileNet-V2 features, then six stages that refine each other's maps.

`mobilenet_v2_small` of ildoonet/tf-pose-estimation (Apache-2.0), which follows Cao 2017 (OpenPose) with
separable convolutions. The published graph normalises its first half by the statistics of the very
photo (its FusedBatchNorm nodes say is_training, and hold no moving averages) and its second half by
moving averages. Statistics are taken here for every photo by itself, so that what is found on a photo
does not depend on the others of its batch; for one photo that is the published graph.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pgjax import skeleton
from pgjax.convolution import convolve
from pgjax.frozen import tensorflow_graph
from pgjax.frozen.weights import Params, Shapes, Source

STRIDE = 8  # pixels of the photo a pixel of the maps
EPSILON = 1e-3
JOINTS = len(skeleton.JOINTS)
# The limbs that have a field: OpenPose's tree, then shoulder to ear.
LIMBS = (
    *skeleton.TREE,
    *(
        (skeleton.INDEX[f"{side}_shoulder"], skeleton.INDEX[f"{side}_ear"])
        for side in ("right", "left")
    ),
)
# Which two maps hold x and y of a limb's field.
_FIELD_MAPS = np.array(
    [
        *((12, 13), (20, 21), (14, 15), (16, 17), (22, 23), (24, 25)),
        *((0, 1), (2, 3), (4, 5), (6, 7), (8, 9), (10, 11)),
        *((28, 29), (30, 31), (34, 35), (32, 33), (36, 37)),
        *((18, 19), (26, 27)),
    ]
)

STEM = 16
# (channels, stride, whether its input is added) of the backbone's blocks; each widens six times inside.
BLOCKS = (
    *((8, 1, False), (16, 2, False), (16, 1, True)),
    *((16, 2, False), (16, 1, True), (16, 1, True)),
    *((32, 2, False), (32, 1, True), (32, 1, True), (32, 1, True)),
    *((48, 1, False), (48, 1, True), (48, 1, True)),
)
WIDENED = 6
FINE = 5  # the last block at an eighth of the resolution
STAGES = 6
MAPS = {"fields": 2 * len(LIMBS), "joints": JOINTS + 1}  # branches in order; joints and background
_BRANCH = {"fields": "L1", "joints": "L2"}  # in the published graph


def shapes() -> dict[str, dict[str, jax.ShapeDtypeStruct]]:
    """Of all parameters, float32, by layer.

    The backbone's layers have a kernel (HWIO; depthwise ones with I = 1), a scale and a bias. The
    stages' have the kernel of a 1×1 convolution with its normalisation folded into it, a bias and, the
    first three of five, the kernel of the depthwise convolution before it.
    """

    def struct(*shape: int) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(shape, jnp.float32)

    def layer(*kernel: int) -> dict[str, jax.ShapeDtypeStruct]:
        return {"kernel": struct(*kernel), "scale": struct(kernel[3]), "bias": struct(kernel[3])}

    found, before = {"stem": layer(3, 3, 3, STEM)}, STEM
    for i, (channels, _, _) in enumerate(BLOCKS):
        inside = before
        if i:
            inside = WIDENED * before
            found[f"block{i}/expand"] = layer(1, 1, before, inside)
        found[f"block{i}/depthwise"] = layer(3, 3, 1, inside)
        found[f"block{i}/project"] = layer(1, 1, inside, channels)
        before = channels
    features = BLOCKS[FINE][0] + BLOCKS[-1][0]
    for stage in range(1, STAGES + 1):
        given = features + (0 if stage == 1 else sum(MAPS.values()))
        for branch, maps in MAPS.items():
            widths = (given, 64, 64, 64, 256 if stage == 1 else 64, maps)
            for i in range(5):
                parts = {"depthwise": struct(3, 3, 1, widths[i])} if i < 3 else {}
                parts |= {"kernel": struct(*widths[i : i + 2]), "bias": struct(widths[i + 1])}
                found[f"stage{stage}/{branch}{i + 1}"] = parts
    return found


def apply(
    params: Mapping[str, Mapping[str, Any]], images: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Confidence maps of joints and fields of limbs.

    Args:
      params: as `shapes` says.
      images: (B, H, W, 3) RGB, 0 to 255, of any type.

    Returns:
      joints (B, h, w, 18), h = ceil(H / 8): about 1 where a joint is, 0 elsewhere; pixel (i, j) is
        the photo's ((i + 0.5) 8 - 0.5, ...).
      fields (B, h, w, 19, 2): along a limb of LIMBS its direction (y, x) of length about 1.
    """
    x = images.astype(jnp.float32)[..., ::-1]  # BGR
    x = _clipped(_normalised(params["stem"], _same(x, params["stem"]["kernel"], 2)))
    fine = None
    for i, (_, stride, added) in enumerate(BLOCKS):
        inside = x
        if i:
            expand = params[f"block{i}/expand"]
            inside = _clipped(_normalised(expand, x @ expand["kernel"][0, 0]))
        depthwise, project = params[f"block{i}/depthwise"], params[f"block{i}/project"]
        inside = _clipped(_normalised(depthwise, _depthwise(inside, depthwise["kernel"], stride)))
        inside = _normalised(project, inside @ project["kernel"][0, 0])
        x = x + inside if added else inside
        fine = x if i == FINE else fine
    features = jnp.concatenate([fine, _enlarged(x, fine.shape[1:3])], axis=-1)
    given = features
    for stage in range(1, STAGES + 1):
        maps = [_branch(params, f"stage{stage}/{branch}", given) for branch in MAPS]
        given = jnp.concatenate([*maps, features], axis=-1)
    fields, joints = maps
    return joints[..., :JOINTS], fields[..., _FIELD_MAPS[:, ::-1]]


def _branch(params, name: str, x: jax.Array) -> jax.Array:
    for i in range(1, 6):
        layer = params[f"{name}{i}"]
        if "depthwise" in layer:
            x = _depthwise(x, layer["depthwise"], 1)
        x = x @ layer["kernel"] + layer["bias"].reshape(1, 1, 1, -1)
        x = jax.nn.relu(x) if i < 5 else x
    return x


def _clipped(x: jax.Array) -> jax.Array:
    return jnp.clip(x, 0, 6)


def _normalised(layer, x: jax.Array) -> jax.Array:
    mean = x.mean(axis=(1, 2), keepdims=True)
    variance = x.var(axis=(1, 2), keepdims=True)
    scale, bias = (layer[part].reshape(1, 1, 1, -1) for part in ("scale", "bias"))
    return (x - mean) * (scale * jax.lax.rsqrt(variance + EPSILON)) + bias


def _same(x: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    return convolve(x, kernel, stride, "SAME")


def _depthwise(x: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    """3×3, TensorFlow's SAME padding, a channel by itself: sums of shifted maps, which XLA fuses.

    Its grouped convolution takes several times as long on the CPU.
    """
    _, height, width, channels = x.shape
    pads = jax.lax.padtype_to_pads((height, width), (3, 3), (stride, stride), "SAME")
    x = jnp.pad(x, ((0, 0), *pads, (0, 0)))
    rows, columns = (-(-size // stride) for size in (height, width))
    total = 0.0
    for i in range(3):
        for j in range(3):
            taken = x[:, i : i + stride * rows : stride, j : j + stride * columns : stride]
            total = total + taken * kernel[i, j].reshape(1, 1, 1, channels)
    return total


def _enlarged(x: jax.Array, size: tuple[int, int]) -> jax.Array:
    """TensorFlow's ResizeBilinear of that time: pixel i is taken from i h / H, corners on corners."""
    rows, columns = (_taps(before, after) for before, after in zip(x.shape[1:3], size, strict=True))
    return jnp.einsum("yh,xw,bhwc->byxc", rows, columns, x, precision="highest")


def _taps(before: int, after: int) -> np.ndarray:
    place = np.arange(after) * (before / after)
    low = np.minimum(place.astype(int), before - 1)
    taps = np.zeros((after, before), np.float32)
    np.add.at(taps, (np.arange(after), low), 1 - (place - low))
    np.add.at(taps, (np.arange(after), np.minimum(low + 1, before - 1)), place - low)
    return taps


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
    scale = 1 / np.sqrt(variance + EPSILON)
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
