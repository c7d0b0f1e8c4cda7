"""Pictures inside the page: as data of small WebP files, within a limit of bytes."""

import base64
import functools
import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from pgjax.errors import InputError
from pgjax.files import paths
from pgjax.pose.drawing import draw_skeleton

LIMIT = 12_000_000  # bytes of all pictures of a page, as text
QUALITY = 82
WIDEST = 720  # pixels of a grid
HIGHEST = 256  # pixels of a pair's picture


class Picture(NamedTuple):
    """What an <img> needs: a data URI, and the size in CSS pixels that it is shown at."""

    uri: str
    width: int
    height: int


class Grid(NamedTuple):
    """A run's samples at a step."""

    step: int
    picture: Picture


class Room:
    """How many bytes of pictures still go into the page.

    Attributes:
      left_out: how many pictures did not.
    """

    def __init__(self, limit: int = LIMIT):
        self._left, self.left_out = limit, 0

    def take(self, picture: Picture) -> Picture | None:
        """The picture, None where there is no room for it."""
        if len(picture.uri) > self._left:
            self.left_out += 1
            return None
        self._left -= len(picture.uri)
        return picture


def encoded(image: Image.Image, scale: int = 1) -> Picture:
    """An image as it is, to be shown enlarged by a whole factor."""
    file = io.BytesIO()
    image.save(file, format="WEBP", quality=QUALITY, method=2)
    data = base64.b64encode(file.getvalue()).decode()
    return Picture(f"data:image/webp;base64,{data}", image.width * scale, image.height * scale)


def samples(folder: paths.Path, most: int) -> tuple[list[Grid], int]:
    """Grids of a run directory's samples/, the first, the last and some between, and how many there are.

    Raises:
      InputError: one of them is no image.
    """
    place = folder / "samples"
    found = {}
    if place.is_dir():
        found = {
            int(file.name.removesuffix(".png")): file
            for file in place.iterdir()
            if file.name.endswith(".png") and file.name.removesuffix(".png").isdecimal()
        }
    steps = sorted(found)
    chosen = [steps[i] for i in spread(len(steps), most)]
    return [Grid(step, _small(found[step])) for step in chosen], len(steps)


def spread(count: int, most: int) -> list[int]:
    """At most so many places among `count`, in equal distances, the first and the last with them."""
    if most < 1 or count < 1:
        return []
    places = np.linspace(0, count - 1, min(count, most)).round().astype(int)
    return sorted(set(places.tolist()), key=int)


@functools.lru_cache(maxsize=16)  # training asks for most of them again, maybe of a bucket
def _small(file: paths.Path) -> Picture:
    try:
        with Image.open(io.BytesIO(file.read_bytes())) as opened:
            image = opened.convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"{file}: not a readable image: {error}") from error
    image.thumbnail((WIDEST, 4 * WIDEST), Image.Resampling.LANCZOS)
    return encoded(image)


def strip(images: Sequence[np.ndarray]) -> Picture:
    """Images uint8 (H, W, 3) of one size beside each other; small ones are shown enlarged."""
    height = images[0].shape[0]
    gap = np.full((height, 2, 3), 255, np.uint8)
    parts = [part for image in images for part in (gap, image)][1:]
    image = Image.fromarray(np.concatenate(parts, axis=1))
    image.thumbnail((image.width, HIGHEST), Image.Resampling.LANCZOS)
    return encoded(image, scale=max(1, 128 // image.height))


def pair(batch, generated: np.ndarray, place: int) -> Picture:
    """The pair at a place of a Batch: source, target pose, generated image uint8 (H, W, 3), target."""
    target = batch.target_image[place]
    joints, seen = batch.target_keypoints[place], batch.target_visible[place]
    pose = draw_skeleton(np.zeros_like(target), joints, seen)
    return strip([batch.source_image[place], pose, generated, target])
