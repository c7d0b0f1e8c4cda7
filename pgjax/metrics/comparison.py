"""What a protocol does with images: lays them in their frame, masks them, compares them."""

import functools
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from pgjax.images import resizing
from pgjax.metrics import METRICS, pixel
from pgjax.metrics.chunks import Chunked
from pgjax.metrics.protocol import PERSON, SOURCE, Frame, Mask, Protocol
from pgjax.pose import raster
from pgjax.pose.batch import Batch


def framed(images: jax.Array, frame: Frame | None, value: int | None = None) -> jax.Array:
    """Images (B, H, W, 3) or masks (B, H, W) as the frame says, padded with `value` where given.

    Images that are resized become float32.
    """
    if frame is None:
        return images
    if frame.crop is not None:
        top, left = _corner(frame.crop, images.shape[1:3])
        images = images[:, top : top + frame.crop[0], left : left + frame.crop[1]]
    if frame.resize is not None and images.ndim == 3:
        images = resizing.nearest(images, frame.resize.size)
    elif frame.resize is not None:
        images = resizing.resize(images, frame.resize.size, frame.resize.rule)
    around = ((0, 0), (0, 0), (frame.pad, frame.pad), *([(0, 0)] * (images.ndim - 3)))
    return jnp.pad(images, around, constant_values=frame.value if value is None else value)


def _corner(crop: tuple[int, int], size: tuple[int, ...]) -> tuple[int, int]:
    """Where the middle part of a photo begins: (top, left)."""
    return (size[0] - crop[0]) // 2, (size[1] - crop[1]) // 2


def moved(keypoints: np.ndarray, frame: Frame | None, size: tuple[int, int]) -> np.ndarray:
    """Where joints (..., 2) of a photo of this size lie in its frame."""
    if frame is None:
        return keypoints
    crop = size if frame.crop is None else frame.crop
    inside = keypoints - np.array(_corner(crop, size), np.float32)
    if frame.resize is not None:
        scale = np.array(frame.resize.size, np.float32) / np.array(crop, np.float32)
        inside = (inside + np.float32(0.5)) * scale - np.float32(0.5)
    return inside + np.array([0, frame.pad], np.float32)


def mask_of(mask: Mask, batch: Batch) -> jax.Array:
    """A protocol's mask of the photos of a Batch, (B, H, W), 0 or 1."""
    draw = raster.person_mask if mask.kind == PERSON else raster.pose_mask
    side = "source" if mask.of == SOURCE else "target"
    keypoints, visible = (getattr(batch, f"{side}_{name}") for name in ("keypoints", "visible"))
    return draw(keypoints, visible, batch.target_image.shape[1:3], radius=mask.radius)


def masked_source(batch: Batch, mask: Mask) -> jax.Array:
    """The source photo with a black background, by its own pose: uint8 (B, H, W, 3)."""
    size = batch.source_image.shape[1:3]
    person = raster.person_mask(
        batch.source_keypoints, batch.source_visible, size, radius=mask.radius
    )
    return pixel.masked(batch.source_image, person)


class Judge:
    """Compares images with their targets under a protocol; compiled once for all images.

    An image's numbers do not depend on the images beside it, their order, or the number of devices.
    """

    def __init__(self, protocol: Protocol, dataset: str, names: Sequence[str]):
        """names: of metrics that need no network."""
        frame, seen = protocol.frame(dataset), protocol.frame(dataset, networks=True)

        def compare(view: str, images: jax.Array, batch: Batch) -> dict[str, jax.Array]:
            chosen = tuple(n for n in names if METRICS[n].view == view)
            target = framed(batch.target_image, frame)
            mask = framed(mask_of(protocol.mask, batch), frame, value=0)
            return pixel.score(chosen, {view: framed(images, frame)}, target, mask)

        def under_mask(images: jax.Array, batch: Batch) -> jax.Array:
            person = framed(mask_of(protocol.mask, batch), seen, value=0)
            return pixel.masked(framed(images, seen), person)

        views = {METRICS[name].view for name in names}
        self._compare = {v: Chunked(functools.partial(compare, v)) for v in sorted(views)}
        self._under_mask = Chunked(under_mask)
        self._laid = (lambda images: images) if seen is None else Chunked(lambda x: framed(x, seen))
        self._masked_source = Chunked(lambda batch: masked_source(batch, protocol.mask))

    def compare(self, views: Mapping[str, np.ndarray], batch: Batch) -> dict[str, np.ndarray]:
        """The metrics of B images, (B,) float32 by name.

        Args:
          views: images by view, uint8 (B, H, W, 3), of the data set's size or already cut; metrics of
            other views are left out.
          batch: of their pairs.
        """
        found = {}
        for view in self._compare.keys() & views.keys():
            found |= self._compare[view](views[view], _without_sources(batch))
        return found

    def laid(self, images: np.ndarray) -> np.ndarray:
        """Images (B, H, W, 3) as networks are to see them, from 0 to 255: uint8, or float32 if resized."""
        return self._laid(images)

    def under_mask(self, images: np.ndarray, batch: Batch) -> np.ndarray:
        """Images of B pairs in their frame, under the protocol's mask."""
        return self._under_mask(images, _without_sources(batch))

    def masked_source(self, batch: Batch) -> np.ndarray:
        """What a system that sees no background is given: uint8 (B, H, W, 3)."""
        return self._masked_source(batch._replace(background=None))


def _without_sources(batch: Batch) -> Batch:
    """What comparing needs: no photo travels to the device that nobody looks at."""
    return batch._replace(source_image=None, background=None)
