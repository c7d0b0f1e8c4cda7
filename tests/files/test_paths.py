import importlib.util
import os
import pathlib

import pytest

from pgjax.errors import InputError
from pgjax.files import buckets, paths


def test_local_paths_stay_what_they_are():
    assert type(paths.of("runs/a")) is type(pathlib.Path("runs/a"))
    for text in ("C:/runs", "a:/b", "a:b", "a/~/b", "a~", "~$a.jpg", "~1 step"):
        assert paths.of(text) == pathlib.Path(text) and not paths.in_bucket(paths.of(text))
    assert buckets.fetch(pathlib.Path("data")) == pathlib.Path("data")
    buckets.check(pathlib.Path("absent"))


@pytest.mark.parametrize(
    "path", ["s3://bucket/a", pathlib.Path("gs://bucket/a"), "gs://", "gs:///a"]
)
def test_other_urls_are_refused(path):
    with pytest.raises(InputError, match="expected a folder, or gs://BUCKET/FOLDER"):
        paths.of(path)


def test_what_is_missing_for_buckets_is_said(monkeypatch):
    paths._prepare.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"install pgjax\[gcs\]"):
        paths.of("gs://bucket/a")


def test_a_write_that_fails_leaves_the_old_file_alone(tmp_path, monkeypatch):
    paths.write_text(tmp_path / "a", "old")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        paths.write_text(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_a_home_folder_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert paths.of("~") == paths.of(pathlib.Path("~")) == tmp_path
    assert paths.of("~/a/~") == paths.local("~/a/~") == tmp_path / "a" / "~"
    assert paths.of("~/gs:/c") == tmp_path / "gs:" / "c"
    with pytest.raises(InputError, match=r"~nobody_here/a: no home folder of that name"):
        paths.of("~nobody_here/a")


@pytest.mark.skipif(os.name != "posix", reason="needs names of users")
def test_a_home_folder_of_a_user_is_found():
    import pwd

    who = pwd.getpwuid(os.getuid())
    assert paths.of(f"~{who.pw_name}/a") == pathlib.Path(who.pw_dir, "a")


def test_files_may_be_called_like_a_home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "~notes").write_text("")
    for text in ("~notes", "./~", "./~/a", "./~nobody_here"):
        found = paths.of(text)
        # Read again it is still the same.
        assert found == paths.of(found) == tmp_path / text
