"""The nearest-neighbour distance in PyTorch: the place is sought without a graph, the distance has one."""

import torch
from torch.nn import functional

from benchmarks.torch_peers.serving import nchw_view, pixels

OUTSIDE = -1e4
MEANS = (123.68, 116.779, 103.939)


class Features:
    """VGG-19 up to block1_conv2."""

    def __init__(self, arrays):
        self._layers = [
            (
                torch.from_numpy(arrays[f"block1_conv{i}/kernel"])
                .permute(3, 2, 0, 1)
                .contiguous(memory_format=torch.channels_last),
                torch.from_numpy(arrays[f"block1_conv{i}/bias"]),
            )
            for i in (1, 2)
        ]
        self._means = torch.tensor(MEANS).view(1, 3, 1, 1)

    def __call__(self, image):
        x = (127.5 * (image + 1) - self._means).flip(1)
        for weight, bias in self._layers:
            x = functional.relu_(functional.conv2d(x, weight, bias, padding=1))
        return x


def nearest(image, target, window, features):
    """Mean distance to the most similar place of the target within the window."""
    found = features(image)
    with torch.no_grad():
        reach = window // 2
        padded = functional.pad(features(target), (reach,) * 4, value=OUTSIDE)
        count, channels, height, width = found.shape
        shifted = [
            padded[:, :, i : i + height, j : j + width]
            for i in range(window)
            for j in range(window)
        ]
        distances = torch.stack([(found - x).abs_().sum(1) for x in shifted])
        where = distances.argmin(0)
        start = torch.arange(count).view(-1, 1, 1) * (height + 2 * reach)
        row = start + torch.arange(height).view(-1, 1) + where // window
        index = row * (width + 2 * reach) + torch.arange(width) + where % window
        best = pixels(padded).reshape(-1, channels).index_select(0, index.flatten())
        best = nchw_view(best, count, height, width)
    return channels * functional.l1_loss(found, best)
