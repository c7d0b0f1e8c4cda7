"""Images on the host as arrays: uint8 <-> [-1, 1], image files, and grids of examples."""

import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, UnidentifiedImageError

from pgjax.errors import InputError
from pgjax.files import paths

QUALITY = 95  # of JPEG and WebP files
LARGEST = {"WEBP": 16_383, "JPEG": 65_500, "GIF": 65_535}  # pixels of a side that formats hold


def to_float(image):
    """uint8 images of any shape to float32 in [-1, 1]; NumPy and JAX arrays stay what they are."""
    return image.astype(np.float32) / 127.5 - 1.0


def to_uint8(image):
    """Float images in [-1, 1] to uint8, clipped and rounded; the inverse of `to_float`."""
    return ((image + 1.0) * 127.5).round().clip(0, 255).astype(np.uint8)


def read_image(path: str | os.PathLike) -> np.ndarray:
    """Reads an image file as uint8 (H, W, 3) RGB.

    Raises:
      FileNotFoundError: there is no such file.
      InputError: the file is not an image that can be decoded whole.
    """
    path = paths.local(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such image file")
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: not a readable image: {error}") from error


def write_png(path: str | os.PathLike, image: np.ndarray) -> None:
    """Writes uint8 (H, W, 3) or (H, W) as PNG; a reader never sees a part of the file.

    Parent folders are made. It may be gs://BUCKET/... (pgjax.files.paths).

    Raises:
      InputError: the array is of another type or shape.
    """
    image = np.asarray(image)
    if image.dtype != np.uint8 or not (
        image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)
    ):
        raise InputError(
            f"{path}: a PNG needs uint8 (H, W, 3) or (H, W), not {image.dtype} {image.shape}"
        )
    _write(paths.of(path), image, "PNG")


def through_jpeg(images: np.ndarray, quality: int) -> np.ndarray:
    """uint8 (B, H, W, 3) as they are read again after PIL wrote them as JPEG, with halved colours."""
    found = np.empty_like(images)
    for image, place in zip(images, found, strict=True):
        file = io.BytesIO()
        Image.fromarray(image).save(file, format="JPEG", quality=quality)
        with Image.open(file) as read:
            place[...] = np.asarray(read)
    return found


def _write(path: paths.Path, image: np.ndarray, format: str) -> None:
    options = {"quality": QUALITY} if format in ("JPEG", "WEBP") else {}
    file = io.BytesIO()
    Image.fromarray(image).save(file, format=format, **options)
    paths.write_bytes(path, file.getvalue())


def format_of(path: str | os.PathLike) -> str:
    """The format that a file's extension stands for, as PIL calls it.

    Raises:
      InputError: no format has that extension.
    """
    suffix = Path(path).suffix
    format = Image.registered_extensions().get(suffix.lower())
    if format not in Image.SAVE:
        raise InputError(f"{path}: no format of images has the extension {suffix!r}")
    return format


def write_image(path: str | os.PathLike, image: np.ndarray) -> None:
    """Writes uint8 (H, W, 3) in the format of the file's extension, else as `write_png`.

    Raises:
      InputError: no format has that extension.
    """
    _write(paths.local(path), np.asarray(image), format_of(path))


def check_size(path: str | os.PathLike, size: tuple[int, int]) -> None:
    """Whether the format that the path names holds an image of (height, width).

    Raises:
      InputError: a side is too long.
    """
    longest = LARGEST.get(format_of(path), max(size))
    if max(size) > longest:
        raise InputError(
            f"{path}: an image {size[0]} high and {size[1]} wide; {Path(path).suffix} holds at most "
            f"{longest} pixels a side"
        )


def enlarged_size(size: tuple[int, int], factor: float) -> tuple[int, int]:
    """(height, width) of `enlarged`."""
    height, width = (max(1, round(side * factor)) for side in size)
    return height, width


def enlarged(image: np.ndarray, factor: float) -> np.ndarray:
    """uint8 (H, W, 3) with its sides times the factor, rounded, by Lanczos' filter."""
    height, width = enlarged_size(image.shape[:2], factor)
    return np.array(Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS))


def grid(
    rows: Sequence[Sequence[np.ndarray]],
    titles: Sequence[str] | None = None,
    padding: int = 4,
    scale: int = 1,
) -> np.ndarray:
    """Lays images out in rows on white.

    Args:
      rows: for every row its images, all uint8 (H, W, 3) of one size, the same number in every row.
      titles: one text for every column, written above it; the column is made wide enough.
      padding: pixels between the images and around them.
      scale: whole factor by which the images are enlarged (nearest pixel).

    Returns:
      uint8 (height, width, 3).

    Raises:
      InputError: images of different sizes, rows of different lengths, or titles of another number.
    """
    cells = [[np.asarray(image) for image in row] for row in rows]
    columns = {len(row) for row in cells}
    if len(columns) != 1 or 0 in columns:
        raise InputError(f"a grid needs rows of one length, not {[len(row) for row in cells]}")
    (columns,) = columns
    shapes = {(image.shape, str(image.dtype)) for row in cells for image in row}
    (shape, dtype) = next(iter(shapes))
    if len(shapes) != 1 or dtype != "uint8" or len(shape) != 3 or shape[2] != 3:
        raise InputError(f"a grid needs uint8 (H, W, 3) images of one size, not {sorted(shapes)}")
    if titles is not None and len(titles) != columns:
        raise InputError(f"a grid of {columns} columns got {len(titles)} titles: {list(titles)}")

    height, width = shape[0] * scale, shape[1] * scale
    font = ImageFont.load_default(13)
    widths = [width] * columns
    top = padding
    if titles is not None:
        widths = [max(width, int(np.ceil(font.getlength(title)))) for title in titles]
        top += 18
    lefts = padding + np.cumsum([0] + [w + padding for w in widths])
    canvas = np.full((top + len(cells) * (height + padding), lefts[-1], 3), 255, np.uint8)
    for i, row in enumerate(cells):
        y = top + i * (height + padding)
        for j, image in enumerate(row):
            x = lefts[j] + (widths[j] - width) // 2
            enlarged = image.repeat(scale, axis=0).repeat(scale, axis=1)
            canvas[y : y + height, x : x + width] = enlarged
    if titles is None:
        return canvas
    picture = Image.fromarray(canvas)
    draw = ImageDraw.Draw(picture)
    for left, column_width, title in zip(lefts, widths, titles, strict=False):
        draw.text((left + column_width / 2, padding), title, font=font, fill=(0, 0, 0), anchor="ma")
    return np.array(picture)
