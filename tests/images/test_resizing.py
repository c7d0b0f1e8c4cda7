"""Resized photos equal those of Pillow, OpenCV and PyTorch (resizing/made_by_peers.py)."""

import pathlib

import numpy as np
import pytest
from PIL import Image

from pgjax.images import resizing

PEERS = np.load(pathlib.Path(__file__).parent / "resizing" / "peers.npz")
SIZES = [(24, 17), (40, 20), (61, 50)]


@pytest.mark.parametrize("size", [*SIZES, (3, 2), (40, 31)])
def test_pillows_bicubic_to_the_last_bit(size):
    photos = np.concatenate([PEERS["given"], 255 - PEERS["given"][:, ::-1]])
    found = np.asarray(resizing.resize(photos, size, "pil_bicubic"))
    for image, photo in zip(found, photos, strict=True):
        expected = Image.fromarray(photo).resize(size[::-1], Image.Resampling.BICUBIC)
        np.testing.assert_array_equal(image, np.asarray(expected))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("rule", "peer"),
    [("bilinear", "cv2_bilinear"), ("bilinear", "torch_bilinear"), ("cv2_bicubic", "cv2_bicubic")],
)
def test_opencvs_and_pytorchs_floats(rule, peer, size):
    found = np.asarray(resizing.resize(PEERS["given"], size, rule))
    expected = PEERS[f"{peer}_{size[0]}x{size[1]}"]
    np.testing.assert_allclose(found, expected, atol=2e-3)  # of 255
    assert (expected.max() > 256) == (expected.min() < -1) == (rule == "cv2_bicubic")


def test_masks_keep_their_nearest_pixels():
    mask = np.arange(8).reshape(1, 2, 4)
    np.testing.assert_array_equal(resizing.nearest(mask, (2, 2))[0], [[1, 3], [5, 7]])
    np.testing.assert_array_equal(resizing.nearest(mask, (4, 4))[0, :, 0], [0, 0, 4, 4])
    np.testing.assert_array_equal(resizing.nearest(mask, (2, 4)), mask)
