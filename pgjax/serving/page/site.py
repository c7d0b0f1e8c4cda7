"""Writes the folder of a page: static files, and nothing that the browser would ask another host for.

index.html, page.css, *.js     the page's own
model.onnx                     what draws
ort/                           ONNX Runtime for browsers (onnxruntime_web)
example.png, example.json      the person whom the page shows first, and its pose
"""

import fnmatch
import json
import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pgjax import keypoints
from pgjax.errors import InputError
from pgjax.files import folders, paths
from pgjax.frozen.weights import Params
from pgjax.images.photo import Size
from pgjax.images.pixels import write_png
from pgjax.keypoints import limbs
from pgjax.pose import skeleton
from pgjax.pose.drawing import FACE
from pgjax.serving.page import onnxruntime_web, poses
from pgjax.serving.portable import interface

FILES = Path(__file__).parent / "files"
OWN = ("index.html", "page.css", "*.js")
PAGE, MODEL, ESTIMATOR, RUNTIME = "index.html", "model.onnx", "estimator.onnx", "ort"
PHOTO, POSE = "example.png", "example.json"
NAMES = (*OWN, MODEL, ESTIMATOR, RUNTIME, PHOTO, POSE)
"""All that is in the folder, as patterns."""

SETTINGS = '<script type="application/json" id="settings">'
LESS = r"\u003c"  # in JSON, where HTML could take "<" for the end of a script


def write(
    folder: str | os.PathLike,
    model: str | os.PathLike,
    data_dir: str | os.PathLike,
    package: str | os.PathLike | None = None,
    weights: Params | None = None,
) -> None:
    """Writes a page.

    Args:
      folder: of the page; a new one, an empty one, or one that holds a page, which is replaced.
      model: an exported model, or the .onnx file that pgjax export --onnx made of one.
      data_dir: where ONNX Runtime for browsers is kept.
      package: its npm package, where it was fetched by other means.
      weights: of the built-in estimator (openpose_weights.fixed), which then finds joints on the page.

    Raises:
      FileNotFoundError, InputError: as onnxruntime_web.obtain; there is no such model, or it cannot be
        converted; the folder holds something else.
    """
    check_free(folder)
    folder = Path(os.path.realpath(paths.local(folder)))
    runtime = onnxruntime_web.obtain(data_dir, package)
    partial = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.partial")
    try:
        (partial / RUNTIME).mkdir(parents=True)
        for file in runtime:
            shutil.copyfile(file, partial / RUNTIME / file.name)
        size, title = _model(model, partial / MODEL)
        for pattern in OWN:
            for file in FILES.glob(pattern):
                shutil.copyfile(file, partial / file.name)
        if weights is not None:
            from pgjax.serving.page import estimator

            (partial / ESTIMATOR).write_bytes(estimator.model(weights).SerializeToString())
        _fill(partial / PAGE, size, title, weights is not None)
        photo, pose = poses.example(size)
        write_png(partial / PHOTO, photo)
        keypoints.write(partial / POSE, {PHOTO: [pose]}, "openpose")
        _put(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _put(made: Path, folder: Path) -> None:
    """Moves a page that was made to its place, where an older one may be, or an empty folder."""
    if folder.exists() and folder.samefile(os.curdir):
        # It can't be exchanged under a shell that is in it; --data_dir may have come into it.
        for old in filter(_of_page, list(folder.iterdir())):
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        for new in made.iterdir():
            new.rename(folder / new.name)
        return
    if not folder.exists():
        made.rename(folder)
        return
    before = made.with_suffix(".old")
    folder.rename(before)
    try:
        made.rename(folder)
    except BaseException:
        before.rename(folder)
        raise
    shutil.rmtree(before, ignore_errors=True)


def check_free(folder: str | os.PathLike) -> None:
    """Raises InputError, where a folder holds something else than a page."""
    folder = paths.local(folder)
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InputError(f"{folder}: is a file; name a new folder")
    held = sorted(p for p in folder.iterdir() if not folders.is_of_system(p.name))
    others = held if not _is_page(folder) else [p for p in held if not _of_page(p)]
    if others:
        raise InputError(
            f"{folder}: holds something else than a page, {others[0].name}; name a new folder"
        )


def check(folder: Path) -> None:
    """Raises FileNotFoundError, where a folder holds no page."""
    if not _is_page(folder):
        raise FileNotFoundError(
            f"{folder}: no page in it; pgjax page --model=MODEL --out={folder} makes one"
        )


def _of_page(path: Path) -> bool:
    return any(fnmatch.fnmatch(path.name, name) for name in NAMES)


def _is_page(folder: Path) -> bool:
    if not ((folder / MODEL).is_file() and (folder / PAGE).is_file()):
        return False
    return SETTINGS in (folder / PAGE).read_text(encoding="utf-8", errors="replace")


def _model(model: str | os.PathLike, into: Path) -> tuple[Size, str]:
    """Writes the model as ONNX. Returns (height, width) of its pictures, and what it is, in words."""
    from pgjax.serving.portable.session import Session

    if os.fspath(model).endswith(interface.SUFFIX):
        facts = Session(model).facts
        shutil.copyfile(paths.local(model), into)
    else:
        from pgjax.serving.portable import writing

        writing.write(model, into)
        facts = Session(into).facts
    height, width = facts.size
    return facts.size, f"Model: {facts.row}, step {facts.step}, {height} by {width} pixels."


def _fill(page: Path, size: Size, title: str, finds: bool) -> None:
    settings = {
        "model": {"file": MODEL, "size": size, "title": title},
        "skeleton": skeleton_settings(),
        "estimator": estimator_settings() if finds else None,
        "poses": poses.twenty(),
    }
    before, mark, after = page.read_text(encoding="utf-8").partition(f"{SETTINGS}{{}}")
    assert mark, page
    text = json.dumps(settings).replace("<", LESS)
    page.write_text(f"{before}{SETTINGS}{text}{after}", encoding="utf-8")


def skeleton_settings() -> Mapping[str, Any]:
    """What the page knows of skeletons, as JSON (skeleton.js)."""
    return {
        "joints": skeleton.JOINTS,
        "tree": skeleton.TREE,
        "groups": list(limbs.GROUPS.values()),
        "torso": limbs.TORSO,
        "face": FACE,
        "most": limbs.MOST,
    }


def estimator_settings() -> Mapping[str, Any]:
    """What the page knows of the built-in estimator, as JSON (people.js)."""
    from pgjax.frozen import openpose_mobilenet
    from pgjax.frozen.estimators import openpose, people
    from pgjax.keypoints.people import RIVAL

    return {
        "file": ESTIMATOR,
        "limbs": openpose_mobilenet.LIMBS,
        "tree": len(skeleton.TREE),
        "stride": openpose_mobilenet.STRIDE,
        "sizes": {
            "height": openpose.HEIGHT,
            "widest": openpose.WIDEST,
            "enlarged": openpose.ENLARGED,
            "multiple": openpose.MULTIPLE,
        },
        "threshold": keypoints.THRESHOLD,
        "most": openpose.MOST,
        "samples": openpose.SAMPLES,
        "along": openpose.ALONG,
        "share": openpose.SHARE,
        "fewest": people.FEWEST,
        "rival": RIVAL,
    }
