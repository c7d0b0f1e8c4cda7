"""The reader of pickled arrays: float32 in dictionaries, and nothing that a pickle may ask for."""

import os
import pickle

import numpy as np
import pytest

from pgjax.frozen import numpy_pickle
from sdist_files import pickled

ARRAYS = {"a": np.arange(6, dtype="f4").reshape(1, 2, 3), "b": np.zeros((0, 2), "f4")}


def test_arrays_of_nested_dictionaries():
    found = numpy_pickle.arrays(pickled({"x": {"y": ARRAYS}, "z": ARRAYS["a"]}))
    assert list(found) == ["x/y/a", "x/y/b", "z"]
    for name, x in (("x/y/a", ARRAYS["a"]), ("x/y/b", ARRAYS["b"]), ("z", ARRAYS["a"])):
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], x, strict=True)


class _Asks:
    def __init__(self, function, *arguments):
        self._asked = function, arguments

    def __reduce__(self):
        return self._asked


@pytest.mark.parametrize(
    ("function", "told"),
    [(os.mkdir, r"(posix|nt)\.mkdir"), (eval, r"builtins\.eval"), (np.load, r"numpy\S*\.load")],
)
def test_nothing_that_is_asked_for_runs(function, told, tmp_path):
    argument = str(tmp_path / "made")
    asked = f"__import__('os').mkdir({argument!r})" if function is eval else argument
    for content in (_Asks(function, asked), {"a": ARRAYS["a"], "b": [_Asks(function, asked)]}):
        with pytest.raises(ValueError, match=f"{told} has no place in a file of arrays"):
            numpy_pickle.arrays(pickled(content))
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "saved",
    [
        {"a": np.zeros(2)},
        {"a": np.zeros(2, ">f4")},
        {"a": np.zeros(2, object)},
        {"a": np.zeros((2, 3), "f4").T},
        {"a": np.zeros(2, [("x", "f4")])},
    ],
)
def test_other_arrays_are_refused(saved):
    with pytest.raises(ValueError, match="little-endian float32"):
        numpy_pickle.arrays(pickled(saved))


@pytest.mark.parametrize("saved", [[ARRAYS["a"]], {"a": 1}, {"a": {"b": "text"}}, np.dtype("f4")])
def test_other_contents_are_refused(saved):
    with pytest.raises(ValueError, match="no pickle of arrays"):
        numpy_pickle.arrays(pickled(saved))


def test_damaged_bytes_are_a_value_error():
    content = pickled({"x": ARRAYS})
    assert numpy_pickle.arrays(content)
    for end in range(len(content)):
        with pytest.raises(ValueError, match="no pickle of arrays"):
            numpy_pickle.arrays(content[:end])
    random = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(content)
        damaged[random.integers(len(content))] ^= 1 << random.integers(8)
        try:
            numpy_pickle.arrays(bytes(damaged))
        except ValueError:
            continue


def test_numbers_that_do_not_fill_the_shape():
    content = pickled({"a": np.zeros(7, "f4")})
    assert pickle.BININT1 + b"\x07" in content
    with pytest.raises(ValueError, match="cannot reshape"):
        numpy_pickle.arrays(content.replace(pickle.BININT1 + b"\x07", pickle.BININT1 + b"\x08"))
