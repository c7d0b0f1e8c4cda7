"""The formats of files of keypoints: the table FORMATS, and how the format of a file is found.

The content of a JSON file shows the format (`fits` of each kind). The names or the number of the joints show
their order (layouts.LAYOUTS). A new format is a record here, and a module with `fits` and `photos` if no kind
fits it.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pgjax.errors import InputError
from pgjax.keypoints import (
    arrays,
    candidates,
    coco,
    files,
    layouts,
    mediapipe,
    mmpose,
    openpose,
    published,
    rows,
    ultralytics,
    vitpose,
)
from pgjax.keypoints.found import Photo, poses
from pgjax.keypoints.pose import Pose

Found = dict[str, list[Pose]]


class Kind(NamedTuple):
    """A shape of JSON: fits(content), photos(content), and in words what it is told by."""

    fits: Callable[[object], bool]
    photos: Callable[[object], list[Photo]]
    told_by: str


# In this order: each fits only what none before it does.
KINDS = {
    "openpose": Kind(openpose.fits, openpose.photos, 'OpenPose\'s key "people"'),
    "candidates": Kind(candidates.fits, candidates.photos, '"candidate" beside "subset"'),
    "mediapipe": Kind(mediapipe.fits, mediapipe.photos, "MediaPipe's landmarks x, y, z"),
    "mmpose": Kind(mmpose.fits, mmpose.photos, 'MMPose\'s "keypoint_scores" or "instances"'),
    "ultralytics": Kind(ultralytics.fits, ultralytics.photos, 'Ultralytics\' "keypoints" {"x"}'),
    "vitpose": Kind(vitpose.fits, vitpose.photos, 'ViTPose\'s "skeleton" or "scores"'),
    "openpose_editor": Kind(
        rows.fits_editor, rows.editor_photos, 'openpose-editor\'s "width" beside "keypoints"'
    ),
    "dress_code": Kind(
        rows.fits_dress_code, rows.dress_code_photos, "Dress Code's 18 rows of 4 numbers"
    ),
    "coco": Kind(coco.fits, coco.photos, 'COCO\'s "annotations" or "keypoints"'),
}


class Format(NamedTuple):
    """A format of files.

    extension: of its files. what: in words. kinds: of JSON, all of KINDS where empty; of another
    extension none. layouts: those that are expected, all where empty. write(path, poses): None where it is
    only read.
    """

    extension: str
    what: str
    kinds: tuple[str, ...] = ()
    layouts: tuple[str, ...] = ()
    write: Callable[[Path, Mapping[str, Sequence[Pose]]], None] | None = None


def _layout(name: str) -> Format:
    layout = layouts.LAYOUTS[name]
    what = f"{layout.count} joints in any JSON, in the order of {layout.source}"
    return Format(".json", what, (), (name,))


JSON = ".json"
FORMATS = {
    "openpose": Format(JSON, "OpenPose", ("openpose",), (), openpose.write_coco18),
    "openpose25": Format(
        JSON, "OpenPose, BODY-25", ("openpose",), ("body25",), openpose.write_body25
    ),
    "openpose25b": Format(JSON, "OpenPose, BODY-25B", ("openpose",), ("body25b",)),
    "coco17": Format(JSON, "COCO-17, a data set", ("coco",), ("coco17",), coco.write_data_set),
    "coco17_results": Format(
        JSON, "COCO-17, list of results", ("coco",), ("coco17",), coco.write_results
    ),
    "csv": Format(
        ".csv", f"published CSV, {published.HEADER}", ("csv",), ("coco18",), published.write
    ),
    "npy": Format(
        ".npy", "array (18, 2 or 3) or (N, 18, 2 or 3)", ("npy",), ("coco18",), arrays.write
    ),
    "mmpose": Format(JSON, "MMPose's inferencer and demos", ("mmpose",)),
    "ultralytics": Format(JSON, "Ultralytics' to_json()", ("ultralytics",)),
    "ultralytics_txt": Format(".txt", "Ultralytics' labels", ("ultralytics_txt",)),
    "vitpose": Format(JSON, "ViTPose, of easy_ViTPose and Transformers", ("vitpose",)),
    "candidates": Format(
        JSON, "OpenPose's candidates and subset, DWPose's too", ("candidates",), ("coco18",)
    ),
    "mediapipe": Format(JSON, "MediaPipe's landmarks", ("mediapipe",), ("mediapipe33",)),
    "alphapose": Format(JSON, "AlphaPose's results, all its forms", ("coco", "openpose")),
    "openpose_editor": Format(JSON, "openpose-editor", ("openpose_editor",), ("coco18",)),
    "dress_code": Format(JSON, "Dress Code's keypoints", ("dress_code",), ("coco18",)),
    "gfla_txt": Format(".txt", "18 lines x y, of GFLA's kin", ("gfla_txt",), ("coco18",)),
    **{name: _layout(name) for name in layouts.LAYOUTS if name not in ("coco17", "coco18")},
}
FORMAT_IS = (
    f"FORMAT is one of {', '.join(FORMATS)}; docs/keypoints.md describes them."  # for --help
)
WRITTEN = tuple(name for name, format in FORMATS.items() if format.write is not None)
TEXTS = {"ultralytics_txt": ultralytics.labels, "gfla_txt": rows.text_photos}


def read(path: Path, format: str | None, threshold: float | None) -> Found:
    """The poses of a file, whose name errors begin with.

    Raises:
      InputError: a damaged file, or one of no format or not of that one.
    """
    if format == "csv" or (format is None and path.suffix.lower() == ".csv"):
        return published.read(path)  # its errors name the file, and the line
    with files.naming(path):
        start = _start(path)
        if format is None and published.fits(start):
            return published.read(path)
        if format == "npy" or (format is None and _is_npy(path, start)):
            return arrays.read(path, threshold)
        among = FORMATS[format].layouts if format else ()
        text = _text_format(path, format, start)
        photos = TEXTS[text](path) if text else _photos(path, format, start)
        return poses(photos, threshold, among or (FORMATS[text].layouts if text else ()))


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()


def _is_npy(path: Path, start: bytes) -> bool:
    return path.suffix.lower() == ".npy" or start.startswith(b"\x93NUMPY")


def _text_format(path: Path, format: str | None, start: bytes) -> str | None:
    """The format of a text file of numbers: lines of two, or three with a confidence, are GFLA's."""
    if format in TEXTS:
        return format
    if (
        path.suffix.lower() != ".txt"
        or start[:1] in (b"{", b"[")
        or (format and FORMATS[format].kinds)
    ):
        return None
    first = start.splitlines()[0].replace(b",", b" ").split() if start else []
    return "gfla_txt" if len(first) in (2, 3) else "ultralytics_txt"


def _photos(path: Path, format: str | None, start: bytes) -> list[Photo]:
    if path.suffix.lower() != JSON and start[:1] not in (b"{", b"["):
        raise InputError(f"not a format of keypoints that is known; expected {_known()}")
    content = files.load_json(path)
    kind = next((name for name, kind in KINDS.items() if kind.fits(content)), None)
    expected = (FORMATS[format].kinds if format else ()) or tuple(KINDS)
    if kind in expected:
        return KINDS[kind].photos(content)
    first = content[0] if isinstance(content, list) and content else content
    keys = sorted(first) if isinstance(first, dict) else json.dumps(content)[:40]
    told_by = ", ".join(KINDS[name].told_by for name in expected)
    raise InputError(f"JSON with {keys}; expected {told_by}, with joints {layouts.known()}")


def _known() -> str:
    found: dict[str, list[str]] = {}
    for name, format in FORMATS.items():
        if name in WRITTEN or name not in layouts.LAYOUTS:
            found.setdefault(format.extension, []).append(format.what)
    return "; ".join(f"{extension} ({', '.join(what)})" for extension, what in found.items())
