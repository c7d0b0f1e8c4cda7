"""ONNX Runtime for browsers: fetched once, known by its sha256; npm and the package are pretended."""

import hashlib
import io
import os
import tarfile

import pytest

from pgjax.errors import InputError
from pgjax.serving.page import onnxruntime_web

CONTENT = {name: name.encode() * 3 for name in onnxruntime_web.FILES}
NPM = """#!/bin/sh
echo "$@" >> {log}
for word in "$@"; do case "$word" in --pack-destination=*) cp {package} "${{word#*=}}";; esac; done
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of the two files, and no npm."""
    path = tmp_path / "given" / onnxruntime_web.PACKAGE.name
    path.parent.mkdir()
    with tarfile.open(path, "w:gz") as archive:
        for name, content in CONTENT.items():
            entry = tarfile.TarInfo(f"package/dist/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(onnxruntime_web, "PACKAGE", onnxruntime_web.PACKAGE._replace(sha256=sha256))
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}
    monkeypatch.setattr(onnxruntime_web, "FILES", sums)
    monkeypatch.setattr(onnxruntime_web, "npm", lambda: None)
    return path


def _use_npm(monkeypatch, tmp_path, text):
    program = tmp_path / "npm"
    program.write_text(text)
    program.chmod(0o755)
    monkeypatch.setattr(onnxruntime_web, "npm", lambda: os.fspath(program))


def test_npm_fetches_the_package_once(package, monkeypatch, tmp_path):
    log = tmp_path / "log"
    _use_npm(monkeypatch, tmp_path, NPM.format(log=log, package=package))
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        found = onnxruntime_web.obtain("data")
        assert {path.name: path.read_bytes() for path in found} == CONTENT
    (asked,) = log.read_text().splitlines()
    assert asked.startswith(f"pack onnxruntime-web@{onnxruntime_web.VERSION} --ignore-scripts ")
    (folder,) = (tmp_path / "data").iterdir()
    assert sorted(path.name for path in folder.iterdir()) == sorted(CONTENT)


def test_what_npm_says_and_gives_is_told(package, monkeypatch, tmp_path):
    _use_npm(monkeypatch, tmp_path, "#!/bin/sh\necho 'npm error 404' >&2\nexit 1\n")
    with pytest.raises(InputError, match=r"could not fetch it \(npm error 404\).*--runtime"):
        onnxruntime_web.obtain(tmp_path / "data")
    package.write_bytes(b"something else")
    _use_npm(monkeypatch, tmp_path, NPM.format(log=tmp_path / "log", package=package))
    with pytest.raises(InputError, match="npm gave another file: its sha256"):
        onnxruntime_web.obtain(tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_a_package_is_given(package, tmp_path):
    data = tmp_path / "data"
    with pytest.raises(InputError, match=r"no npm here; fetch https://registry\.npmjs\.org/"):
        onnxruntime_web.obtain(data)
    with pytest.raises(FileNotFoundError, match=r"none\.tgz: no such package"):
        onnxruntime_web.obtain(data, tmp_path / "none.tgz")
    damaged = tmp_path / "damaged.tgz"
    damaged.write_bytes(package.read_bytes() + b"?")
    with pytest.raises(InputError, match=r"damaged\.tgz: another file"):
        onnxruntime_web.obtain(data, damaged)
    (first, _) = onnxruntime_web.obtain(data, package)
    first.write_bytes(b"changed")
    with pytest.raises(InputError, match=f"{first.name}: damaged.*delete {first.parent}"):
        onnxruntime_web.obtain(data)
