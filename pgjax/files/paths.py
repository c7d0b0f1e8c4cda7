"""Paths that a user names: folders of this machine, or gs://BUCKET/FOLDER on Google Cloud Storage.

The former are pathlib's. The latter are etils' epath's, which orbax writes to as well: most of pathlib,
but nothing is appended, renamed or locked there; see pgjax.files.buckets and pgjax.files.lease.
"""

import functools
import importlib.util
import os
import pathlib
import re
import uuid
from typing import Any

from pgjax.errors import InputError

BUCKET = "gs://"
# Two letters at least: C:\ is a drive. One slash is left where pathlib had a URL in its hands.
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")

# A user's name, or none: other files may be called ~$notes.
_HOME = re.compile(rf"~(?:[A-Za-z_][\w.-]*)?(?=[/{re.escape(os.sep)}]|$)")

Path = Any  # pathlib.Path or epath.Path


def of(path: str | os.PathLike) -> Path:
    """The path that a user names, ~ and ~USER expanded; touches nothing.

    Raises:
      InputError: a URL that is not gs://BUCKET..., or the libraries for it are not installed; or as
        `expanded`.
    """
    text = os.fspath(path)
    if _URL.match(text) is None:
        return local(text)
    if not re.match(rf"{BUCKET}[^/]", text):
        raise InputError(f"{text}: expected a folder, or {BUCKET}BUCKET/FOLDER")
    _prepare()
    from etils import epath

    return epath.Path(text)


def local(path: str | os.PathLike) -> pathlib.Path:
    """A path of this machine, ~ and ~USER expanded. A file that is itself called ~ is ./~.

    Raises:
      InputError: as `expanded`.
    """
    found = pathlib.Path(expanded(os.fspath(path)))
    # Without its ./ it would be taken for a home folder by whoever reads it next.
    return found.absolute() if _HOME.match(str(found)) else found


def expanded(text: str) -> str:
    """A path's text with the home folder in the place of a ~ or ~USER that it begins with.

    Shells do that only where ~ begins a word, not in --workdir=~/runs.

    Raises:
      InputError: there is no such user, nor a file of that name.
    """
    if _HOME.match(text) is None:
        return text
    found = os.path.expanduser(text)
    if found == text and not os.path.exists(text):
        raise InputError(
            f"{text}: no home folder of that name; expected ~/..., ~USER/..., or ./{text} for a file that is "
            "called so"
        )
    return found


def in_bucket(path: Path) -> bool:
    """Whether a path of `of` lies in a bucket."""
    return os.fspath(path).startswith(BUCKET)


@functools.cache
def _prepare() -> None:
    if importlib.util.find_spec("gcsfs") is None:
        raise InputError(f"{BUCKET}: needs gcsfs; install pgjax[gcs]")
    # epath would prefer TensorFlow where that is installed, which takes the accelerator's memory.
    os.environ.setdefault("EPATH_USE_TF", "0")
    os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    import fsspec.config

    # Others write there too: tensorstore, and other hosts.
    fsspec.config.conf.setdefault("gs", {})["use_listings_cache"] = False


def write_bytes(path: Path, data: bytes) -> None:
    """Writes a whole file or nothing: a reader never sees a part of it. Parent folders are made."""
    if in_bucket(path):
        path.write_bytes(data)  # an object appears when it is complete
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # Hosts share folders, and have processes of the same number.
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """As `write_bytes`, in UTF-8."""
    write_bytes(path, text.encode())


def append_text(path: Path, text: str) -> None:
    """Adds to a file, or begins it; an object of a bucket is written anew for that."""
    if in_bucket(path):
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        path.write_text(before + text, encoding="utf-8")
        return
    with open(path, "a", encoding="utf-8", newline="\n") as file:
        file.write(text)
