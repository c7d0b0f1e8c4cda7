"""Joints to pictures: heat maps, discs, stick figures, masks of the person and of its ten parts.

All functions are batched and compiled (`size` and `radius` are static). Keypoints are (B, 18, 2),
(y, x) in pixels, visible is (B, 18) bool, and results are float32. What a missing joint's
coordinates hold influences nothing; a visible joint may lie outside the image.
"""

from pgjax.pose.raster.joints import discs, heatmaps, person_mask, pose_mask
from pgjax.pose.raster.parts import part_masks
from pgjax.pose.raster.sticks import sticks

__all__ = ["discs", "heatmaps", "part_masks", "person_mask", "pose_mask", "sticks"]
