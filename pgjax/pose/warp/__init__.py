"""Deformable skip connections: features of the source moved, part by part, to the target's pose.

Transforms map target to source: (x, y, 1) of an output pixel to the (x, y) that it shows, in pixels
of the full image (spatial_transformer has coordinates of its own). Batched and safe inside jit.
Siarohin 2018, section 3.2; docs/reference_facts.md, 1.6.
"""

from pgjax.pose.warp.affines import body_affine, part_affines
from pgjax.pose.warp.parts import AGGREGATE, GRADIENT, SAMPLING, warp_parts
from pgjax.pose.warp.stn import spatial_transformer

__all__ = [
    "AGGREGATE",
    "GRADIENT",
    "SAMPLING",
    "body_affine",
    "part_affines",
    "spatial_transformer",
    "warp_parts",
]
