"""What travels from a data set to a step: images as bytes and joints as numbers, nothing derived."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pgjax.pose import skeleton


class Batch(NamedTuple):
    """B pairs of photos of one person.

    Images are uint8 (B, H, W, 3); keypoints are float32 (B, 18, 2), (y, x) in pixels; visible is bool
    (B, 18). A missing joint's coordinates hold anything. Where the data set knows them, `background` is the
    target's background, uint8 (B, H, W, 3), and `target_view` the number of its view in skeleton.VIEWS,
    int8 (B,), skeleton.UNKNOWN_VIEW where it knows none.
    """

    source_image: Any
    target_image: Any
    source_keypoints: Any
    source_visible: Any
    target_keypoints: Any
    target_visible: Any
    background: Any = None
    target_view: Any = None


class Store(NamedTuple):
    """All N photos of a split: uint8 (N, H, W, 3), keypoints (N, 18, 2), visible (N, 18), views int8 (N,).

    `images` and `backgrounds` are arrays, or objects that give one for an array of indices.
    """

    images: Any
    keypoints: Any
    visible: Any
    backgrounds: Any = None
    views: Any = None


class Indices(NamedTuple):
    """B pairs: positions of source and target in a Store, and whether the pair is mirrored."""

    source: Any
    target: Any
    flip: Any


def fetch(store: Store, indices: Indices) -> Batch:
    """Gathers a Batch; on the device where the store holds jax arrays, else on the host."""
    xp = jnp if isinstance(store.images, jax.Array) else np

    def images(of, chosen):
        found = of[chosen]
        if xp is jnp:
            return jnp.where(indices.flip[:, None, None, None], found[:, :, ::-1], found)
        # In place and a pixel at a time: np.where, byte by byte, takes nine times as long.
        pixels = found.view("V3")[..., 0]
        pixels[indices.flip] = pixels[indices.flip, :, ::-1]
        return found

    def joints(chosen):
        points, visible = store.keypoints[chosen], store.visible[chosen]
        width = store.images.shape[2]
        mirrored, mirrored_visible = skeleton.flip(points, visible, width)
        points = xp.where(indices.flip[:, None, None], mirrored, points)
        return points, xp.where(indices.flip[:, None], mirrored_visible, visible)

    source, source_visible = joints(indices.source)
    target, target_visible = joints(indices.target)
    return Batch(
        source_image=images(store.images, indices.source),
        target_image=images(store.images, indices.target),
        source_keypoints=source,
        source_visible=source_visible,
        target_keypoints=target,
        target_visible=target_visible,
        background=None if store.backgrounds is None else images(store.backgrounds, indices.target),
        # A mirrored person is seen from where it was.
        target_view=None if store.views is None else store.views[indices.target],
    )
