"""The constants of a frozen TensorFlow graph, without TensorFlow.

Reads as much of the protobuf wire format (protobuf.dev/programming-guides/encoding) as a GraphDef of
float constants needs: TensorFlow itself is half a gigabyte, for the one reading of a 2 MB file.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

# Numbers of the fields that are read: GraphDef, NodeDef, AttrValue, TensorProto, TensorShapeProto.
_NODE = 1
_NAME, _OP, _ATTRIBUTE = 1, 2, 5
_KEY, _VALUE = 1, 2
_TENSOR = 8
_TYPE, _SHAPE, _CONTENT, _FLOATS = 1, 2, 4, 5
_DIMENSION = 2
_LENGTH = 1
_FLOAT32 = 1


def constants(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """The float32 constants of a graph by the names of their nodes.

    Raises:
      ValueError: the file is no GraphDef, or is cut short.
    """
    found = {}
    for number, node in _fields(memoryview(Path(path).read_bytes())):
        if number != _NODE:
            continue
        parts = list(_fields(node))
        texts = {part: bytes(value).decode() for part, value in parts if part in (_NAME, _OP)}
        if texts.get(_OP) != "Const":
            continue
        entries = (dict(_fields(value)) for part, value in parts if part == _ATTRIBUTE)
        attributes = {bytes(entry[_KEY]).decode(): entry[_VALUE] for entry in entries}
        tensor = dict(_fields(attributes["value"]))[_TENSOR]
        if dict(_fields(tensor)).get(_TYPE) == _FLOAT32:
            found[texts[_NAME]] = _array(tensor)
    if not found:
        raise ValueError("no graph of TensorFlow with float32 constants")
    return found


def _array(tensor: memoryview) -> np.ndarray:
    """A TensorProto's numbers: all of them, or the one that all are."""
    shape: list[int] = []
    numbers = b""
    for number, value in _fields(tensor):
        if number == _SHAPE:
            sizes = (size for part, size in _fields(value) if part == _DIMENSION)
            shape = [dict(_fields(size)).get(_LENGTH, 0) for size in sizes]
        elif number in (_CONTENT, _FLOATS):
            numbers += bytes(value)
    values = np.frombuffer(numbers, "<f4")
    if values.size == 1:
        return np.full(shape, values[0], np.float32)
    return values.reshape(shape).astype(np.float32)


def _fields(message: Any) -> Iterator[tuple[int, Any]]:
    """(field number, value) of a message: an int, or the bytes of what has a length or a fixed size."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, place = _varint(message, place)
            yield number, value
            continue
        if kind == _BYTES:
            length, place = _varint(message, place)
        elif kind in (_FIXED32, _FIXED64):
            length = 4 if kind == _FIXED32 else 8
        else:
            raise ValueError(f"byte {place} starts no field of protobuf")
        if place + length > len(message):
            raise ValueError(f"cut short: {length} bytes expected from byte {place} on")
        yield number, message[place : place + length]
        place += length


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """An integer in groups of seven bits, lowest first, and the place after it."""
    value = shift = 0
    while True:
        if place >= len(message) or shift > 63:
            raise ValueError(f"cut short or no protobuf at byte {place}")
        byte = message[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place
