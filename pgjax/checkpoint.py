"""Checkpoints of a run: everything that is needed to go on, never half-read, kept by count."""

import pathlib
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from pgjax.errors import InputError
from pgjax.state import NetworkState, State


class Checkpoints:
    """The checkpoints of one run directory, saved in the background.

    Orbax writes into a temporary folder and renames it at the end, so that a run killed in mid-save
    leaves the one before (stack facts, F). Use as a context manager: leaving waits for the last save.
    """

    def __init__(self, workdir: str | pathlib.Path, identity: dict[str, Any], keep: int = 3):
        """Opens `workdir/checkpoints`, which the first save creates.

        Args:
          workdir: of the run.
          identity: JSON-like; a checkpoint saved under another identity is refused.
          keep: how many checkpoints to keep.
        """
        self.directory = pathlib.Path(workdir).absolute() / "checkpoints"
        self._identity = identity
        options = ocp.CheckpointManagerOptions(max_to_keep=keep, create=False)
        self._manager = ocp.CheckpointManager(self.directory, options=options)

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *_) -> None:
        self._manager.close()

    def latest_step(self) -> int | None:
        return self._manager.latest_step()

    def save(self, state: State) -> None:
        """Saves an unreplicated state under its step, unless that step is saved already."""
        state = _without_blanks(jax.tree.map(np.asarray, state))
        if int(state.step) in self._manager.all_steps():
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        args = ocp.args.Composite(
            state=ocp.args.StandardSave(state), identity=ocp.args.JsonSave(self._identity)
        )
        self._manager.save(int(state.step), args=args)

    def restore(self, like: State, step: int | None = None) -> State:
        """Restores a step, the latest unless said, as numpy arrays shaped as `like`.

        Raises:
          FileNotFoundError: there is no checkpoint, or not of that step.
          InputError: it belongs to another row, its networks differ from this recipe's, or it is
            damaged.
        """
        step = self.latest_step() if step is None else step
        if step is None or step not in self._manager.all_steps():
            wanted = "checkpoint" if step is None else f"checkpoint of step {step}"
            raise FileNotFoundError(f"no {wanted} in {self.directory}")
        where = self.directory / str(step)
        saved = self._read(where, identity=ocp.args.JsonRestore())
        difference = first_difference(saved, self._identity)
        if difference is not None:
            key, theirs, ours = difference
            raise InputError(
                f"checkpoint {where} is of another run: {key} is {theirs!r} there and {ours!r} here"
            )
        blank = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), like)
        restored = self._read(where, state=ocp.args.StandardRestore(_without_blanks(blank)))
        networks = {
            name: NetworkState(**{"vectors": {}} | fields)
            for name, fields in restored.networks.items()
        }
        return jax.tree.map(np.asarray, restored._replace(networks=networks))

    def _read(self, where: pathlib.Path, **item: Any) -> Any:
        (name,) = item
        try:
            return self._manager.restore(int(where.name), args=ocp.args.Composite(**item))[name]
        except Exception as error:  # orbax and tensorstore raise many kinds
            raise InputError(
                f"checkpoint {where} is damaged or incomplete: its {name} cannot be read "
                f"({type(error).__name__}); remove that folder to go on from the one before"
            ) from error


def _without_blanks(state: State) -> State:
    """The state as it is stored: a network that has no vectors says nothing about them.

    So do the checkpoints from before spectral normalisation, which can be read for that reason.
    """
    networks = {
        name: {key: value for key, value in network._asdict().items() if key != "vectors" or value}
        for name, network in state.networks.items()
    }
    return state._replace(networks=networks)


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
