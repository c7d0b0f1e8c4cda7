"""BlazePose: what is done with its networks' answers, and the networks themselves where they are."""

import pathlib
import sys

import numpy as np
import pytest

from benchmarks import keypoints as agreement
from pgjax.errors import InputError
from pgjax.frozen import estimators
from pgjax.frozen.estimators import blazepose
from pgjax.images.photo import read_photo
from pgjax.keypoints.layouts import MEDIAPIPE
from pgjax.pose import skeleton

WEIGHTS = pathlib.Path(__file__).resolve().parents[3] / "data" / "weights"


class _Networks:
    """Answers of both networks, and the pictures that they were given."""

    def __init__(self, people=1, presence=0.9):
        self.detected, self.found = [], []
        self._people, self.presence = people, presence
        table = np.zeros((39, 5), np.float32)
        table[:33, 0] = 128
        table[:33, 1] = np.linspace(64, 192, 33)
        table[:33, 3] = 4
        self.table = table

    def detect(self, picture):
        self.detected.append(picture)
        values, scores = np.zeros((1, 2254, 12), np.float32), np.full((1, 2254, 1), -9, np.float32)
        for person in range(self._people):
            values[0, 1568 + 40 * person, 2:8] = [9, 9, 0, 0, 0, -40]
            scores[0, 1568 + 40 * person] = 3 - person
        return [values, scores]

    def find(self, picture):
        self.found.append(picture)
        maps = np.full((1, 64, 64, 39), -9, np.float32)
        return [self.table.reshape(1, -1), np.array([[self.presence]]), None, maps, None]

    def estimator(self):
        made = blazepose.BlazePose.__new__(blazepose.BlazePose)
        made._detect, made._find, made._threshold = self.detect, self.find, 0.1
        return made


def _photo(height, width, value=255):
    return np.full((height, width, 3), value, np.uint8)


def test_a_large_photo_goes_through_both():
    networks = _Networks()
    (pose,) = networks.estimator()(_photo(224, 224))
    assert (networks.detected[0] == 1).all()
    assert (networks.found[0] == 1).all()
    assert networks.detected[0].shape == (224, 224, 3)
    assert networks.found[0].shape == (256, 256, 3)
    # The person stands at (8, 8) of the photo; the square reaches 50 pixels up, down and to the sides.
    assert pose.size == (224, 224)
    above = [name for name, seen in zip(skeleton.JOINTS, pose.visible, strict=True) if not seen]
    assert above == ["nose", "right_eye", "left_eye", "right_ear", "left_ear"]
    ankle = MEDIAPIPE.index("left_ankle")
    np.testing.assert_allclose(
        pose.keypoints[skeleton.INDEX["left_ankle"]],
        [8 - 50 + 100 * networks.table[ankle, 1] / 256 - 0.5, 7.5],
        rtol=1e-6,
    )


def test_a_small_crop_goes_through_the_second_alone():
    networks = _Networks(people=0)
    (pose,) = networks.estimator()(_photo(128, 64))
    assert networks.detected == []
    assert pose.visible.all()
    # A square 1.25 times as long as the crop, around its middle.
    np.testing.assert_allclose(pose.keypoints[0], [64 - 40 - 0.5, 31.5])
    shoulders = pose.keypoints[[skeleton.INDEX[f"{x}_shoulder"] for x in ("left", "right")]]
    np.testing.assert_allclose(pose.keypoints[1], shoulders.mean(axis=0))


def test_the_detectors_border_is_black_and_the_others_is_not():
    networks = _Networks()
    networks.estimator()(_photo(200, 100))
    assert (networks.detected[0][:, 0] == -1).all()
    assert (networks.detected[0][:220, 112] == 1).all()
    assert (networks.found[0] == 1).all()


def test_everyone():
    networks = _Networks(people=3)
    assert len(networks.estimator()(_photo(300, 300), everyone=True)) == 3
    assert len(networks.estimator()(_photo(300, 300))) == 1


def test_nobody():
    assert _Networks(people=0).estimator()(_photo(224, 224)) == []
    assert _Networks(presence=0.5).estimator()(_photo(224, 224)) == []
    assert _Networks(presence=0.5).estimator()(_photo(128, 64)) == []


def test_what_is_faint_is_missing():
    networks = _Networks()
    networks.table[MEDIAPIPE.index("left_wrist"), 3] = -3  # .047
    (pose,) = networks.estimator()(_photo(128, 64))
    assert not pose.visible[skeleton.INDEX["left_wrist"]]
    assert pose.visible.sum() == 17


def test_missing_files_are_told(tmp_path):
    with pytest.raises(
        InputError, match=r"pose_detection.tflite and .* missing; pgjax weights blaz"
    ):
        estimators.load("blazepose", tmp_path)
    for file in blazepose.FILES:
        (tmp_path / file.name).write_bytes(b"other")
    with pytest.raises(
        InputError, match=r"pose_detection.tflite: damaged or another file: its sha"
    ):
        estimators.load("blazepose", tmp_path)


def test_a_missing_library_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(InputError, match=r"ai-edge-litert .*pip install 'pgjax\[blazepose\]'"):
        blazepose._network("any.tflite")


@pytest.fixture(scope="module")
def real():
    pytest.importorskip("ai_edge_litert", reason="needs the extra pgjax[blazepose]")
    if not all((WEIGHTS / file.name).is_file() for file in blazepose.FILES):
        pytest.skip(f"needs BlazePose's files in {WEIGHTS}: pgjax weights blazepose")
    return estimators.load("blazepose", WEIGHTS)


@pytest.mark.parametrize(("name", "within"), [("deepfashion", 0.85), ("market1501", 0.7)])
def test_agrees_with_the_published_keypoints(real, shared, name, within):
    photos = dict(agreement.chosen(agreement.DATA[name](shared / "data"), 40))
    triples = []
    for source, pose in photos.values():
        picture = read_photo(source() if callable(source) else source)
        triples.append((picture, pose, real(picture)))
    # Measured on all by benchmarks/keypoints.py: 91 % and 78 %.
    assert agreement.figures(triples)["within"] > within
