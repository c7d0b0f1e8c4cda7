"""LPIPS of images and their targets (Zhang 2018), with AlexNet or VGG-16; lower is better."""

import os

import jax
import numpy as np

from pgjax.frozen import lpips
from pgjax.metrics.chunks import Chunked

PAIRS = 4  # at a time: the first activations of VGG-16 take 34 MB a picture of 256x256


class LpipsExtractor:
    """LPIPS (B,) of images and targets, uint8 (B, H, W, 3) both."""

    def __init__(self, net: str, weights: str | os.PathLike):
        """Loads the weights out of a folder; raises NotMeasuredError where they are not to be had.

        net: "alex" or "vgg".
        """
        params = jax.device_put(lpips.load(net, weights))
        files = " and ".join(file.name for file in lpips.NETS[net][2:])
        self.what = f"LPIPS version {lpips.VERSION}, {net}; {files}"

        def distance(pair):
            return lpips.distance(net, params, *(_signed(x)[None] for x in pair))[0]

        self._distance = Chunked(lambda *pairs: jax.lax.map(distance, pairs, batch_size=PAIRS))

    def __call__(self, images: np.ndarray, targets: np.ndarray | None = None) -> np.ndarray:
        assert targets is not None, "LPIPS compares with targets"
        return self._distance(images, targets)


def _signed(images: jax.Array) -> jax.Array:
    return images.astype(np.float32) / 127.5 - 1.0
