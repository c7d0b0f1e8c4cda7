"""What one record of a built data set holds, the same for all builders."""

import io

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image, UnidentifiedImageError

from pgjax.errors import InputError
from pgjax.pose import skeleton

JOINTS = len(skeleton.JOINTS)


def features(
    size: tuple[int, int], encoding: str | None, background: bool = False
) -> tfds.features.FeaturesDict:
    """The features of a record.

    Args:
      size: (height, width) of the images, in pixels.
      encoding: "jpeg", "png", or None for a mixture. Images are given as the bytes of a file and
        stored verbatim.
      background: whether a record also holds the image without the person, as PNG.
    """
    shape = (*size, 3)
    entries = {
        "image": tfds.features.Image(shape=shape, encoding_format=encoding),
        "name": tfds.features.Text(),
        "identity": tfds.features.Text(),
        "keypoints": tfds.features.Tensor(shape=(JOINTS, 2), dtype=np.float32),
        "visible": tfds.features.Tensor(shape=(JOINTS,), dtype=np.bool_),
        "order": tfds.features.Scalar(dtype=np.int64),
    }
    if background:
        entries["background"] = tfds.features.Image(shape=shape, encoding_format="png")
    return tfds.features.FeaturesDict(entries)


def encode(image: np.ndarray) -> bytes:
    """A uint8 (H, W, 3) image as the bytes of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", compress_level=1)
    return file.getvalue()


def shape(data: bytes) -> tuple[int, int] | None:
    """(height, width) as the head of a file says; None where it is no picture's."""
    try:
        with Image.open(io.BytesIO(data), formats=("jpeg", "png")) as image:
            return image.height, image.width
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError):
        return None


def decode(data: bytes, encodings: tuple[str, ...], where: str) -> Image.Image:
    """The whole image of a file's bytes, which tfds itself does not check.

    Args:
      encodings: of "jpeg" and "png", those that are allowed.

    Raises:
      InputError: names `where` and the fault.
    """
    name = " or ".join(encoding.upper() for encoding in encodings)
    try:
        with Image.open(io.BytesIO(data), formats=encodings) as image:
            image.load()
            return image
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        reason = "not a" if isinstance(error, UnidentifiedImageError) else "a damaged"
        raise InputError(f"{where}: {reason} {name} file ({error})") from error


def check_image(data: bytes, size: tuple[int, int], encoding: str, where: str) -> None:
    """Decodes the whole image and checks its size and mode.

    Raises:
      InputError: names `where` and the fault.
    """
    image = decode(data, (encoding,), where)
    height, width = size
    if image.size != (width, height) or image.mode != "RGB":
        raise InputError(
            f"{where}: expected an image {height} high and {width} wide, mode RGB; found "
            f"{image.height} high and {image.width} wide, mode {image.mode}"
        )
