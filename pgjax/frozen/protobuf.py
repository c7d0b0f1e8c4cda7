"""As much of protobuf's wire format (protobuf.dev/programming-guides/encoding) as TensorFlow's files need."""

from collections.abc import Iterator
from typing import Any

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def fields(message: Any) -> Iterator[tuple[int, Any]]:
    """(field number, value) of a message: an int, or the bytes of what has a length or a fixed size."""
    place = 0
    while place < len(message):
        tag, place = varint(message, place)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, place = varint(message, place)
            yield number, value
            continue
        if kind == _BYTES:
            length, place = varint(message, place)
        elif kind in (_FIXED32, _FIXED64):
            length = 4 if kind == _FIXED32 else 8
        else:
            raise ValueError(f"byte {place} starts no field of protobuf")
        if place + length > len(message):
            raise ValueError(f"cut short: {length} bytes expected from byte {place} on")
        yield number, message[place : place + length]
        place += length


def varint(message: memoryview, place: int) -> tuple[int, int]:
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
