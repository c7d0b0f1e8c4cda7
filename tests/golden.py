"""Numbers computed with the reference code, and poses to try things on; for tests alone."""

import functools
from typing import NamedTuple

import numpy as np


class Golden(NamedTuple):
    """Arrays of one file; joints as this project has them; the full image's size."""

    arrays: dict
    source: tuple[np.ndarray, np.ndarray]
    target: tuple[np.ndarray, np.ndarray]
    size: tuple[int, int]


@functools.cache
def load(shared, dataset: str) -> Golden:
    with np.load(shared / "golden" / f"{dataset}_dev.npz") as file:
        arrays = dict(file)
    poses = []
    for name in ("source_keypoints", "target_keypoints"):
        keypoints = arrays[name]
        poses.append((keypoints.astype(np.float32), (keypoints >= 0).all(axis=-1)))
    size = tuple(int(length) for length in arrays["image_size"])
    return Golden(arrays, *poses, size)


def masks(found: Golden, name: str) -> np.ndarray:
    """Unpacked masks (..., H, W)."""
    return np.unpackbits(found.arrays[name], axis=-1, count=found.size[1])


def overlap(masks, expected) -> np.ndarray:
    """Intersection over union of every pair of masks (..., H, W); 1 where both are empty."""
    masks, expected = np.asarray(masks) > 0, np.asarray(expected) > 0
    union = (masks | expected).sum(axis=(-2, -1))
    return np.where(union, (masks & expected).sum(axis=(-2, -1)) / np.maximum(union, 1), 1.0)


def poses(count: int, size=(64, 32), seed: int = 0, margin: int = 0, missing: float = 0.2):
    """Joints at random whole pixels, some of them missing."""
    random = np.random.default_rng(seed)
    keypoints = random.integers(-margin, np.array(size) + margin, (count, 18, 2))
    return keypoints.astype(np.float32), random.random((count, 18)) >= missing
