"""BlazePose (Bazarevsky 2020): the detector and the full landmark network of mediapipe 0.10.21.

The library ai-edge-litert, an optional extra, runs the two networks. mediapipe itself needs a NumPy
before version 2, and its later versions no longer hold them.
"""

import os
from collections.abc import Callable

import numpy as np

from pgjax.errors import InputError
from pgjax.files import buckets, paths
from pgjax.frozen import wheels
from pgjax.frozen.estimators import blazepose_outputs as outputs
from pgjax.frozen.estimators.regions import Region, around
from pgjax.keypoints import Pose, by_prominence
from pgjax.keypoints.layouts import MEDIAPIPE
from pgjax.keypoints.pose import from_table

INSTALL = "pip install 'pgjax[blazepose]'"
WHEEL = "mediapipe==0.10.21"
DETECTOR = wheels.InWheel(
    WHEEL,
    "mediapipe/modules/pose_detection/pose_detection.tflite",
    sha256="9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
    name="pose_detection.tflite",
)
LANDMARKS = wheels.InWheel(
    WHEEL,
    "mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
    sha256="e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
    name="pose_landmark_full.tflite",
)
FILES = (DETECTOR, LANDMARKS)
# A photo whose longer side is shorter is a crop of one person: the detector finds half of Market-1501's.
DETECTED = 200
PRESENT = 0.5  # the landmark network's own word that there is a person

Run = Callable[[np.ndarray], list[np.ndarray]]


class BlazePose:
    """Finds people by BlazePose; see pgjax.frozen.estimators.Estimator.

    Photos of DETECTED pixels and more go through both networks, smaller ones through the second alone. A
    joint outside the photo is missing, whatever the network says of it: it gives .98 to joints that the
    photo does not show.

    Args:
      model: folder of the two FILES; `pgjax weights blazepose` fetches them.
      threshold: a joint is visible whose confidence is larger.

    Raises:
      InputError: a file is missing or another one, or ai-edge-litert is not installed.
    """

    def __init__(self, model: str | os.PathLike, threshold: float = 0.1):
        folder = buckets.fetch(paths.of(model))
        files = wheels.there(FILES, folder, f"pgjax weights blazepose puts them into {model}")
        self._detect, self._find = (_network(str(path)) for path in files)
        self._threshold = threshold

    def __call__(self, photo: np.ndarray, everyone: bool = False) -> list[Pose]:
        size = photo.shape[:2]
        regions = [around(size, outputs.ENLARGED)]
        if max(size) >= DETECTED:
            square = around(size)
            picture = square.picture(photo, outputs.DETECTOR_PIXELS, black=True)
            regions = outputs.people(self._detect(picture / 127.5 - 1), square)
        found = [self._person(photo, region) for region in regions]
        people = by_prominence([pose for pose in found if pose is not None and pose.visible.any()])
        return people if everyone else people[:1]

    def _person(self, photo: np.ndarray, region: Region) -> Pose | None:
        picture = region.picture(photo, outputs.LANDMARK_PIXELS)
        shares, visibility, presence = outputs.landmarks(self._find(picture / 255))
        if presence <= PRESENT:
            return None
        size = photo.shape[:2]
        places = region.points(shares)
        inside = ((places >= 0) & (places < size)).all(axis=1)
        # mediapipe counts from the photo's corner, pgjax from the first pixel's centre.
        table = np.column_stack([places[:, ::-1] - 0.5, np.where(inside, visibility, 0)])
        return from_table(table, MEDIAPIPE, self._threshold, size)


def _network(path: str) -> Run:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise InputError(
            f"estimator blazepose needs the library ai-edge-litert ({error}): {INSTALL}"
        ) from None
    network = Interpreter(path)
    network.allocate_tensors()
    (given,) = (x["index"] for x in network.get_input_details())
    answers = [x["index"] for x in network.get_output_details()]

    def run(picture: np.ndarray) -> list[np.ndarray]:
        network.set_tensor(given, picture[None].astype(np.float32))
        network.invoke()
        return [network.get_tensor(index) for index in answers]

    return run
