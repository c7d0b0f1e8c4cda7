"""Published files of weights that are kept as they are: fetched once, known by their sha256.

A file is verified before it is opened. What is read from it is the network's own business.
"""

import contextlib
import hashlib
import http.client
import os
import shutil
import tempfile
import urllib.request
import zipfile
import zlib
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from pgjax.errors import InputError, NotMeasuredError
from pgjax.progress import announce

TIMEOUT = 10.0  # seconds to connect, and at most between two pieces


class Published(NamedTuple):
    """A file that its authors have published.

    Attributes:
      url: where.
      sha256: of the whole file, or how it begins where no more is published; None where nothing is, then any
        file is taken.
      name: in the weights' folder.
      mirrors: other URLs, asked where the first one does not answer.
      member: how the file's name ends in the zip file that the URLs are; None where they are the file.
    """

    url: str
    sha256: str | None
    name: str
    mirrors: tuple[str, ...] = ()
    member: str | None = None

    def differs(self, path: Path) -> str | None:
        """What is wrong with a file at a path, in words, where it is another one."""
        if self.sha256 is None or (found := digest(path)).startswith(self.sha256):
            return None
        more = "" if len(self.sha256) == len(found) else "..."
        return f"another file: its sha256 is {found}, expected {self.sha256}{more}"

    def remedy(self, folder: str | os.PathLike) -> str:
        """What to do by hand, in words."""
        place = Path(folder) / self.name
        if self.member is None:
            return f"fetch {self.url} to {place}"
        return f"fetch {self.url} and put the {self.member} in it to {place}"


def obtain(file: Published, folder: str | os.PathLike) -> Path:
    """The verified file in a folder; downloaded into it where it is not there.

    Raises:
      NotMeasuredError: it is not there and can't be downloaded, or another file comes from the URL.
      InputError: another file is there.
    """
    path = Path(folder) / file.name
    if not path.is_file():
        _download(file, path)
    elif fault := file.differs(path):
        raise InputError(f"{path}: damaged or {fault}; delete it and {file.remedy(folder)}")
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
        raise NotMeasuredError("; and ".join(absent))
    return paths


def held(forms: Iterable[Sequence[str]], folder: Path) -> list[Path]:
    """The files of the first form of which all are in a folder; none where none is.

    Args:
      forms: the names of the files that hold the same weights together, in each way.
      folder: where they may lie.
    """
    for form in forms:
        paths = [folder / name for name in form]
        if all(path.is_file() for path in paths):
            return paths
    return []


def digest(path: Path) -> str:
    """sha256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def work_folder(folder: Path) -> Generator[Path]:
    """A new folder inside of one, so that files move into place in one go; it goes at the end.

    So do those that were made for it, unless something has come into them.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as work:
            yield Path(work)
    finally:
        with contextlib.suppress(OSError):
            for path in made:
                path.rmdir()


def _download(file: Published, path: Path) -> None:
    failures = []
    try:
        with work_folder(path.parent) as work:
            for url in (file.url, *file.mirrors):
                try:
                    os.replace(_fetched(file, url, work, path), path)
                    return
                except (OSError, http.client.HTTPException) as error:
                    failures.append(f"{type(error).__name__}: {error}")
    except OSError as error:
        failures.append(f"{type(error).__name__}: {error}")
    raise NotMeasuredError(
        f"{file.remedy(path.parent)} (the download failed: {'; '.join(failures)})"
    )


def _fetched(file: Published, url: str, work: Path, path: Path) -> Path:
    fetched = work / "fetched"
    with urllib.request.urlopen(url, timeout=TIMEOUT) as answer, fetched.open("wb") as copy:
        announce(f"downloading {url} to {path}, once")
        shutil.copyfileobj(answer, copy, 1 << 20)
    remedy = f"{file.remedy(path.parent)} by other means"
    if file.member is not None:
        try:
            fetched = _unpacked(file.member, fetched, work)
        except (LookupError, zipfile.BadZipFile, zlib.error) as error:
            raise NotMeasuredError(
                f"{url}: cut short or another file ({error}); {remedy}"
            ) from error
    if fault := file.differs(fetched):
        raise NotMeasuredError(f"{url}: cut short or {fault}; {remedy}")
    return fetched


def _unpacked(member: str, archive: Path, work: Path) -> Path:
    with zipfile.ZipFile(archive) as content:
        names = [name for name in content.namelist() if name.endswith(member)]
        if len(names) != 1:
            raise LookupError(f"holds {len(names)} files {member}, expected one")
        with content.open(names[0]) as packed, (work / "unpacked").open("wb") as copy:
            shutil.copyfileobj(packed, copy, 1 << 20)
    return work / "unpacked"
