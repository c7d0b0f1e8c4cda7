"""Detection Score by OpenCV, on a network of SSD's kind that is small enough to compute by hand.

It sees the mean colour of an image, and has one box: its confidences are a softmax of a linear function.
"""

import struct
import sys

import cv2
import numpy as np
import pytest

from pgjax.errors import InputError, NotMeasuredError
from pgjax.metrics import detection
from pgjax.metrics.mean import mean

CLASSES = 21
NETWORK = """
name: "one box" input: "data" input_shape { dim: 1 dim: 3 dim: 300 dim: 300 }
layer { name: "pool" type: "Pooling" bottom: "data" top: "pool"
  pooling_param { pool: AVE global_pooling: true } }
layer { name: "loc" type: "Convolution" bottom: "pool" top: "loc"
  convolution_param { num_output: 4 kernel_size: 1 } }
layer { name: "conf" type: "Convolution" bottom: "pool" top: "conf"
  convolution_param { num_output: 21 kernel_size: 1 } }
layer { name: "loc_flat" type: "Flatten" bottom: "loc" top: "loc_flat" flatten_param { axis: 1 } }
layer { name: "conf_rows" type: "Reshape" bottom: "conf" top: "conf_rows"
  reshape_param { shape { dim: 0 dim: -1 dim: 21 } } }
layer { name: "softmax" type: "Softmax" bottom: "conf_rows" top: "softmax" softmax_param { axis: 2 } }
layer { name: "conf_flat" type: "Flatten" bottom: "softmax" top: "conf_flat"
  flatten_param { axis: 1 } }
layer { name: "priorbox" type: "PriorBox" bottom: "pool" bottom: "data" top: "priorbox"
  prior_box_param { min_size: 200 variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2 } }
layer { name: "found" type: "DetectionOutput" bottom: "loc_flat" bottom: "conf_flat"
  bottom: "priorbox" top: "found" include { phase: TEST }
  detection_output_param { num_classes: 21 share_location: true background_label_id: 0
    nms_param { nms_threshold: 0.45 top_k: 400 } code_type: CENTER_SIZE keep_top_k: 200
    confidence_threshold: 0.01 } }
"""


def _varint(number):
    found = b""
    while number > 127:
        found, number = found + bytes([number & 127 | 128]), number >> 7
    return found + bytes([number])


def _field(number, content):
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _layer(name, *arrays):
    """A LayerParameter of caffe.proto with its blobs."""
    found = _field(1, name.encode()) + _field(2, b"Convolution")
    for x in arrays:
        dims = b"".join(_varint(n) for n in x.shape)
        numbers = struct.pack(f"<{x.size}f", *x.ravel())
        found += _field(7, _field(7, _field(1, dims)) + _field(5, numbers))
    return _field(100, found)


@pytest.fixture
def linear(tmp_path):
    """The weights of the confidences, written as the published model's files."""
    random = np.random.default_rng(0)
    kernel, bias = random.normal(0, 0.05, (CLASSES, 3)), random.normal(0, 1, CLASSES)
    content = _layer("loc", np.zeros((4, 3, 1, 1)), np.zeros(4))
    content += _layer("conf", kernel.reshape(CLASSES, 3, 1, 1), bias)
    (tmp_path / detection.MODEL).write_bytes(content)
    (tmp_path / detection.NETWORK).write_text(NETWORK)
    return kernel, bias


def _expected(image, kernel, bias):
    blue_green_red = image[..., ::-1].mean(axis=(0, 1)) - [104, 117, 123]
    logits = kernel @ blue_green_red + bias
    likely = np.exp(logits - logits.max())
    person = (likely / likely.sum())[15]
    return person if person > 0.01 else 0.0


def test_scores(linear, tmp_path):
    detect = detection.CaffeDetector(tmp_path)
    colours = np.random.default_rng(1).integers(0, 256, (12, 1, 1, 3), dtype=np.uint8)
    images = np.broadcast_to(colours, (12, 128, 64, 3)).copy()
    expected = np.array([_expected(image, *linear) for image in images])
    assert (expected == 0).any() and (expected > 0.1).any()
    found = detect(images)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert mean(found) == pytest.approx(expected.mean(), abs=1e-5)
    assert cv2.__version__ in detect.what and detect.what.count("sha256") == 2


def test_a_damaged_model_is_named(linear, tmp_path):
    (tmp_path / detection.MODEL).write_bytes(b"no model")
    with pytest.raises(InputError, match=detection.MODEL):
        detection.CaffeDetector(tmp_path)


def test_absent_files_are_to_be_fetched(linear, tmp_path):
    (tmp_path / detection.MODEL).unlink()
    with pytest.raises(NotMeasuredError) as told:
        detection.CaffeDetector(tmp_path)
    assert f"to {tmp_path / detection.MODEL}" in str(told.value)
    assert detection.NETWORK not in str(told.value)


def test_without_opencv_it_is_not_measured(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(NotMeasuredError, match=r"pgjax\[detection\]"):
        detection.CaffeDetector(tmp_path)
