"""The estimator's network as ONNX gives the maps of the network in JAX, which are TensorFlow's."""

import jax
import numpy as np
import pytest

from pgjax.frozen import openpose_mobilenet

SIZE = (33, 17)  # odd, so that all paddings differ


def test_maps_are_those_of_jax(monkeypatch):
    pytest.importorskip("onnx", reason="needs the extra pgjax[onnx]")
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra pgjax[pose]")
    from pgjax.serving.page import estimator

    monkeypatch.setattr(openpose_mobilenet, "STAGES", 2)  # later ones are like the second
    rng = np.random.default_rng(0)
    params = {
        layer: {
            part: rng.normal(0, 0.2, shape.shape).astype(np.float32)
            for part, shape in parts.items()
            if part != "scale"
        }
        for layer, parts in openpose_mobilenet.shapes().items()
    }
    image = rng.integers(0, 256, (1, *SIZE, 3), np.uint8)
    written = estimator.model(params).SerializeToString()
    found = onnxruntime.InferenceSession(written).run(["joints", "fields"], {"image": image})
    expected = jax.jit(openpose_mobilenet.apply)(params, image)
    for ours, theirs in zip(found, expected, strict=True):
        theirs = np.asarray(theirs)
        assert np.abs(theirs).max() > 0.1
        np.testing.assert_allclose(
            ours.reshape(theirs.shape), theirs, rtol=0, atol=1e-4 * np.abs(theirs).max()
        )
