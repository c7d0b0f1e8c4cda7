"""A sequence of poses from a folder as users have it."""

import shutil

import numpy as np
import pytest
from PIL import Image

import tiny
from pgjax import keypoints
from pgjax.runtime import compilation
from pgjax.tools import cli, generate
from pgjax.training import model_folder


@pytest.fixture(autouse=True)
def _no_cache(monkeypatch):
    monkeypatch.setattr(compilation, "keep", lambda: None)


def test_copies_of_jupyter_are_no_frames(shared, tmp_path):
    poses = tmp_path / "poses"
    shutil.copytree(shared / "cases" / "06_jupyter_checkpoints" / "poses", poses)
    shutil.copytree(poses, poses / "__MACOSX")
    (poses / "again").symlink_to("..")
    photo = tiny.SPLITS["test"].store.images[0]
    Image.fromarray(photo).save(tmp_path / "photo.HEIC", "PNG")
    keypoints.write(tmp_path / "photo.json", {"photo.HEIC": [tiny.pose(2, 0)]}, "openpose")
    model_folder.write(tmp_path / "model", tiny.model(tiny.generator_config()), "card")
    given = {
        "model": "model",
        "source": "photo.HEIC",
        "source_pose": "photo.json",
        "target_pose": "poses",
        "out": "frames",
    }
    cli.run(generate.main, [f"--{name}={tmp_path / value}" for name, value in given.items()])
    frames = sorted((tmp_path / "frames").iterdir())
    assert len(frames) == 3
    with Image.open(frames[0]) as image:
        assert np.asarray(image).shape == photo.shape
