"""The numbers in tables: of evaluated runs, and of other systems' scored pictures."""

import dataclasses
import json
import pathlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pgjax.errors import InputError
from pgjax.files import buckets, paths
from pgjax.metrics.protocols import OWN
from pgjax.scoring.run_evaluation import RESULT
from pgjax.tools import papers
from pgjax.training import run_directory
from pgjax.training.checkpoint import differences

# What two evaluations must share for their numbers to be comparable; `of` in what a user is told.
PAIRS = ("pairs", "limit", "pairs_from", "pairs_sha256")
EVALUATED = ("step", "noise", "mask_radius", *PAIRS)
MEANT = (
    "mask",
    "frames",
    "seen",
    "ssim",
    "splits",
    "features",
    "scaling",
    "lpips_scaling",
    "reference",
    "fid_batch",
    "lpips_batch",
    "jpeg",
)
"""Fields of a protocol's record that a number follows from."""


@dataclasses.dataclass(frozen=True)
class Run:
    """A finished and evaluated run: its resolved config, and what metrics_PROTOCOL.json holds."""

    folder: pathlib.Path
    config: Mapping[str, Any]
    result: Mapping[str, Any]

    @property
    def row(self) -> str:
        return self.config["row"]


@dataclasses.dataclass(frozen=True)
class Judged:
    """Another system's pictures: what they are called in tables, and what evaluate.py --images wrote."""

    name: str
    path: pathlib.Path
    result: Mapping[str, Any]

    @property
    def dataset(self) -> str:
        return self.result["dataset"]

    @property
    def protocol(self) -> str:
        return self.result["protocol"]["name"]


def read(folder: pathlib.Path, protocol: str = OWN.name) -> Run:
    """A run that was trained to its end and then evaluated under a protocol.

    Raises:
      FileNotFoundError: the folder holds no run.
      InputError: it was not evaluated, or under other protocols, or before its end, or a file is damaged.
    """
    config = run_directory.read_config(folder)
    try:
        stages = sum(stage["steps"] for stage in config["stages"].values())
        total = config.get("total_steps") or stages
        config["row"].partition("/"), config["seed"] + 0
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{folder / run_directory.CONFIG}: not the config of a run") from error
    path = folder / f"metrics_{protocol}.json"  # evaluations under other protocols leave it alone
    if not path.exists():
        path = folder / RESULT
    try:
        result = _read(path, "model", ("step", "noise", "mask_radius", *PAIRS[:3]))
    except FileNotFoundError:
        raise InputError(f"{folder}: no {RESULT}; train it to its end, then evaluate.py") from None
    found = result.get("protocol", {}).get("name", OWN.name)
    if found != protocol:
        raise InputError(
            f"{folder}: evaluated under protocol {found} alone; evaluate.py --workdir={folder} "
            f"--protocol={protocol} scores it under this one, --protocol={found} shows what is there"
        )
    best = (result.get("checkpoint") or {}).get("best")
    if (best["last_step"] if best else result["step"]) != total:
        raise InputError(f"{folder}: evaluated at step {result['step']} of {total}, unfinished")
    return Run(folder, config, result)


def _read(path: pathlib.Path, subject: str, keys: Sequence[str]) -> dict[str, Any]:
    """A result of an evaluation that has a subject's scores.

    Raises:
      FileNotFoundError: no such file.
      InputError: it is something else.
    """
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        missing = [name for name in (*keys, "scores") if name not in result]
        scores = {} if missing else result["scores"][subject]
        result.get("protocol", {}).get("name")
        numbers = {name: float(value) for name, value in scores.items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{path}: not what evaluate.py writes ({error!r})") from error
    if missing or not numbers:
        raise InputError(
            f"{path}: not what evaluate.py writes: no {', '.join(missing) or 'scores'}"
        )
    return result


def read_judged(text: str) -> Judged:
    """Other pictures' scores, from NAME=FILE, or NAME=FOLDER for FOLDER/metrics.json.

    Raises:
      InputError: not of this form, no such file, or something else than what evaluate.py --images writes.
    """
    name, _, rest = text.partition("=")
    if not name or not rest:
        raise InputError(
            f"{text!r}: expected NAME=FOLDER/{RESULT}, as evaluate.py --images writes it"
        )
    path = paths.of(rest)
    if (path / run_directory.CONFIG).exists():
        raise InputError(f"{text}: {path} is a run; give it as it is, without {name}=")
    path = path / RESULT if path.is_dir() else path
    try:
        result = _read(path, "images", ("dataset", "protocol", *PAIRS))
    except FileNotFoundError:
        raise InputError(
            f"{text}: no {path}; evaluate.py --images=FOLDER --dataset=NAME --protocol=NAME writes it"
        ) from None
    return Judged(name, path, result)


def is_judged(text: str) -> bool:
    """Whether an argument is NAME=PATH, and no folder whose name has a "=" in it."""
    return "=" in text and not paths.of(text).exists()


def gather(paper: str, folders: Sequence[pathlib.Path], protocol: str | None = None) -> list[Run]:
    """The usable runs of a paper among folders; see the docstring of tools.table for the others.

    Args:
      paper: its name.
      folders: run directories, or folders of them.
      protocol: the name of that under which they were evaluated; the paper's own unless given.

    Raises:
      InputError: names every folder that is a run and not usable, or neither a run nor holds one.
    """
    protocol = papers.protocol_of(paper, protocol).name
    runs, faults = {}, []
    for folder in folders:
        if (folder / run_directory.CONFIG).exists():
            found, named = [folder], True
        else:
            found, named = [p.parent for p in buckets.find(folder, run_directory.CONFIG)], False
        if not found:
            faults.append(
                f"{folder}: no run in it" if folder.exists() else f"{folder}: no such folder"
            )
        for place in found:
            try:
                run = read(place, protocol)
                if papers.owner(run.config) != paper:
                    raise InputError(f"{place}: {run.row} is not of {paper}")
            except (InputError, OSError) as error:
                if named:
                    faults.append(str(error))
                else:
                    print(f"skipped: {error}", file=sys.stderr)
            else:
                key = place if paths.in_bucket(place) else place.resolve()
                runs[key] = run  # a folder may be named twice
    if faults:
        raise InputError("; ".join(faults))
    return list(runs.values())


def check_seeds(runs: Sequence[Run]) -> None:
    """Refuses a mean over runs that are not seeds of one experiment, evaluated alike."""
    first, *others = runs
    seeds = {first.config["seed"]: first}
    for run in others:
        both = f"{first.folder} and {run.folder}, both {run.row}"
        one, other = (run_directory.fixed(r.config) | {"seed": None} for r in (first, run))
        for key, a, b in differences(one, other):
            raise InputError(f"{both}: config.{key} is {a!r} and {b!r}; no mean of such")
        for key, a, b in _otherwise(first.result, run.result, EVALUATED):
            raise InputError(f"{both}, were evaluated otherwise: {key} {a!r} and {b!r}")
        seed = run.config["seed"]
        if seed in seeds:
            raise InputError(
                f"{seeds[seed].folder} and {run.folder}: both are seed {seed} of {run.row}"
            )
        seeds[seed] = run


def check_judged(judged: Sequence[Judged], runs: Sequence[Run]) -> None:
    """Refuses pictures that were not judged as all else in the table of their data set was.

    Raises:
      InputError: names both, and what differs.
    """
    for number, other in enumerate(judged):
        for beside in (*runs, *judged[:number]):
            where = beside.folder if isinstance(beside, Run) else beside.path
            both = f"{other.name}={other.path} and {where}"
            keys = ("mask_radius", *(key for key in PAIRS if key != "pairs_from"))
            for key, a, b in _otherwise(other.result, beside.result, keys):
                raise InputError(f"{both} cannot share a table: {key} {a!r} and {b!r}")


def _otherwise(
    one: Mapping[str, Any], other: Mapping[str, Any], keys: Sequence[str]
) -> Iterator[tuple[str, Any, Any]]:
    """In what two results were evaluated otherwise; what only one of them tells does not count."""
    for key in keys:
        if key in one and key in other and one[key] != other[key]:
            yield key, one[key], other[key]
    records = (result.get("protocol", {}) for result in (one, other))
    here, there = ({k: r[k] for k in MEANT if k in r} for r in records)
    yield from (
        (f"protocol.{key}", a, b)
        for key, a, b in differences(here, there)
        if a is not None and b is not None
    )
