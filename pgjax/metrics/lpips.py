"""LPIPS of images and their targets (Zhang 2018), with AlexNet or VGG-16; lower is better."""

import functools
import os

import jax
import jax.numpy as jnp
import numpy as np

from pgjax.frozen import lpips, lpips_weights
from pgjax.metrics.chunks import Chunked
from pgjax.metrics.protocol import SYMMETRIC, UNIT

RANGES = {SYMMETRIC: (127.5, 1.0), UNIT: (255.0, 0.0)}  # what grey is divided by, then less
PAIRS = 4  # at a time: the first activations of VGG-16 take 34 MB a picture of 256x256


class LpipsExtractor:
    """LPIPS (B,) of images and targets, (B, H, W, 3) from 0 to 255 both."""

    def __init__(self, net: str, weights: str | os.PathLike, lpips_scaling: str = SYMMETRIC):
        """Loads the weights out of a folder; raises NotMeasuredError where they are not to be had.

        net: "alex" or "vgg". lpips_scaling: the grey values that it gets: SYMMETRIC, which it is defined
        on, or UNIT.
        """
        files = f"{lpips.NETS[net].weights.name} and {lpips.NETS[net].linear.name}"
        self.what = f"LPIPS version {lpips.VERSION}, {net}; {files}"
        distances = functools.partial(_distances, net, *RANGES[lpips_scaling])
        self._distances = Chunked(distances, (lpips_weights.load(net, weights),))

    def __call__(self, images: np.ndarray, targets: np.ndarray | None = None) -> np.ndarray:
        assert targets is not None, "LPIPS compares with targets"
        return self._distances(images, targets)


def _distances(
    net: str,
    unit: float,
    shift: float,
    params: lpips.Params,
    images: jax.Array,
    targets: jax.Array,
) -> jax.Array:
    """LPIPS (B,), PAIRS at a time; the last ones filled up with zeros."""
    count = len(images)
    lacking = -count % PAIRS

    def parts(x):
        x = jnp.pad(x, ((0, lacking), *[(0, 0)] * 3))
        return x.reshape(-1, PAIRS, *x.shape[1:])

    def distance(pairs):
        return lpips.distance(net, params, *(x.astype(jnp.float32) / unit - shift for x in pairs))

    found = jax.lax.map(distance, (parts(images), parts(targets)))
    return found.reshape(-1)[:count]
