"""What the images of a sequence are called."""

import pytest

from pgjax.errors import InputError
from pgjax.tools.frames import frames, names


@pytest.mark.parametrize(
    ("poses", "expected"),
    [
        (["000", "001", "002"], ["000", "001", "002"]),
        (["v_000000000000", "v_000000000002"], ["v_000000000000", "v_000000000002"]),
        (["frame1", "frame2", "frame10"], ["frame01", "frame02", "frame10"]),
        (["s1_9", "s1_10", "s12_1"], ["s01_09", "s01_10", "s12_01"]),
        (["a/1.jpg", "a/2.JPG"], ["1", "2"]),
        (["1.jpg.jpg", "2.jpg.jpg"], ["1", "2"]),
        (["anna/1.png", "ben/1.png"], ["anna_1", "ben_1"]),
        (["C:\\x\\a.jpg", "C:\\x\\b.jpg"], ["a", "b"]),
        (["/data/seq/7.jpg", "/data/seq/8.jpg"], ["7", "8"]),
        (["../../etc/1", "../../etc/2"], ["1", "2"]),
        (["v1.5_a", "v1.6_b"], ["v1.5_a", "v1.6_b"]),
        (["a:b*c", "a?c"], ["a_b_c", "a_c"]),
        (["b", "a"], ["000_b", "001_a"]),  # the order of the file, not of its names
        (["A", "a"], ["000_A", "001_a"]),  # one file on some systems
        (["a.jpg", "a.png"], ["000_a", "001_a"]),
        (["", "x"], ["000", "001_x"]),
        (["é1", "é2"], ["é1", "é2"]),
        ([""], ["000"]),
    ],
)
def test_names_are_those_of_the_poses_and_sort_like_them(poses, expected):
    found = names(poses)
    assert found == expected == sorted(found)


def test_many_numbers_have_digits_enough():
    found = names([f"x{i}" if i % 2 else f"y{i}" for i in range(1200)])
    assert found == sorted(found) and found[0] == "0000_y0"


def test_a_folder_holds_one_sequence(tmp_path):
    for name in ("000.png", "007.png", ".hidden.png", "moving.png", "notes.txt"):
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=r"holds 1 frames of another sequence, such as 007\.png"):
        frames(tmp_path, ["000", "001"], tmp_path / "moving.png")
    (tmp_path / "007.png").unlink()
    assert frames(tmp_path, ["000", "001"], tmp_path / "moving.png") == [
        tmp_path / "000.png",
        tmp_path / "001.png",
    ]
