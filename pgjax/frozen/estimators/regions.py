"""Rotated squares of a photo, for networks with a square input."""

from typing import NamedTuple

import numpy as np


class Region(NamedTuple):
    """A square of a photo, which may reach over its edges.

    center: (y, x), in pixels from the photo's upper left corner (not from its first pixel's centre). side:
    in pixels. angle: by which the square is turned, clockwise, in radians.
    """

    center: tuple[float, float]
    side: float
    angle: float = 0.0

    def points(self, shares: np.ndarray) -> np.ndarray:
        """Where shares (..., 2) of the square's sides lie, (y, x) from the photo's corner."""
        y, x = np.moveaxis(np.asarray(shares, np.float64) - 0.5, -1, 0) * self.side
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        return np.stack(
            [sin * x + cos * y + self.center[0], cos * x - sin * y + self.center[1]], axis=-1
        )

    def picture(self, photo: np.ndarray, pixels: int, black: bool = False) -> np.ndarray:
        """The square as a picture, as OpenCV's warpPerspective makes it for mediapipe.

        A place is rounded to 32nds of a pixel, a grey level to a whole one. Both matter: without them the
        joints that the networks find lie 0.2 pixels elsewhere.

        Args:
          photo: uint8 (H, W, 3).
          pixels: sides of the picture.
          black: what lies outside the photo is black; else the photo's edge goes on.

        Returns:
          float32 (pixels, pixels, 3), whole numbers from 0 to 255.
        """
        grid = np.stack([*np.mgrid[:pixels, :pixels]], axis=-1) / pixels
        places = np.rint(self.points(grid) * 32) / 32
        first = np.floor(places).astype(int)
        after = (places - first).astype(np.float32)
        last = np.array(photo.shape[:2]) - 1
        result = np.zeros((pixels, pixels, 3), np.float32)
        for step in np.ndindex(2, 2):
            at = first + step
            near = at.clip(0, last)
            weight = np.where(step, after, 1 - after).prod(axis=-1)
            if black:
                weight = weight * (near == at).all(axis=-1)
            result += weight[..., None] * photo[near[..., 0], near[..., 1]]
        return np.rint(result)


def around(size: tuple[int, int], share: float = 1.0) -> Region:
    """The square around the middle of a photo of this (height, width), `share` times its longer side."""
    return Region((size[0] / 2, size[1] / 2), share * max(size))
