"""An exported model: a folder of weights, recipe and card, checked byte for byte when it is read.

weights.npz          the generators' arrays by path, such as g/params/decoder/level0/kernel; no pickle
weights.safetensors  the same arrays by the same names, for other programs; pgjax reads the former
model.json           FORMAT, row, stage, step, (height, width) of its photos, scores, the run's config
README.md            the model card, which the model hub reads too
SHA256SUMS           of the four, as `sha256sum --check` reads it

A folder without weights.safetensors is whole: older versions wrote none.
"""

import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors.numpy
from flax.traverse_util import flatten_dict, unflatten_dict

from pgjax import nets
from pgjax.errors import InputError
from pgjax.files import buckets, folders, paths
from pgjax.training.recipe import Recipe, build

FORMAT = 1
WEIGHTS, MODEL, CARD, SUMS = "weights.npz", "model.json", "README.md", "SHA256SUMS"
COPY = "weights.safetensors"
FILES = (WEIGHTS, MODEL, CARD)
EXPECTED = "expected a folder that `pgjax train` (WORKDIR/export) or `pgjax export` wrote"


class Model(NamedTuple):
    """What is needed to generate.

    config: the run's, as JSON. stage: whose generators these are. step: after which. size: (height,
    width) of the photos that it was trained on, pixels. variables: of its generators by name, float32.
    scores: what metrics.json held, None where it was not evaluated at this step. imported: where it holds
    weights that others trained, their system, the repository of its code, and the sha256 of each file by
    its name (pgjax.serving.published); None for a run's own. Of its critics an imported model has those
    that the files hold. best: why that step was taken (choice.Best), None where it was the last or asked for.
    """

    config: Mapping[str, Any]
    stage: str
    step: int
    size: tuple[int, int]
    variables: Mapping[str, Any]
    scores: Mapping[str, Any] | None = None
    imported: Mapping[str, Any] | None = None
    best: Mapping[str, Any] | None = None

    @property
    def recipe(self) -> Recipe:
        """Raises InputError, where this version of pgjax does not know a key of the config."""
        return build(self.config)

    @property
    def reads_view(self) -> bool:
        """Whether its generators are told a view of the target, and no pose; raises as `recipe`."""
        recipe = self.recipe
        names = recipe.stages[self.stage].generators
        return not nets.BY_VIEW.isdisjoint(recipe.networks[name].net for name in names)


def write(folder: str | os.PathLike, model: Model, card: str) -> None:
    """Writes a model's folder: a reader sees the old one or the new one, never a part.

    A link's target is written. The current folder, which can't be exchanged under a shell that is in
    it, gets one file after the other; a reader who comes between is told that the model is damaged.
    In a bucket (gs://BUCKET/FOLDER) who reads while it is written finds sums that do not fit: an error.

    Raises:
      InputError: there is something else in `folder`.
    """
    folder = paths.of(folder)
    if not paths.in_bucket(folder):
        folder = Path(os.path.realpath(folder))
    if folder.exists() and not (
        folder.is_dir()
        and all(
            p.name in (*FILES, COPY, SUMS) or folders.is_of_system(p.name) for p in folder.iterdir()
        )
    ):
        raise InputError(
            f"{folder}: not an exported model, and not overwritten; name another folder"
        )
    if paths.in_bucket(folder):
        with tempfile.TemporaryDirectory() as made:
            _fill(Path(made), model, card)
            buckets.upload(Path(made), folder, last=SUMS)
        return
    partial, old = (folder.with_name(f".{folder.name}.{end}") for end in ("partial", "old"))
    for left in (partial, old):
        shutil.rmtree(left, ignore_errors=True)
    partial.mkdir(parents=True)
    _fill(partial, model, card)
    if folder.exists() and folder.samefile(os.curdir):
        for name in (*FILES, COPY, SUMS):
            os.replace(partial / name, folder / name)
        partial.rmdir()
        return
    if folder.exists():
        folder.rename(old)
    partial.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _fill(folder: Path, model: Model, card: str) -> None:
    flat = flatten_dict(dict(model.variables), sep="/")
    arrays: dict[str, Any] = {name: np.asarray(array) for name, array in flat.items()}
    np.savez(folder / WEIGHTS, **arrays)
    # safetensors writes an array in the order of its memory, whatever its strides (findings/).
    safetensors.numpy.save_file(
        {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in arrays.items()},
        folder / COPY,
        metadata={"format": "np"},
    )
    paths.write_text(folder / MODEL, _json(model))
    paths.write_text(folder / CARD, card)
    paths.write_text(folder / SUMS, _sums({name: digest(folder / name) for name in (*FILES, COPY)}))


def read(folder: str | os.PathLike) -> Model:
    """Reads and checks a model's folder.

    Raises:
      FileNotFoundError: it holds no model.
      InputError: a file is missing, or not the one that was written.
    """
    asked = paths.of(folder)
    buckets.check(asked)
    _find(asked)
    folder = buckets.fetch(asked)
    check(folder)
    try:
        values = json.loads((folder / MODEL).read_text(encoding="utf-8"))
        found = values["format"]
        if found != FORMAT:
            raise InputError(f"{folder / MODEL}: format {found!r}; this version reads {FORMAT}")
        with np.load(folder / WEIGHTS, allow_pickle=False) as file:
            arrays = {tuple(name.split("/")): file[name] for name in file.files}
        height, width = values["image_size"]
        return Model(
            config=values["config"],
            stage=values["stage"],
            step=values["step"],
            size=(height, width),
            variables=unflatten_dict(arrays),
            scores=values["scores"],
            imported=values.get("imported"),
            best=values.get("best"),
        )
    # Whole, but not ours: someone has changed the files and their sums.
    except (ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{folder}: not a model that this version reads: {error!r}") from error


def check(folder: Path) -> dict[str, str]:
    """The sha256 of every file of a model's folder, each compared with what was written.

    Raises:
      InputError: as `read`.
    """
    _find(folder)
    for name in (*FILES, SUMS):
        if not (folder / name).is_file():
            raise InputError(f"{folder}: the exported model is not whole: {name} is missing")
    names = [name for name in (*FILES, COPY) if (folder / name).is_file()]
    found = {name: digest(folder / name) for name in names}
    said = (folder / SUMS).read_bytes().splitlines(keepends=True)
    for name, line in zip(names, _sums(found).encode().splitlines(keepends=True), strict=True):
        if line not in said:
            raise InputError(
                f"{folder / name}: damaged or changed: its sha256 is {found[name]}, which is not what "
                f"{SUMS} says; export the run again (pgjax export), or copy the folder anew"
            )
    if len(said) != len(names) and not (len(said) == len(names) + 1 and COPY not in names):
        raise InputError(
            f"{folder / SUMS}: damaged: expected {len(names)} lines, found {len(said)}"
        )
    return found


def _find(folder: paths.Path) -> None:
    if not folder.is_dir() or not (folder / MODEL).exists():
        inner = folder / "export"
        hint = f"; there is one in {inner}" if (inner / MODEL).exists() else ""
        raise FileNotFoundError(f"{folder}: no model here, {EXPECTED}{hint}")


def digest(path: Path) -> str:
    """sha256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sums(digests: Mapping[str, str]) -> str:
    return "".join(f"{digest}  {name}\n" for name, digest in digests.items())


def _json(model: Model) -> str:
    values = {
        "format": FORMAT,
        "row": model.config["row"],
        "stage": model.stage,
        "step": model.step,
        "image_size": list(model.size),
        "scores": model.scores,
        "config": model.config,
    }
    if model.imported is not None:
        values["imported"] = model.imported
    if model.best is not None:
        values["best"] = model.best
    return json.dumps(values, indent=2) + "\n"
