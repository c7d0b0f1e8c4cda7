"""What one record of a built data set holds, the same for all builders."""

import io

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image, UnidentifiedImageError

from pgjax import skeleton
from pgjax.errors import InputError

JOINTS = len(skeleton.JOINTS)


def features(
    size: tuple[int, int], encoding: str, background: bool = False
) -> tfds.features.FeaturesDict:
    """The features of a record.

    Args:
      size: (height, width) of the images, in pixels.
      encoding: "jpeg" or "png". Images are given as the bytes of a file and stored verbatim.
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


def check_image(data: bytes, size: tuple[int, int], encoding: str, where: str) -> None:
    """Decodes the whole image and checks it; tfds itself checks neither size nor mode.

    Raises:
      InputError: names `where` and the fault.
    """
    try:
        with Image.open(io.BytesIO(data), formats=[encoding]) as image:
            image.load()
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        reason = "not a" if isinstance(error, UnidentifiedImageError) else "a damaged"
        raise InputError(f"{where}: {reason} {encoding.upper()} file ({error})") from error
    height, width = size
    if image.size != (width, height) or image.mode != "RGB":
        raise InputError(
            f"{where}: expected an image {height} high and {width} wide, mode RGB; found "
            f"{image.height} high and {image.width} wide, mode {image.mode}"
        )
