"""Parsing of annotation and pairs files, and each fault that they can have."""

import ast

import numpy as np
import pytest

from pgjax import keypoints
from pgjax.data import annotations
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
        (f"c.jpg: []: {X}", "one of the lists of coordinates is empty"),
        (f"c.jpg: {Y}: ", "one of the lists of coordinates is empty"),
        (
            f"c.jpg: {Y}: {X}".replace("12", "1_2"),
            "y of right_shoulder is '1_2', expected a number",
        ),
        (f"c.jpg: {Y}: {X}".replace("12", "-0.5"), "y of right_shoulder is -0.5, expected a pixel"),
        (f"c.jpg: {Y}: {X}".replace("12", "inf"), "y of right_shoulder is 'inf'"),
        (
            f"c.jpg: {Y}: {X}".replace("12", "1e300"),
            "y of right_shoulder is 1e300, expected pixels",
        ),
        (f"c.jpg: {Y}: {X}".replace("12", "-2"), "y of right_shoulder is -2"),
        (f"c.jpg: {Y}: {X}".replace("]", ""), "not a list"),
        (f"c.jpg: {Y}", "expected 3 fields"),
        (f"c.jpg: {Y}: {X}: {X}", "expected 3 fields"),
        (f": {Y}: {X}", "empty field"),
        (f"0: c.jpg: {Y}: {X}: {X}", "expected 3 fields"),
        (f"c.jpg; {Y}; {X}", "expected 3 fields"),
        (f"a.jpg: {Y}: {X}", "image a.jpg was already annotated in line 2"),
    ],
)
def test_a_bad_line_is_named(write, line, fault):
    path = write(f"a.jpg: {Y}: {X}", f"b.jpg: {Y}: {X}", line, f"d.jpg: {Y}: {X}")
    with pytest.raises(ValueError) as error:
        annotations.read_annotations(path)
    assert str(error.value).startswith(f"{path}, line 4: ")
    assert fault in str(error.value)


@pytest.mark.parametrize(
    "header",
    [
        f"a.jpg: {Y}: {X}",
        "name:keypoints_y:keypoints_y",
        "name:keypoints_y",
        f"{HEADER}:score",
        f"{HEADER[:-1]}{'x' * 200_000}",
    ],
)
def test_the_header_is_needed(write, header):
    path = write(f"b.jpg: {Y}: {X}", header=header)
    with pytest.raises(ValueError, match=f"line 1: expected the header '{HEADER}'"):
        annotations.read_annotations(path)


def wrapped(numbers):
    return np.array2string(np.array(numbers), max_line_width=40)


A, B = [20.0, 21.0, *Y[2:]], [float("nan"), 31.0, *X[2:]]


@pytest.mark.parametrize(
    "text",
    [
        f"name:keypoints_y:keypoints_x\na.jpg:{A}:{B}\nb.jpg:{Y}:{X}\n",
        # What pandas writes: DataFrame.to_csv() and to_csv(sep=":"), then read and written again.
        f',name,keypoints_y,keypoints_x\n0,a.jpg,"{A}","{B}"\n1,b.jpg,"{Y}","{X}"\n',
        f":name:keypoints_y:keypoints_x\n0:a.jpg:{A}:{B}\n1:b.jpg:{Y}:{X}\n",
        f',Unnamed: 0,name,keypoints_y,keypoints_x\n0,0,a.jpg,"{A}","{B}"\n1,1,b.jpg,"{Y}","{X}"\n',
        f'"":"Unnamed: 0":name:keypoints_y:keypoints_x\n0:0:a.jpg:{A}:{B}\n1:1:b.jpg:{Y}:{X}\n',
        f"name:keypoints_y:keypoints_x\n0:a.jpg:{A}:{B}\n1:b.jpg:{Y}:{X}\n",
        f"\ufeffName:keypoints_y:keypoints_x\r\n\r\na.jpg: {A}: {B}\r\n  \r\nb.jpg: {Y}: {X}\r\n\r\n",
        f"index;name;keypoints_x;keypoints_y\n0;a.jpg;{B};{A}\n;;;\n1;b.jpg;{X};{Y}\n",
        f"file_name\tkeypoints_y\tkeypoints_x\n'a.jpg'\t{A}\t{B}\nb.jpg\t{Y}\t{X}\n".replace(
            "'", '"'
        ),
        # Lists of NumPy's numbers, and an array.
        f"name:keypoints_y:keypoints_x\na.jpg:{A}:{B}\nb.jpg:"
        f"{[f'np.int64({y})' for y in Y]}:{np.array(X)}\n".replace("'", ""),
        f"name:keypoints_y:keypoints_x\na.jpg:{A}:{B}\nb.jpg:{Y}:{X}\n".replace("nan", "None"),
        # Arrays that are too long for a line.
        f'name:keypoints_y:keypoints_x\na.jpg:"{wrapped(A)}":"{wrapped(B)}"\n\nb.jpg:{Y}:{X}\n',
    ],
)
def test_files_as_pandas_and_people_leave_them(tmp_path, text):
    (tmp_path / "a.csv").write_bytes(text.encode())
    found = annotations.read_annotations(tmp_path / "a.csv")
    assert found.names == ("a.jpg", "b.jpg")
    np.testing.assert_array_equal(np.argwhere(~found.visible), [[0, 0]])
    np.testing.assert_array_equal(found.keypoints[0, 0], [-1, -1])
    np.testing.assert_array_equal(found.keypoints[0, 1:], np.stack([A, B], axis=1)[1:])
    np.testing.assert_array_equal(found.keypoints[1], np.stack([Y, X], axis=1))


def test_fractions_of_pixels_and_photos_without_a_pose(write):
    path = write(f"a.jpg: {Y}: {X}".replace("12", "12.25"), "b.jpg::", "c.jpg: []: []")
    found = annotations.read_annotations(path)
    assert found.keypoints[0, 2, 0] == 12.25
    assert not found.visible[1:].any() and (found.keypoints[1:] == -1).all()
    assert keypoints.read(path)["b.jpg"] == []


@pytest.mark.parametrize(
    "text",
    [
        "from,to\na.jpg,b.jpg\nc.jpg,a.jpg\n",
        ",from,to\n0,a.jpg,b.jpg\n1,c.jpg,a.jpg\n",
        "from,to\n0,a.jpg,b.jpg\n7,c.jpg,a.jpg\n",
        "Unnamed: 0.1,Unnamed: 0,from,to\n0,0,a.jpg,b.jpg\n\n1,1,c.jpg,a.jpg\n",
        '\ufeff"","from","to"\r\n"1","a.jpg","b.jpg"\r\n"2","c.jpg","a.jpg"\r\n\r\n',
        "to;from\nb;photos\\a\n/data/photos/a.png;C:\\photos\\c.JPG\n",
        "source\ttarget\na\tb.jpg\n,\nc\ta\n".replace(",\n", "\t\n"),
    ],
)
def test_lists_of_pairs_as_pandas_and_people_leave_them(tmp_path, text):
    (tmp_path / "pairs.csv").write_bytes(text.encode())
    found = annotations.read_pairs(tmp_path / "pairs.csv", ("a.jpg", "b.jpg", "c.jpg"))
    np.testing.assert_array_equal(found, [[0, 1], [2, 0]])


def test_a_pair_that_may_be_of_several_photos_is_told(write):
    path = write("a,b.jpg", header="from,to")
    with pytest.raises(
        InputError, match=r"line 2: image a may be a\.(jpg or a\.png|png or a\.jpg)"
    ):
        annotations.read_pairs(path, ("a.jpg", "a.png", "b.jpg"))
    names = ("x.jpg", "x.jpg.jpg", "b.jpg")
    path = write("x.jpg,x.jpg.jpg", header="from,to")
    np.testing.assert_array_equal(annotations.read_pairs(path, names), [[0, 1]])
    path = write("x.jpg,b", header="from,to")
    np.testing.assert_array_equal(annotations.read_pairs(path, names[1:]), [[0, 1]])


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
    np.testing.assert_array_equal(annotations.read_pairs(path, names), [[1, 0]])
    with pytest.raises(InputError, match=f"line 2: unknown image {called[1]}"):
        annotations.read_pairs(path, names[1:])


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


def test_a_field_without_an_end_is_told(write):
    path = write("a.jpg,b.jpg", '"a.jpg,b.jpg', "c.jpg,d.jpg", header="from,to")
    with pytest.raises(InputError, match=r"line 3: expected 2 fields as in 'from,to', found 1"):
        annotations.read_pairs(path, ("a.jpg", "b.jpg"))
    path = write("a.jpg,b.jpg", f'"{"a" * 200_000},b.jpg', header="from,to")
    with pytest.raises(InputError, match="line 3: field larger than field limit"):
        annotations.read_pairs(path, ("a.jpg", "b.jpg"))


def test_pairs_need_their_header(write):
    with pytest.raises(ValueError, match="line 1: expected the header 'from,to'"):
        annotations.read_pairs(write("a.jpg,b.jpg", header="a.jpg,b.jpg"), ("a.jpg", "b.jpg"))
    with pytest.raises(ValueError, match=r"found 'a.jpg,b.jpg'; write from,to above a list that"):
        annotations.read_pairs(write(header="a.jpg,b.jpg"), ("a.jpg", "b.jpg"))
    path = write("a.jpg,b.jpg", header="to,from")  # as of NTED and PIDM
    np.testing.assert_array_equal(annotations.read_pairs(path, ("a.jpg", "b.jpg")), [[1, 0]])


def test_published_market_file_as_python_reads_it(shared):
    path = shared / "data/market1501/market-annotation-train.csv"
    found = annotations.read_annotations(path)
    lines = path.read_text().splitlines()[1:]
    assert len(found.names) == len(lines) == 12_936
    assert (~found.visible).all(axis=1).sum() == 419  # docs/reference_facts.md, 5.3
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
