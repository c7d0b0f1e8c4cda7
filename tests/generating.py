"""pgjax generate on a tiny model, for tests alone."""

import functools
import pathlib

import numpy as np
import pytest
from PIL import Image

import tiny
from pgjax import keypoints
from pgjax.runtime import compilation
from pgjax.serving.transfer import PoseTransfer
from pgjax.tools import cli, generate
from pgjax.training import model_folder

PHOTOS = tiny.SPLITS["test"].store.images


_load = functools.cache(PoseTransfer.load)


def prepare(patch: pytest.MonkeyPatch) -> None:
    """Keeps no program on disk, and loads each model once, which is then compiled once."""
    patch.setattr(compilation, "keep", lambda: None)
    patch.setattr(PoseTransfer, "load", lambda folder: _load(folder))


def write_files(folder: pathlib.Path) -> pathlib.Path:
    """A model, a photo, its pose, a target's pose, and a sequence of eleven."""
    model_folder.write(folder / "model", tiny.model(tiny.generator_config()), "card")
    Image.fromarray(PHOTOS[0]).save(folder / "photo.png")
    keypoints.write(folder / "photo.json", {"photo.png": [tiny.pose(2, 0)]}, "openpose")
    keypoints.write(folder / "target.json", {"t.png": [tiny.pose(2, 1)]}, "openpose")
    many = {f"frame{i}.png": [tiny.pose(2, i % 9)] for i in range(1, 12)}
    keypoints.write(folder / "sequence", many, "openpose")
    return folder


def call(files: pathlib.Path, *more: str, **flags) -> None:
    """The command on these files; a flag that is None is not given."""
    given = {
        "model": files / "model",
        "source": files / "photo.png",
        "source_pose": files / "photo.json",
        "target_pose": files / "target.json",
    }
    given = {name: value for name, value in (given | flags).items() if value is not None}
    cli.run(generate.main, [f"--{name}={value}" for name, value in given.items()] + list(more))


def pixels(path: pathlib.Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))
