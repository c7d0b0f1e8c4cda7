import importlib.util
import os
import pathlib

import pytest

from pgjax import buckets, paths
from pgjax.errors import InputError


def test_local_paths_stay_what_they_are():
    assert type(paths.of("runs/a")) is type(pathlib.Path("runs/a"))
    for text in ("C:/runs", "a:/b", "a:b", "~/gs:/c"):
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
