"""RTMO: what its model is given and what is made of its answer; the real runtime on a model made here.

tests/test_extras.py runs this file where ONNX Runtime and rtmlib are installed.
"""

import sys
import types

import numpy as np
import pytest

from pgjax.errors import InputError
from pgjax.frozen import estimators
from pgjax.frozen.estimators import rtmo
from pgjax.keypoints.coco import COCO_17


class _Session:
    """onnxruntime.InferenceSession's interface (1.32), with the answer for three people and a ghost."""

    def __init__(self, path, providers):
        if "broken" in path:
            raise RuntimeError("Protobuf\nparsing failed")
        assert providers == ["CPUExecutionProvider"]
        self.path = path

    def get_inputs(self):
        return [types.SimpleNamespace(name="input")]

    def run(self, names, given):
        assert names is None
        self.given = given["input"]
        boxes = np.zeros((1, 4, 5), np.float32)
        boxes[0, :, 2:4] = 100
        boxes[0, :, :4] += 200 * np.array([0, 1, 1.01, 5])[:, None]
        boxes[0, :, 4] = 0.8, 0.9, 0.95, 0.69
        joints = np.zeros((1, 4, 17, 3), np.float32)
        for person in range(4):
            joints[0, person, :, 0] = 2 * np.arange(17)
            joints[0, person, :, 1] = 2 * (100 * person + np.arange(17))
            joints[0, person, :, 2] = 0.1 * person + 0.4
        joints[0, 2, COCO_17.index("left_wrist"), 2] = 0.05
        return [boxes, joints]


@pytest.fixture
def runtime(monkeypatch):
    module = types.ModuleType("onnxruntime")
    module.InferenceSession = _Session
    monkeypatch.setitem(sys.modules, "onnxruntime", module)


def test_people_in_our_order(runtime, tmp_path, capsys):
    model = tmp_path / "model.onnx"
    model.write_bytes(b"")
    estimate = estimators.load("rtmo", model)
    assert capsys.readouterr() == ("", "")
    photo = np.zeros((320, 20, 3), np.uint8)
    photo[..., 0] = 9
    # The second is the third's double, the fourth is too faint.
    first, second = estimate(photo, everyone=True)
    given = estimate._session.given
    assert given.shape == (1, 3, 640, 640) and given.dtype == np.float32
    assert (given[0, :, :, :40].transpose(1, 2, 0) == [0, 0, 9]).all()
    assert (given[0, :, :, 40:] == 114).all()
    assert len(estimate(photo)) == 1
    assert first.size == (320, 20)
    names = dict(zip(COCO_17, range(17), strict=True))
    np.testing.assert_array_equal(first.keypoints[0], [200 + names["nose"], names["nose"]])
    np.testing.assert_array_equal(second.keypoints[4], [names["right_wrist"]] * 2)
    shoulders = [names["left_shoulder"], names["right_shoulder"]]
    np.testing.assert_allclose(first.keypoints[1], [200 + np.mean(shoulders), np.mean(shoulders)])
    assert not first.visible[7]
    assert first.visible.sum() == 17


def test_a_missing_library_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InputError, match=r"needs onnxruntime.*pip install 'pgjax\[pose\]'"):
        estimators.load("rtmo")


def test_a_bad_model_is_told(runtime, tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.onnx: no such file"):
        estimators.load("rtmo", tmp_path / "nowhere.onnx")
    (tmp_path / "broken.onnx").write_bytes(b"")
    with pytest.raises(InputError, match=r"broken\.onnx: .*Protobuf parsing failed.*--model"):
        estimators.load("rtmo", tmp_path / "broken.onnx")


def test_the_models_folder(runtime, tmp_path):
    with pytest.raises(InputError, match=r"fetch https://.*zip and put the end2end\.onnx in it to"):
        estimators.load("rtmo", tmp_path)
    (tmp_path / rtmo.MODEL.name).write_bytes(b"")
    assert estimators.load("rtmo", tmp_path)._session.path == str(tmp_path / rtmo.MODEL.name)


@pytest.mark.parametrize("size", [(640, 640), (256, 176), (1101, 750), (900, 1333), (3, 5000)])
def test_the_picture_is_opencvs(size):
    cv2 = pytest.importorskip("cv2")
    photo = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    picture, ratio = rtmo.prepared(photo)
    width, height = (max(1, int(n * ratio)) for n in size[::-1])
    expected = cv2.resize(photo, (width, height), interpolation=cv2.INTER_LINEAR)
    assert max(width, height) == 640
    gap = np.abs(picture[:height, :width].astype(int) - expected)
    assert gap.max() <= 1
    assert (picture[height:] == 114).all() and (picture[:, width:] == 114).all()


def _model(path, people):
    """An ONNX file with RTMO's answers: boxes that are always the same, joints moved by the mean grey."""
    onnx = pytest.importorskip("onnx", reason="needs onnx to make a model")
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    random = np.random.default_rng(1)
    corner, score = random.uniform(0, 300, (people, 2)), random.uniform(0.5, 1, (people, 1))
    boxes = np.concatenate([corner, corner + random.uniform(100, 300, (people, 2)), score], axis=1)
    places = random.uniform(0, (60, 480), (people, 17, 2))  # still inside where they are moved
    joints = np.concatenate([places, random.random((people, 17, 1))], axis=2)
    weights = [
        onnx.numpy_helper.from_array(x[None].astype(np.float32), name)
        for x, name in ((boxes, "boxes"), (joints, "joints"), (np.array([1, 1, 0.0]), "moved"))
    ]
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "moved"], ["by"]),
        helper.make_node("Add", ["joints", "by"], ["keypoints"]),
        helper.make_node("Identity", ["boxes"], ["dets"]),
    ]
    given = helper.make_tensor_value_info("input", floats, (1, 3, 640, 640))
    answers = [
        helper.make_tensor_value_info("dets", floats, (1, people, 5)),
        helper.make_tensor_value_info("keypoints", floats, (1, people, 17, 3)),
    ]
    graph = helper.make_graph(nodes, "rtmo", [given], answers, weights)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(made, path)
    return path


def test_as_rtmlib_does_it(tmp_path):
    """The real runtime, and rtmlib (0.0.16) on the same model and photo."""
    pytest.importorskip("onnxruntime", reason="needs the extra pgjax[pose]")
    rtmlib = pytest.importorskip("rtmlib", reason="needs rtmlib, which pgjax no longer uses")
    model = _model(tmp_path / "model.onnx", people=12)
    photo = np.random.default_rng(2).integers(0, 256, (1000, 333, 3), np.uint8)
    found = estimators.load("rtmo", model, threshold=0)(photo, everyone=True)
    points, scores = rtmlib.RTMO(str(model))(np.ascontiguousarray(photo[..., ::-1]))
    assert 2 < len(found) == len(points) < 12
    nose = COCO_17.index("nose")
    there = {}
    for pose in found:
        gaps = np.abs(points[:, nose, ::-1] - pose.keypoints[0]).max(axis=1)
        i = int(gaps.argmin())
        # The mean grey differs by .04: OpenCV resizes in whole numbers.
        assert gaps[i] < 0.1
        np.testing.assert_allclose(pose.confidence[0], scores[i, nose], rtol=1e-6)
        there[i] = pose
    assert len(there) == len(points)
