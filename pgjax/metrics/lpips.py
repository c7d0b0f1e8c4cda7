"""LPIPS of images and their targets (Zhang 2018), with AlexNet or VGG-16; lower is better."""

import os

import jax
import numpy as np

from pgjax.frozen import lpips
from pgjax.metrics.chunks import Chunked


class LpipsExtractor:
    """LPIPS (B,) of images and targets, uint8 (B, H, W, 3) both."""

    def __init__(self, net: str, weights: str | os.PathLike):
        """Loads the weights out of a folder; raises NotMeasuredError where they are not to be had.

        net: "alex" or "vgg".
        """
        params = jax.device_put(lpips.load(net, weights))
        files = " and ".join(file.name for file in lpips.NETS[net][2:])
        self.what = f"LPIPS version {lpips.VERSION}, {net}; {files}"
        self._distance = Chunked(
            lambda images, targets: lpips.distance(net, params, *map(_signed, (images, targets)))
        )

    def __call__(self, images: np.ndarray, targets: np.ndarray | None = None) -> np.ndarray:
        assert targets is not None, "LPIPS compares with targets"
        return self._distance(images, targets)


def _signed(images: jax.Array) -> jax.Array:
    return images.astype(np.float32) / 127.5 - 1.0
