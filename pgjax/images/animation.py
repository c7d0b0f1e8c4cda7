"""Animations: several images in one WebP, GIF or PNG file.

The times in a file are whole numbers of a unit that depends on the format. They are rounded in such a way
that the total time is right. Web browsers show an image for 100 ms if its time is 10 ms or less, so such
times are not written.
"""

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from pgjax.errors import InputError
from pgjax.files import paths
from pgjax.images.pixels import QUALITY


class Kind(NamedTuple):
    """format: as PIL calls it. unit: of times, in ms. shortest: time that viewers keep, in units."""

    format: str
    unit: int
    shortest: int
    options: dict[str, int]

    @property
    def fastest(self) -> float:
        """Images a second at most."""
        return 1000 / (self.unit * self.shortest)


KINDS = {
    ".webp": Kind("WEBP", 1, 11, {"quality": QUALITY, "method": 4}),
    ".gif": Kind("GIF", 10, 2, {}),
    ".png": Kind("PNG", 1, 11, {}),
    ".apng": Kind("PNG", 1, 11, {}),
}


class Timing(NamedTuple):
    """shown: the numbers of the images, first and last included. milliseconds: how long each stays."""

    shown: list[int]
    milliseconds: list[int]


def timing(count: int, fps: float, kind: Kind) -> Timing:
    """When to show `count` images, one or more, at `fps` a second.

    All are shown, unless the format can't be so fast: then as many as it can, evenly chosen.
    """
    total = round(count * 1000 / fps / kind.unit)
    shown = min(count, max(1, total // kind.shortest))
    total = max(total, kind.shortest)
    ends = np.round(np.linspace(0, total, shown + 1)).astype(int)
    places = np.round(np.linspace(0, count - 1, shown)).astype(int)
    return Timing(places.tolist(), (np.diff(ends) * kind.unit).tolist())


def write(path: str | os.PathLike, images: Sequence[np.ndarray], fps: float) -> tuple[int, float]:
    """Writes an endless animation of uint8 (H, W, 3), by the path's extension, one of KINDS.

    Raises:
      InputError: equal images in a row last longer than a GIF can say.

    Returns:
      How many images are in it, and how long one turn lasts, in seconds.
    """
    kind = KINDS[Path(path).suffix.lower()]
    shown, milliseconds = timing(len(images), fps, kind)
    first, *others = (Image.fromarray(images[i]) for i in shown)
    file = io.BytesIO()
    options = {"duration": milliseconds, "loop": 0, **kind.options}
    try:
        first.save(file, kind.format, save_all=True, append_images=others, **options)
    except OverflowError as error:  # PIL makes one image of equal ones
        raise InputError(
            f"{path}: images that stay alike for more than 655 s; a .gif cannot say that, choose "
            ".webp or more images a second"
        ) from error
    paths.write_bytes(Path(path), file.getvalue())
    return len(shown), sum(milliseconds) / 1000
