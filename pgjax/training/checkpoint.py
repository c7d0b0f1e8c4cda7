"""Checkpoints of a run: everything that is needed to go on, never half-read, kept by count."""

import contextlib
import errno
import logging
import math
import os
import shutil
import sys
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from pgjax.errors import DiskFullError, InputError
from pgjax.files import buckets, paths
from pgjax.metrics import METRICS
from pgjax.runtime import hosts
from pgjax.training.state import NetworkState, State

FOLDER = "checkpoints"
DAMAGED = "checkpoints.damaged"
HALF_WRITTEN = "*.orbax-checkpoint-tmp"
COMPLETE = "commit_success.txt"  # orbax's last file of a checkpoint in a bucket
# Orbax and tensorstore tell by the text alone.
_FULL = ("ENOSPC", "EDQUOT", "EFBIG")  # of which not every system has all
FULL = tuple(os.strerror(getattr(errno, name)) for name in _FULL if hasattr(errno, name))


def _unspoken(record: logging.LogRecord) -> bool:
    return "orbax" not in record.pathname + record.getMessage()


# Orbax logs a traceback of every error that it also raises, and that we tell in a line; asyncio adds
# those of the writes beside it.
for _logger in ("absl", "asyncio"):
    logging.getLogger(_logger).addFilter(_unspoken)


class _DamagedError(InputError):
    pass


class Score(NamedTuple):
    """What a metric said of a checkpoint while its run trained, in which stage."""

    metric: str
    value: float
    stage: str


class _Kept:
    """Which checkpoints orbax keeps: the last ones, and the best by a metric where one is named.

    Orbax's own choice by a metric loses the best one after a score of NaN: docs/reference_facts.md, 7.8.
    """

    def __init__(self, count: int, metric: str):
        self._count, self._metric = count, metric
        self._scores: dict[int, Score] = {}

    def add(self, step: int, score: Score) -> None:
        """Knows of a score, if it is by the metric."""
        if score.metric == self._metric:
            self._scores[step] = score

    def best(self, steps: Iterable[int]) -> tuple[int, Score] | None:
        """The best of these steps, and its score; None where no score is known.

        Of the stage that was scored last, since stages differ in generators and losses. Of equals the first.
        """
        scores = {step: self._scores[step] for step in sorted(steps) if step in self._scores}
        if not scores:
            return None
        stage = scores[max(scores)].stage
        sign = 1 if METRICS[self._metric].higher_is_better else -1
        of_stage = [step for step, score in scores.items() if score.stage == stage]
        step = max(of_stage, key=lambda step: sign * scores[step].value)
        return step, scores[step]

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> list[bool]:
        """Orbax asks for each of all checkpoints, the oldest first."""
        del context
        steps = [info.step for info in checkpoints]
        best = self.best(steps)
        kept = {*steps[-self._count :], *([] if best is None else [best[0]])}
        return [step in kept for step in steps]


class Checkpoints:
    """The checkpoints of one run directory, saved in the background.

    Orbax writes into a temporary folder and renames it at the end, so that a run killed in mid-save
    leaves the one before (docs/reference_facts.md, 7.1); in a bucket it writes the file COMPLETE at the end.
    Use as a context manager: leaving waits for the last save. Several hosts make the same calls, and
    write each a part; they share the folder.

    What lies in the way of going on is put aside by the first save, which only the process that trains
    makes: damaged checkpoints newer than the one that was restored move to `workdir/checkpoints.damaged`
    (orbax would save nothing up to their steps; they are not deleted, since a disk that could not be read
    for a moment damages nothing), and what a killed save left behind is removed, for its room.
    """

    def __init__(
        self,
        workdir: str | os.PathLike,
        identity: dict[str, Any],
        keep: int = 3,
        best: str = "",
    ):
        """Opens `workdir/checkpoints`, which the first save creates.

        Args:
          workdir: of the run.
          identity: JSON-like; a checkpoint saved under another identity is refused.
          keep: how many of the latest checkpoints to keep.
          best: the metric by which one more is kept, the best; "" for none.
        """
        import orbax.checkpoint as ocp  # here, so that commands without checkpoints start faster

        self._args = ocp.args
        workdir = paths.of(workdir)
        self.directory = (workdir if paths.in_bucket(workdir) else workdir.absolute()) / FOLDER
        self._identity = identity
        self._damaged: list[int] = []  # newer than what was restored
        self._tidy = False
        self._kept = _Kept(keep, best)
        options = ocp.CheckpointManagerOptions(preservation_policy=self._kept, create=False)
        # Named here, they tell what a checkpoint holds before it is read.
        handlers = {
            "state": ocp.StandardCheckpointHandler(),
            "identity": ocp.JsonCheckpointHandler(),
            "score": ocp.JsonCheckpointHandler(),
        }
        self._manager = ocp.CheckpointManager(
            self.directory, options=options, item_handlers=handlers
        )
        for step in self._manager.all_steps() if best else ():
            self._read_score(step)

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *_) -> None:
        self._manager.close()

    def latest_step(self) -> int | None:
        return self._manager.latest_step()

    def best(self) -> tuple[int, Score] | None:
        """The step that is best by the metric that was asked for, and its score; None if there is none."""
        return self._kept.best(self._manager.all_steps())

    def save(self, state: State, score: Score | None = None) -> None:
        """Saves an unreplicated state under its step, unless that step is saved already.

        Args:
          state: of a run.
          score: what `best` is chosen by; one that is not finite is none.
        """
        step, stored = int(state.step), _without_blanks(jax.tree.map(np.asarray, state))
        if not self._tidy:
            self._put_aside()
        if step in self._manager.all_steps():
            return
        if not paths.in_bucket(self.directory):
            self.directory.mkdir(parents=True, exist_ok=True)
        if hosts.count() > 1:
            # Of the hosts' own arrays orbax would not know that they are the same:
            # docs/reference_facts.md, 7.2.
            stored = hosts.shared(stored)
        items: dict[str, Any] = {
            "state": self._args.StandardSave(stored),
            "identity": self._args.JsonSave(self._identity),
        }
        if score is not None and math.isfinite(score.value):
            items["score"] = self._args.JsonSave(score._asdict())
            self._kept.add(step, score)
        self._manager.save(step, args=self._args.Composite(**items))

    def restore(self, like: State, step: int | None = None, first: int | None = None) -> State:
        """Restores a step, the latest that can be read unless said, as numpy arrays shaped as `like`.

        A line on standard error names each checkpoint that is damaged, and the step that is taken in its
        place. Nothing is moved or removed.

        Args:
          like: its shapes and types.
          step: to take, and no other.
          first: to try before the latest, where no step is said.

        Raises:
          FileNotFoundError: there is no checkpoint, or not of that step.
          InputError: it belongs to another row, its arrays are not those of `like` by name, shape and type,
            or it is damaged and so are all others.
        """
        saved = sorted(self._manager.all_steps(), reverse=True)
        if step is None:
            steps = sorted(saved, key=lambda found: found != first)
        else:
            steps = [found for found in saved if found == step]
        if not steps:
            wanted = "checkpoint" if step is None else f"checkpoint of step {step}"
            there = f"; there are {', '.join(map(str, saved[::-1]))}" if saved else ""
            raise FileNotFoundError(f"no {wanted} in {self.directory}{there}")
        faults = []
        for found in steps:
            try:
                state = self._restore(self.directory / str(found), like)
            except _DamagedError as error:
                faults.append(error)
            else:
                break
        else:
            raise InputError(
                f"no checkpoint can be read: {'; '.join(map(str, faults))}; another --workdir starts anew"
            ) from faults[0]
        for fault in faults:
            print(f"warning: {fault}; going on from step {found}", file=sys.stderr, flush=True)
        self._damaged = [tried for tried in steps[: len(faults)] if tried > found]
        return state

    def _restore(self, where: paths.Path, like: State) -> State:
        saved = self._read(where, identity=self._args.JsonRestore())
        difference = first_difference(saved, self._identity)
        if difference is not None:
            key, theirs, ours = difference
            raise InputError(
                f"checkpoint {where} is of another run: {key} is {theirs!r} there and {ours!r} here"
            )
        blank = _without_blanks(jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), like))
        with _telling_damage(where, "state"):
            stored = self._manager.item_metadata(int(where.name))["state"].tree
        # Orbax would give arrays of another shape as they are, and cast those of another type.
        difference = first_difference(_described(stored), _described(blank))
        if difference is not None:
            name, theirs, ours = difference
            raise InputError(
                f"checkpoint {where} is of other networks: {name} is {theirs or 'not there'}, "
                f"expected {ours or 'nothing of that name'}"
            )
        restored = self._read(where, state=self._args.StandardRestore(blank))
        networks = {name: NetworkState(**fields) for name, fields in restored["networks"].items()}
        return jax.tree.map(np.asarray, State(**restored | {"networks": networks}))

    def _read(self, where: paths.Path, **item: Any) -> Any:
        (name,) = item
        with _telling_damage(where, name):
            return self._manager.restore(int(where.name), args=self._args.Composite(**item))[name]

    def _read_score(self, step: int) -> None:
        where = self.directory / str(step)
        if not (where / "score").exists():
            return
        with contextlib.suppress(_DamagedError):  # whoever reads the state is told
            self._kept.add(step, Score(**self._read(where, score=self._args.JsonRestore())))

    def _put_aside(self) -> None:
        if hosts.first():
            self._clear()
        hosts.wait("damaged checkpoints are put aside")
        if self._damaged:
            self._manager.reload()
        self._tidy = True

    def _clear(self) -> None:
        in_bucket = paths.in_bucket(self.directory)
        if in_bucket:
            whole = saved_steps(self.directory.parent)
            for left in self.directory.glob("*"):
                if left.name.isdecimal() and int(left.name) not in whole:
                    buckets.remove(left)
        else:
            for left in self.directory.glob(HALF_WRITTEN):
                shutil.rmtree(left)
        aside = self.directory.with_name(DAMAGED)
        for step in self._damaged:
            count = len(list(aside.glob(f"{step}*")))
            where, there = self.directory / str(step), f"{step}{f'.{count}' if count else ''}"
            if in_bucket:
                buckets.move(where, aside / there)
            else:
                aside.mkdir(exist_ok=True)
                where.rename(aside / there)


@contextlib.contextmanager
def _telling_damage(where: paths.Path, name: str) -> Generator[None]:
    try:
        yield
    except Exception as error:  # orbax and tensorstore raise many kinds
        raise _DamagedError(
            f"checkpoint {where} is damaged or incomplete: its {name} cannot be read "
            f"({type(error).__name__})"
        ) from error


def _described(tree: Any) -> dict[str, str]:
    """Type and shape of every array in a tree, by its dotted name."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {
        jax.tree_util.keystr(path, simple=True, separator="."): f"{np.dtype(x.dtype)} {x.shape}"
        for path, x in leaves
    }


def saved_steps(workdir: str | os.PathLike) -> list[int]:
    """The steps whose checkpoints are whole by their names, in order; asks neither orbax nor JAX."""
    folder = paths.of(workdir) / FOLDER
    if paths.in_bucket(folder):
        names = (path.parent.name for path in folder.glob(f"*/{COMPLETE}"))
    else:
        names = (path.name for path in folder.glob("*"))
    return sorted(int(name) for name in names if name.isdecimal())


@contextlib.contextmanager
def need_room(workdir: str | os.PathLike) -> Generator[None]:
    """Says where a run goes on when there was no room for what the block writes.

    Raises:
      DiskFullError: in the place of any error that a full disk caused, orbax's late ones too.
    """
    try:
        yield
    except Exception as error:
        reason = _full(error)
        if reason is None:
            raise
        steps = saved_steps(workdir)
        good = (
            f"the last good checkpoint is of step {steps[-1]}" if steps else "nothing is saved yet"
        )
        raise DiskFullError(
            f"{workdir}: {reason}; {good}, and the same command goes on when there is room"
        ) from error


def _full(error: BaseException | None) -> str | None:
    while error is not None:
        for reason in FULL:
            if reason in str(error):
                return reason
        error = error.__cause__ or error.__context__
    return None


def _without_blanks(state: State) -> dict[str, Any]:
    """The state as it is stored: what there is none of, such as pools or a network's vectors, is left out.

    So it is in checkpoints from before there were any, which can be read for that reason.
    """

    def stored(record: State | NetworkState) -> dict[str, Any]:
        blank = record._field_defaults
        return {key: x for key, x in record._asdict().items() if key not in blank or x}

    networks = {name: stored(network) for name, network in state.networks.items()}
    return stored(state) | {"networks": networks}


def differences(a: Any, b: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Every key, dotted, in which two JSON-like values differ, with both values; None = absent."""
    if isinstance(a, dict) and isinstance(b, dict):
        for name in sorted({*a, *b}, key=lambda name: (name != "row", name)):
            yield from differences(a.get(name), b.get(name), f"{key}.{name}" if key else name)
    elif a != b:
        yield key, a, b


def first_difference(a: Any, b: Any) -> tuple[str, Any, Any] | None:
    """The first of `differences`, None if there is none."""
    return next(differences(a, b), None)
