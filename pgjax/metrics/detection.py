"""Detection Score: how sure a detector is that there is a person.

Siarohin 2018; docs/reference_facts.md, 6.4.

An image's score is the highest confidence of a person that SSD300, trained on VOC0712, finds in it, 0
where it finds none; the set's is the mean. A detector is anything that gives scores (B,) of images uint8
(B, H, W, 3). The reference runs its authors' Caffe model; so does OpenCV, which alone among today's
libraries still reads it (up to its version 4): the very same weights, not an SSD trained on other photos.
"""

import os
from pathlib import Path

import numpy as np

from pgjax.errors import InputError, NotMeasuredError
from pgjax.frozen.files import Published, digest

MODEL = "VGG_VOC0712_SSD_300x300_iter_120000.caffemodel"
NETWORK = "VGG_VOC0712_SSD_300x300_deploy.prototxt"
# Nobody publishes their sha256; the score tells it.
FILES = (
    Published(f"https://zenodo.org/record/3463718/files/{MODEL}", None, MODEL),
    Published(
        "https://raw.githubusercontent.com/AliaksandrSiarohin/pose-gan/master/"
        "ssd_score/deploy.prototxt",
        None,
        NETWORK,
    ),
)
SIZE = (300, 300)
MEAN = (104.0, 117.0, 123.0)  # of blue, green and red
PERSON = 15


class CaffeDetector:
    """SSD300 by OpenCV's dnn module: the extra "detection"."""

    def __init__(self, weights: str | os.PathLike):
        """Reads the model out of a folder.

        Raises:
          NotMeasuredError: OpenCV or a file of the model is not there.
          InputError: a file is damaged.
        """
        try:
            import cv2

            self._blob, read = cv2.dnn.blobFromImage, cv2.dnn.readNetFromCaffe
        except (ImportError, AttributeError) as error:
            raise NotMeasuredError(
                f"install OpenCV 4 (pip install 'pgjax[detection]'): {error}"
            ) from error
        paths = {file.name: Path(weights) / file.name for file in FILES}
        absent = [file for file in FILES if not paths[file.name].is_file()]
        if absent:
            raise NotMeasuredError(" and ".join(file.remedy(weights) for file in absent))
        try:
            self._net = read(str(paths[NETWORK]), str(paths[MODEL]))
        except cv2.error as error:
            raise InputError(
                f"{paths[NETWORK]}, {paths[MODEL]}: OpenCV cannot read them"
            ) from error
        sums = (f"{name}, sha256 {digest(path)}" for name, path in paths.items())
        self.what = f"SSD300 VOC0712 (person) by OpenCV {cv2.__version__}; {'; '.join(sums)}"

    def __call__(self, images: np.ndarray, targets: np.ndarray | None = None) -> np.ndarray:
        """Scores (B,) float32 of images uint8 (B, H, W, 3), RGB.

        One image at a time: OpenCV's last layer does not say to which image of a batch a score belongs
        in all its versions.
        """
        del targets
        return np.array([self._score(image) for image in images], np.float32)

    def _score(self, image: np.ndarray) -> float:
        self._net.setInput(self._blob(image, 1.0, SIZE, MEAN, swapRB=True, crop=False))
        # Rows of (image, class, confidence, left, top, right, bottom).
        found = self._net.forward().reshape(-1, 7)
        return float(found[found[:, 1] == PERSON, 2].max(initial=0.0))
