"""From weights that a system's authors released to an exported model."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from pgjax.errors import InputError, known
from pgjax.files import config_files, paths
from pgjax.serving import model_card
from pgjax.serving.published import deformable
from pgjax.serving.published.records import System
from pgjax.training import model_folder, run_directory
from pgjax.training.model_folder import Model
from pgjax.training.recipe import build
from pgjax.training.state import state_shapes

SYSTEMS: Mapping[str, System] = {"deformable": deformable.SYSTEM}
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
    shapes, variables, digests = state_shapes(recipe), {}, {}
    for title, file in zip(titles, files, strict=False):
        networks = known_of.files[title]
        arrays = {
            (name, path): shape.shape
            for name in networks
            for path, shape in flatten_dict(shapes.networks[name].variables, sep="/").items()
        }
        path = Path(file)
        try:
            found, read = _read(
                known_of, recipe.image_size, networks, recipe.networks, path, arrays
            )
        except ValueError as error:
            raise InputError(f"{path}: {title} of {system}: {error}") from error
        digests |= {used.name: model_folder.digest(used) for used in read}
        variables |= found
    return Model(
        config=run_directory.plain(config),
        stage=recipe.stage_of(recipe.total_steps),
        step=recipe.total_steps,
        size=recipe.image_size,
        variables=variables,
        imported={"system": system, "repository": known_of.repository, "files": digests},
    )


def _read(system, size, names, networks, path, arrays):
    """The variables of the networks that a file holds, and the files that were read."""
    table = {
        (name, ours): entry
        for name in names
        for ours, entry in system.tables[name](networks[name].options, size).items()
    }
    file = system.stored(path)
    wanted = {entry.name for entry in table.values()}
    _check("is missing", wanted - set(file.shapes))
    _check(
        "has no place in these networks",
        (name for name in set(file.shapes) - wanted if not system.besides.fullmatch(name)),
    )
    for key, (name, layout) in table.items():
        expected = layout.shape(arrays[key])
        if file.shapes[name] != expected:
            raise ValueError(f"{name} has the shape {file.shapes[name]}, expected {expected}")
    taken = file.take(wanted)
    made: dict[str, dict] = {name: {} for name in names}
    for (network, ours), (name, layout) in table.items():
        array = layout.ours(taken[name], arrays[network, ours])
        made[network][tuple(ours.split("/"))] = np.ascontiguousarray(array, np.float32)
    return {name: unflatten_dict(flat) for name, flat in made.items()}, file.files


def _check(fault: str, names: Iterable[str]) -> None:
    """ValueError where there is a name with a fault; the first one is told, and how many there are."""
    first, *others = [*sorted(names), None]
    if first is not None:
        more = f" (and {len(others) - 1} more)" if len(others) > 1 else ""
        raise ValueError(f"{first} {fault}{more}")
