"""Published files of weights that are kept as they are: fetched once, known by their sha256.

A file is verified before it is opened. What is read from it is the network's own business.
"""

import hashlib
import http.client
import os
import shutil
import sys
import tempfile
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from pgjax.errors import InputError, NotMeasuredError

TIMEOUT = 10.0  # seconds to connect, and at most between two pieces


class Published(NamedTuple):
    """A file that its authors have published.

    Attributes:
      url: where.
      sha256: of the whole file.
      name: in the weights' folder.
    """

    url: str
    sha256: str
    name: str

    def remedy(self, folder: str | os.PathLike) -> str:
        """What to do by hand, in words."""
        return f"fetch {self.url} to {Path(folder) / self.name}"


def obtain(file: Published, folder: str | os.PathLike) -> Path:
    """The verified file in a folder; downloaded into it where it is not there.

    Raises:
      NotMeasuredError: it is not there and can't be downloaded, or another file comes from the URL.
      InputError: another file is there.
    """
    path = Path(folder) / file.name
    if not path.is_file():
        _download(file, path)
    elif (found := digest(path)) != file.sha256:
        raise InputError(
            f"{path}: damaged or another file: its sha256 is {found}, expected {file.sha256}; "
            f"delete it and {file.remedy(folder)}"
        )
    return path


def obtain_all(published: Iterable[Published], folder: str | os.PathLike) -> list[Path]:
    """As `obtain`, of several files; a NotMeasuredError names all that are not to be had."""
    paths, absent = [], []
    for file in published:
        try:
            paths.append(obtain(file, folder))
        except NotMeasuredError as error:
            absent.append(str(error))
    if absent:
        raise NotMeasuredError("; ".join(absent))
    return paths


def digest(path: Path) -> str:
    """sha256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(file: Published, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Inside the folder, so that the file moves into place in one go.
        with tempfile.TemporaryDirectory(prefix=".download-", dir=path.parent) as work:
            fetched = Path(work, file.name)
            with (
                urllib.request.urlopen(file.url, timeout=TIMEOUT) as answer,
                fetched.open("wb") as copy,
            ):
                print(f"downloading {file.url} to {path}, once", file=sys.stderr)
                shutil.copyfileobj(answer, copy, 1 << 20)
            found = digest(fetched)
            if found != file.sha256:
                raise NotMeasuredError(
                    f"{file.url}: cut short or another file: its sha256 is {found}, expected "
                    f"{file.sha256}; {file.remedy(path.parent)} by other means"
                )
            os.replace(fetched, path)
    except (OSError, http.client.HTTPException) as error:
        raise NotMeasuredError(
            f"{file.remedy(path.parent)} (the download failed: {type(error).__name__}: {error})"
        ) from error
