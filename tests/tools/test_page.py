"""The command page: what it refuses before it fetches or converts anything."""

import pytest

from pgjax.errors import InputError
from pgjax.serving.page import onnxruntime_web
from pgjax.tools import cli, page


@pytest.fixture(autouse=True)
def _fetches_nothing(monkeypatch):
    def fetch(*_):
        raise AssertionError("was fetched")

    monkeypatch.setattr(onnxruntime_web, "obtain", fetch)


@pytest.mark.parametrize(
    "words, told",
    [
        (["--out=page"], "--model: missing"),
        (["--out=page", "--model=model", "--port=1"], "--port: goes with --serve alone"),
        (
            ["--out=page", "--model=model", "--serve", "--port=-1"],
            "--port: expected a number from 0",
        ),
        (["--out=page", "--serve", "--no_estimator"], "--no_estimator: goes with --model alone"),
        (
            ["--out=page", "--model=model", "--no_estimator", "--estimator_model=x"],
            "--no_estimator: goes without --estimator_model",
        ),
        (["--out=page", "--serve"], "page: no page in it; pgjax page --model=MODEL --out=page"),
        (["--out=other", "--model=model"], "other: holds something else than a page"),
        (["--out=page", "--model=model"], "model: no such model"),
    ],
)
def test_bad_arguments_are_told_in_a_line(words, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with pytest.raises(SystemExit) as ended:
        cli.run(page.main, words)
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_a_package_that_is_not_installed_is_told_first(tmp_path, monkeypatch):
    (tmp_path / "model.onnx").write_text("of somebody who has onnxruntime alone")
    monkeypatch.setattr("importlib.util.find_spec", {"onnxruntime": 1}.get)
    with pytest.raises(InputError, match=r"^onnx is not installed; pip install 'pgjax\[onnx\]'$"):
        page.main([f"--out={tmp_path / 'page'}", f"--model={tmp_path / 'model.onnx'}"])
