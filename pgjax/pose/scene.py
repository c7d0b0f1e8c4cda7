"""Batch -> Scene: everything that a network or a loss may read, derived on the device."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from pgjax.images.pixels import to_float
from pgjax.pose import raster, skeleton, views, warp
from pgjax.pose.batch import Batch


class Scene(NamedTuple):
    """B pairs, ready to be read; float32 unless said otherwise.

    Images are (B, H, W, 3) in [-1, 1]; keypoints (B, 18, 2), (y, x) in pixels; visible is bool (B, 18);
    discs and heat maps are (B, H, W, 18), stick figures (B, H, W, 3), in [0, 1]; `pose_mask`
    (B, H, W) covers the target person. `part_transforms` (B, 10, 2, 3), `part_exists` (B, 10) bool and
    `part_masks` (B, 10, H, W), `body_transform` (B, 2, 3) and `body_exists` (B,) bool lead from the
    target to the source (warp.part_affines). `background` is the target's background like an image, and
    `target_view` (B, 3) from where the target person is seen, one of skeleton.VIEWS as one-hot.
    `keys` (B,) are each example's random keys; where they are None, nothing is random.
    """

    source_image: Any
    target_image: Any
    source_keypoints: Any
    target_keypoints: Any
    source_visible: Any
    target_visible: Any
    source_discs: Any
    target_discs: Any
    source_heatmaps: Any
    target_heatmaps: Any
    source_sticks: Any
    target_sticks: Any
    pose_mask: Any
    part_transforms: Any
    part_exists: Any
    part_masks: Any
    body_transform: Any
    body_exists: Any
    background: Any
    target_view: Any
    keys: Any = None


_ROUNDED = (
    *("source_image", "target_image", "background"),
    *("source_discs", "target_discs", "source_heatmaps", "target_heatmaps"),
    *("source_sticks", "target_sticks", "target_view"),
)


def as_seen(scene: Scene, kind: str) -> Scene:
    """The scene as networks of a type read it: images, drawn poses and views rounded, geometry exact."""
    fields = {name: getattr(scene, name).astype(kind) for name in _ROUNDED}
    return scene._replace(**fields)


# A step derives every draw: jit traces it once.
@functools.partial(jax.jit, static_argnames=("disc_radius", "heatmap_sigma"))
def derive(batch: Batch, *, disc_radius: int = 4, heatmap_sigma: float = 6.0) -> Scene:
    """Computes a Scene; inside jit, what nobody reads costs nothing.

    Args:
      batch: a Batch of uint8 images and joints. Without a background it is the target image with
        the person's region erased (`erase`, `person_region`), and without a view that by the shoulders.
      disc_radius: of the joints' discs and of the pose mask, pixels (PG2: 4; docs/reference_facts.md, 2.6).
      heatmap_sigma: of the joints' Gaussians, pixels (deformable GAN: 6; docs/reference_facts.md, 1.5).
    """
    size = batch.target_image.shape[1:3]
    source = (batch.source_keypoints, batch.source_visible)
    target = (batch.target_keypoints, batch.target_visible)
    target_image = to_float(batch.target_image)
    part_transforms, part_exists = warp.part_affines(*source, *target)
    body_transform, body_exists = warp.body_affine(*source, *target)
    if batch.background is None:
        background = erase(target_image, person_region(*target, size, 4 * disc_radius))
    else:
        background = to_float(batch.background)
    return Scene(
        source_image=to_float(batch.source_image),
        target_image=target_image,
        source_keypoints=batch.source_keypoints,
        target_keypoints=batch.target_keypoints,
        source_visible=batch.source_visible,
        target_visible=batch.target_visible,
        source_discs=raster.discs(*source, size, radius=disc_radius),
        target_discs=raster.discs(*target, size, radius=disc_radius),
        source_heatmaps=raster.heatmaps(*source, size, sigma=heatmap_sigma),
        target_heatmaps=raster.heatmaps(*target, size, sigma=heatmap_sigma),
        source_sticks=raster.sticks(*source, size),
        target_sticks=raster.sticks(*target, size),
        pose_mask=raster.pose_mask(*target, size, radius=disc_radius),
        part_transforms=part_transforms,
        part_exists=part_exists,
        part_masks=raster.part_masks(*target, size),
        body_transform=body_transform,
        body_exists=body_exists,
        background=background,
        target_view=views.one_hot(*target, batch.target_view),
    )


def person_region(
    keypoints: jax.Array, visible: jax.Array, size: tuple[int, int], margin: int
) -> jax.Array:
    """A generous region of the person: the box of all joints, and `margin` pixels around the limbs.

    Where an ankle is missing, the box reaches to the lower edge.

    Args:
      keypoints: (B, 18, 2), (y, x) in pixels.
      visible: (B, 18).
      size: (height, width).
      margin: pixels.

    Returns:
      (B, H, W), 0 or 1; 0 everywhere without any joint.
    """
    feet = [skeleton.INDEX["right_ankle"], skeleton.INDEX["left_ankle"]]
    inside = []
    for axis, length in enumerate(size):
        places = keypoints[..., axis]
        low = jnp.min(jnp.where(visible, places, jnp.inf), axis=1)
        high = jnp.max(jnp.where(visible, places, -jnp.inf), axis=1)
        if axis == 0:
            whole = jnp.all(visible[:, feet], axis=1) | ~jnp.any(visible, axis=1)
            high = jnp.where(whole, high, length)
        pixels = jnp.arange(length, dtype=jnp.float32)[None]
        inside.append((pixels >= low[:, None]) & (pixels <= high[:, None]))
    box = inside[0][:, :, None] & inside[1][:, None, :]
    limbs = raster.person_mask(keypoints, visible, size, radius=margin)
    return jnp.maximum(box.astype(jnp.float32), limbs)


def erase(image: jax.Array, mask: jax.Array) -> jax.Array:
    """Images (B, H, W, 3) with the mean colour of the rest where the mask (B, H, W) is 1.

    It stands in for a background where the data set has none; what the mask leaves of the person
    stays.
    """
    mask = mask[..., None]
    rest = jnp.maximum(jnp.sum(1 - mask, axis=(1, 2), keepdims=True), 1)
    mean = jnp.sum(image * (1 - mask), axis=(1, 2), keepdims=True) / rest
    return image * (1 - mask) + mean * mask
