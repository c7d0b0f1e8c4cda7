"""From weights that a system's authors released to an exported model."""

import collections
import contextlib
import os
import re
from collections.abc import Collection, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from pgjax.errors import InputError, known
from pgjax.files import config_files, paths
from pgjax.frozen.stored import Stored
from pgjax.serving import model_card
from pgjax.serving.published import deformable, patn, pdig, pg2
from pgjax.serving.published.records import System, Table
from pgjax.training import model_folder, run_directory
from pgjax.training.model_folder import Model
from pgjax.training.recipe import build
from pgjax.training.state import state_shapes

SYSTEMS: Mapping[str, System] = {
    "deformable": deformable.SYSTEM,
    "patn": patn.SYSTEM,
    "pdig": pdig.SYSTEM,
    "pg2": pg2.SYSTEM,
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
    released, recipe = SYSTEMS[system], build(config)
    # Of its networks those that the row has: another row may have more.
    held = {
        title: there
        for title, names in released.files.items()
        if (there := [name for name in names if name in recipe.networks])
    }
    if not 1 <= len(files) <= len(held):
        raise InputError(
            f"{len(files)} files: {recipe.row} has from 1 to {len(held)}, in this order: {', '.join(held)}"
        )
    opened = {}
    for title, file in zip(held, files, strict=False):
        with _named(file, system, title):
            opened[title] = released.stored(Path(file))
    shapes = state_shapes(recipe).networks
    tables = {
        name: released.tables[name](recipe.networks[name].options, recipe.image_size)
        for names in held.values()
        for name in names
    }
    variables = {}
    for (title, stored), file in zip(opened.items(), files, strict=True):
        own = {name: tables[name] for name in held[title]}
        with _named(file, system, title):
            _check_names(stored, own, tables if released.together else own, released.besides)
            for name, table in own.items():
                ours = flatten_dict(shapes[name].variables, sep="/")
                variables[name] = _taken(stored, table, ours)
    needed = {name for stage in recipe.stages.values() for name in stage.generators}
    for title, names in held.items():
        if needed & set(names) - set(variables):
            raise InputError(f"{recipe.row} needs the {title} too: it holds {', '.join(names)}")
    return Model(
        config=run_directory.plain(config),
        stage=recipe.drawing_stage_of(recipe.total_steps),
        step=recipe.total_steps,
        size=recipe.image_size,
        variables=variables,
        imported={
            "system": system,
            "repository": released.repository,
            "files": _digests([file for stored in opened.values() for file in stored.files]),
        },
    )


def _digests(files: Sequence[Path]) -> dict[str, str]:
    """The sha256 of each file by its name, with its folder's where another file is called so."""
    names = collections.Counter(file.name for file in files)
    return {
        file.name
        if names[file.name] == 1
        else f"{file.parent.name}/{file.name}": model_folder.digest(file)
        for file in files
    }


@contextlib.contextmanager
def _named(file: str | os.PathLike, system: str, title: str) -> Generator[None]:
    """Says of what is wrong with a file which one it is."""
    try:
        yield
    except ValueError as error:
        raise InputError(f"{file}: {title} of {system}: {error}") from error


def _check_names(
    stored: Stored,
    own: Mapping[str, Table],
    tables: Mapping[str, Table],
    besides: re.Pattern[str],
) -> None:
    """ValueError where a file lacks an array of its own tables, or has one that is in none of the tables."""
    _check("is missing", _names_in(own) - set(stored.shapes))
    others = set(stored.shapes) - _names_in(tables)
    _check(
        "has no place in these networks", {name for name in others if not besides.fullmatch(name)}
    )


def _names_in(tables: Mapping[str, Table]) -> set[str]:
    return {entry.name for table in tables.values() for entry in table.values()}


def _taken(stored: Stored, table: Table, ours: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of a network. ValueError names an array that has another shape or is damaged."""
    for path, (theirs, layout) in table.items():
        expected = layout.shape(ours[path].shape)
        if stored.shapes[theirs] != expected:
            raise ValueError(f"{theirs} has the shape {stored.shapes[theirs]}, expected {expected}")
    arrays = stored.take(theirs for theirs, _ in table.values())
    made = {}
    for path, (theirs, layout) in table.items():
        array = layout.ours(arrays[theirs], ours[path].shape)
        made[tuple(path.split("/"))] = np.array(array, np.float32, order="C")
    return unflatten_dict(made)


def _check(fault: str, names: Collection[str]) -> None:
    """ValueError where there is a name with a fault; the first one is told, and how many there are."""
    if names:
        more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
        raise ValueError(f"{min(names)} {fault}{more}")
