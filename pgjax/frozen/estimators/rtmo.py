"""The accurate estimator: RTMO (Lu 2024), as an ONNX model by ONNX Runtime, an optional extra.

What is done before and after the model is what the library rtmlib 0.0.16 does. That library itself asks for
two builds of OpenCV, which replace the one by which the Detection Score is measured.
"""

import os

import numpy as np

from pgjax.errors import InputError
from pgjax.files import buckets, paths
from pgjax.frozen import files
from pgjax.keypoints import Pose, by_prominence, within
from pgjax.keypoints.coco import COCO_17
from pgjax.keypoints.pose import from_table

INSTALL = "pip install 'pgjax[pose]'"
_ZIP = "rtmo/onnx_sdk/rtmo-l_16xb16-600e_body7-640x640-b37118ce_20231211.zip"
MODEL = files.Published(
    url=f"https://download.openmmlab.com/mmpose/v1/projects/{_ZIP}",
    sha256=None,  # nobody publishes it
    name="rtmo-l_16xb16-600e_body7-640x640-b37118ce_20231211.onnx",
    mirrors=(f"https://huggingface.co/Tau-J/RTMPose/resolve/main/{_ZIP}",),
    member="end2end.onnx",
)
PIXELS = 640  # sides of the model's input
GREY = 114  # around the photo
SURE = 0.7  # least score of a person
SAME = 0.45  # boxes that share more of their union are one person


class Rtmo:
    """Finds people by RTMO; see pgjax.frozen.estimators.Estimator.

    Args:
      model: the .onnx file, or a folder for RTMO-l: it is downloaded into it, once (180 MB), where it is not
        there.
      threshold: a joint is visible whose confidence is larger.

    Raises:
      InputError: ONNX Runtime is not installed, or the model is missing, no such model or can't be fetched.
    """

    def __init__(self, model: str | os.PathLike, threshold: float = 0.1):
        try:
            import onnxruntime
        except ImportError as error:
            raise InputError(f"estimator rtmo needs onnxruntime ({error}): {INSTALL}") from None
        path = buckets.fetch(paths.of(model))
        if path.suffix == ".onnx" and not path.is_file():
            raise InputError(f"{path}: no such file; expected an RTMO model, .onnx")
        if not path.is_file():
            path = files.obtain(MODEL, path)
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # of the file or the runtime, each of its own kind
            raise InputError(
                f"{path}: no ONNX model ({type(error).__name__}: {' '.join(str(error).split())}); "
                "delete it, or name another one by --model"
            ) from error
        self._threshold = threshold

    def __call__(self, photo: np.ndarray, everyone: bool = False) -> list[Pose]:
        picture, ratio = prepared(photo)
        # BGR, as the model was trained.
        given = picture[None, ..., ::-1].transpose(0, 3, 1, 2).astype(np.float32)
        name = self._session.get_inputs()[0].name
        boxes, joints = map(
            np.asarray, self._session.run(None, {name: np.ascontiguousarray(given)})
        )
        tables = joints[0, kept(boxes[0, :, :4] / ratio, boxes[0, :, 4])].astype(np.float64)
        tables[..., :2] /= ratio
        size = photo.shape[:2]
        poses = [within(from_table(table, COCO_17, self._threshold, size)) for table in tables]
        poses = by_prominence([pose for pose in poses if pose.visible.any()])
        return poses if everyone else poses[:1]


def prepared(photo: np.ndarray) -> tuple[np.ndarray, float]:
    """The photo in the model's picture, uint8 (640, 640, 3), at its upper left; and how it was scaled."""
    ratio = min(PIXELS / size for size in photo.shape[:2])
    height, width = (max(1, int(size * ratio)) for size in photo.shape[:2])
    picture = np.full((PIXELS, PIXELS, 3), GREY, np.uint8)
    picture[:height, :width] = np.rint(_resized(_resized(photo, height, 0), width, 1))
    return picture, ratio


def _resized(image: np.ndarray, count: int, axis: int) -> np.ndarray:
    """Lines between lines, linearly, none averaged: OpenCV's INTER_LINEAR along one axis."""
    length = image.shape[axis]
    places = ((np.arange(count) + 0.5) * (length / count) - 0.5).clip(0, length - 1)
    first = np.floor(places).astype(int)
    shape = [-1 if axis == i else 1 for i in range(3)]
    after = (places - first).astype(np.float32).reshape(shape)
    following = image.take((first + 1).clip(max=length - 1), axis)
    return image.take(first, axis) * (1 - after) + following * after


def kept(boxes: np.ndarray, scores: np.ndarray) -> list[int]:
    """The numbers of the boxes (N, 4), (left, top, right, bottom), that are people, the surest first."""
    areas = (boxes[:, 2:] - boxes[:, :2] + 1).prod(axis=1)
    left = [i for i in np.argsort(scores)[::-1] if scores[i] > SURE]
    found: list[int] = []
    while left:
        best, *left = left
        found.append(int(best))
        low, high = (
            np.maximum(boxes[left, :2], boxes[best, :2]),
            np.minimum(boxes[left, 2:], boxes[best, 2:]),
        )
        both = (high - low + 1).clip(0).prod(axis=1)
        share = both / (areas[left] + areas[best] - both)
        left = [i for i, x in zip(left, share, strict=True) if x <= SAME]
    return found
