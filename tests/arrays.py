"""Layers in NumPy, float64, PyTorch's layout (C, H, W): what the networks' ports are compared with."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def _framed(x, padding, value):
    (top, left) = padding
    return np.pad(x, ((0, 0), (top, top), (left, left)), constant_values=value)


def convolve(x, kernel, stride=1, padding=(0, 0)):
    """Kernels (out, in, h, w)."""
    windows = sliding_window_view(_framed(x, padding, 0.0), kernel.shape[2:], axis=(1, 2))
    windows = windows[:, ::stride, ::stride]
    return np.tensordot(kernel.astype(np.float64), windows, axes=((1, 2, 3), (0, 3, 4)))


def largest(x, size, stride, padding=0):
    windows = sliding_window_view(_framed(x, (padding,) * 2, -np.inf), (size, size), axis=(1, 2))
    return windows[:, ::stride, ::stride].max(axis=(3, 4))


def average_inside(x):
    """3x3, of the pixels that are there."""
    windows = sliding_window_view(_framed(x, (1, 1), np.nan), (3, 3), axis=(1, 2))
    return np.nanmean(windows, axis=(3, 4))
