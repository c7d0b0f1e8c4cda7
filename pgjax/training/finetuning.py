"""A new run that starts with the weights of another one: of an exported model, or of a run's last checkpoint.

The parameters (their averages where the run kept any), the vectors of spectral normalisation and the running
statistics are copied: everything with which a network is applied. Optimizers and the step start anew. The
config of the run contains the origin of the weights as `init` (recipe.records.Init), and therefore also
config.json, the exported model and its card.
"""

import copy
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from pgjax.errors import InputError
from pgjax.files import paths
from pgjax.nets import layers, spectral
from pgjax.training import model_folder, run_directory
from pgjax.training.checkpoint import Checkpoints
from pgjax.training.recipe import Recipe, build
from pgjax.training.state import NetworkState, State, init_state, state_shapes

Arrays = dict[str, Any]
"""By path, such as params/encoder/level0/kernel."""


class Source(NamedTuple):
    """What another run or model holds: its networks' arrays, by name."""

    row: str
    step: int
    networks: dict[str, Arrays]


def read(path: str, step: int | None = None) -> Source:
    """Reads an exported model or a run.

    Args:
      path: the model's folder or the run's directory.
      step: of the run's checkpoint; its last one where None.

    Raises:
      FileNotFoundError: there is neither, or no checkpoint, or not of that step.
      InputError: it is damaged.
    """
    folder = paths.of(path)
    if (folder / model_folder.MODEL).exists():
        model = model_folder.read(folder)
        return Source(model.config["row"], model.step, _flat(model.variables))
    if not (folder / run_directory.CONFIG).exists():
        raise FileNotFoundError(
            f"--init: {path}: neither an exported model ({model_folder.MODEL}) nor a run "
            f"({run_directory.CONFIG}) is there"
        )
    config = run_directory.read_config(folder)
    with Checkpoints(folder, run_directory.identity(config)) as checkpoints:
        state = checkpoints.restore(state_shapes(build(config)), step)
    variables = {name: network.averaged for name, network in state.networks.items()}
    return Source(config["row"], int(state.step), _flat(variables))


def with_init(
    config: Any, init: str | None, names: Sequence[str] = (), workdir: str | None = None
) -> Any:
    """A row's config with `init`, where it is to begin with other weights.

    A run that is there already keeps what it began with: the same `init` is nothing new.

    Args:
      config: a row's ConfigDict or a mapping.
      init: an exported model or a run, or None.
      names: networks that are taken; all where empty.
      workdir: of the run, None where nothing is written.

    Raises:
      FileNotFoundError: as `read`.
      InputError: weights that do not fit, or the run began with others.
    """
    there = workdir is not None and (paths.of(workdir) / run_directory.CONFIG).exists()
    begun = run_directory.read_config(workdir).get("init") if there else None
    if init is None:
        if names:
            raise InputError("--init_networks: needs --init, whose networks they are")
        return _set(config, begun)
    if there and begun is None:
        raise InputError(
            f"--init: {workdir} holds a run that began with weights of its own; choose another --workdir"
        )
    same = begun is not None and begun["path"].rstrip("/") == init.rstrip("/")
    if same and sorted(names or begun["networks"]) == begun["networks"]:
        return _set(config, begun)
    source = read(init)
    taken = _chosen(init, source, names)
    _check_fit(init, taken, state_shapes(build(config)))
    made = {
        "path": init,
        "row": source.row,
        "step": source.step,
        "sha256": _digest(taken),
        "networks": sorted(taken),
    }
    if begun is not None and {**begun, "path": init} != made:
        raise InputError(
            f"--init: {workdir} began with {_said(begun)}; {init} has {_said(made)}: choose another "
            "--workdir, or leave --init out to go on"
        )
    return _set(config, made if begun is None else begun)


def first_state(recipe: Recipe) -> State:
    """The state at step 0, with the weights that the recipe says it begins with.

    Raises:
      FileNotFoundError: they are no longer there.
      InputError: they are others now, or do not fit.
    """
    state = init_state(recipe)
    if recipe.init is None:
        return state
    init = recipe.init
    taken = _chosen(init.path, read(init.path, init.step), init.networks)
    found = _digest(taken)
    if found != init.sha256:
        raise InputError(
            f"--init: {init.path}: its weights have changed since this run was begun: their sha256 is "
            f"{found}, expected {init.sha256}; choose another --workdir"
        )
    _check_fit(init.path, taken, state)
    networks = {
        name: _with_arrays(network, taken[name]) if name in taken else network
        for name, network in state.networks.items()
    }
    return state._replace(networks=networks)


def described(recipe: Recipe) -> str | None:
    """What a run begins with, in a line; None where all is its own."""
    if recipe.init is None:
        return None
    init = recipe.init
    new = sorted(set(recipe.networks) - set(init.networks))
    anew = f"; {', '.join(new)} and all optimizers begin anew" if new else "; optimizers begin anew"
    return (
        f"begins with {', '.join(init.networks)} of {init.path} ({init.row}, step {init.step}, "
        f"sha256 {init.sha256}){anew}"
    )


def _said(init: Mapping[str, Any]) -> str:
    networks = ", ".join(init["networks"])
    return f"{networks} of {init['row']}, step {init['step']}, sha256 {init['sha256'][:12]}"


def _set(config: Any, init: Mapping[str, Any] | None) -> Any:
    if init is None:
        return config
    config = copy.deepcopy(config)
    if hasattr(config, "unlocked"):
        with config.unlocked():
            config.init = dict(init)
        return config
    return {**config, "init": dict(init)}


def _flat(variables: Mapping[str, Any]) -> dict[str, Arrays]:
    return {
        name: {path: np.asarray(x) for path, x in flatten_dict(dict(tree), sep="/").items()}
        for name, tree in variables.items()
    }


def _chosen(path: str, source: Source, names: Sequence[str]) -> dict[str, Arrays]:
    for name in names:
        if name not in source.networks:
            raise InputError(
                f"--init_networks: {path} holds no network {name!r}; there are "
                f"{', '.join(sorted(source.networks))}"
            )
    return {name: source.networks[name] for name in names or source.networks}


def _check_fit(path: str, taken: Mapping[str, Arrays], shapes: State) -> None:
    for name, arrays in taken.items():
        if name not in shapes.networks:
            raise InputError(
                f"--init: {path} holds the network {name!r}, and this config has none; name those to take: "
                f"--init_networks={','.join(sorted(taken.keys() & shapes.networks)) or 'NAMES'}"
            )
        here = flatten_dict(shapes.networks[name].variables, sep="/")
        sizes = [{key: x.shape for key, x in side.items()} for side in (arrays, here)]
        differing = [key for key in {**arrays, **here} if sizes[0].get(key) != sizes[1].get(key)]
        if differing:
            key, more = differing[0], len(differing) - 1
            there, needed = (side.get(key, "not there") for side in sizes)
            raise InputError(
                f"--init: network {name}, array {key}: {there} in {path}, {needed} in this config"
                + (f" (and {more} more arrays)" if more else "")
                + "; expected networks of the same options, or take others by --init_networks"
            )


def _with_arrays(network: NetworkState, arrays: Arrays) -> NetworkState:
    found = unflatten_dict({tuple(path.split("/")): x for path, x in arrays.items()})
    return network._replace(
        params=found["params"],
        vectors=found.get(spectral.COLLECTION, network.vectors),
        average=found["params"] if network.average else None,
        statistics=found.get(layers.STATISTICS, network.statistics),
    )


def _digest(taken: Mapping[str, Arrays]) -> str:
    """sha256 of the arrays' names and bytes, in the order of their names."""
    total = hashlib.sha256()
    for name in sorted(taken):
        for path, array in sorted(taken[name].items()):
            total.update(f"{name}/{path}".encode())
            total.update(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes())
    return total.hexdigest()
