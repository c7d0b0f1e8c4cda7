"""A small OpenPose network: MobileNet-V2 features, then six stages that refine each other's maps.

`mobilenet_v2_small` of ildoonet/tf-pose-estimation (Apache-2.0), which follows Cao 2017 (OpenPose) with
separable convolutions. The published graph has lost the moving averages of its first half: there its
FusedBatchNorm nodes say is_training and normalise a photo by its own statistics, which harms tight or
blurred photos most. openpose_weights.fixed puts averages over ordinary photos in their place.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pgjax.nets.convolution import convolve
from pgjax.pose import skeleton

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
FIELD_MAPS = np.array(
    [
        *((12, 13), (20, 21), (14, 15), (16, 17), (22, 23), (24, 25)),
        *((0, 1), (2, 3), (4, 5), (6, 7), (8, 9), (10, 11)),
        *((28, 29), (30, 31), (34, 35), (32, 33), (36, 37)),
        *((18, 19), (26, 27)),
    ]
)

Moments = Callable[[str, jax.Array], tuple[jax.Array, jax.Array]]

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


def photo_moments(name: str, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Means and variances (B, 1, 1, C) of each photo by itself: for one photo the published graph's."""
    del name
    return x.mean(axis=(1, 2), keepdims=True), x.var(axis=(1, 2), keepdims=True)


def apply(
    params: Mapping[str, Mapping[str, Any]], images: jax.Array, moments: Moments = photo_moments
) -> tuple[jax.Array, jax.Array]:
    """Confidence maps of joints and fields of limbs.

    Args:
      params: as `shapes` says, or without scales where the normalisation is folded into the kernels.
      images: (B, H, W, 3) RGB, 0 to 255, of any type.
      moments: (layer, activations (B, h, w, C)) -> means and variances that broadcast, for layers
        that have a scale.

    Returns:
      joints (B, h, w, 18), h = ceil(H / 8): about 1 where a joint is, 0 elsewhere; pixel (i, j) is
        the photo's ((i + 0.5) 8 - 0.5, ...).
      fields (B, h, w, 19, 2): along a limb of LIMBS its direction (y, x) of length about 1.
    """

    def norm(name: str, x: jax.Array) -> jax.Array:
        layer = {part: value.reshape(1, 1, 1, -1) for part, value in params[name].items()}
        if "scale" not in layer:
            return x + layer["bias"]
        mean, variance = moments(name, x)
        return (x - mean) * (layer["scale"] * jax.lax.rsqrt(variance + EPSILON)) + layer["bias"]

    x = images.astype(jnp.float32)[..., ::-1]  # BGR
    x = _clipped(norm("stem", convolve(x, params["stem"]["kernel"], 2, "SAME")))
    fine = x
    for i, (_, stride, added) in enumerate(BLOCKS):
        names = {kind: f"block{i}/{kind}" for kind in ("expand", "depthwise", "project")}
        kernels = {kind: params[name]["kernel"] for kind, name in names.items() if name in params}
        inside = x
        if "expand" in kernels:
            inside = _clipped(norm(names["expand"], x @ kernels["expand"][0, 0]))
        inside = _depthwise(inside, kernels["depthwise"], stride)
        inside = _clipped(norm(names["depthwise"], inside))
        inside = norm(names["project"], inside @ kernels["project"][0, 0])
        x = x + inside if added else inside
        fine = x if i == FINE else fine
    features = jnp.concatenate([fine, _enlarged(x, (fine.shape[1], fine.shape[2]))], axis=-1)
    given = features
    for stage in range(1, STAGES + 1):
        maps = [_branch(params, f"stage{stage}/{branch}", given) for branch in MAPS]
        given = jnp.concatenate([*maps, features], axis=-1)
    fields, joints = maps
    return joints[..., :JOINTS], fields[..., FIELD_MAPS[:, ::-1]]


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
