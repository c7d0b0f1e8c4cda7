"""The folder of a page: what it replaces, and what it leaves alone."""

import os
import pathlib

import pytest

from pgjax.errors import InputError
from pgjax.serving.page import onnxruntime_web, poses, site


@pytest.fixture(autouse=True)
def _light(tmp_path, monkeypatch):
    """Models are bytes, and nothing is fetched, converted or rendered but the first person."""
    monkeypatch.chdir(tmp_path)
    pathlib.Path("a.wasm").write_bytes(b"wasm")
    monkeypatch.setattr(onnxruntime_web, "obtain", lambda *_: [tmp_path / "a.wasm"])
    monkeypatch.setattr(poses, "twenty", list)

    def model(content, into):
        into.write_bytes(content)
        return (64, 32), "Model"

    monkeypatch.setattr(site, "_model", model)


def _write(folder, model):
    site.write(folder, model, "data")


def test_a_page_is_written_into_the_current_folder_too(tmp_path, monkeypatch):
    pathlib.Path("page").mkdir()
    monkeypatch.chdir("page")
    obtain = onnxruntime_web.obtain

    def fetched(data_dir, _):
        pathlib.Path(data_dir).mkdir()
        return obtain()

    monkeypatch.setattr(onnxruntime_web, "obtain", fetched)
    _write(".", b"zeroth")
    pathlib.Path("data").rmdir()  # it is there, and would be in the way
    monkeypatch.setattr(onnxruntime_web, "obtain", obtain)
    for model in (b"first", b"second"):
        _write(".", model)
        pathlib.Path("estimator.onnx").write_bytes(b"of an older page")
    _write(".", b"third")
    assert pathlib.Path("model.onnx").read_bytes() == b"third"
    assert (tmp_path / "page" / "ort" / "a.wasm").read_bytes() == b"wasm"
    assert not pathlib.Path("estimator.onnx").exists()
    assert sorted(os.listdir(tmp_path)) == ["a.wasm", "page"]


def test_the_older_page_stays_until_the_newer_one_is_there(tmp_path, monkeypatch):
    _write("page", b"first")
    rename = pathlib.Path.rename

    def fails(path, target):
        if path.suffix == ".partial":
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(pathlib.Path, "rename", fails)
    with pytest.raises(KeyboardInterrupt):
        _write("page", b"second")
    monkeypatch.undo()
    assert (tmp_path / "page" / "model.onnx").read_bytes() == b"first"
    assert sorted(os.listdir(tmp_path)) == ["a.wasm", "page"]


def test_what_is_no_page_is_not_replaced(tmp_path):
    _write("page", b"first")
    pathlib.Path("page/.DS_Store").write_text("")
    _write("page", b"second")
    pathlib.Path("page/photo.png").write_text("mine")
    website = pathlib.Path("website")
    website.mkdir()
    for name in ("index.html", "model.onnx"):
        (website / name).write_text("mine")
    for folder, other in (("page", "photo.png"), ("website", "index.html")):
        with pytest.raises(InputError, match=rf"{folder}: holds something else .*, {other}; name"):
            _write(folder, b"third")
    with pytest.raises(InputError, match=r"a.wasm: is a file; name a new folder"):
        _write("a.wasm", b"third")
    assert pathlib.Path("page/model.onnx").read_bytes() == b"second"
