"""Whose a run directory in a bucket is: one process's at a time, though no file can be locked there."""

import contextlib
import json
import os
import platform
import sys
import threading
import time
import uuid
from typing import Any

from pgjax import buckets, paths
from pgjax.errors import InputError

BEAT = 10.0  # seconds between renewals
LEASE = 60.0  # seconds without one after which a holder is taken to be gone
TIMEOUT = 10.0  # seconds that a renewal may take


class Lease:
    """Holds an object of a bucket while a `with` block runs, and renews it every BEAT seconds.

    The object is created only where there is none. One that a killed process left behind is taken over
    after LEASE seconds without renewal, by this machine's clock alone. Every write names the generation
    (the version) that it replaces, so that of two processes one fails.
    """

    def __init__(self, path: paths.Path):
        self._path = path
        bucket, self._name = buckets.split(path)
        self._bucket = buckets.client().bucket(bucket)
        who = {"host": platform.node(), "pid": os.getpid(), "token": uuid.uuid4().hex}
        self._text = json.dumps(who)
        self._ended = threading.Event()
        self._lost = False

    def __enter__(self) -> "Lease":
        """Takes the object.

        Raises:
          InputError: another process holds it.
        """
        with buckets.told(self._path):
            self._generation = self._take()
        self._renewed = time.monotonic()
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        from google.api_core.exceptions import GoogleAPIError

        self._ended.set()
        self._thread.join()
        if not self._lost:
            blob = self._bucket.blob(self._name)
            with contextlib.suppress(GoogleAPIError, OSError):  # else it ends by itself, later
                blob.delete(if_generation_match=self._generation, timeout=TIMEOUT)

    def check(self) -> None:
        """Raises InputError where another process may have taken over."""
        if self._lost or time.monotonic() - self._renewed > LEASE:
            raise InputError(
                f"{self._path}: "
                + ("another process has taken over" if self._lost else "could not be renewed")
                + "; this one stops, and its run goes on from the last checkpoint"
            )

    def _take(self) -> int:
        from google.api_core.exceptions import PreconditionFailed

        found = self._bucket.get_blob(self._name, timeout=TIMEOUT)
        if found is not None:
            found = self._watched(found)
        try:
            return self._put(0 if found is None else found.generation)
        except PreconditionFailed:
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
            now = self._bucket.get_blob(self._name, timeout=TIMEOUT)
            if now is None:
                return None
            if now.generation != found.generation:
                raise self._refusal()
        return found

    def _refusal(self) -> InputError:
        return InputError(
            f"another process is training in {self._path.parent}; {self._path} says which"
        )

    def _put(self, generation: int) -> int:
        """Replaces this generation (0: none) and returns the new one."""
        blob = self._bucket.blob(self._name)
        blob.upload_from_string(self._text, if_generation_match=generation, timeout=TIMEOUT)
        return blob.generation

    def _keep(self) -> None:
        from google.api_core.exceptions import PreconditionFailed

        while not self._ended.wait(BEAT):
            began = time.monotonic()
            try:
                try:
                    self._generation = self._put(self._generation)
                except PreconditionFailed:
                    if not self._is_ours():
                        self._lost = True
                        return
            except Exception:  # of the network: `check` minds the time
                continue
            self._renewed = began

    def _is_ours(self) -> bool:
        """Whether the object is ours after all: the answer to an earlier renewal was lost."""
        found = self._bucket.get_blob(self._name, timeout=TIMEOUT)
        if found is None or found.download_as_text(timeout=TIMEOUT) != self._text:
            return False
        self._generation = found.generation
        return True
