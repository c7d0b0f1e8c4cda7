"""Checkpoints of TensorFlow."""

import pathlib
import shutil
import sys

import numpy as np
import pytest

from pgjax.errors import InputError
from pgjax.frozen import tensorflow_checkpoint

# Written by TensorFlow: made_by_tensorflow.py beside it.
WRITTEN = pathlib.Path(__file__).parents[1] / "serving" / "published" / "model.ckpt-7"
RATE, STEP = "g_lr", "step"


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


def test_without_the_extra_one_line_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "google_crc32c", None)
    with pytest.raises(InputError, match=r"pip install 'pgjax\[tensorflow\]'"):
        tensorflow_checkpoint.stored(WRITTEN)
