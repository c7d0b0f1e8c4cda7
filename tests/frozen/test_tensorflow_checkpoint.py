"""Checkpoints of TensorFlow, and CRC-32C."""

import pathlib
import shutil

import numpy as np
import pytest

from pgjax.frozen import tensorflow_checkpoint
from pgjax.frozen.crc32c import crc32c

# Written by TensorFlow: made_by_tensorflow.py beside it.
WRITTEN = pathlib.Path(__file__).parents[1] / "serving" / "published" / "model.ckpt-7"
RATE, STEP = "g_lr", "step"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (b"123456789", 0xE3069283),
        (b"", 0),
    ],
)
def test_crc32c_of_rfc_3720(data, expected):
    assert crc32c(data) == expected


@pytest.mark.parametrize("length", [*range(1, 9), 63, 64, 65, 1000, 4099])
def test_crc32c_is_that_of_its_definition(length):
    data = np.random.default_rng(length).bytes(length)
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ 0x82F63B78 * (register & 1)
    assert crc32c(memoryview(data)) == register ^ 0xFFFFFFFF


@pytest.fixture
def copied(tmp_path):
    for file in WRITTEN.parent.glob(f"{WRITTEN.name}.*"):
        shutil.copy(file, tmp_path)
    return tmp_path / WRITTEN.name


def test_variables_by_name():
    found = tensorflow_checkpoint.stored(WRITTEN)
    assert [file.name for file in found.files] == [
        "model.ckpt-7.index",
        "model.ckpt-7.data-00000-of-00001",
    ]
    assert found.shapes["Pose_AE/G/Conv_1/weights"] == (3, 3, 2, 2) and found.shapes[STEP] == ()
    taken = found.take([RATE, "UAEnoFC/G/Conv/biases"])
    assert taken[RATE] == np.float32(2e-5) and taken["UAEnoFC/G/Conv/biases"].shape == (2,)


def test_whole_numbers_are_refused():
    with pytest.raises(ValueError, match="step is no whole variable of float32"):
        tensorflow_checkpoint.stored(WRITTEN).take([STEP])


def test_a_flipped_bit_anywhere_changes_nothing_or_is_an_error(copied):
    index = copied.with_name(f"{copied.name}.index")
    whole, expected = index.read_bytes(), tensorflow_checkpoint.stored(copied)
    refused = 0
    places = range(0, len(whole), 37)
    for place in places:
        index.write_bytes(
            whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :]
        )
        try:
            assert tensorflow_checkpoint.stored(copied).shapes == expected.shapes
        except ValueError:
            refused += 1
    # All but what TensorFlow leaves empty: the padding of the last 48 bytes, and other indices.
    assert refused >= len([place for place in places if place < len(whole) - 70])


def test_a_missing_part_is_named(copied):
    copied.with_name(f"{copied.name}.data-00000-of-00001").unlink()
    found = tensorflow_checkpoint.stored(copied)
    with pytest.raises(FileNotFoundError, match="data-00000-of-00001"):
        found.take([RATE])
    with pytest.raises(FileNotFoundError, match=r"other\.index"):
        tensorflow_checkpoint.stored(copied.with_name("other"))
