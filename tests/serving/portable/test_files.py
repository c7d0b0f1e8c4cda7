"""ONNX files of models: what they say and draw, without JAX; and when none is written."""

import json
import subprocess
import sys

import numpy as np
import pytest

import tiny
from pgjax import keypoints
from pgjax.errors import InputError
from pgjax.images.pixels import read_image, write_image
from pgjax.pose.skeleton import JOINTS
from pgjax.serving import export as run_export
from pgjax.serving import model_card
from pgjax.serving.transfer import PoseTransfer
from pgjax.tools import export
from pgjax.training import model_folder

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

# Below, since they import what the lines above may skip without.
from pgjax.serving.portable import conversion, interface, writing  # noqa: E402
from pgjax.serving.portable.session import Session  # noqa: E402


def _write(place, config):
    model = tiny.model(config)
    model_folder.write(place / "export", model, model_card.text(model))
    return place / "export", place / "model.onnx"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A model's folder, its file, and how the pictures of the two compared."""
    made = tiny.generator_config()
    made.compute.precision = "bfloat16_products"
    folder, path = _write(tmp_path_factory.mktemp("onnx"), made)
    return folder, path, writing.write(folder, path)


def test_the_pictures_are_those_of_jax_in_float32(written):
    compared = written[2]
    assert (compared.pictures, compared.rounded) == (8, "bfloat16_products")
    assert compared.largest <= 1
    assert compared.share == 0


def test_the_file_alone_says_what_it_is(written):
    folder, path, _ = written
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    said = {one.key: one.value for one in model.metadata_props}
    assert json.loads(said["joints"]) == list(JOINTS)
    found = Session(path)
    assert found.facts.card == (folder / "README.md").read_text()
    assert found.facts.weights == model_folder.digest(folder / "weights.npz")
    assert (found.row, found.step, found.size) == ("synthetic_people/baseline", 4, (64, 32))
    assert not found.reads_view
    # The row has no warps: of the source pose it reads the heat maps, and it makes no background.
    assert set(interface.INPUTS) - set(found.inputs) == {"background", "background_told", "view"}


def test_other_pictures_than_those_of_jax_are_refused(written, tmp_path, monkeypatch):
    folder, path, _ = written

    def drawing(model):
        def drawn(*given):
            pictures, finite = Session(path)(*given)
            pictures = pictures.copy()
            pictures[0, :9, 0, 0] ^= (
                4  # of 8 pictures of 64x32 pixels 16 are less than 0.1 %, and 17 more
            )
            pictures[0, :wrong, 1, 0] ^= 4
            return pictures, finite

        return drawn

    monkeypatch.setattr(writing, "Drawing", drawing)
    monkeypatch.setattr(conversion, "convert", lambda *args: onnx.load(path))
    wrong = 7
    assert writing.write(folder, tmp_path / "good.onnx").largest == 4
    wrong = 8
    with pytest.raises(
        InputError, match=r"bad.onnx: not written: .* 0.10% of the pixels of 8 .* by 4"
    ):
        writing.write(folder, tmp_path / "bad.onnx")
    assert not (tmp_path / "bad.onnx").exists()


def test_the_command_takes_an_exported_model(written, tmp_path, monkeypatch, capsys):
    folder, path, compared = written
    asked = []
    monkeypatch.setattr(writing, "write", lambda *given: asked.append(given) or compared)
    export.main([str(folder), "--onnx", str(path)])
    assert asked == [(str(folder), str(path))]
    out, err = capsys.readouterr()
    assert out == f"{path}\n"
    assert "computes in bfloat16_products; its ONNX file in float32" in err
    assert "8 pictures by ONNX Runtime and by JAX: largest difference" in err
    for wrong in ([], ["--onnx", str(path), "--step", "3"], ["--onnx", str(path), "--out", "x"]):
        with pytest.raises(InputError, match="is an exported model already"):
            export.main([str(folder), *wrong])
    monkeypatch.undo()
    # Of a run as well, before it is exported.
    monkeypatch.setattr(run_export, "export_run", None)
    (tmp_path / "folder.onnx").mkdir()
    for place, name in (
        (folder, "model.pb"),
        ("run", "model.pb"),
        ("run", tmp_path / "folder.onnx"),
    ):
        with pytest.raises(InputError, match=r"expected the name of a file that ends in .onnx"):
            export.main([str(place), "--onnx", str(name)])


def test_files_that_are_no_model_are_told_in_a_line(written, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none.onnx: no such model"):
        PoseTransfer.load(tmp_path / "none.onnx")
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(written[1].read_bytes()[:1000])
    with pytest.raises(InputError, match=r"bad.onnx: not an ONNX file that can be run"):
        PoseTransfer.load(bad)
    model = onnx.load(written[1])
    for key, value, said in (
        ("pgjax_format", "9", "format '9'; this version reads 1"),
        ("joints", '["nose"]', "its joints are not those of this version"),
        ("joints", "18", "its metadata is damaged"),
        ("height", "tall", "its metadata is damaged"),
    ):
        (entry,) = (one for one in model.metadata_props if one.key == key)
        before, entry.value = entry.value, value
        onnx.save(model, bad)
        with pytest.raises(InputError, match=said):
            PoseTransfer.load(bad)
        entry.value = before
    del model.metadata_props[:]
    onnx.save(model, bad)
    with pytest.raises(InputError, match="not a model of pgjax"):
        PoseTransfer.load(bad)


WITHOUT = """
import sys
for name in ("jax", "jaxlib", "flax", "onnx", "safetensors", "absl", "ml_collections"):
    sys.modules[name] = None  # importing it raises
from pgjax.tools import generate
generate.main(sys.argv[1:])
"""


@pytest.mark.slow
def test_generate_draws_without_jax_what_it_draws_with_it(written, tmp_path):
    folder, path, _ = written
    photo = tiny.split(5).store.images[0]
    poses = [tiny.pose(5, place, size=photo.shape[:2]) for place in range(3)]
    write_image(tmp_path / "photo.png", photo)
    keypoints.write(tmp_path / "source.json", {"photo.png": poses[:1]}, "openpose")
    keypoints.write(tmp_path / "target.json", {"photo.png": poses[1:2]}, "openpose")
    asked = {"source": "photo.png", "source_pose": "source.json", "target_pose": "target.json"}
    given = [f"--{name}={tmp_path / value}" for name, value in asked.items()]
    out = tmp_path / "made.png"
    command = [sys.executable, "-c", WITHOUT, f"--model={path}", *given, f"--out={out}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "compiling" not in done.stderr
    model = model_folder.read(folder)
    exact = model._replace(
        config={**model.config, "compute": {**model.config["compute"], "precision": "float32"}}
    )
    wanted = PoseTransfer(exact)(photo, *poses[:2])
    np.testing.assert_allclose(read_image(out).astype(int), wanted.astype(int), rtol=0, atol=1)
    several = PoseTransfer.load(path, batch_size=2)([photo] * 3, [poses[0]] * 3, [poses[1]] * 3)
    for image in several:
        np.testing.assert_allclose(image.astype(int), wanted.astype(int), rtol=0, atol=1)


@pytest.mark.slow
def test_rows_with_warps_crops_and_backgrounds_convert(tmp_path):
    """The comparison is a part of writing."""
    made = tiny.deformable_config("full_background")
    folder, path = _write(tmp_path, made)
    assert writing.write(folder, path).share == 0
    assert set(Session(path).inputs) == set(interface.INPUTS) - {"view"}
