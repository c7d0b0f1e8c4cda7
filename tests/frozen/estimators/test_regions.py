"""Squares of a photo: where they lie, and their pictures against OpenCV's."""

import numpy as np
import pytest

from pgjax.frozen.estimators.regions import Region, around


def _photo(height=50, width=40):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_corners_of_a_turned_square():
    region = Region((10, 20), 8, np.pi / 2)
    # A quarter clockwise: its upper left corner is the upper right one.
    np.testing.assert_allclose(region.points(np.array([0.0, 0.0])), [6, 24], atol=1e-9)
    np.testing.assert_allclose(
        region.points(np.array([[0.5, 0.5], [0.0, 1.0]])), [[10, 20], [14, 24]]
    )


def test_the_square_around_a_photo():
    assert around((64, 128)) == Region((32, 64), 128)
    assert around((100, 60), 1.25) == Region((50, 30), 125)
    photo = _photo(32, 32)
    np.testing.assert_array_equal(around((32, 32)).picture(photo, 32), photo)


@pytest.mark.parametrize("black", [True, False])
@pytest.mark.parametrize("angle", [0.0, 0.3, -2.0])
def test_the_picture_is_opencvs(angle, black):
    """The four corners by hand, as mediapipe's image_to_tensor_converter_opencv.cc gives them."""
    cv2 = pytest.importorskip("cv2")
    photo, region, pixels = _photo(), Region((22.5, 31.0), 47.0, angle), 64
    corners = np.array([[1, 0], [0, 0], [0, 1], [1, 1]], float)
    places = region.points(corners)[:, ::-1].astype(np.float32)
    matrix = cv2.getPerspectiveTransform(places, (corners[:, ::-1] * pixels).astype(np.float32))
    border = cv2.BORDER_CONSTANT if black else cv2.BORDER_REPLICATE
    expected = cv2.warpPerspective(
        photo, matrix, (pixels, pixels), flags=cv2.INTER_LINEAR, borderMode=border
    )
    found = region.picture(photo, pixels, black)
    gap = np.abs(found - expected)
    assert found.dtype == np.float32
    # OpenCV's weights are whole numbers of 2^-15, and its places are rounded from its own matrix.
    assert (gap <= 1).mean() > 0.99
    assert gap.mean() < 0.1
