"""PDIG's released weights: small checkpoints that TensorFlow wrote (pdig/made_by_tensorflow.py).

In slow tests it writes others.
"""

import importlib
import pathlib

import jax
import numpy as np
import pytest

from pgjax.errors import InputError
from pgjax.images.pixels import to_float
from pgjax.nets import pdig
from pgjax.pose import raster
from pgjax.pose.scene import Scene
from pgjax.training import model_folder
from pgjax.training.state import modules

HERE = pathlib.Path(__file__).parent / "pdig"
MAKER = "made_by_tensorflow.py"
SIZE = (128, 64)
NAMES = [f"MODEL{number}/model.ckpt-0" for number in range(1, 5)]
CHECKPOINTS = [str(HERE / name) for name in NAMES]
NARROW = {
    "networks.g.options.features=1",
    "networks.g.options.region_code=2",
    "networks.g.options.background_code=3",
    "networks.g.options.code=4",
}
SAMPLING = {
    "networks.poses.options.features=5",
    "networks.poses.options.code=6",
    "networks.foreground.options.size=14",
    "networks.foreground.options.features=5",
    "networks.background.options.size=3",
    "networks.background.options.features=2",
    "networks.pose.options.size=6",
    "networks.pose.options.features=5",
}
main = importlib.import_module("pgjax.tools.import").main


def arguments(row, files, out, changes=NARROW):
    return [
        "pdig",
        *files,
        f"--row={row}",
        f"--out={out}",
        *(f"--set={c}" for c in sorted(changes)),
    ]


@pytest.fixture(scope="module")
def model(place, tmp_path_factory):
    out = tmp_path_factory.mktemp("imported") / "model"
    files = [str(place / name) for name in NAMES]
    main(arguments("market1501/pdig_sampling", files, out, NARROW | SAMPLING))
    return model_folder.read(out)


@pytest.mark.parametrize("place", [None, pytest.param(21, marks=pytest.mark.slow)], indirect=True)
def test_pictures_poses_and_embeddings_are_those_of_tensorflow(model, expected, place, monkeypatch):
    joints, seen = expected["joints"].astype(np.float32), np.ones((1, 18), bool)
    photo = to_float(expected["photo"])
    scene = Scene(**dict.fromkeys(Scene._fields))._replace(
        source_image=photo,
        target_image=photo,
        source_keypoints=joints[:1],
        source_visible=seen,
        target_keypoints=joints[1:],
        target_visible=seen,
        target_discs=raster.discs(joints[1:], seen, SIZE, radius=4),
    )
    # What is the foreground is no part of the weights.
    monkeypatch.setattr(pdig.raster, "pose_mask", lambda *_, **__: expected["mask"])
    made, variables = modules(model.recipe), model.variables
    assert set(variables) == {"g", "poses", "foreground", "background", "pose"}
    noise = expected["noise"]

    @jax.jit
    def computed(variables, scene):
        found = {
            "picture": made["g"].apply(variables["g"], scene, {}, train=False)[:, ::2, ::2],
            "pose": made["poses"].apply(variables["poses"], scene, {}, train=False),
        }
        for name, size in (("foreground", 14), ("background", 3), ("pose", 6)):
            found[f"mapped_{name}"] = made[name].apply(
                variables[name], noise[:, :size], method="of"
            )
        return found

    tolerance = 2e-5 if place == HERE else 1e-4  # of any seed
    for name, found in computed(variables, scene).items():
        np.testing.assert_allclose(found, expected[name], atol=tolerance, rtol=0, err_msg=name)


def test_files_of_one_name_are_told_apart(model):
    files = model.imported["files"]
    assert len(files) == 8 and len(set(files.values())) == 8
    assert files["MODEL1/model.ckpt-0.index"] == model_folder.digest(
        HERE / "MODEL1" / "model.ckpt-0.index"
    )


def test_pose_transfer_needs_the_first_file_alone(tmp_path):
    out = tmp_path / "model"
    main(arguments("market1501/pdig", CHECKPOINTS[:1], out))
    assert set(model_folder.read(out).variables) == {"g"}


def test_a_missing_or_wrong_file_is_told(tmp_path):
    out = tmp_path / "model"
    with pytest.raises(
        InputError, match=r"pdig_sampling needs the checkpoint of MODEL3 .*foreground"
    ):
        main(arguments("market1501/pdig_sampling", CHECKPOINTS[:2], out, NARROW | SAMPLING))
    with pytest.raises(InputError, match=r"market1501/pdig has from 1 to 1, in this order"):
        main(arguments("market1501/pdig", CHECKPOINTS[:2], out))
    with pytest.raises(
        InputError, match=r"MODEL3\S*: .*Gaussian_FC_\S+ has no place in these networks"
    ):
        main(arguments("market1501/pdig", CHECKPOINTS[2:3], out))
    with pytest.raises(InputError, match=r"MODEL2\S*: .*Encoder/G_encoder/Conv/biases is missing"):
        main(arguments("market1501/pdig", CHECKPOINTS[1:2], out))
    assert not out.exists()
