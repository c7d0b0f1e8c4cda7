"""Parsing of annotation and pairs files, and each fault that they can have."""

import ast

import numpy as np
import pytest

from pgjax.data import annotations, fashion_names
from pgjax.errors import InputError

HEADER = "name:keypoints_y:keypoints_x"
Y = list(range(10, 28))
X = list(range(30, 48))


@pytest.fixture
def write(tmp_path):
    def write(*lines, header=HEADER):
        path = tmp_path / "annotation.csv"
        path.write_text("\n".join((header, *lines)) + "\n")
        return path

    return write


def test_order_and_missing_joints(write):
    y, x = list(Y), list(X)
    y[3] = -1  # a half-missing joint is missing
    x[5] = -1
    y[7] = x[7] = -1
    y[8] = x[8] = 0
    found = annotations.read_annotations(write(f"b.jpg: {y}: {x}", f"a.jpg:{Y}:{X}"))
    assert found.names == ("b.jpg", "a.jpg")
    assert found.keypoints.dtype == np.float32
    assert found.keypoints.shape == (2, 18, 2)
    np.testing.assert_array_equal(np.flatnonzero(~found.visible[0]), [3, 5, 7])
    assert (found.keypoints[0, [3, 5, 7]] == -1).all()
    assert found.visible[1].all()
    np.testing.assert_array_equal(found.keypoints[1], np.stack([Y, X], axis=1))


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (f"c.jpg: {Y[:17]}: {X[:17]}", "17 y coordinates, expected 18"),
        (f"c.jpg: {Y}: {X[:17]}", "17 x coordinates, expected 18"),
        (f"c.jpg: {[*Y, 3]}: {X}", "19 y coordinates, expected 18"),
        (f"c.jpg: []: {X}", "0 y coordinates, expected 18"),
        (f"c.jpg: {Y}: {X}".replace("12", "12.5"), "y of right_shoulder is '12.5'"),
        (f"c.jpg: {Y}: {X}".replace("47", "nan"), "x of left_ear is 'nan'"),
        (f"c.jpg: {Y}: {X}".replace("12", "-2"), "y of right_shoulder is -2"),
        (f"c.jpg: {Y}: {X}".replace("]", ""), "not a list"),
        (f"c.jpg: {Y}", "expected 3 fields"),
        (f"c.jpg: {Y}: {X}: {X}", "expected 3 fields"),
        (f": {Y}: {X}", "empty field"),
        ("", "expected 3 fields"),
        (f"a.jpg: {Y}: {X}", "image a.jpg was already annotated in line 2"),
    ],
)
def test_a_bad_line_is_named(write, line, fault):
    path = write(f"a.jpg: {Y}: {X}", f"b.jpg: {Y}: {X}", line, f"d.jpg: {Y}: {X}")
    with pytest.raises(ValueError) as error:
        annotations.read_annotations(path)
    assert str(error.value).startswith(f"{path}, line 4: ")
    assert fault in str(error.value)


@pytest.mark.parametrize("header", [f"a.jpg: {Y}: {X}", "name:keypoints_x:keypoints_y", ""])
def test_the_header_is_needed(write, header):
    path = write(f"b.jpg: {Y}: {X}", header=header)
    with pytest.raises(ValueError, match=f"line 1: expected the header '{HEADER}'"):
        annotations.read_annotations(path)


def test_files_that_hold_nothing(write, tmp_path):
    with pytest.raises(ValueError, match="no line follows"):
        annotations.read_annotations(write())
    (tmp_path / "empty.csv").touch()
    with pytest.raises(ValueError, match="an empty file"):
        annotations.read_annotations(tmp_path / "empty.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="not a text file"):
        annotations.read_annotations(tmp_path / "binary.csv")
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv: no such file"):
        annotations.read_annotations(tmp_path / "nowhere.csv")


def test_pairs(write):
    path = write("b.jpg,a.jpg", "a.jpg, c.jpg", header="from,to")
    found = annotations.read_pairs(path, ("a.jpg", "b.jpg", "c.jpg"))
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, [[1, 0], [0, 2]])


def test_pairs_in_another_convention_of_names(write):
    names = ("fasionMENDenimid0000008001_1front.jpg", "fasionMENDenimid0000008001_2side.jpg")
    called = ("fashionMENDenimid0000008001_2side.jpg", "MEN/Denim/id_00000080/01_1_front.jpg")
    path = write(",".join(called), header="from,to")
    found = annotations.read_pairs(path, names, fashion_names.same)
    np.testing.assert_array_equal(found, [[1, 0]])
    with pytest.raises(InputError, match=f"line 2: unknown image {called[0]}"):
        annotations.read_pairs(path, names)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("a.jpg,x.jpg", "unknown image x.jpg"),
        ("a.jpg", "expected 2 fields"),
        ("a.jpg,b.jpg,a.jpg", "expected 2 fields"),
        ("a.jpg,", "empty field"),
    ],
)
def test_a_bad_pair_is_named(write, line, fault):
    path = write("a.jpg,b.jpg", line, header="from,to")
    with pytest.raises(ValueError) as error:
        annotations.read_pairs(path, ("a.jpg", "b.jpg"))
    assert str(error.value).startswith(f"{path}, line 3: ")
    assert fault in str(error.value)


def test_pairs_need_their_header(write):
    with pytest.raises(ValueError, match="line 1: expected the header 'from,to'"):
        annotations.read_pairs(write("a.jpg,b.jpg", header="a.jpg,b.jpg"), ("a.jpg", "b.jpg"))


def test_published_market_file_as_python_reads_it(shared):
    path = shared / "data/market1501/market-annotation-train.csv"
    found = annotations.read_annotations(path)
    lines = path.read_text().splitlines()[1:]
    assert len(found.names) == len(lines) == 12_936
    assert (~found.visible).all(axis=1).sum() == 419  # reference fact 5.3
    assert found.visible.all(axis=1).sum() == 903
    for number in range(0, len(lines), 500):
        name, *lists = lines[number].split(":")
        expected = np.array([ast.literal_eval(text.strip()) for text in lists]).T
        assert found.names[number] == name
        np.testing.assert_array_equal(found.keypoints[number], expected)


def test_published_deepfashion_files(shared):
    folder = shared / "data/deepfashion"
    found = annotations.read_annotations(folder / "fasion-resize-annotation-test.csv")
    pairs = annotations.read_pairs(folder / "fasion-resize-pairs-test.csv", found.names)
    assert found.keypoints.shape == (4_038, 18, 2)
    assert pairs.shape == (8_570, 2)
