"""Published files of weights: fetched once, verified, told."""

import hashlib

import pytest

from pgjax.errors import InputError, NotMeasuredError
from pgjax.frozen import files, inception, lpips

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
    assert list((tmp_path / "weights").iterdir()) == []


def test_what_is_not_to_be_had_is_not_measured(published, tmp_path):
    gone = [published._replace(url=f"file:///nowhere/{n}", name=n) for n in ("a", "b")]
    with pytest.raises(NotMeasuredError) as told:
        files.obtain_all([gone[0], published, gone[1]], tmp_path / "weights")
    for name in ("a", "b"):
        assert f"fetch file:///nowhere/{name} to {tmp_path / 'weights' / name} (" in str(told.value)
    assert "\n" not in str(told.value)


def test_names_of_files_tell_their_hash():
    """As PyTorch's hub has it: the last part of a name is how its sha256 begins."""
    for file in (inception.FILE, *(net.weights for net in lpips.NETS.values())):
        assert file.sha256.startswith(file.name.removesuffix(".pth").rpartition("-")[2])
        assert file.url.endswith(f"/{file.name}")
