"""The type of a file, from its first bytes: a photo, or something like a photo that cannot be read.

The name decides only if the bytes are not enough: an empty `a.jpg`, camera RAW (its bytes are TIFF),
unfinished downloads. `KINDS` is the table. A new kind is a line in it, and a line in `_MAGIC` if the bytes
show the kind.
"""

import os
import re
from typing import NamedTuple

HEAD = 64  # bytes of a file that tell its kind


class Kind(NamedTuple):
    """A kind of files.

    extensions: that its files have. convert: what to do with it, None where it can be read. photo: whether
    it is one picture of what a camera saw.
    """

    name: str
    extensions: tuple[str, ...]
    convert: str | None = None
    photo: bool = True

    @property
    def readable(self) -> bool:
        return self.photo and self.convert is None

    @property
    def damaged(self) -> bool:
        """Whether the name alone says that it is a photo."""
        return self in (KINDS["empty"], KINDS["mistaken"])

    def __str__(self) -> str:
        return f"{self.name}; {self.convert}" if self.convert else self.name


_MAGICK = "convert it, as by 'magick FILE FILE.png' (ImageMagick)"
KINDS = {
    "jpeg": Kind("JPEG", (".jpg", ".jpeg", ".jfif", ".jpe", ".jif", ".mpo")),
    "png": Kind("PNG", (".png", ".apng")),
    "webp": Kind("WebP", (".webp",)),
    "avif": Kind("AVIF", (".avif", ".avifs")),
    "gif": Kind("GIF", (".gif",)),
    "bmp": Kind("BMP", (".bmp", ".dib")),
    "tiff": Kind("TIFF", (".tif", ".tiff")),
    "ppm": Kind("PPM", (".ppm", ".pgm", ".pbm", ".pnm")),
    "jp2": Kind("JPEG 2000", (".jp2", ".j2k", ".jpf", ".jpx")),
    "qoi": Kind("QOI", (".qoi",)),
    "tga": Kind("TGA", (".tga",)),
    "heic": Kind(
        "HEIC",
        (".heic", ".heif", ".heics", ".heifs", ".hif"),
        "convert it to JPEG, by 'sips -s format jpeg FILE --out FILE.jpg' (macOS), "
        "'heif-convert FILE FILE.jpg' (Linux) or 'magick FILE FILE.jpg' (ImageMagick, Windows too)",
    ),
    "raw": Kind(
        "camera RAW",
        (
            *(
                ".dng",
                ".cr2",
                ".cr3",
                ".crw",
                ".nef",
                ".nrw",
                ".arw",
                ".sr2",
                ".srf",
                ".orf",
                ".rw2",
            ),
            *(
                ".raf",
                ".pef",
                ".srw",
                ".x3f",
                ".3fr",
                ".iiq",
                ".erf",
                ".kdc",
                ".dcr",
                ".mef",
                ".mos",
            ),
        ),
        "develop it to JPEG, as by 'darktable-cli FILE FILE.jpg' or the camera maker's program",
    ),
    "jxl": Kind("JPEG XL", (".jxl",), "convert it by 'djxl FILE FILE.png'"),
    "psd": Kind(
        "an editor's file",
        (".psd", ".psb", ".xcf", ".kra"),
        "export it as PNG from there, or by 'magick FILE[0] FILE.png' (ImageMagick)",
    ),
    "svg": Kind("SVG", (".svg", ".svgz"), "draw it by 'rsvg-convert FILE -o FILE.png'"),
    "hdr": Kind("HDR", (".exr", ".hdr"), _MAGICK),
    "other": Kind("a picture of a rare kind", (".pcx", ".sgi", ".jxr", ".wdp", ".bpg"), _MAGICK),
    "empty": Kind("empty (0 bytes)", (), "fetch or copy it again"),
    "mistaken": Kind("no photo, but called like one", (), "open it in a viewer to see what it is"),
    "lfs": Kind("a pointer of Git LFS", (), "fetch what it points to, by 'git lfs pull'"),
    "video": Kind(
        "video",
        (
            *(".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv"),
            *(".3gp", ".mts", ".m2ts", ".ogv", ".insv", ".lrv"),
        ),
        "take frames out of it, as by 'ffmpeg -i FILE FOLDER/FILE_%05d.png'",
        photo=False,
    ),
    "archive": Kind(
        "archive", (".zip", ".tar", ".tgz", ".7z", ".rar"), "unpack it here", photo=False
    ),
    "backup": Kind("backup copy", (), "rename it if you want to use it", photo=False),
    "partial": Kind("unfinished download", (), "finish it, or remove it", photo=False),
    "thumbnail": Kind("camera's thumbnail", (".thm",), "use the photo itself", photo=False),
}
READABLE = frozenset(e for kind in KINDS.values() if kind.readable for e in kind.extensions)
PHOTOS = frozenset(e for kind in KINDS.values() if kind.photo for e in kind.extensions)

_BY_EXTENSION = {e: key for key, kind in KINDS.items() for e in kind.extensions}
# Whose bytes are told by their beginning alone, and would be taken for photos of their own.
_BY_NAME = (
    (re.compile(r"(~|\.(bak|orig|old|backup)|\.\w+_original)$", re.IGNORECASE), "backup"),
    (re.compile(r"\.(crdownload|part|partial|opdownload|filepart|tmp)$", re.IGNORECASE), "partial"),
    (re.compile(r"\.thm$", re.IGNORECASE), "thumbnail"),
)
_MAGIC = (
    ("jpeg", 0, b"\xff\xd8\xff"),
    ("png", 0, b"\x89PNG\r\n\x1a\n"),
    ("gif", 0, b"GIF87a"),
    ("gif", 0, b"GIF89a"),
    ("jp2", 0, b"\x00\x00\x00\x0cjP  \r\n\x87\n"),
    ("jp2", 0, b"\xff\x4f\xff\x51"),
    ("qoi", 0, b"qoif"),
    ("raw", 8, b"CR\x02"),
    ("raw", 0, b"IIRO"),
    ("raw", 0, b"IIRS"),
    ("raw", 0, b"IIU\x00"),
    ("raw", 0, b"FUJIFILMCCD-RAW"),
    ("raw", 0, b"FOVb"),
    ("raw", 6, b"HEAPCCDR"),
    ("tiff", 0, b"II*\x00"),
    ("tiff", 0, b"MM\x00*"),
    ("tiff", 0, b"II+\x00"),
    ("tiff", 0, b"MM\x00+"),
    ("jxl", 0, b"\x00\x00\x00\x0cJXL \r\n\x87\n"),
    ("jxl", 0, b"\xff\x0a"),
    ("psd", 0, b"8BPS"),
    ("psd", 0, b"gimp xcf"),
    ("hdr", 0, b"#?RADIANCE"),
    ("hdr", 0, b"v/1\x01"),
    ("svg", 0, b"<svg"),
    ("lfs", 0, b"version https://git-lfs"),
    ("video", 0, b"\x1aE\xdf\xa3"),
    ("video", 0, b"\x00\x00\x01\xba"),
    ("video", 0, b"\x00\x00\x01\xb3"),
    ("video", 0, b"0&\xb2u\x8ef\xcf\x11"),
    ("video", 0, b"FLV\x01"),
)
_RIFF = {b"WEBP": "webp", b"AVI ": "video"}
_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)  # bytes; "BM" alone begins many a text
_AVIF = {b"avif", b"avis"}
_HEIF = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1"}
_VIDEO = {b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"qt  ", b"M4V "}


def kind_of(name: str, head: bytes) -> Kind | None:
    """What a file is, by its name and its first HEAD bytes (fewer where it is shorter).

    None is what never was a photo: text, numbers, anything unknown. A name like a photo's whose bytes are
    no photo's is a Kind that says so.
    """
    for pattern, key in _BY_NAME:
        if pattern.search(name) and (_by_bytes(head) or _BY_EXTENSION.get(extension(name))):
            return KINDS[key]
    told, called = _by_bytes(head), _BY_EXTENSION.get(extension(name))
    if told == "lfs":
        return KINDS["lfs"] if called in KINDS and KINDS[called].photo else None
    if told == "tiff" and called == "raw":
        return KINDS["raw"]
    if told is not None:
        return KINDS[told]
    if called is None:
        return None
    kind = KINDS[called]
    if not kind.photo or called == "tga" or (called == "ppm" and re.match(rb"P[1-6]\s", head)):
        return kind
    if not head:
        return KINDS["empty"]
    return KINDS["mistaken"] if kind.readable else kind


def extension(name: str) -> str:
    """A name's last extension, in lower case; "" where it has none."""
    return os.path.splitext(name)[1].lower()


def _by_bytes(head: bytes) -> str | None:
    for key, start, magic in _MAGIC:
        if head[start : start + len(magic)] == magic:
            return key
    if head[4:8] == b"ftyp":
        return _by_brands(head)
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "bmp"
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if re.match(rb"P[4-6]\s+(#[^\n]*\s+)*\d+\s+\d+\s", head):  # P1 to P3 begin texts too
        return "ppm"
    if head.lstrip().startswith(b"<?xml") and b"<svg" in head:
        return "svg"
    return None


def _by_brands(head: bytes) -> str | None:
    """Of the boxes of ISO 14496-12: a file lists whose rules it follows, the first before the others."""
    length = int.from_bytes(head[:4], "big")
    first, others = head[8:12], head[16 : max(16, length)]
    brands = {first, *(others[i : i + 4] for i in range(0, len(others), 4))}
    if first == b"crx ":
        return "raw"
    if brands & _AVIF:
        return "avif"
    if brands & _HEIF:
        return "heic"
    return "video" if brands & _VIDEO or first.startswith((b"3g", b"M4")) else None
