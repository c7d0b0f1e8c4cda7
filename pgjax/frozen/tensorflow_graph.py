"""The constants of a frozen TensorFlow graph, without TensorFlow.

TensorFlow itself is half a gigabyte, for the one reading of a 2 MB file.
"""

import os
from pathlib import Path

import numpy as np

from pgjax.frozen.protobuf import fields

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
    for number, node in fields(memoryview(Path(path).read_bytes())):
        if number != _NODE:
            continue
        parts = list(fields(node))
        texts = {part: bytes(value).decode() for part, value in parts if part in (_NAME, _OP)}
        if texts.get(_OP) != "Const":
            continue
        entries = (dict(fields(value)) for part, value in parts if part == _ATTRIBUTE)
        attributes = {bytes(entry[_KEY]).decode(): entry[_VALUE] for entry in entries}
        tensor = dict(fields(attributes["value"]))[_TENSOR]
        if dict(fields(tensor)).get(_TYPE) == _FLOAT32:
            found[texts[_NAME]] = _array(tensor)
    if not found:
        raise ValueError("no graph of TensorFlow with float32 constants")
    return found


def _array(tensor: memoryview) -> np.ndarray:
    """A TensorProto's numbers: all of them, or the one that all are."""
    shape: list[int] = []
    numbers = b""
    for number, value in fields(tensor):
        if number == _SHAPE:
            sizes = (size for part, size in fields(value) if part == _DIMENSION)
            shape = [dict(fields(size)).get(_LENGTH, 0) for size in sizes]
        elif number in (_CONTENT, _FLOATS):
            numbers += bytes(value)
    values = np.frombuffer(numbers, "<f4")
    if values.size == 1:
        return np.full(shape, values[0], np.float32)
    return values.reshape(shape).astype(np.float32)
