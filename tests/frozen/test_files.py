"""Published files of weights: fetched once, verified, told."""

import hashlib
import zipfile

import pytest

from pgjax.errors import InputError, NotMeasuredError
from pgjax.frozen import files, inception, inception_torchvision, lpips

CONTENT = b"numbers"


@pytest.fixture
def published(tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "w-1.pth").write_bytes(CONTENT)
    url = (tmp_path / "site" / "w-1.pth").as_uri()
    return files.Published(url, hashlib.sha256(CONTENT).hexdigest(), "w.pth")


def test_fetched_once(published, tmp_path, capsys):
    folder = tmp_path / "data" / "weights"
    path = files.obtain(published, folder)
    assert path == folder / "w.pth" and path.read_bytes() == CONTENT
    assert published.url in capsys.readouterr().err
    (tmp_path / "site" / "w-1.pth").unlink()
    assert files.obtain(published, str(folder)) == path
    assert capsys.readouterr().err == ""
    assert [p.name for p in folder.iterdir()] == ["w.pth"]


def test_another_file_there_is_named_and_kept(published, tmp_path):
    (tmp_path / "w.pth").write_bytes(b"others")
    with pytest.raises(InputError, match=r"w\.pth: damaged or another file.*delete it") as told:
        files.obtain(published, tmp_path)
    assert not isinstance(told.value, NotMeasuredError)
    assert (tmp_path / "w.pth").read_bytes() == b"others"


def test_another_file_at_the_url_leaves_nothing(published, tmp_path):
    other = published._replace(sha256="0" * 64)
    with pytest.raises(NotMeasuredError, match=f"{published.url}: cut short or another file"):
        files.obtain(other, tmp_path / "weights")
    assert not (tmp_path / "weights").exists()


def test_what_is_not_to_be_had_is_not_measured(published, tmp_path):
    gone = [published._replace(url=f"file:///nowhere/{n}", name=n) for n in ("a", "b")]
    with pytest.raises(NotMeasuredError) as told:
        files.obtain_all([gone[0], published, gone[1]], tmp_path / "weights")
    for name in ("a", "b"):
        assert f"fetch file:///nowhere/{name} to {tmp_path / 'weights' / name} (" in str(told.value)
    assert "\n" not in str(told.value)


def test_a_download_that_fails_leaves_no_folder(published, tmp_path):
    gone = published._replace(url="file:///nowhere/a")
    (tmp_path / "data").mkdir()
    with pytest.raises(NotMeasuredError, match="the download failed"):
        files.obtain(gone, tmp_path / "data" / "new" / "weights")
    assert not list((tmp_path / "data").iterdir())


def test_names_of_files_tell_their_hash():
    """As PyTorch's hub has it: the last part of a name is how its sha256 begins."""
    for file in (
        inception.FILE,
        inception_torchvision.FILE,
        *(net.weights for net in lpips.NETS.values()),
    ):
        assert file.sha256.startswith(file.name.removesuffix(".pth").rpartition("-")[2])
        assert file.url.endswith(f"/{file.name}")


def test_a_mirror_is_asked_where_the_first_does_not_answer(published, tmp_path, capsys):
    moved = published._replace(url="file:///nowhere/w.pth", mirrors=(published.url,))
    assert files.obtain(moved, tmp_path / "weights").read_bytes() == CONTENT
    gone = moved._replace(mirrors=("file:///nowhere/v.pth",), name="v.pth")
    with pytest.raises(NotMeasuredError, match=r"nowhere/w\.pth.*; .*nowhere/v\.pth"):
        files.obtain(gone, tmp_path / "weights")
    assert [p.name for p in (tmp_path / "weights").iterdir()] == ["w.pth"]


def _zipped(published, tmp_path, *names):
    with zipfile.ZipFile(tmp_path / "site" / "w.zip", "w") as archive:
        for name in names:
            archive.writestr(name, CONTENT)
    url = (tmp_path / "site" / "w.zip").as_uri()
    return published._replace(url=url, member="end.onnx")


def test_a_file_in_a_zip(published, tmp_path):
    packed = _zipped(published, tmp_path, "a/b/end.onnx", "a/b/other.json")
    path = files.obtain(packed, tmp_path / "weights")
    assert path.name == "w.pth" and path.read_bytes() == CONTENT
    assert [p.name for p in path.parent.iterdir()] == ["w.pth"]


@pytest.mark.parametrize(
    ("names", "told"), [((), "holds 0"), (("a/end.onnx", "b/end.onnx"), "holds 2")]
)
def test_another_zip_is_told(published, tmp_path, names, told):
    packed = _zipped(published, tmp_path, *names)
    with pytest.raises(
        NotMeasuredError, match=rf"{told} files end\.onnx, expected one.*; fetch file:"
    ):
        files.obtain(packed, tmp_path / "weights")
    with pytest.raises(NotMeasuredError, match=r"not a zip file"):
        files.obtain(packed._replace(url=published.url), tmp_path / "weights")


def test_the_part_of_a_sum_that_is_published_is_checked(published, tmp_path):
    part = published._replace(sha256=published.sha256[:8])
    path = files.obtain(part, tmp_path)
    assert path.read_bytes() == CONTENT
    path.write_bytes(b"others")
    with pytest.raises(InputError, match=rf"expected {part.sha256}\.\.\.; delete it"):
        files.obtain(part, tmp_path)


def test_a_file_without_a_published_sum_is_taken_as_it_is(published, tmp_path):
    assert files.obtain(published._replace(sha256=None), tmp_path).read_bytes() == CONTENT
