"""The optional estimator: what it gives rtmlib, and what it makes of its answer."""

import sys
import types

import numpy as np
import pytest

from pgjax import estimators
from pgjax.errors import InputError
from pgjax.keypoints.coco import COCO_17


class _RTMO:
    """rtmlib.RTMO's interface (0.0.16), which prints, takes BGR, and gives a person of zeros for nobody."""

    def __init__(self, onnx_model, model_input_size):
        print(f"load {onnx_model}")
        if "broken" in onnx_model:
            raise RuntimeError("Protobuf parsing failed")
        self.given = (onnx_model, model_input_size)

    def __call__(self, image):
        assert image.flags.c_contiguous
        self.image = image
        people = np.zeros((3, 17, 2)), np.zeros((3, 17))
        for person in (1, 2):
            people[0][person] = np.stack([np.arange(17), 100 * person + np.arange(17)], axis=1)
            people[1][person] = 0.4 * person
        people[1][2, COCO_17.index("left_wrist")] = 0.05
        return people


@pytest.fixture
def rtmlib(monkeypatch):
    module = types.ModuleType("rtmlib")
    module.RTMO = _RTMO
    module.Body = types.SimpleNamespace(
        RTMO_MODE={"performance": {"pose": "https://site/rtmo.zip"}}
    )
    monkeypatch.setitem(sys.modules, "rtmlib", module)


def test_people_in_our_order(rtmlib, tmp_path, capsys):
    model = tmp_path / "model.onnx"
    model.write_bytes(b"")
    estimate = estimators.load("rtmo", model)
    assert capsys.readouterr() == ("", f"load {model}\n")
    assert estimate._find.given == (str(model), (640, 640))
    photo = np.zeros((300, 20, 3), np.uint8)
    photo[..., 0] = 9
    first, second = estimate(photo, everyone=True)
    assert (estimate._find.image == [0, 0, 9]).all()
    assert len(estimate(photo)) == 1
    assert first.size == (300, 20)
    names = dict(zip(COCO_17, range(17), strict=True))
    np.testing.assert_array_equal(first.keypoints[0], [200 + names["nose"], names["nose"]])
    np.testing.assert_array_equal(
        second.keypoints[4], [100 + names["right_wrist"], names["right_wrist"]]
    )
    shoulders = [names["left_shoulder"], names["right_shoulder"]]
    np.testing.assert_allclose(first.keypoints[1], [200 + np.mean(shoulders), np.mean(shoulders)])
    assert not first.visible[7]
    assert first.visible.sum() == 17


def test_the_library_fetches_where_no_model_is_named(rtmlib):
    assert estimators.load("rtmo")._find.given[0] == "https://site/rtmo.zip"


def test_a_missing_library_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "rtmlib", None)
    with pytest.raises(InputError, match=r"needs the library rtmlib.*pip install 'pgjax\[pose\]'"):
        estimators.load("rtmo")


def test_a_bad_model_is_told(rtmlib, tmp_path):
    with pytest.raises(InputError, match=r"nowhere.onnx: no such file"):
        estimators.load("rtmo", tmp_path / "nowhere.onnx")
    (tmp_path / "broken.onnx").write_bytes(b"")
    with pytest.raises(InputError, match=r"broken.onnx: .*Protobuf parsing failed.*--model"):
        estimators.load("rtmo", tmp_path / "broken.onnx")
