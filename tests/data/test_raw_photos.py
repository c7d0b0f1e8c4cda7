"""Photos below a folder and in its zips."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from pgjax.data.raw_photos import PhotoFiles
from pgjax.errors import InputError
from pgjax.files import folders

HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"


def jpeg():
    file = io.BytesIO()
    Image.fromarray(np.zeros((8, 4, 3), np.uint8)).save(file, "JPEG")
    return file.getvalue()


def fill(folder, contents):
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def pack(path, contents):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)


LYING = {
    "img/a.jpg": jpeg(),
    "img/B.JFIF": jpeg(),
    "img/c": jpeg(),
    "img/d.heic": HEIC,
    "img/notes.txt": b"no photo",
    "img/__MACOSX/._a.jpg": jpeg(),
    "__MACOSX/img/a.jpg": jpeg(),
    "img/.ipynb_checkpoints/a.jpg": jpeg(),
    "img/Thumbs.db": jpeg(),
}
TAKEN = ["img/B.JFIF", "img/a.jpg", "img/c"]


def test_unpacked(tmp_path):
    fill(tmp_path, LYING | {"img/damaged.png": b"no photo"})
    found = PhotoFiles(tmp_path)
    assert list(found.names) == [*TAKEN, "img/damaged.png"]
    assert found.texts == (tmp_path / "img/notes.txt",)
    assert all(found.read(name) == jpeg() for name in TAKEN)
    (line,) = folders.lines(found.listing)
    assert line.startswith("1 left out (img/d.heic): HEIC; convert it")


@pytest.mark.parametrize("name", ["img.zip", "IMG.ZIP"])
def test_in_a_zip(tmp_path, name):
    pack(tmp_path / "deep" / name, LYING)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "link").symlink_to(tmp_path / "deep")
    found = PhotoFiles(tmp_path / "elsewhere")
    assert list(found.names) == [f"link/{name}/{taken}" for taken in TAKEN]
    assert all(found.read(photo) == jpeg() for photo in found.names)
    assert found.texts == ()
    (line,) = folders.lines(found.listing)
    assert line.startswith(f"1 left out (link/{name}/img/d.heic): HEIC; convert it")


def test_a_damaged_zip_and_other_archives(tmp_path):
    (tmp_path / "a.tar").write_bytes(b"tar")
    assert folders.lines(PhotoFiles(tmp_path).listing) == [
        "1 left out (a.tar): archive; unpack it here"
    ]
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04")
    with pytest.raises(InputError, match=r"a\.zip: a truncated or damaged zip"):
        PhotoFiles(tmp_path)


def test_other_kinds_come_as_png(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 4, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", lossless=True)
    fill(tmp_path, {"a.webp": file.getvalue(), "b.webp": file.getvalue()[:40]})
    found = PhotoFiles(tmp_path)
    with Image.open(io.BytesIO(found.read("a.webp"))) as image:
        assert image.format == "PNG"
        np.testing.assert_array_equal(np.asarray(image), pixels)
    with pytest.raises(InputError, match=r"b\.webp: .*"):
        found.read("b.webp")
