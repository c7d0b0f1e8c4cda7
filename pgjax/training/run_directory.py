"""A run directory: whose it is and where it ran. Nothing of another run is touched."""

import contextlib
import json
import os
import pathlib
import platform
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping
from importlib import metadata
from typing import Any

import jax

from pgjax import __version__
from pgjax.errors import InputError
from pgjax.files import buckets, config_files, folders, lease, locks, paths
from pgjax.files.lease import Lease
from pgjax.files.paths import append_text, write_text
from pgjax.training.checkpoint import first_difference

CONFIG = "config.json"
REPORT = "report.html"  # of pgjax.tools.reports
# What may change between two starts of one run: no step depends on it.
FREE = (
    "total_steps",
    "report",
    "evaluation",
    "published",
    "published_in",
    "protocol",
    "data.memory_limit_gb",
    "compute.images",
)
# What configs did not say before, and its value then.
SINCE = {"ema": 0.0}
LOCK = ".lock"
PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")


def plain(config: Any) -> dict[str, Any]:
    """A config as JSON knows it (tuples become lists)."""
    values = config.to_dict() if hasattr(config, "to_dict") else dict(config)
    return json.loads(json.dumps(values))


def identity(config: Any) -> dict[str, Any]:
    """What a checkpoint must share with the run that reads it: the row and its networks."""
    values = plain(config)
    return {"row": values["row"], "networks": values["networks"]}


def check(workdir: str | os.PathLike, config: Any) -> None:
    """Refuses a run directory that is not this run's; writes nothing.

    Raises:
      InputError: the directory holds another run, or files that are no run's, or it lies in a bucket
        that cannot be read.
    """
    workdir, values = paths.of(workdir), plain(config)
    buckets.check(workdir)
    foreign = workdir.exists() and (not workdir.is_dir() or any(map(_foreign, workdir.iterdir())))
    # Looked for after the others: a run that begins just now writes it before all of them.
    if (workdir / CONFIG).exists():
        difference = first_difference(fixed(read_config(workdir)), fixed(values))
        if difference is not None:
            key, theirs, ours = difference
            raise InputError(
                f"{workdir} already holds another run: config.{key} is {theirs!r} there and {ours!r} "
                "here; choose another --workdir, or remove that one"
            )
    elif foreign:
        raise InputError(
            f"{workdir} is not an empty directory and holds no run; choose another --workdir"
        )


def fixed(values: Mapping[str, Any]) -> dict[str, Any]:
    """A plain config without what is FREE, whole where it is of a version before."""
    values = json.loads(json.dumps(values))
    for path in FREE:
        *parents, last = path.split(".")
        inner = values
        for name in parents:
            inner = inner.get(name, {})
        inner.pop(last, None)
    return SINCE | values


def _foreign(path: paths.Path) -> bool:
    # A start that was killed may have left these.
    ours = path.name == LOCK or path.name.startswith((f".{CONFIG}.", f".{LOCK}."))
    return not ours and not folders.is_of_system(path.name)


@contextlib.contextmanager
def open_run(workdir: str | os.PathLike, config: Any) -> Generator[Callable[[], None]]:
    """Claims a run directory after `check`, for one process at a time.

    Writes config.json (resolved) and appends to environment.jsonl.

    Yields:
      What raises InputError where the claim may be lost, as can be only where nothing can be locked
      (pgjax.files.lease): in a bucket, on Windows, on some file systems.

    Raises:
      InputError: as `check`, or another process trains in this directory now.
    """
    check(workdir, config)
    workdir = paths.of(workdir)
    with _claimed(workdir) as check_claim:
        write_text(workdir / CONFIG, json.dumps(plain(config), indent=2) + "\n")
        append_text(workdir / "environment.jsonl", json.dumps(environment()) + "\n")
        yield check_claim


@contextlib.contextmanager
def _claimed(workdir: paths.Path) -> Generator[Callable[[], None]]:
    if paths.in_bucket(workdir):
        with Lease(workdir / LOCK) as claim:
            yield claim.check
        return
    workdir.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locks.held(workdir / LOCK, wait=False))
            check_claim = _nothing
        except BlockingIOError:
            raise InputError(f"another process is training in {workdir}") from None
        except locks.NoLocksError as error:
            print(
                f"warning: {workdir}: {error}; the run renews its claim, {LOCK}, every {lease.BEAT:.0f} s "
                f"instead, and after a kill its next start waits for {lease.LEASE:.0f} s",
                file=sys.stderr,
                flush=True,
            )
            check_claim = stack.enter_context(Lease(workdir / LOCK)).check
        yield check_claim


def _nothing() -> None:
    """Checks the claim of who holds a lock: it cannot be lost."""


def read_config(workdir: str | os.PathLike) -> dict[str, Any]:
    """The resolved config of a run.

    Raises:
      FileNotFoundError: the directory holds no run.
      InputError: the file is damaged.
    """
    path = paths.of(workdir) / CONFIG
    buckets.check(path)
    if not path.is_file():
        why = f"there is no {CONFIG} in it" if path.parent.is_dir() else "there is no such folder"
        raise FileNotFoundError(f"{workdir} holds no run: {why}")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: not JSON: {error}") from error
    if not isinstance(values, dict) or not {"row", "networks"} <= values.keys():
        raise InputError(f"{path}: not the config of a run")
    return values


def environment() -> dict[str, Any]:
    """Where a run runs: versions, devices, and the git revision of the code where it is in git."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {"pgjax": __version__} | {name: _version(name) for name in PACKAGES},
        "devices": [d.device_kind for d in jax.devices()],
        "git_revision": _git(config_files.PACKAGE, "rev-parse", "HEAD"),
        "git_changes": _git(config_files.PACKAGE, "status", "--porcelain"),
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
