"""Files out of source distributions, from one made here; pip is given its folder alone."""

import os
import re

import pytest

import sdist_files
from pgjax.errors import InputError
from pgjax.frozen import sdists

CONTENT = {"pgjax_test_arrays/a.bin": b"first", "pgjax_test_arrays/b.bin": b"second"}


@pytest.fixture
def site(tmp_path):
    return tmp_path / "site"


@pytest.fixture
def sdist(site):
    return sdist_files.make(site, CONTENT)


def test_pip_fetches_it_and_nothing_of_it_runs(
    sdist, site, tmp_path, pip_finds, monkeypatch, capfd
):
    pip_finds(site)
    monkeypatch.chdir(tmp_path)
    work = tmp_path / "work"
    work.mkdir()
    path = sdists.fetch(sdist, work.relative_to(tmp_path), "do this")
    assert path.read_bytes() == (site / sdist.file).read_bytes()
    assert path.name == "pgjax_test_arrays-1.0.tar.gz"
    assert not (site / "ran").exists()
    told = "fetching the source distribution of pgjax_test_arrays==1.0 by pip, once\n"
    assert capfd.readouterr() == ("", told)
    for name, content in CONTENT.items():
        assert sdists.read(sdist, path, name) == content


def test_nothing_of_it_runs_below_a_folder_that_cannot_be_a_path_of_python(
    sdist, site, tmp_path, pip_finds
):
    pip_finds(site)
    work = tmp_path / f"a{os.pathsep}b"
    work.mkdir()
    with pytest.raises(
        InputError, match=r"pip is not asked below a folder with .* in its name; do"
    ):
        sdists.fetch(sdist, work, "do this")
    assert not (site / "ran").exists()


def test_another_file_from_the_index_is_refused(sdist, site, tmp_path, pip_finds):
    pip_finds(site)
    other = sdist._replace(sha256="0" * 64)
    with pytest.raises(InputError, match=r"could not fetch it .*; do this$"):
        sdists.fetch(other, tmp_path, "do this")
    with pytest.raises(InputError, match=r"\(ERROR: No matching .*; do this$"):
        sdists.fetch(sdist._replace(version="2.0"), tmp_path / "site", "do this")
    assert not (site / "ran").exists()


def test_a_python_without_pip_is_told(sdist, tmp_path):
    with pytest.raises(InputError, match=r"no pip to fetch it; do this$"):
        sdists.fetch(sdist, tmp_path, "do this")


def test_a_file_that_cannot_be_read_is_told(sdist, site):
    path = site / sdist.file
    with pytest.raises(ValueError, match=r"c\.bin can't be read"):
        sdists.read(sdist, path, "pgjax_test_arrays/c.bin")
    with pytest.raises(ValueError, match=re.escape(f"sha256 is {sdist.sha256}, expected 000")):
        sdists.read(sdist._replace(sha256="0" * 64), path, "pgjax_test_arrays/a.bin")
