"""Batch -> Scene: everything that a network or a loss may read, derived on the device."""

from typing import Any, NamedTuple

from pgjax import raster
from pgjax.batch import Batch
from pgjax.image import to_float


class Scene(NamedTuple):
    """B pairs, ready to be read; float32 unless said otherwise.

    Images are (B, H, W, 3) in [-1, 1]; keypoints (B, 18, 2), (y, x) in pixels; visible is bool (B, 18);
    discs and heat maps are (B, H, W, 18) in [0, 1]; `pose_mask` (B, H, W) covers the target person.
    `background` is the target's background like an image, or None.
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
    pose_mask: Any
    background: Any = None
    source_sticks: Any = None
    target_sticks: Any = None
    part_transforms: Any = None
    part_exists: Any = None
    part_masks: Any = None
    body_transform: Any = None
    body_exists: Any = None
    keys: Any = None


def derive(batch: Batch, *, disc_radius: int = 4, heatmap_sigma: float = 6.0) -> Scene:
    """Computes a Scene; inside jit, what nobody reads costs nothing.

    Args:
      batch: a Batch of uint8 images and joints.
      disc_radius: of the joints' discs and of the pose mask, pixels (PG2: 4; reference fact 2.6).
      heatmap_sigma: of the joints' Gaussians, pixels (deformable GAN: 6; reference fact 1.5).
    """
    size = batch.target_image.shape[1:3]
    source = (batch.source_keypoints, batch.source_visible)
    target = (batch.target_keypoints, batch.target_visible)
    return Scene(
        source_image=to_float(batch.source_image),
        target_image=to_float(batch.target_image),
        source_keypoints=batch.source_keypoints,
        target_keypoints=batch.target_keypoints,
        source_visible=batch.source_visible,
        target_visible=batch.target_visible,
        source_discs=raster.discs(*source, size, radius=disc_radius),
        target_discs=raster.discs(*target, size, radius=disc_radius),
        source_heatmaps=raster.heatmaps(*source, size, sigma=heatmap_sigma),
        target_heatmaps=raster.heatmaps(*target, size, sigma=heatmap_sigma),
        pose_mask=raster.pose_mask(*target, size, radius=disc_radius),
        background=None if batch.background is None else to_float(batch.background),
    )
