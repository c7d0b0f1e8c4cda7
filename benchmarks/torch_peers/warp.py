"""Deformable skips in PyTorch: one gather of all pixels, and more for those alone that many parts reach."""

import torch
from torch.nn import functional

from benchmarks.torch_peers.serving import nchw_view, pixels


@torch.no_grad()
def look_up(scene, height, width):
    """Which row of the pixels, then one of zeros, each pixel shows.

    Returns:
      (N,) where at most one part shows something, the pixels where more do, (M,), and their rows (M, K).
    """
    count, parts, full_height, _ = scene.masks.shape
    step = full_height // height
    row, column = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    a, b, c = (x[..., None, None] for x in scene.transforms.unbind(-1))
    x, y = (a * column + b * row + c / step).unbind(2)
    # Half goes away from zero.
    x, y = (v.abs().add_(0.5).floor_().copysign_(v) for v in (x, y))
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    inside &= scene.masks[:, :, ::step, ::step] & scene.exists[..., None, None]
    start = torch.arange(count).view(-1, 1, 1, 1) * (height * width)
    index = torch.where(inside, start + (y * width + x).long(), count * height * width)
    index = index.movedim(1, -1).reshape(-1, parts)
    shown = inside.movedim(1, -1).reshape(-1, parts).sum(1)
    (several,) = (shown > 1).nonzero(as_tuple=True)
    most = min(int(shown.max()) + 1, parts)
    return index.amin(1), several, index[several].sort(1).values[:, :most]


@torch.compiler.disable
def warp(x, scene):
    """The largest of all parts; where a part shows nothing, it counts as 0."""
    count, channels, height, width = x.shape
    single, several, rows = look_up(scene, height, width)
    flat = functional.pad(pixels(x).reshape(-1, channels), (0, 0, 0, 1))
    moved = functional.relu(flat.index_select(0, single))
    many = flat.index_select(0, rows.flatten()).view(*rows.shape, channels).amax(1)
    return nchw_view(moved.index_copy(0, several, many), count, height, width)
