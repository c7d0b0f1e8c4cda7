"""Tensors of a .pth file, without PyTorch and without running what a pickle may ask for.

Reads both layouts of `torch.save`: the ZIP archive of today, and the stream of pickles that came before
version 1.6. Only the names in _KNOWN are resolved, to functions of this module that keep what they are
given; every other name is an error.
"""

import collections
import contextlib
import os
import pickle
import zipfile
import zlib
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from pgjax.frozen.stored import Stored

_MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of the older layout
_TYPES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}


class _Storage(NamedTuple):
    """Numbers that lie elsewhere in the file."""

    key: str
    dtype: np.dtype
    count: int


class _Tensor(NamedTuple):
    """A view of a storage, in numbers from its begin."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def of(self, numbers: np.ndarray) -> np.ndarray:
        """A copy out of the storage's numbers; ValueError where it reaches beyond them."""
        if any(size < 0 for size in (self.offset, *self.shape, *self.strides)):
            raise ValueError("a tensor of negative size")
        last = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))
        if 0 not in self.shape and last >= len(numbers):
            raise ValueError(f"storage {self.storage.key} is too short for its tensor")
        strides = [stride * numbers.itemsize for stride in self.strides]
        view = np.lib.stride_tricks.as_strided(numbers[self.offset :], self.shape, strides)
        return np.array(view)


def _rebuild(storage, offset, shape, strides, *_) -> _Tensor:
    return _Tensor(storage, int(offset), tuple(shape), tuple(strides))


def _same(tensor, *_):
    return tensor


_KNOWN = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("torch._utils", "_rebuild_tensor"): _rebuild,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild,
    ("torch._utils", "_rebuild_parameter"): _same,
}


class _Reader(pickle.Unpickler):
    """Resolves the names of _KNOWN and of storages' types, and no other."""

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _TYPES:
            return name
        if (module, name) not in _KNOWN:
            raise pickle.UnpicklingError(f"{module}.{name} has no place in a file of tensors")
        return _KNOWN[module, name]

    def persistent_load(self, given: tuple) -> _Storage:
        kind, dtype, key, _, count = given[:5]
        if kind != "storage" or (len(given) > 5 and given[5] is not None):
            raise pickle.UnpicklingError(f"{given!r} is no plain storage")
        return _Storage(str(key), np.dtype(_TYPES[dtype]), int(count))


def tensors(path: str | os.PathLike, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Some of the tensors of a saved dictionary {name: tensor}, in the order of `names`.

    Raises:
      ValueError: the file is damaged, holds anything but tensors, or lacks a name.
    """
    try:
        return _read(Path(path), names)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def stored(path: Path) -> Stored:
    """All tensors of a saved dictionary.

    Raises:
      ValueError: the file is damaged, or holds anything but tensors.
    """
    with _told(), path.open("rb") as file:
        saved = _listing(file)
        if not isinstance(saved, dict):
            raise TypeError(f"it holds a {type(saved).__name__}, not a dictionary")
        shapes = {name: tensor.shape for name, tensor in _chosen(saved, saved).items()}
    return Stored((path,), shapes, lambda names: _read(path, names))


# What the readers of pickles and archives are known to raise for damaged bytes; encrypted members and unknown
# versions of ZIP are a RuntimeError.
_DAMAGE = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    zlib.error,
    AttributeError,
    EOFError,
    IndexError,
    KeyError,
    MemoryError,
    OverflowError,
    RuntimeError,
    TypeError,
)


@contextlib.contextmanager
def _told() -> Generator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise ValueError(f"no file of tensors ({type(error).__name__}: {error})") from error


def _read(path: Path, names: Iterable[str]) -> dict[str, np.ndarray]:
    with _told(), path.open("rb") as file:
        if zipfile.is_zipfile(file):
            return _from_archive(file, names)
        file.seek(0)
        return _from_stream(file, names)


def _listing(file: BinaryIO) -> Any:
    """What was saved, its tensors without their numbers."""
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive, archive.open(_listed_in(archive)) as pickled:
            return _Reader(pickled).load()
    file.seek(0)
    _skip_head(file)
    return _Reader(file).load()


def _chosen(saved: Any, names: Iterable[str]) -> dict[str, _Tensor]:
    found = {name: saved[name] for name in names}
    for name, tensor in found.items():
        if not isinstance(tensor, _Tensor):
            raise TypeError(f"{name} is no tensor")
    return found


def _from_archive(file: BinaryIO, names: Iterable[str]) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(file) as archive:
        listing = _listed_in(archive)
        folder = listing.removesuffix("data.pkl")
        order = f"{folder}byteorder"
        if order in archive.namelist() and archive.read(order) != b"little":
            raise ValueError("numbers in big-endian order are not read")
        with archive.open(listing) as pickled:
            chosen = _chosen(_Reader(pickled).load(), names)
        return {
            name: tensor.of(
                np.frombuffer(
                    archive.read(f"{folder}data/{tensor.storage.key}"), tensor.storage.dtype
                )
            )
            for name, tensor in chosen.items()
        }


def _listed_in(archive: zipfile.ZipFile) -> str:
    (listing,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
    return listing


def _skip_head(file: BinaryIO) -> None:
    if _Reader(file).load() != _MAGIC:
        raise pickle.UnpicklingError("neither layout of torch.save")
    for _ in ("version", "system"):
        _Reader(file).load()


def _from_stream(file: BinaryIO, names: Iterable[str]) -> dict[str, np.ndarray]:
    _skip_head(file)
    reader = _Lister(file)
    chosen = _chosen(reader.load(), names)
    wanted = {tensor.storage.key for tensor in chosen.values()}
    numbers = {}
    for key in _Reader(file).load():
        storage = reader.storages[key]
        (count,) = np.frombuffer(file.read(8), "<i8")
        if count != storage.count:
            raise ValueError(f"storage {key} holds {count} numbers, not {storage.count}")
        if key in wanted:
            content = file.read(count * storage.dtype.itemsize)
            numbers[key] = np.frombuffer(content, storage.dtype)
        else:
            file.seek(count * storage.dtype.itemsize, os.SEEK_CUR)
    return {name: tensor.of(numbers[tensor.storage.key]) for name, tensor in chosen.items()}


class _Lister(_Reader):
    """Also keeps all storages by their keys: in the older layout they follow one another."""

    def __init__(self, file: BinaryIO):
        super().__init__(file)
        self.storages: dict[str, _Storage] = {}

    def persistent_load(self, given: tuple) -> _Storage:
        storage = super().persistent_load(given)
        return self.storages.setdefault(storage.key, storage)
