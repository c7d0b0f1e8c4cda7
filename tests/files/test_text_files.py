"""UTF-8 and UTF-16, as PowerShell, Excel and pandas write them, wherever a text is read."""

import pytest

import poses as examples
from pgjax import keypoints
from pgjax.data import annotations
from pgjax.errors import InputError
from pgjax.files import text_files
from pgjax.keypoints import make_pose

CODES = pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])


def _write(path, text, code):
    mark = "\ufeff" if code == "utf-16-be" else ""  # Python's "utf-16" writes its own
    path.write_bytes((mark + text).encode(code))
    return path


@CODES
def test_every_text_is_read(tmp_path, code):
    assert text_files.read(_write(tmp_path / "a.txt", "josé\r\n", code)) == "josé\r\n"
    pairs = _write(tmp_path / "pairs.csv", "from,to\r\nanna_1.png,josé_2.png\r\n", code)
    assert annotations.read_pairs(pairs, ["josé_2.png", "anna_1.png"]).tolist() == [[1, 0]]
    pose = make_pose(examples.STANDING, size=(128, 64))
    for format, ending in (("csv", ".csv"), ("openpose", ".json")):
        written = tmp_path / f"utf8{ending}"
        keypoints.write(written, {"a.png": [pose]}, format)
        path = _write(tmp_path / f"a{ending}", written.read_text("utf-8"), code)
        ((found,),) = keypoints.read(path).values()
        assert found.visible.all()


def test_other_bytes_are_told(tmp_path):
    for data in (b"\xff\xfea", "josé".encode("latin-1"), b"\xff\xfe\x00\xd8"):
        (tmp_path / "a.json").write_bytes(data)
        with pytest.raises(InputError, match=r"a.json: not a text file in UTF-8"):
            keypoints.read(tmp_path / "a.json")
