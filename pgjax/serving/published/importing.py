"""From weights that a system's authors released to an exported model."""

import contextlib
import os
import re
from collections.abc import Generator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from pgjax.errors import InputError, known
from pgjax.files import config_files, paths
from pgjax.frozen.stored import Stored
from pgjax.serving import model_card
from pgjax.serving.published import deformable, patn, pg2
from pgjax.serving.published.records import System, Table
from pgjax.training import model_folder, run_directory
from pgjax.training.model_folder import Model
from pgjax.training.recipe import build
from pgjax.training.state import state_shapes

SYSTEMS: Mapping[str, System] = {
    "deformable": deformable.SYSTEM,
    "pg2": pg2.SYSTEM,
    "patn": patn.SYSTEM,
}
"""By the paper's name in --config."""


def config_of(system: str, row: str) -> Any:
    """The config of a row to which released weights belong.

    Raises:
      InputError: no such system, or none of its rows.
    """
    if system not in SYSTEMS:
        raise InputError(f"unknown system {system!r}; there are {known(system, SYSTEMS)}")
    if row not in SYSTEMS[system].rows:
        there = known(row, SYSTEMS[system].rows)
        raise InputError(f"--row: {system} has no released weights of {row!r}; there are {there}")
    return config_files.load(f"{system}:{row}")


def import_model(
    system: str, config: Any, files: Sequence[str | os.PathLike], out: str | os.PathLike
) -> paths.Path:
    """Writes the exported model of what the authors released.

    Args:
      system: key of SYSTEMS.
      config: of a row (config_of), its networks as wide as those of the files.
      files: in the order of the system's `files`, the first at least.
      out: the folder to write.

    Returns:
      The folder.

    Raises:
      FileNotFoundError: a file is not there.
      InputError: a file is damaged, an array is missing, there is one too many, or one has another
        shape; or `out` is something else than an exported model.
    """
    model = model_of(system, config, files)
    folder = paths.of(out)
    model_folder.write(folder, model, model_card.text(model))
    return folder


def model_of(system: str, config: Any, files: Sequence[str | os.PathLike]) -> Model:
    """The model itself; else as `import_model`."""
    known_of, recipe = SYSTEMS[system], build(config)
    titles = tuple(known_of.files)
    if not 1 <= len(files) <= len(titles):
        raise InputError(
            f"{len(files)} files: {system} has from 1 to {len(titles)}, in this order: {', '.join(titles)}"
        )
    parts = []
    for title, file in zip(titles, files, strict=False):
        with _named(system, title, file):
            parts.append((title, file, known_of.stored(Path(file))))
    shapes, variables, digests = state_shapes(recipe), {}, {}
    for title, file, stored in parts:
        networks = known_of.files[title]
        ours = {name: flatten_dict(shapes.networks[name].variables, sep="/") for name in networks}
        tables = {
            name: known_of.tables[name](recipe.networks[name].options, recipe.image_size)
            for name in networks
        }
        with _named(system, title, file):
            variables |= _taken(stored, tables, ours, known_of.besides)
        digests |= {used.name: model_folder.digest(used) for used in stored.files}
    return Model(
        config=run_directory.plain(config),
        stage=recipe.drawing_stage_of(recipe.total_steps),
        step=recipe.total_steps,
        size=recipe.image_size,
        variables=variables,
        imported={"system": system, "repository": known_of.repository, "files": digests},
    )


@contextlib.contextmanager
def _named(system: str, title: str, file: str | os.PathLike) -> Generator[None]:
    """Says of what is wrong with a file which one it is."""
    try:
        yield
    except ValueError as error:
        raise InputError(f"{file}: {title} of {system}: {error}") from error


def _taken(
    stored: Stored, tables: Mapping[str, Table], ours: Mapping[str, Any], besides: re.Pattern[str]
) -> dict[str, Any]:
    """The variables of the networks that a file holds.

    Raises:
      ValueError: names the array that is missing, is one too many, has another shape or is damaged.
    """
    entries = [
        (name, path, *entry) for name, table in tables.items() for path, entry in table.items()
    ]
    wanted = {theirs for _, _, theirs, _ in entries}
    _check("is missing", wanted - set(stored.shapes))
    others = (name for name in stored.shapes if name not in wanted)
    _check(
        "has no place in these networks", (name for name in others if not besides.fullmatch(name))
    )
    for name, path, theirs, layout in entries:
        expected = layout.shape(ours[name][path].shape)
        if stored.shapes[theirs] != expected:
            raise ValueError(f"{theirs} has the shape {stored.shapes[theirs]}, expected {expected}")
    arrays = stored.take(wanted)
    made: dict[str, dict] = {name: {} for name in tables}
    for name, path, theirs, layout in entries:
        array = layout.ours(arrays[theirs], ours[name][path].shape)
        made[name][tuple(path.split("/"))] = np.array(array, np.float32, order="C")
    return {name: unflatten_dict(flat) for name, flat in made.items()}


def _check(fault: str, names: Iterable[str]) -> None:
    """ValueError where there is a name with a fault; the first one is told, and how many there are."""
    found = sorted(names)
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise ValueError(f"{found[0]} {fault}{more}")
