"""A run directory: whose it is, where it ran, and what it logged. Nothing of another run is touched."""

import contextlib
import fcntl
import json
import os
import pathlib
import platform
import subprocess
import time
from collections.abc import Iterator
from importlib import metadata
from typing import Any

import jax
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.record_writer import RecordWriter
from tensorboardX.summary import scalar

from pgjax.checkpoint import first_difference
from pgjax.errors import InputError

CONFIG = "config.json"
# What may change between two starts of one run: no step depends on it.
FREE = (
    "total_steps",
    "report",
    "evaluation",
    "published",
    "published_in",
    "data.memory_limit_gb",
    "compute.images",
)
LOCK = ".lock"
PACKAGES = ("pgjax", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")


def plain(config: Any) -> dict[str, Any]:
    """A config as JSON knows it (tuples become lists)."""
    values = config.to_dict() if hasattr(config, "to_dict") else dict(config)
    return json.loads(json.dumps(values))


def identity(config: Any) -> dict[str, Any]:
    """What a checkpoint must share with the run that reads it: the row and its networks."""
    values = plain(config)
    return {"row": values["row"], "networks": values["networks"]}


def write_text(path: pathlib.Path, text: str) -> None:
    """Writes a whole file or nothing."""
    temporary = path.with_name(f".{path.name}.partial")
    temporary.write_text(text)
    os.replace(temporary, path)


def check(workdir: str | pathlib.Path, config: Any) -> None:
    """Refuses a run directory that is not this run's; writes nothing.

    Raises:
      InputError: the directory holds another run, or files that are no run's.
    """
    workdir, values = pathlib.Path(workdir), plain(config)
    if (workdir / CONFIG).exists():
        difference = first_difference(fixed(read_config(workdir)), fixed(values))
        if difference is not None:
            key, theirs, ours = difference
            raise InputError(
                f"{workdir} already holds another run: config.{key} is {theirs!r} there and {ours!r} "
                "here; choose another --workdir, or remove that one"
            )
    elif workdir.exists() and (not workdir.is_dir() or any(map(_foreign, workdir.iterdir()))):
        raise InputError(
            f"{workdir} is not an empty directory and holds no run; choose another --workdir"
        )


def fixed(values: dict[str, Any]) -> dict[str, Any]:
    """A plain config without what is FREE."""
    values = json.loads(json.dumps(values))
    for path in FREE:
        *parents, last = path.split(".")
        inner = values
        for name in parents:
            inner = inner.get(name, {})
        inner.pop(last, None)
    return values


def _foreign(path: pathlib.Path) -> bool:
    # A start that was killed may have left these.
    return path.name not in (LOCK, f".{CONFIG}.partial")


@contextlib.contextmanager
def open_run(workdir: str | pathlib.Path, config: Any) -> Iterator[pathlib.Path]:
    """Claims a run directory after `check`, for one process at a time.

    Writes config.json (resolved) and appends to environment.jsonl.

    Raises:
      InputError: as `check`, or another process trains in this directory now.
    """
    check(workdir, config)
    workdir = pathlib.Path(workdir)
    workdir.mkdir(parents=True, exist_ok=True)
    with open(workdir / LOCK, "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"another process is training in {workdir}") from None
        write_text(workdir / CONFIG, json.dumps(plain(config), indent=2) + "\n")
        with open(workdir / "environment.jsonl", "a") as file:
            file.write(json.dumps(environment()) + "\n")
        yield workdir


def read_config(workdir: str | pathlib.Path) -> dict[str, Any]:
    """The resolved config of a run.

    Raises:
      FileNotFoundError: the directory holds no run.
      InputError: the file is damaged.
    """
    path = pathlib.Path(workdir) / CONFIG
    if not path.is_file():
        raise FileNotFoundError(f"{workdir} holds no run: there is no {CONFIG} in it")
    try:
        values = json.loads(path.read_text())
    except ValueError as error:
        raise InputError(f"{path}: not JSON: {error}") from error
    if not isinstance(values, dict) or not {"row", "networks"} <= values.keys():
        raise InputError(f"{path}: not the config of a run")
    return values


def environment() -> dict[str, Any]:
    """Where a run runs: versions, devices, and the git revision of the code where it is in git."""
    here = pathlib.Path(__file__).resolve().parent
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in PACKAGES},
        "devices": [d.device_kind for d in jax.devices()],
        "git_revision": _git(here, "rev-parse", "HEAD"),
        "git_changes": _git(here, "status", "--porcelain"),
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _git(folder: pathlib.Path, *args: str) -> str | None:
    def run(*args):
        return subprocess.run(
            ["git", *args], cwd=folder, capture_output=True, text=True, timeout=10, check=True
        )

    try:
        # Installed into another project's tree, the package must not report that one.
        run("ls-files", "--error-unmatch", "__init__.py")
        done = run(*args)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


class Logbook:
    """metrics.jsonl and TensorBoard events of a run, continued at `step`.

    Lines of steps after `step` (a killed run may have logged past its last checkpoint) and a
    half-written last line are dropped, so that every step stands once.

    Raises:
      InputError: a line before the last is damaged.
    """

    def __init__(self, workdir: pathlib.Path, step: int):
        path = workdir / "metrics.jsonl"
        kept = [line for line in _lines(path) if line["step"] <= step]
        write_text(path, "".join(json.dumps(line) + "\n" for line in kept))
        folder = workdir / "tensorboard"
        folder.mkdir(exist_ok=True)
        self._file = path.open("a")
        # Not SummaryWriter: its thread dies of a full disk, and who then logs waits for it for ever.
        name = f"events.out.tfevents.{time.time():.0f}.{platform.node()}.{step}"
        self._events = RecordWriter(str(folder / name))
        self._event(0, file_version="brain.Event:2")
        # What a killed run logged after `step` is hidden.
        self._event(step + 1, session_log=SessionLog(status=SessionLog.START))

    def __enter__(self) -> "Logbook":
        return self

    def __exit__(self, *_) -> None:
        try:
            self._file.close()
        finally:
            self._events.close()

    def write(self, step: int, values: dict[str, float]) -> None:
        """Appends one line {"step": step, name: value, ...}."""
        self._file.write(json.dumps({"step": step, **values}) + "\n")
        self._file.flush()
        for name, value in values.items():
            self._event(step, summary=scalar(name, value))
        self._events.flush()

    def _event(self, step: int, **what: Any) -> None:
        self._events.write(Event(wall_time=time.time(), step=step, **what).SerializeToString())


def _lines(path: pathlib.Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    lines = []
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
        lines.append(line)
    return lines
