"""Whose a run directory is, where no file can be locked: in a bucket, on Windows, on some file systems."""

import contextlib
import json
import os
import platform
import sys
import threading
import time
import uuid
from typing import Any

from pgjax.errors import InputError
from pgjax.files import buckets, paths

BEAT = 10.0  # seconds between renewals
LEASE = 60.0  # seconds without one after which a holder is taken to be gone
SETTLE = 1.0  # seconds in which another process may have begun to take the same file
TIMEOUT = 10.0  # seconds that a renewal may take


class _TakenError(Exception):
    """Another process has written meanwhile."""


class _Object:
    """An object of a bucket; its version is its generation, which a write names that it replaces."""

    def __init__(self, path: paths.Path):
        self._path = path
        bucket, self._name = buckets.split(path)
        self._bucket = buckets.client().bucket(bucket)

    def version(self) -> Any:
        found = self._found()
        return None if found is None else found.generation

    def text(self) -> str:
        found = self._found()
        return "" if found is None else found.download_as_text(timeout=TIMEOUT)

    def put(self, text: str, version: Any) -> Any:
        from google.api_core.exceptions import PreconditionFailed

        blob = self._bucket.blob(self._name)
        try:
            blob.upload_from_string(text, if_generation_match=version or 0, timeout=TIMEOUT)
        except PreconditionFailed:
            raise _TakenError from None
        return blob.generation

    def delete(self, version: Any) -> None:
        from google.api_core.exceptions import GoogleAPIError

        blob = self._bucket.blob(self._name)
        with contextlib.suppress(GoogleAPIError, OSError):  # else it ends by itself, later
            blob.delete(if_generation_match=version, timeout=TIMEOUT)

    def told(self) -> contextlib.AbstractContextManager:
        return buckets.told(self._path)

    def _found(self) -> Any:
        return self._bucket.get_blob(self._name, timeout=TIMEOUT)


class _File:
    """A file; its version is what stands in it, which no two writes have in common.

    A write cannot name what it replaces. So the first one looks again after SETTLE seconds whether it was
    the last of several at one time.
    """

    def __init__(self, path: paths.Path):
        self._path, self._first = path, True

    def version(self) -> str | None:
        try:
            return self._path.read_text(encoding="utf-8") or None  # empty: a lock's of before
        except FileNotFoundError:
            return None

    def text(self) -> str:
        return (self.version() or "").partition("\n")[0]

    def put(self, text: str, version: str | None) -> str:
        written = f"{text}\n{uuid.uuid4().hex}\n"
        if self.version() != version:
            raise _TakenError
        paths.write_text(self._path, written)
        if self._first:
            time.sleep(SETTLE)
        self._first = False
        if self.version() != written:
            raise _TakenError
        return written

    def delete(self, version: str) -> None:
        with contextlib.suppress(OSError):
            if self.version() == version:
                self._path.unlink(missing_ok=True)

    def told(self) -> contextlib.AbstractContextManager:
        return contextlib.nullcontext()


class Lease:
    """Holds an object of a bucket, or a file, while a `with` block runs, and renews it every BEAT seconds.

    It is created only where there is none. One that a killed process left behind is taken over after LEASE
    seconds without renewal, by this machine's clock alone.
    """

    def __init__(self, path: paths.Path):
        self._path = path
        self._held = (_Object if paths.in_bucket(path) else _File)(path)
        who = {"host": platform.node(), "pid": os.getpid(), "token": uuid.uuid4().hex}
        self._text = json.dumps(who)
        self._ended = threading.Event()
        self._lost = False

    def __enter__(self) -> "Lease":
        """Takes the object.

        Raises:
          InputError: another process holds it.
        """
        with self._held.told():
            self._version = self._take()
        self._renewed = time.monotonic()
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._ended.set()
        self._thread.join()
        if not self._lost:
            self._held.delete(self._version)

    def check(self) -> None:
        """Raises InputError where another process may have taken over."""
        if self._lost or time.monotonic() - self._renewed > LEASE:
            raise InputError(
                f"{self._path}: "
                + ("another process has taken over" if self._lost else "could not be renewed")
                + "; this one stops, and its run goes on from the last checkpoint"
            )

    def _take(self) -> Any:
        found = self._held.version()
        if found is not None:
            found = self._watched(found)
        try:
            return self._put(found)
        except _TakenError:
            raise self._refusal() from None

    def _watched(self, found: Any) -> Any:
        """What is there once nobody has renewed it for LEASE seconds; None where it is gone."""
        print(
            f"{self._path} is there: waiting {LEASE:.0f} s at most, to see whether its process lives",
            file=sys.stderr,
            flush=True,
        )
        deadline = time.monotonic() + LEASE
        while time.monotonic() < deadline:
            time.sleep(BEAT / 10)
            now = self._held.version()
            if now is None:
                return None
            if now != found:
                raise self._refusal()
        return found

    def _refusal(self) -> InputError:
        return InputError(
            f"another process is training in {self._path.parent}; {self._path} says which"
        )

    def _put(self, version: Any) -> Any:
        """Replaces this version (None: none) and returns the new one."""
        return self._held.put(self._text, version)

    def _keep(self) -> None:
        while not self._ended.wait(BEAT):
            began = time.monotonic()
            try:
                try:
                    self._version = self._put(self._version)
                except _TakenError:
                    if not self._is_ours():
                        self._lost = True
                        return
            except Exception:  # of the network, or the disk: `check` minds the time
                continue
            self._renewed = began

    def _is_ours(self) -> bool:
        """Whether the object is ours after all: the answer to an earlier renewal was lost."""
        version = self._held.version()
        if version is None or self._held.text() != self._text:
            return False
        self._version = version
        return True
