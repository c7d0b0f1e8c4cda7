"""The reader of .pth files, on files that PyTorch 2.15 wrote (tests/frozen/torch)."""

import io
import os
import pathlib
import pickle
import shutil
import zipfile

import numpy as np
import pytest

from pgjax.frozen import torch_file

FILES = pathlib.Path(__file__).with_name("torch")
BASE = np.arange(24, dtype=np.float32).reshape(4, 6) / np.float32(7)
EXPECTED = {
    "turned": BASE.T,  # shares its numbers with the next two
    "whole": BASE,
    "part": BASE[1:3, 2:5],
    "a": np.float32([-1, -0.5, 0, 0.5, 1]),
    "parameter": np.float32([[1.5, -2]]),
    "count": np.array(7),
    "empty": np.zeros((0, 3), np.float32),
    "double": np.array([1e-300]),
}
LAYOUTS = ("newer", "older")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_tensors_of_both_layouts(layout):
    found = torch_file.tensors(FILES / f"{layout}.pth", EXPECTED)
    assert list(found) == list(EXPECTED)
    for name, x in EXPECTED.items():
        assert found[name].dtype == x.dtype
        np.testing.assert_array_equal(found[name], x, err_msg=name)
    found["part"][:] = 9  # a copy: not the file's memory, and of nobody else
    np.testing.assert_array_equal(found["whole"], BASE)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_some_of_the_tensors(layout):
    (x,) = torch_file.tensors(FILES / f"{layout}.pth", ["double"]).values()
    np.testing.assert_array_equal(x, EXPECTED["double"])
    with pytest.raises(ValueError, match=f"{layout}.pth.*'absent'"):
        torch_file.tensors(FILES / f"{layout}.pth", ["a", "absent"])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_a_file_holds(layout):
    path = FILES / f"{layout}.pth"
    file = torch_file.stored(path)
    assert file.files == (path,)
    assert file.shapes == {name: x.shape for name, x in EXPECTED.items()}
    (x,) = file.take(["part"]).values()
    np.testing.assert_array_equal(x, EXPECTED["part"])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_file_cut_short(layout, tmp_path):
    content = (FILES / f"{layout}.pth").read_bytes()
    for length in (0, 1, 30, len(content) // 2, len(content) - 5):
        (tmp_path / "x.pth").write_bytes(content[:length])
        with pytest.raises(ValueError):
            torch_file.tensors(tmp_path / "x.pth", EXPECTED)


class _Runs:
    """Pickled, it asks for a command to be run."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def test_nothing_in_a_file_is_run(tmp_path):
    evil = pickle.dumps({"a": _Runs(f"touch {tmp_path / 'run'}")})
    with zipfile.ZipFile(tmp_path / "newer.pth", "w") as archive:
        archive.writestr("archive/data.pkl", evil)
    magic = pickle.dumps(torch_file._MAGIC)
    (tmp_path / "older.pth").write_bytes(magic + pickle.dumps(1001) + pickle.dumps({}) + evil)
    (tmp_path / "first.pth").write_bytes(evil)
    for name in ("newer", "older", "first"):
        with pytest.raises(ValueError, match="system has no place"):
            torch_file.tensors(tmp_path / f"{name}.pth", ["a"])
    assert not (tmp_path / "run").exists()
    pickle.loads(evil)  # so much for the usual way
    assert (tmp_path / "run").exists()


def test_what_is_no_tensor(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.pth", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"a": 5, "b": [1]}))
    with pytest.raises(ValueError, match="a is no tensor"):
        torch_file.tensors(tmp_path / "x.pth", ["a"])
    with pytest.raises(ValueError, match=r"^no file of tensors .*a is no tensor"):
        torch_file.stored(tmp_path / "x.pth")
    with zipfile.ZipFile(tmp_path / "x.pth", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps([1]))
    with pytest.raises(ValueError, match="it holds a list, not a dictionary"):
        torch_file.stored(tmp_path / "x.pth")


def test_a_tensor_beyond_its_numbers(tmp_path):
    shutil.copy(FILES / "newer.pth", tmp_path / "x.pth")
    with zipfile.ZipFile(FILES / "newer.pth") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    longest = max((n for n in parts if "/data/" in n), key=lambda n: len(parts[n]))
    parts[longest] = parts[longest][:-8]
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    (tmp_path / "x.pth").write_bytes(written.getvalue())
    with pytest.raises(ValueError, match="too short"):
        torch_file.tensors(tmp_path / "x.pth", ["whole"])


@pytest.mark.parametrize(
    ("told", "damaged"),
    [
        ("AttributeError", b"I1\n}b."),  # the attributes of a number
        ("IndexError", b"]I5\nI1\ns."),  # the sixth element of an empty list
        ("MemoryError", b"\x8e" + (1 << 62).to_bytes(8, "little") + b"."),
        ("OverflowError", b"\x8e" + b"\xff" * 8 + b"."),
    ],
)
def test_a_damaged_pickle_is_told(told, damaged, tmp_path):
    path = tmp_path / "x.pth"
    head = [pickle.dumps(torch_file._MAGIC), pickle.dumps(1001), pickle.dumps({})]
    path.write_bytes(b"".join(head) + damaged)
    for read in (torch_file.stored, lambda path: torch_file.tensors(path, ["a"])):
        with pytest.raises(ValueError, match=rf"no file of tensors \({told}: "):
            read(path)


def test_a_damaged_archive_is_told(tmp_path):
    path = tmp_path / "x.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", pickle.dumps({"a": 5}))
    whole = path.read_bytes()
    entry = whole.index(b"PK\x01\x02")
    begin = 30 + len("x/data.pkl")
    for told, place, damaged in (
        ("error", begin, b"\xff"),  # zlib's
        ("NotImplementedError", entry + 6, b"\x63"),  # the version of ZIP
        ("RuntimeError", entry + 8, b"\x01"),  # whether it is encrypted
    ):
        path.write_bytes(whole[:place] + damaged + whole[place + 1 :])
        with pytest.raises(ValueError, match=rf"no file of tensors \({told}: "):
            torch_file.stored(path)
