"""What a run logs: metrics.jsonl and TensorBoard events in its directory."""

import json
import pathlib
import platform
import tempfile
import time
from collections.abc import Callable
from typing import Any

# Protobuf makes both when it is imported.
from tensorboardX.proto.event_pb2 import (
    Event,  # ty: ignore[missing-module-member]
    SessionLog,  # ty: ignore[missing-module-member]
)
from tensorboardX.record_writer import RecordWriter
from tensorboardX.summary import scalar

from pgjax.errors import InputError
from pgjax.files import buckets, paths

METRICS, EVENTS = "metrics.jsonl", "tensorboard"
PERIOD = 30.0  # seconds after which a bucket gets what is new


class Logbook:
    """metrics.jsonl and TensorBoard events of a run, continued at `step`.

    `metrics` is the path of the file of this machine that the lines go to.

    Lines of steps after `step` (a killed run may have logged past its last checkpoint) and a
    half-written last line are dropped, so that every step stands once.

    Raises:
      InputError: a line before the last is damaged.
    """

    def __init__(
        self, workdir: paths.Path, step: int, check_claim: Callable[[], None] = lambda: None
    ):
        self._check_claim, self._workdir = check_claim, workdir
        kept = [line for line in lines(workdir / METRICS) if line["step"] <= step]
        self._beside, folder = None, workdir
        if paths.in_bucket(workdir):
            # Nothing can be appended to there: written here, and copied.
            self._beside = tempfile.TemporaryDirectory(prefix="pgjax-log-")
            folder = pathlib.Path(self._beside.name)
        self.metrics: paths.Path = folder / METRICS
        paths.write_text(self.metrics, "".join(json.dumps(line) + "\n" for line in kept))
        (folder / EVENTS).mkdir(exist_ok=True)
        self._folder, self._file = (
            folder,
            self.metrics.open("a", encoding="utf-8", newline="\n"),
        )
        # Not SummaryWriter: its thread dies of a full disk, and who then logs waits for it for ever.
        name = f"events.out.tfevents.{time.time():.0f}.{platform.node()}.{step}"
        self._events = RecordWriter(str(folder / EVENTS / name))
        self._event(0, file_version="brain.Event:2")
        # What a killed run logged after `step` is hidden.
        self._event(step + 1, session_log=SessionLog(status=SessionLog.START))
        self.publish()

    def __enter__(self) -> "Logbook":
        return self

    def __exit__(self, *_) -> None:
        try:
            self._file.close()
        finally:
            self._events.close()
            self.publish()
            if self._beside is not None:
                self._beside.cleanup()

    def write(self, step: int, values: dict[str, float]) -> None:
        """Appends one line {"step": step, name: value, ...}."""
        self._file.write(json.dumps({"step": step, **values}) + "\n")
        self._file.flush()
        for name, value in values.items():
            self._event(step, summary=scalar(name, value))
        self._events.flush()
        if time.monotonic() - self._published > PERIOD:
            self.publish()

    def publish(self) -> None:
        """Copies what is new into the run's bucket; a directory of this machine holds it already.

        A checkpoint that is saved after it finds all lines up to its step when a killed run goes on.

        Raises:
          InputError: another process has taken the run over.
        """
        self._check_claim()
        self._published = time.monotonic()
        if self._beside is not None:
            buckets.upload(self._folder, self._workdir)

    def _event(self, step: int, **what: Any) -> None:
        self._events.write(Event(wall_time=time.time(), step=step, **what).SerializeToString())


def lines(path: paths.Path) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl, {"step": step, name: value, ...}; none where there is no such file.

    A half-written last line is left out.

    Raises:
      InputError: a line before the last is damaged.
    """
    if not path.exists():
        return []
    found = []
    texts = path.read_bytes().splitlines()
    for number, text in enumerate(texts, 1):
        try:
            line = json.loads(text)
            line["step"] + 0
        except (ValueError, TypeError, KeyError) as error:
            if number == len(texts):
                break
            raise InputError(
                f"{path}, line {number}: not a line of a log; mend or remove it"
            ) from error
        found.append(line)
    return found
