"""Variables of a checkpoint that TensorFlow 1's Saver wrote, without TensorFlow.

Such a checkpoint is PREFIX.index and PREFIX.data-00000-of-00001 (several, where it was written in shards),
which TensorFlow calls version 2. The index is a table of LevelDB (leveldb's doc/table_format.md) of
protobuf messages (tensorflow/core/protobuf/tensor_bundle.proto): the first of the whole, and one for each
variable with its type, shape and place. What is read has checksums, all of which are compared.
"""

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pgjax.errors import InputError
from pgjax.frozen import protobuf
from pgjax.frozen.stored import Stored

INDEX = ".index"
_MAGIC = 0xDB4775248B80FB57  # the last eight bytes of a table
_FOOTER, _TRAILER = 48, 5  # bytes at the end of a table, and after each of its blocks

# Numbers of the fields that are read: BundleHeaderProto, BundleEntryProto, TensorShapeProto.
_SHARDS, _ENDIANNESS = 1, 2
_TYPE, _SHAPE, _SHARD, _OFFSET, _SIZE, _CHECKSUM, _SLICES = range(1, 8)
_DIMENSION, _LENGTH = 2, 1
_FLOAT32 = 1


class _Place(NamedTuple):
    """Of a variable: type, shape, the number of its file, where it begins there, bytes, checksum."""

    kind: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    checksum: int
    sliced: bool


def stored(path: Path) -> Stored:
    """The variables of a checkpoint by name.

    Args:
      path: PREFIX, as TensorFlow names a checkpoint, or one of its files.

    Raises:
      FileNotFoundError: it is not there.
      ValueError: it is damaged, or is no checkpoint of this kind.
    """
    prefix = path.with_name(path.name.removesuffix(INDEX).partition(".data-")[0])
    index = prefix.with_name(f"{prefix.name}{INDEX}")
    entries = _table(index.read_bytes())
    if "" not in entries:
        raise ValueError(f"{index.name} has no header")
    header = dict(protobuf.fields(entries.pop("")))
    if header.get(_ENDIANNESS, 0):
        raise ValueError("numbers in big-endian order are not read")
    shards = header.get(_SHARDS, 1)
    names = [f"{prefix.name}.data-{i:05d}-of-{shards:05d}" for i in range(shards)]
    places = {name: _place(entry) for name, entry in entries.items()}

    def take(wanted: Iterable[str]) -> dict[str, np.ndarray]:
        return {name: _array(prefix.parent, names, name, places[name]) for name in wanted}

    files = (index, *(prefix.with_name(name) for name in names))
    return Stored(files, {name: place.shape for name, place in places.items()}, take)


def _checksum(content: bytes | memoryview) -> int:
    """CRC-32C as TensorFlow stores it, masked so that data with checksums in it can be summed again."""
    try:
        import google_crc32c
    except ModuleNotFoundError as error:
        raise InputError(
            "checkpoints of TensorFlow need the extra tensorflow: pip install 'pgjax[tensorflow]'"
        ) from error
    value = google_crc32c.value(bytes(content))
    return ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _place(entry: Any) -> _Place:
    found = list(protobuf.fields(entry))
    values = dict(found)
    sizes = (size for part, size in protobuf.fields(values.get(_SHAPE, b"")) if part == _DIMENSION)
    return _Place(
        values.get(_TYPE, 0),
        tuple(dict(protobuf.fields(size)).get(_LENGTH, 0) for size in sizes),
        values.get(_SHARD, 0),
        values.get(_OFFSET, 0),
        values.get(_SIZE, 0),
        int.from_bytes(values.get(_CHECKSUM, b""), "little"),
        _SLICES in values,
    )


def _array(folder: Path, files: list[str], name: str, place: _Place) -> np.ndarray:
    if place.kind != _FLOAT32 or place.sliced:
        raise ValueError(f"{name} is no whole variable of float32 numbers")
    if place.shard >= len(files):
        raise ValueError(f"{name} lies in file {place.shard} of {len(files)}")
    with (folder / files[place.shard]).open("rb") as file:
        file.seek(place.offset)
        content = file.read(place.size)
    if len(content) != place.size:
        raise ValueError(
            f"{files[place.shard]} is cut short: {name} is not in it, or not all of it"
        )
    if _checksum(content) != place.checksum:
        raise ValueError(f"{files[place.shard]} is damaged: the checksum of {name} differs")
    return np.frombuffer(content, "<f4").reshape(place.shape)


def _table(content: bytes) -> dict[str, memoryview]:
    """The entries of a table by their keys."""
    if len(content) < _FOOTER or struct.unpack("<Q", content[-8:])[0] != _MAGIC:
        raise ValueError("damaged, or no index of a checkpoint of TensorFlow (version 2)")
    whole = memoryview(content)
    footer = whole[-_FOOTER:]
    _, place = _handle(footer, 0)  # of other indices, which TensorFlow leaves empty
    (offset, size), _ = _handle(footer, place)
    found = {}
    for _, handle in _entries(_block(whole, offset, size)):
        (offset, size), _ = _handle(handle, 0)
        found |= {key.decode(): value for key, value in _entries(_block(whole, offset, size))}
    return found


def _handle(message: memoryview, place: int) -> tuple[tuple[int, int], int]:
    """(offset, size) of a block, and the place after the two."""
    offset, place = protobuf.varint(message, place)
    size, place = protobuf.varint(message, place)
    return (offset, size), place


def _block(whole: memoryview, offset: int, size: int) -> memoryview:
    """A block's content, its checksum compared."""
    end = offset + size + _TRAILER
    if end > len(whole):
        raise ValueError("the index is cut short or damaged")
    kind, checksum = struct.unpack("<BI", whole[end - _TRAILER : end])
    if _checksum(whole[offset : end - 4]) != checksum:
        raise ValueError("the index is damaged: the checksum of a block differs")
    if kind:
        raise ValueError("a compressed index is not read")  # TensorFlow never writes one
    return whole[offset : end - _TRAILER]


def _entries(block: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Keys, of which each shares its beginning with the one before, and their values."""
    (restarts,) = struct.unpack("<I", block[-4:])
    end, place, key = len(block) - 4 * (restarts + 1), 0, b""
    while place < end:
        numbers = []
        for _ in range(3):
            number, place = protobuf.varint(block, place)
            numbers.append(number)
        shared, added, size = numbers
        key = key[:shared] + bytes(block[place : place + added])
        place += added
        yield key, block[place : place + size]
        place += size
