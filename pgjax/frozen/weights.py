"""Pretrained weights: from a local file, else downloaded once; known by their content.

The sha256 is that of the numbers, not of a file: the official file (HDF5 of Keras, or what a network's
own reader takes) and our own smaller .npz of what is needed verify alike.
"""

import functools
import hashlib
import http.client
import os
import shutil
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pgjax.errors import InputError
from pgjax.files import buckets, paths
from pgjax.frozen import files
from pgjax.progress import announce

TIMEOUT = 10.0  # seconds to connect, and at most between two pieces

Params = dict[str, dict[str, np.ndarray]]
Shapes = Mapping[str, Mapping[str, Any]]

# What NumPy and HDF5 raise on damaged files; a flipped bit in a size asks for much memory.
DAMAGE = (
    *(OSError, EOFError, KeyError, ValueError, RuntimeError, MemoryError),
    *(AttributeError, TypeError),
    *(zipfile.BadZipFile, zlib.error),
)


def read_h5(path: Path, shapes: Shapes) -> Params:
    """Keras' layout: one group a layer. Its versions name the arrays differently: found by rank."""
    import h5py

    params: Params = {}
    with h5py.File(path, "r") as file:
        for layer in shapes:
            arrays: list[np.ndarray] = []

            def keep(_, item, arrays=arrays):
                if isinstance(item, h5py.Dataset):
                    arrays.append(item[()].astype(np.float32))

            file[layer].visititems(keep)
            ranks = {x.ndim: x for x in arrays}
            if len(arrays) != 2 or set(ranks) != {1, 4}:
                raise ValueError(f"{layer} holds {[x.shape for x in arrays]}")
            params[layer] = {"kernel": ranks[4], "bias": ranks[1]}
    return params


class Source(NamedTuple):
    """Where weights come from, and what they are.

    Attributes:
      file: name of our own .npz, with arrays "layer/part" such as "block1_conv1/kernel".
      url: of the official file.
      sha256: of the arrays' bytes (`digest`).
      read: reads the official file: (path, shapes) -> parameters.
      rename: the name under which the official file is kept, where the URL's own says too little.
    """

    file: str
    url: str
    sha256: str
    read: Callable[[Path, Shapes], Params] = read_h5
    rename: str | None = None

    @property
    def official(self) -> str:
        """The official file's name."""
        return self.rename or self.url.rpartition("/")[2]

    def place(self, folder: Path) -> str:
        """Where the official file belongs, in words."""
        return f"put it into {folder}" + (f" as {self.rename}" if self.rename else "")


def digest(params: Params) -> str:
    """sha256 of all numbers as little-endian float32: layers and their parts in their order."""
    total = hashlib.sha256()
    for layer in params.values():
        for part in layer.values():
            total.update(np.ascontiguousarray(part, "<f4").tobytes())
    return total.hexdigest()


def load(source: Source, shapes: Shapes, folder: str | os.PathLike) -> Params:
    """Verified weights with these shapes, float32; as `pgjax.frozen.load`.

    The folder may also be one of the two files itself, under any name.
    """
    asked = paths.of(folder)
    folder = buckets.fetch(asked)
    if folder.is_file():
        read = read_npz if folder.suffix.lower() == ".npz" else source.read
        return _read(source, shapes, read, folder, str(folder), f"fetch {source.url} instead")
    endings = {Path(name).suffix for name in (source.file, source.official)}
    if folder.suffix in endings and not folder.exists():
        raise FileNotFoundError(f"{folder}: no such file of weights")
    for name, read in ((source.file, read_npz), (source.official, source.read)):
        if (folder / name).is_file():
            remedy = f"delete it, fetch {source.url} and {source.place(asked)}"
            return _read(source, shapes, read, folder / name, str(folder / name), remedy)
    return _download(source, shapes, folder, asked)


def _download(source: Source, shapes: Shapes, folder: Path, asked: paths.Path) -> Params:
    by_hand = f"and {source.place(asked)}"
    try:
        with files.work_folder(folder) as work:
            fetched, ours = work / source.official, work / source.file
            _fetch(source.url, fetched, folder)
            remedy = f"fetch it by other means {by_hand}"
            params = _read(source, shapes, source.read, fetched, source.url, remedy)
            write_npz(ours, params)
            os.replace(ours, folder / source.file)
    except (OSError, http.client.HTTPException) as error:
        raise InputError(
            f"{asked}: neither {source.file} nor {source.official} is there, and the download "
            f"failed ({_told(error)}); fetch {source.url} {by_hand}"
        ) from error
    return params


def _fetch(url: str, path: Path, folder: Path) -> None:
    with urllib.request.urlopen(url, timeout=TIMEOUT) as answer, path.open("wb") as file:
        announce(f"downloading {url} to {folder}, once")
        shutil.copyfileobj(answer, file, 1 << 20)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _read(
    source: Source,
    shapes: Shapes,
    read: Callable[[Path, Shapes], Params],
    path: Path,
    name: str,
    remedy: str,
) -> Params:
    return verified(source.sha256, shapes, functools.partial(read, path, shapes), name, remedy)


def verified(
    sha256: str, shapes: Shapes, read: Callable[[], Params], name: str, remedy: str
) -> Params:
    """What is read, where it is the published weights.

    Args:
      sha256: of their numbers (`digest`).
      shapes: that they must have.
      read: reads them.
      name: of the file or files, in words.
      remedy: what to do where they are others, in words.

    Raises:
      InputError: names the file by `name` and ends with the remedy.
    """
    announce(f"reading and verifying the weights in {name}")
    try:
        params = read()
    except DAMAGE as error:
        raise InputError(f"{name}: damaged or another file ({_told(error)}); {remedy}") from error
    for layer, parts in shapes.items():
        for part, expected in parts.items():
            found = params[layer][part].shape
            if found != expected.shape:
                raise InputError(
                    f"{name}: {layer}/{part} has the shape {found}, not {expected.shape}; {remedy}"
                )
    found = digest(params)
    if found != sha256:
        raise InputError(
            f"{name}: not the published weights: the sha256 of its arrays is {found}, expected "
            f"{sha256}; {remedy}"
        )
    return params


def read_npz(path: Path, shapes: Shapes) -> Params:
    """Our own form: arrays "layer/part"."""
    with zipfile.ZipFile(path), np.load(path, allow_pickle=False) as file:
        return {
            layer: {part: file[f"{layer}/{part}"].astype(np.float32) for part in parts}
            for layer, parts in shapes.items()
        }


def write_npz(path: Path, params: Params) -> None:
    """As `read_npz` reads it."""
    arrays: dict[str, Any] = {
        f"{layer}/{part}": x for layer, parts in params.items() for part, x in parts.items()
    }
    np.savez(path, **arrays)
