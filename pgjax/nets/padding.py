"""Generators that halve an image more often than its size allows: their option `pad`."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from pgjax.pose.scene import Scene

PAD = "; with the option pad=True, in a config file of your own, it is padded"
"""What an error about the size says beside it."""

# Where the scene's fields have height and width. Drawn poses end; the others go on as their edge.
_DRAWN = ("source_discs", "target_discs", "source_heatmaps", "target_heatmaps")
_DRAWN += ("source_sticks", "target_sticks", "pose_mask")
_AXES = dict.fromkeys(("source_image", "target_image", "background", *_DRAWN), 1)
_AXES["part_masks"] = 2


def padded(multiple: Callable[[tuple[int, int]], int]):
    """Decorates a generator's `__call__`: with the option `pad`, it sees a larger scene.

    All that has the image's height and width, earlier images too, is padded at the bottom and on the right,
    to the next multiple: so joints and transforms stay where they are. The result (B, H, W, C) is cut back.
    Without the option the network is what it is without this.

    Args:
      multiple: (height, width) -> what both must be multiples of.
    """

    def decorate(call):
        @functools.wraps(call)
        def wrapped(self, scene, images, train):
            size = scene.source_image.shape[1:3]
            larger = next_size(size, multiple) if self.pad else size
            if larger == size:
                return call(self, scene, images, train)
            images = {name: _enlarged(image, larger, 1, "edge") for name, image in images.items()}
            image = call(self, enlarged(scene, larger), images, train)
            return image[:, : size[0], : size[1]]

        return wrapped

    return decorate


def next_size(size: tuple[int, int], multiple: Callable[[tuple[int, int]], int]) -> tuple[int, int]:
    """The smallest (height, width) from `size` on that are multiples of what `multiple` says of them."""
    while True:
        factor = multiple(size)
        height, width = (-(-length // factor) * factor for length in size)
        if (height, width) == size:
            return size
        size = height, width


def enlarged(scene: Scene, size: tuple[int, int]) -> Scene:
    """The scene with room at the bottom and on the right, up to `size`."""
    fields = {
        name: _enlarged(getattr(scene, name), size, axis, "constant" if name in _DRAWN else "edge")
        for name, axis in _AXES.items()
    }
    return scene._replace(**fields)


def _enlarged(x: jax.Array | None, size: tuple[int, int], axis: int, mode: str):
    """Pads the axes `axis` and `axis + 1`; what has no such axes, such as a code, is left as it is."""
    if x is None or x.ndim < axis + 2:
        return x
    room = [(0, 0)] * x.ndim
    for place, length in enumerate(size, axis):
        room[place] = (0, length - x.shape[place])
    return jnp.pad(x, room, mode=mode)
