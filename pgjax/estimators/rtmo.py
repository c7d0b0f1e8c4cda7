"""The accurate estimator: RTMO (Lu 2024), by the library rtmlib, an optional extra.

rtmlib (Apache-2.0) runs the RTM family's ONNX models without PyTorch. Of these RTMO finds all people at
once from one file, where RTMPose needs a detector's besides.
"""

import contextlib
import os
import sys

import numpy as np

from pgjax import paths
from pgjax.errors import InputError
from pgjax.keypoints import Pose, by_prominence, within
from pgjax.keypoints.coco import COCO_17
from pgjax.keypoints.pose import from_table

INSTALL = "pip install 'pgjax[pose]'"
SIZE = (640, 640)  # of the published models' input


class Rtmo:
    """Finds people by RTMO; see pgjax.estimators.Estimator.

    Args:
      model: the .onnx file; where None, rtmlib fetches RTMO-l once (180 MB), into its own cache.
      threshold: a joint is visible whose confidence is larger.

    Raises:
      InputError: rtmlib is not installed, or the model is missing, no such model or can't be fetched.
    """

    def __init__(self, model: str | os.PathLike | None = None, threshold: float = 0.1):
        try:
            import rtmlib
        except ImportError as error:
            raise InputError(
                f"estimator rtmo needs the library rtmlib ({error}): {INSTALL}"
            ) from None
        if model is not None and not paths.local(model).is_file():
            raise InputError(f"{model}: no such file; expected an RTMO model, .onnx")
        path = (
            rtmlib.Body.RTMO_MODE["performance"]["pose"]
            if model is None
            else str(paths.local(model))
        )
        # Standard output is for results; rtmlib tells there what it loads.
        with contextlib.redirect_stdout(sys.stderr):
            try:
                self._find = rtmlib.RTMO(path, model_input_size=SIZE)
            except (
                Exception
            ) as error:  # of the network, the file or the runtime, each of its own kind
                raise InputError(
                    f"{path}: can't be fetched or is no model ({type(error).__name__}: {error}); "
                    "give the .onnx file by --model"
                ) from error
        self._threshold = threshold

    def __call__(self, photo: np.ndarray, everyone: bool = False) -> list[Pose]:
        # BGR, as OpenCV reads. A person of zeros is nobody.
        points, confidence = self._find(np.ascontiguousarray(photo[..., ::-1]))
        tables = np.concatenate([points, confidence[..., None]], axis=-1)
        poses = [
            within(from_table(table, COCO_17, self._threshold, photo.shape[:2])) for table in tables
        ]
        poses = by_prominence([pose for pose in poses if pose.visible.any()])
        return poses if everyone else poses[:1]
