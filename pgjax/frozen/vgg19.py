"""The convolutions of VGG-19 up to block3_conv4, as Keras names and weighs them.

Simonyan 2015, table 1, column E; used by the deformable GAN's losses (docs/reference_facts.md, 1.3).
"""

import os

import jax
import jax.numpy as jnp
import numpy as np

from pgjax.errors import InputError
from pgjax.frozen import weights
from pgjax.nets.convolution import convolve
from pgjax.runtime import precision

SOURCE = weights.Source(
    file="vgg19_block1_to_block3.npz",
    url=(
        "https://storage.googleapis.com/tensorflow/keras-applications/vgg19/"
        "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
    ),
    sha256="67a68b57950420ba7f88af3cb560ff465bbf7a53d828a28a23f7bf892646956d",
)
CHANNELS = {
    f"block{block}_conv{number}": channels
    for block, count, channels in ((1, 2, 64), (2, 2, 128), (3, 4, 256))
    for number in range(1, count + 1)
}
LAYERS = tuple(CHANNELS)
# Subtracted from red, green and blue in [0, 255]. Keras' means are listed blue first; the reference
# code takes them for red first.
MEANS = {"proper": (123.68, 116.779, 103.939), "swapped": (103.939, 116.779, 123.68)}


def shapes() -> dict[str, dict[str, jax.ShapeDtypeStruct]]:
    """Kernels (3, 3, in, out) and biases (out,) of all layers, float32."""
    found, before = {}, 3
    for layer, channels in CHANNELS.items():
        found[layer] = {
            "kernel": jax.ShapeDtypeStruct((3, 3, before, channels), jnp.float32),
            "bias": jax.ShapeDtypeStruct((channels,), jnp.float32),
        }
        before = channels
    return found


def load(folder: str | os.PathLike) -> weights.Params:
    """As `pgjax.frozen.load`."""
    return weights.load(SOURCE, shapes(), folder)


def preprocess(images: jax.Array, means: str) -> jax.Array:
    """RGB in [-1, 1] to what the first layer takes: BGR in [0, 255] minus the means."""
    if means not in MEANS:
        raise InputError(f"means: {means!r} is unknown; there are {', '.join(MEANS)}")
    shift = np.array(MEANS[means], np.float32).reshape(1, 1, 1, 3)
    return (255.0 * (images + 1.0) / 2.0 - shift)[..., ::-1]


def _pool(x: jax.Array) -> jax.Array:
    """Largest of every 2x2, a last odd row or column left out.

    By reshaping: its gradient takes a twentieth of reduce_window's time on the CPU.
    """
    batch, height, width, channels = x.shape
    height, width = height // 2, width // 2
    x = x[:, : 2 * height, : 2 * width].reshape(batch, height, 2, width, 2, channels)
    return x.max(axis=(2, 4))


def extract(
    params, images: jax.Array, layer: str, means: str, arithmetic: str = "float32"
) -> jax.Array:
    """Activations of a layer; as `pgjax.frozen.extract`. Later layers are not computed."""
    return activations(params, preprocess(images, means), layer, arithmetic)


def activations(params, inputs: jax.Array, layer: str, arithmetic: str) -> jax.Array:
    """Of what the first layer takes, (B, H, W, 3); else as `pgjax.frozen.extract`."""
    if layer not in LAYERS:
        raise InputError(f"layer: VGG-19 has no {layer!r} here; there are {', '.join(LAYERS)}")
    x = inputs.astype(precision.kind(arithmetic))
    for name in LAYERS[: LAYERS.index(layer) + 1]:
        if name.endswith("conv1") and name != LAYERS[0]:
            x = _pool(x)
        kernel, bias = (params[name][part].astype(x.dtype) for part in ("kernel", "bias"))
        with precision.products(arithmetic):
            x = convolve(x, kernel, 1, "SAME")
        x = jax.nn.relu(x + bias.reshape(1, 1, 1, -1))
    return x.astype(jnp.float32)
