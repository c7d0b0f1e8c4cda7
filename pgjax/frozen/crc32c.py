"""CRC-32C, the checksum of TensorFlow's files, by NumPy: many pieces of the data at once.

The checksum is linear over GF(2). So those of the pieces are found side by side, and joined in pairs: that of
a piece followed by n others is the first moved on by n zero bytes, a product with a matrix of bits, plus
the second.
"""

import functools
import math

import numpy as np

_POLYNOMIAL = np.uint32(0x82F63B78)  # Castagnoli's, lowest bit first
_PIECES = 1 << 14


@functools.cache
def _table() -> np.ndarray:
    """What each value of the lowest two bytes does while they are shifted out."""
    table = np.arange(1 << 16, dtype=np.uint32)
    for _ in range(16):
        table = (table >> 1) ^ ((table & 1) * _POLYNOMIAL)
    return table


def crc32c(data: bytes | memoryview) -> int:
    """The CRC-32C of some bytes (RFC 3720, appendix B.4)."""
    given = np.frombuffer(data, np.uint8)
    count = min(_PIECES, 1 << max(len(given).bit_length() - 6, 0))
    length = math.ceil(max(len(given), 1) / count / 2)  # in words of two bytes
    whole = np.zeros(2 * count * length, np.uint8)  # zeros in front change nothing
    whole[len(whole) - len(given) :] = given
    sums = _of_pieces(whole.view("<u2").reshape(count, length))
    move = _zeros(16 * length)
    while len(sums) > 1:
        sums = _times(move, sums[0::2]) ^ sums[1::2]
        move = _times(move, move)
    # The register's first ones, moved on by all of the data.
    first, move, rest = np.array([0xFFFFFFFF], np.uint32), _zeros(8), len(given)
    while rest:
        if rest & 1:
            first = _times(move, first)
        move, rest = _times(move, move), rest >> 1
    return int(sums[0] ^ first[0]) ^ 0xFFFFFFFF


def masked(value: int) -> int:
    """A checksum as TensorFlow stores it, so that data with checksums in it can be summed again."""
    return ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _of_pieces(pieces: np.ndarray) -> np.ndarray:
    """The register after each row of two-byte words, begun with zeros."""
    table, sums = _table(), np.zeros(len(pieces), np.uint32)
    for place in range(pieces.shape[1]):
        sums = (sums >> 16) ^ table[sums.astype(np.uint16) ^ pieces[:, place]]
    return sums


def _zeros(count: int) -> np.ndarray:
    """The matrix, uint32 (32,) column by column, that `count` zero bits are."""
    columns = np.uint32(1) << np.arange(32, dtype=np.uint32)
    for _ in range(count):
        columns = (columns >> 1) ^ ((columns & 1) * _POLYNOMIAL)
    return columns


def _times(matrix: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Products with each of uint32 (N,)."""
    total = np.zeros_like(vectors)
    for bit, column in enumerate(matrix):
        total ^= ((vectors >> np.uint32(bit)) & np.uint32(1)) * column
    return total
