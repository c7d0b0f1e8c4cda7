"""Anyone's photos: read upright as RGB whatever their kind, and laid into pictures of another size."""

import io
import os
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from pgjax.errors import InputError
from pgjax.files import paths
from pgjax.files.file_types import HEAD, KINDS, kind_of

MODES = ("letterbox", "crop", "stretch")
ORIENTATION = 0x0112  # EXIF's tag; its values 5 to 8 turn the photo by a quarter
Size = tuple[int, int]
Box = tuple[int, int, int, int]


def read_photo(photo) -> np.ndarray:
    """Reads a photo of any kind as upright RGB.

    The orientation that a camera notes in EXIF is applied; CMYK, palettes, grey and 16 bits become
    8-bit RGB; what is transparent becomes white; of an animation the first frame is taken.

    Args:
      photo: a path, the bytes of an image file, a PIL image, or an array: uint8, uint16 or bool of
        shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) (RGB and alpha).

    Returns:
      uint8 (H, W, 3).

    Raises:
      FileNotFoundError: there is no such file.
      InputError: names the photo and what is wrong with it: no image, damaged, empty.
    """
    if isinstance(photo, Image.Image):
        return _decoded(photo, "the photo")
    if isinstance(photo, bytes | bytearray | memoryview):
        return _read(io.BytesIO(photo), "the photo's bytes")
    if isinstance(photo, str | os.PathLike):
        with _existing(photo).open("rb") as file:
            return _read(file, str(photo))
    return _of_array(np.asarray(photo))


def read_size(path: str | os.PathLike) -> Size:
    """(height, width) of a photo as `read_photo` gives it, without decoding it.

    Raises:
      InputError: as `read_photo`, for what the head of the file shows.
    """
    with _existing(path).open("rb") as file, _opened(file, str(path)) as image:
        try:
            turned = image.getexif().get(ORIENTATION, 1) in range(5, 9)
        except Exception as error:
            raise InputError(f"{path}: damaged EXIF: {_reason(error)}") from error
        return image.size if turned else image.size[::-1]


def _existing(path: str | os.PathLike) -> Path:
    path = paths.local(path)
    if path.is_dir():
        raise InputError(f"{path}: is a folder; expected a photo")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such photo")
    return path


def _opened(file: BinaryIO, name: str) -> Image.Image:
    kind = kind_of(name, file.read(HEAD))
    if kind is KINDS["raw"]:  # PIL takes most of them for TIFF, and finds the small picture in them
        raise InputError(f"{name}: {kind}")
    file.seek(0)
    # PIL's readers raise nearly everything when bytes are damaged, struct.error among it.
    try:
        return Image.open(file)
    except Exception as error:
        if not file.seek(0, os.SEEK_END):
            raise InputError(f"{name}: is empty (0 bytes); expected a photo") from None
        if kind is not None and not kind.readable and not kind.damaged:
            raise InputError(f"{name}: {kind}") from None
        raise InputError(
            f"{name}: not an image of a kind that can be read, such as JPEG, PNG or WebP "
            f"({_reason(error)})"
        ) from error


def _read(file: BinaryIO, name: str) -> np.ndarray:
    with _opened(file, name) as image:
        return _decoded(image, name)


def _decoded(image: Image.Image, name: str) -> np.ndarray:
    try:
        image.load()
        upright = ImageOps.exif_transpose(image)
        if upright.mode.startswith("I"):
            return _of_array(_sixteen_bits(np.asarray(upright)))
        if upright.mode == "F":
            raise InputError("32-bit floating point, whose range is unknown; expected 8 or 16 bits")
        if upright.has_transparency_data:
            rgba = upright.convert("RGBA")
            white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
            upright = Image.alpha_composite(white, rgba)
        return _of_array(np.array(upright.convert("RGB")))
    except Exception as error:
        raise InputError(f"{name}: a damaged or unusable image: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _sixteen_bits(values: np.ndarray) -> np.ndarray:
    """PIL's integer modes hold 16-bit photos, in up to 32 bits and either byte order."""
    if values.size and (values.min() < 0 or values.max() > 65_535):
        raise InputError(f"grey values {values.min()} to {values.max()}; expected at most 16 bits")
    return values.astype(np.uint16)


def _of_array(photo: np.ndarray) -> np.ndarray:
    if photo.ndim == 2:
        photo = photo[..., None]
    if photo.ndim != 3 or photo.shape[2] not in (1, 3, 4) or photo.dtype not in ("u1", "u2", "?"):
        raise InputError(
            f"a photo as an array needs uint8 or uint16 of (H, W), (H, W, 3) or (H, W, 4), "
            f"not {photo.dtype} {photo.shape}"
        )
    if 0 in photo.shape:
        raise InputError(f"a photo needs pixels, not {photo.shape}")
    if photo.dtype == np.uint16:
        photo = ((photo.astype(np.uint32) + 128) // 257).astype(np.uint8)
    elif photo.dtype == bool:
        photo = photo * np.uint8(255)
    if photo.shape[2] == 4:
        alpha = photo[..., 3:].astype(np.uint32)
        mixed = photo[..., :3] * alpha + 255 * (255 - alpha)
        photo = ((mixed + 127) // 255).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(photo, (*photo.shape[:2], 3)))


class Placement(NamedTuple):
    """How a photo lies in a picture of another size: a box of the photo fills a region of the picture.

    size: (height, width) of the photo, into: of the picture. box and region: (top, left, bottom,
    right) in whole pixels, bottom and right exclusive, of the photo and of the picture. Coordinates
    count from the first pixel's centre, so the photo's upper edge is at y = -0.5.
    """

    size: Size
    into: Size
    box: Box
    region: Box

    def image(self, photo: np.ndarray, fill: int | None = None) -> np.ndarray:
        """The picture, uint8 (*into, 3), of a photo, uint8 (*size, 3).

        What the photo does not cover repeats its edge, or is grey level `fill`, 0 to 255.
        """
        self._check(photo, self.size, "the photo")
        return _laid(photo, self.box, self.region, self.into, fill)

    def back(self, image: np.ndarray, around: np.ndarray | None = None) -> np.ndarray:
        """The photo, uint8 (*size, 3), of a picture, uint8 (*into, 3).

        What the picture does not cover (after "crop") is that of the photo `around`, uint8
        (*size, 3), or repeats the edge.
        """
        self._check(image, self.into, "the picture")
        photo = _laid(image, self.region, self.box, self.size, None)
        if around is None:
            return photo
        self._check(around, self.size, "the photo around")
        top, left, bottom, right = self.box
        result = around.copy()
        result[top:bottom, left:right] = photo[top:bottom, left:right]
        return result

    def points(self, keypoints):
        """Where points (..., 2) of the photo, (y, x), lie in the picture; the kind of array stays."""
        return _mapped(keypoints, self.box, self.region)

    def points_back(self, keypoints):
        """Where points (..., 2) of the picture, (y, x), lie in the photo: the inverse of `points`."""
        return _mapped(keypoints, self.region, self.box)

    @staticmethod
    def _check(image: np.ndarray, size: Size, name: str) -> None:
        if image.dtype != np.uint8 or image.shape != (*size, 3):
            raise InputError(f"{name} is {image.dtype} {image.shape}; expected uint8 {(*size, 3)}")


def fit(size: Size, into: Size, mode: str = "letterbox") -> Placement:
    """Lays a photo into a picture, in its middle.

    Args:
      size: (height, width) of the photo.
      into: of the picture.
      mode: "letterbox" shows the whole photo, "crop" fills the whole picture; both keep the shape of
        things, to the rounding of the photo's edges to whole pixels. "stretch" does both, and
        changes the shape of things.

    Raises:
      InputError: an unknown mode, or a size that is not positive.
    """
    size, into = (int(size[0]), int(size[1])), (int(into[0]), int(into[1]))
    if min(*size, *into) < 1:
        raise InputError(f"a photo of {size} in a picture of {into}: sizes must be positive")
    if mode not in MODES:
        raise InputError(f"mode {mode!r}: expected one of {', '.join(MODES)}")
    ratios = [small / large for small, large in zip(into, size, strict=True)]
    box, region = size, into
    if mode == "letterbox":
        region = _scaled(size, min(ratios), into)
    elif mode == "crop":
        box = _scaled(into, 1 / max(ratios), size)
    return Placement(size, into, _middle(box, size), _middle(region, into))


def _scaled(size: Size, ratio: float, most: Size) -> Size:
    height, width = (
        min(max(round(s * ratio), 1), limit) for s, limit in zip(size, most, strict=True)
    )
    return height, width


def _middle(inner: Size, outer: Size) -> Box:
    top, left = (outer[0] - inner[0]) // 2, (outer[1] - inner[1]) // 2
    return top, left, top + inner[0], left + inner[1]


def _laid(image: np.ndarray, box: Box, region: Box, size: Size, fill: int | None) -> np.ndarray:
    """The box of the image, resized to the region of a new image of that size."""
    top, left, bottom, right = box
    part = image[top:bottom, left:right]
    top, left, bottom, right = region
    new = bottom - top, right - left
    if part.shape[:2] != new:
        part = np.array(Image.fromarray(part).resize(new[::-1], Image.Resampling.BICUBIC))
    margins = ((top, size[0] - bottom), (left, size[1] - right), (0, 0))
    if fill is None:
        return np.pad(part, margins, mode="edge")
    return np.pad(part, margins, constant_values=fill)


def _mapped(points, box: Box, region: Box):
    """Box to region, both as edges; a pixel's centre is half a pixel from its edges."""
    start, new_start = np.array(box[:2]), np.array(region[:2])
    scale = (np.array(region[2:]) - new_start) / (np.array(box[2:]) - start)
    offset = new_start - 0.5 - (start - 0.5) * scale
    rank = (1,) * (points.ndim - 1)
    dtype = points.dtype if np.issubdtype(points.dtype, np.floating) else np.float32
    return points * scale.astype(dtype).reshape(*rank, 2) + offset.astype(dtype).reshape(*rank, 2)
