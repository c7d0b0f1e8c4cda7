"""What Google's own client does on gs:// paths: local copies, verified; uploads; moves; clear errors."""

import base64
import contextlib
import functools
import os
import pathlib
import tempfile
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pgjax.errors import InputError
from pgjax.files import locks, paths
from pgjax.progress import announce

THREADS = 16
TIMEOUT = 30.0  # seconds that a request may take; it is repeated where that makes sense


@functools.cache
def client() -> Any:
    """Google's client, with the credentials of this machine; STORAGE_EMULATOR_HOST is minded."""
    from google.cloud import storage

    return storage.Client()


def split(path: paths.Path) -> tuple[str, str]:
    """Bucket and name of gs://BUCKET/NAME."""
    bucket, _, name = os.fspath(path).removeprefix(paths.BUCKET).partition("/")
    return bucket, name.strip("/")


@contextlib.contextmanager
def told(path: paths.Path) -> Generator[None]:
    """Says in one line what Google's client says of a path.

    Raises:
      InputError: in the place of its errors: no credentials, no such bucket, no permission, ...
    """
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError

    try:
        yield
    except (GoogleAPIError, GoogleAuthError) as error:
        raise InputError(f"{path}: {type(error).__name__}: {error}") from error


def check(path: paths.Path) -> None:
    """Raises InputError where a path lies in a bucket that cannot be read."""
    if paths.in_bucket(path):
        bucket, name = split(path)
        with told(path):
            list(client().list_blobs(bucket, prefix=name, max_results=1, timeout=TIMEOUT))


def local(path: paths.Path) -> pathlib.Path:
    """Where the local copy of a path lies, if it lies in a bucket; else the path itself."""
    if not paths.in_bucket(path):
        return paths.local(path)
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path("~/.cache").expanduser()
    return pathlib.Path(cache, "pgjax", "buckets", *split(path))


def fetch(folder: paths.Path) -> pathlib.Path:
    """A local folder that holds what a folder holds: of a bucket, a copy that is brought up to date.

    Files whose size and CRC32C are the bucket's are kept, all others fetched; one that is in place is
    whole. Processes of one machine take turns. What lies in the copy alone stays there.

    Raises:
      InputError: the bucket cannot be read, or what comes is not what it says it holds.
    """
    place = local(folder)
    if not paths.in_bucket(folder):
        return place
    bucket, name = split(folder)
    prefix = f"{name}/" if name else ""
    with told(folder), ThreadPoolExecutor(THREADS) as pool:
        blobs = client().list_blobs(bucket, prefix=prefix, timeout=TIMEOUT)
        # A name that ends in / stands for an empty folder.
        wanted = {place / b.name[len(prefix) :]: b for b in blobs if not b.name.endswith("/")}
        for file in wanted:
            if ".." in file.relative_to(place).parts:
                raise InputError(f"{folder}: refusing the name {wanted[file].name!r}")
        place.mkdir(parents=True, exist_ok=True)
        with locked(place.with_name(f".{place.name}.lock")):
            same = pool.map(_is_same, wanted, wanted.values())
            missing = [file for file, kept in zip(wanted, same, strict=True) if not kept]
            if missing:
                size = sum(wanted[file].size for file in missing) / 1e6
                announce(f"fetching {folder} into {place}: {len(missing)} files, {size:.1f} MB")
            list(pool.map(lambda file: _fetch(wanted[file], file), missing))
    return place


def _is_same(file: pathlib.Path, blob: Any) -> bool:
    return file.is_file() and file.stat().st_size == blob.size and crc32c(file) == blob.crc32c


def crc32c(file: pathlib.Path) -> str:
    """A file's checksum as the bucket gives it: base64 of four bytes."""
    import google_crc32c

    total = google_crc32c.Checksum()
    with open(file, "rb") as opened:
        while piece := opened.read(1 << 20):
            total.update(piece)
    return base64.b64encode(total.digest()).decode()


def _fetch(blob: Any, file: pathlib.Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=file.parent) as work:
        fetched = pathlib.Path(work, file.name)
        blob.download_to_filename(str(fetched), timeout=TIMEOUT)
        if not _is_same(fetched, blob):
            raise InputError(
                f"{paths.BUCKET}{blob.bucket.name}/{blob.name}: changed or damaged while it was fetched; "
                "the same command fetches it again"
            )
        os.replace(fetched, file)


def upload(source: pathlib.Path, target: paths.Path, last: str | None = None) -> None:
    """Copies a local file, or a folder's files, into a bucket; the file named `last` after all others.

    Raises:
      InputError: the bucket cannot be written.
    """
    bucket, name = split(target)
    if source.is_file():
        files = {source: name}
    else:
        found = (file for file in source.rglob("*") if file.is_file())
        files = {file: f"{name}/{file.relative_to(source).as_posix()}" for file in found}
    goal = client().bucket(bucket)

    def put(file: pathlib.Path) -> None:
        goal.blob(files[file]).upload_from_filename(
            str(file), timeout=TIMEOUT, checksum="crc32c", retry=_retry()
        )

    with told(target), ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(put, (file for file in files if file.name != last)))
        list(pool.map(put, (file for file in files if file.name == last)))


def _retry() -> Any:
    # The same bytes once more do no harm; the client's own default does not know that.
    from google.cloud.storage.retry import DEFAULT_RETRY

    return DEFAULT_RETRY


def move(source: paths.Path, target: paths.Path) -> None:
    """Moves a folder within a bucket: nothing is deleted before all is copied."""
    bucket, name = split(source)
    _, new = split(target)
    home = client().bucket(bucket)
    with told(source):
        blobs = list(client().list_blobs(bucket, prefix=f"{name}/", timeout=TIMEOUT))
        for blob in blobs:
            home.copy_blob(blob, home, new + blob.name.removeprefix(name), retry=_retry())
        remove(source)


def remove(folder: paths.Path) -> None:
    """Deletes a folder of a bucket and all in it."""
    bucket, name = split(folder)
    with told(folder):
        for blob in client().list_blobs(bucket, prefix=f"{name}/", timeout=TIMEOUT):
            blob.delete(retry=_retry())


def find(folder: paths.Path, name: str) -> list[paths.Path]:
    """All files of that name in a folder, of whatever kind, and below it; in order."""
    if not paths.in_bucket(folder):
        return sorted(folder.rglob(name))
    bucket, below = split(folder)
    with told(folder):
        blobs = client().list_blobs(bucket, prefix=f"{below}/", timeout=TIMEOUT)
        found = (blob.name.removeprefix(f"{below}/") for blob in blobs)
        return sorted(folder / file for file in found if file.rpartition("/")[2] == name)


@contextlib.contextmanager
def locked(path: pathlib.Path) -> Generator[None]:
    """Holds a lock of this machine that ends with the process, where there are locks."""
    with contextlib.ExitStack() as stack:
        # Without, what two processes fetch is fetched twice: every file appears when it is whole.
        with contextlib.suppress(locks.NoLocksError):
            stack.enter_context(locks.held(path, wait=True))
        yield
