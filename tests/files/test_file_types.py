"""What a file is, by its bytes, and by its name where these do not tell."""

import io

import numpy as np
import pytest
from PIL import Image, features

from pgjax.files.file_types import HEAD, KINDS, PHOTOS, READABLE, kind_of

WRITTEN = (
    "JPEG",
    "MPO",
    "PNG",
    "WEBP",
    "AVIF",
    "GIF",
    "BMP",
    "TIFF",
    "PPM",
    "JPEG2000",
    "QOI",
    "TGA",
)


def encoded(form, **options):
    image = Image.fromarray(np.arange(32 * 16 * 3, dtype=np.uint8).reshape(32, 16, 3))
    if options:
        options["append_images"] = [image.rotate(180)]
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def box(first, *others):
    """The beginning of a file of ISO 14496-12."""
    body = b"ftyp" + first + bytes(4) + b"".join(others)
    return (len(body) + 4).to_bytes(4, "big") + body


@pytest.mark.parametrize("form", WRITTEN)
def test_what_pillow_writes_is_read_under_any_name(form):
    names = ["a.tga"] if form == "TGA" else ["a", "a.HEIC", "a.jpg", "a.txt", "a.JPG.jpg"]
    for name in names:
        assert kind_of(name, encoded(form)[:HEAD]).readable, name


@pytest.mark.parametrize("form", ["AVIF", "WEBP", "GIF", "TIFF", "PNG"])
def test_animations_are_photos(form):
    assert kind_of("a", encoded(form, save_all=True)[:HEAD]).readable


def test_pillow_reads_what_is_promised():
    assert features.check("avif") and features.check("webp") and features.check("jpg_2000")
    Image.init()
    known = Image.registered_extensions()
    assert {e for e in READABLE if e not in known} <= {".jif"}


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [
        ("a.heic", box(b"heic", b"mif1", b"heic"), "heic"),
        ("a.jpg", box(b"heic", b"mif1", b"heic"), "heic"),
        ("a", box(b"mif1", b"mif1", b"heic"), "heic"),
        ("a", box(b"msf1", b"hevc"), "heic"),
        ("a.heif", box(b"mif1", b"mif1", b"avif"), "avif"),
        ("a.heic", b"", "empty"),
        ("a.cr3", box(b"crx ", b"isom"), "raw"),
        ("a.NEF", b"MM\x00*\x00\x00\x00\x08", "raw"),
        ("a.dng", b"II*\x00\x08\x00\x00\x00", "raw"),
        ("a", b"II*\x00\x10\x00\x00\x00CR\x02\x00", "raw"),
        ("a.tif", b"II*\x00\x08\x00\x00\x00", "tiff"),
        ("a.jxl", b"\xff\x0a\x00", "jxl"),
        ("a", b"\x00\x00\x00\x0cJXL \r\n\x87\n", "jxl"),
        ("a.psd", b"8BPS\x00\x01", "psd"),
        ("a.svg", b"<svg xmlns=", "svg"),
        ("a", b'<?xml version="1.0"?>\n<svg xmlns=', "svg"),
        ("a.jpg", b"version https://git-lfs.github.com/spec/v1\n", "lfs"),
        ("a.mp4", box(b"isom", b"avc1"), "video"),
        ("a.MOV", box(b"qt  "), "video"),
        ("a", b"\x1aE\xdf\xa3", "video"),
        ("a.avi", b"RIFF\x00\x00\x00\x00AVI LIST", "video"),
        ("a.zip", b"PK\x03\x04", "archive"),
        ("a.jpg~", b"\xff\xd8\xff\xe0", "backup"),
        ("a.jpg_original", b"\xff\xd8\xff\xe0", "backup"),
        ("a.jpg.crdownload", b"\xff\xd8\xff\xe0", "partial"),
        ("MVI_1.THM", b"\xff\xd8\xff\xe0", "thumbnail"),
        ("a.ppm", b"P3 # made by hand", "ppm"),
    ],
)
def test_other_kinds(name, head, kind):
    assert kind_of(name, head) is KINDS[kind]


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("notes.txt", b"BM is a shop, BMP a format"),
        ("people.txt", b"P1 anna 1999"),
        ("notes.txt", b"P6 12 people"),
        ("a.json", b"{}"),
        ("a.csv", b"name:keypoints_y:keypoints_x\n"),
        ("a.json", b"version https://git-lfs.github.com/spec/v1\n"),
        ("a.npy", b"\x93NUMPY"),
        ("a.npz", b"PK\x03\x04"),
        ("a.json.bak", b"{}"),
        ("a", b""),
        ("a.pdf", b"%PDF-1.7"),
        ("song.m4a", box(b"dash")),
    ],
)
def test_what_never_was_a_photo(name, head):
    assert kind_of(name, head) is None


@pytest.mark.parametrize(
    ("head", "told"),
    [(b"", "empty"), (b"<!DOCTYPE html>", "mistaken"), (b"\xff", "mistaken")],
)
def test_a_photo_by_its_name_alone(head, told):
    kind = kind_of("a.JPG", head)
    assert kind is KINDS[told] and kind.damaged and not kind.readable


def test_every_kind_that_is_not_taken_says_what_to_do():
    assert all(kind.readable or kind.convert for kind in KINDS.values())
    assert READABLE < PHOTOS
    every = [e for kind in KINDS.values() for e in kind.extensions]
    assert len(every) == len(set(every))
