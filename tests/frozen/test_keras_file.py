"""Keras' files as its versions write them: names, numbers, and what is no weight."""

import h5py
import numpy as np
import pytest

from pgjax.frozen import keras_file


def write(path, layers, inside="/", again=True):
    """A file with the kernel and the bias of each layer, whose group is named twice in older versions."""
    with h5py.File(path, "w") as file:
        group = file.require_group(inside)
        group.attrs["layer_names"] = [name.encode() for name in layers]
        for number, layer in enumerate(layers):
            for part in ("kernel", "bias"):
                name = f"{layer}/{layer}/{part}:0" if again else f"{layer}/{part}"
                group[name] = np.full((number + 1,), number, np.float32)
        file["optimizer_weights/Adam/conv2d_1/kernel/m:0"] = np.zeros(1)
        if inside == "/":
            del file["optimizer_weights"]
    return path


@pytest.mark.parametrize(
    "layers", [("conv2d", "conv2d_1"), ("conv2d_1", "conv2d_2"), ("conv2d_9", "conv2d_10")]
)
@pytest.mark.parametrize("inside", ["/", "model_weights"])
@pytest.mark.parametrize("again", [True, False])
def test_the_first_layer_of_a_class_is_number_one(tmp_path, layers, inside, again):
    found = keras_file.stored(write(tmp_path / "x.h5", layers, inside, again))
    assert found.shapes == {
        f"conv2d_{number}/{part}": (number,) for number in (1, 2) for part in ("kernel", "bias")
    }
    taken = found.take(["conv2d_2/bias"])
    np.testing.assert_array_equal(taken["conv2d_2/bias"], [1, 1])


def test_classes_are_counted_by_themselves(tmp_path):
    layers = ("conv2d_transpose_3", "conv2d_5", "dense_named", "conv2d_7")
    found = keras_file.stored(write(tmp_path / "x.h5", layers))
    assert {name.partition("/")[0] for name in found.shapes} == {
        "conv2d_transpose_1",
        "conv2d_1",
        "conv2d_3",
        "dense_named_1",
    }


def test_another_file_is_refused(tmp_path):
    (tmp_path / "x.h5").write_bytes(b"PK\x03\x04 no HDF5")
    with pytest.raises(ValueError, match="no HDF5 file of Keras"):
        keras_file.stored(tmp_path / "x.h5")
    with pytest.raises(FileNotFoundError):
        keras_file.stored(tmp_path / "y.h5")
