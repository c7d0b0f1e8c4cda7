"""Source distributions as setuptools makes them, whose setup.py tells that it ran; for tests alone."""

import hashlib
import io
import pickle
import tarfile

import numpy as np

from pgjax.frozen.sdists import Sdist

SETUP = """
import pathlib, setuptools
pathlib.Path({marker!r}).touch()
setuptools.setup(name={package!r}, version={version!r})
"""


def make(folder, content, package="pgjax_test_arrays", version="1.0"):
    """Writes one with some files (name in the package: bytes) into a folder, which gets `ran` if it runs."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{package}-{version}.tar.gz"
    marker = str((folder / "ran").resolve())
    setup = SETUP.format(marker=marker, package=package, version=version)
    info = f"Metadata-Version: 1.0\nName: {package}\nVersion: {version}\n"
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name, data in {
            "PKG-INFO": info.encode(),
            "setup.py": setup.encode(),
            **content,
        }.items():
            member = tarfile.TarInfo(f"{package}-{version}/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return Sdist(package, version, hashlib.sha256(path.read_bytes()).hexdigest())


def pickled(saved):
    """A pickle as NumPy 1 writes it, which called a module otherwise."""
    numpy_2 = np.__version__.startswith("2.")
    content = pickle.dumps(saved, protocol=3)
    return content.replace(b"numpy._core.", b"numpy.core.") if numpy_2 else content
