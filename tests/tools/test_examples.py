"""Photos and poses of a data set as files."""

import numpy as np
import pytest

import tiny
from pgjax import keypoints
from pgjax.errors import InputError
from pgjax.images.pixels import read_image
from pgjax.tools import examples


@pytest.fixture
def pairs(monkeypatch):
    tiny.use_data(monkeypatch)
    load = examples.store.load_split
    monkeypatch.setattr(
        examples.store,
        "load_split",
        lambda name, split, data_dir, memory_limit: load(*(name, split, data_dir, 0)),
    )
    return examples.store.test_pairs("synthetic_people", tiny.SPLITS["test"], "")


def test_a_test_pair_as_files(pairs, tmp_path):
    examples.main(["synthetic_people", f"--out={tmp_path}", "--pair=3", "--poses=5"])
    poses = {}
    for name, place in zip(("source", "target"), pairs[3], strict=True):
        image = read_image(tmp_path / f"{name}.png")
        np.testing.assert_array_equal(image, tiny.SPLITS["test"].store.images[place])
        poses[name] = keypoints.one_pose(tmp_path / f"{name}_keypoints.json")
        true = tiny.pose(2, place)
        assert (poses[name].visible == true.visible).all()
        np.testing.assert_allclose(poses[name].keypoints, true.keypoints, atol=1e-3)
    frames = list(keypoints.read(tmp_path / "sequence").values())
    assert len(frames) == 5
    both = poses["source"].visible & poses["target"].visible
    for (frame,), end in ((frames[0], "source"), (frames[-1], "target")):
        assert (frame.visible == both).all()
        np.testing.assert_allclose(frame.keypoints[both], poses[end].keypoints[both], atol=2e-3)


def test_faults(pairs, tmp_path):
    with pytest.raises(InputError, match="--pair: expected a number below 6"):
        examples.main(["synthetic_people", f"--out={tmp_path}", "--pair=6"])
    with pytest.raises(InputError, match="--poses: expected 2"):
        examples.main(["synthetic_people", f"--out={tmp_path}", "--poses=1"])
