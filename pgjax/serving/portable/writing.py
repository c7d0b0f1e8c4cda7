"""Writes a model's ONNX file, once ONNX Runtime has drawn with it what JAX draws."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pgjax import __version__
from pgjax.data import people
from pgjax.errors import InputError
from pgjax.files import buckets, paths
from pgjax.images.photo import fit
from pgjax.keypoints import inside, make_pose, moved
from pgjax.pose.skeleton import VIEWS
from pgjax.serving import model_card
from pgjax.serving.drawing import Drawing
from pgjax.serving.portable import interface
from pgjax.serving.portable.session import Session
from pgjax.training import model_folder
from pgjax.training.model_folder import Model

LEVELS, SHARE = 1, 0.001
"""A file is written where at most this share of pixels is off by more grey levels than that."""

_CALLS = (5, 3)  # batches of ONNX Runtime, of which JAX makes one
_SEED = 26  # of the people that are drawn


class Compared(NamedTuple):
    """Pictures of ONNX Runtime beside those of JAX.

    pictures: how many. largest: difference of a channel, in grey levels. share: of the pixels that are off
    by more than LEVELS in a channel. rounded: the precision of the row, where it is not float32, as the
    file's and here JAX's is.
    """

    pictures: int
    largest: int
    share: float
    rounded: str | None


def write(folder: str | os.PathLike, path: str | os.PathLike) -> Compared:
    """Converts an exported model to one file, which holds all that generating needs.

    Args:
      folder: of the model.
      path: of the file, NAME.onnx.

    Raises:
      FileNotFoundError, InputError: as `check`, model_folder.read and convert; the file draws other pictures
        than JAX.
    """
    path = check(path)
    from pgjax.serving.portable.conversion import convert

    model = model_folder.read(folder)
    card = model_card.text(model)
    digests = model_folder.check(buckets.local(paths.of(folder)))
    model, rounded = _unrounded(model)
    facts = interface.Facts(
        row=model.config["row"],
        stage=model.stage,
        step=model.step,
        size=model.size,
        reads_view=model.reads_view,
        version=__version__,
        weights=digests[model_folder.WEIGHTS],
        card=card,
    )
    content = convert(model, facts).SerializeToString()
    compared = _compared(model, Session(path, content), rounded)
    if compared.share > SHARE:
        raise InputError(
            f"{path}: not written: ONNX Runtime draws other pictures than JAX: {compared.share:.2%} of the "
            f"pixels of {compared.pictures} are off by more than {LEVELS} grey level, the worst by "
            f"{compared.largest}; expected at most {SHARE:.1%}"
        )
    paths.write_bytes(path, content)
    return compared


def check(path: str | os.PathLike) -> Path:
    """The file that is to be written; what is known of it before a model is read.

    Raises:
      InputError: it is a folder or has another extension, or onnx or onnxruntime is not installed.
    """
    found = paths.local(path)
    if found.suffix != interface.SUFFIX or found.is_dir():
        raise InputError(f"{path}: expected the name of a file that ends in {interface.SUFFIX}")
    interface.check_installed("onnx", "onnxruntime")
    return found


def _unrounded(model: Model) -> tuple[Model, str | None]:
    """The model with float32 arithmetic, which is what ONNX Runtime has on CPUs; and the row's if another."""
    precision = model.recipe.compute.precision
    if precision == "float32":
        return model, None
    compute = {**model.config["compute"], "precision": "float32"}
    return model._replace(config={**model.config, "compute": compute}), precision


def _compared(model: Model, session: Session, rounded: str | None) -> Compared:
    given = _examples(model.size, sum(_CALLS))
    pictures, finite = Drawing(model)(*given)
    ends = np.cumsum(_CALLS)[:-1]
    calls = zip(*(np.split(array, ends) for array in given), strict=True)
    drawn = [session(*call) for call in calls]
    if not finite or not all(well for _, well in drawn):
        raise InputError(f"the model {session.row} of step {session.step} draws what is not finite")
    found = np.concatenate([made for made, _ in drawn]).astype(int)
    apart = np.abs(found - np.asarray(pictures).astype(int)).max(axis=-1)
    share = float(np.mean(apart > LEVELS))
    return Compared(len(found), int(apart.max()), share, rounded)


def _examples(size: tuple[int, int], count: int) -> list[np.ndarray]:
    """Rendered people in two poses each, as interface.INPUTS has them; some joints are missing."""
    drawn_at = min(people.SIZES, key=lambda one: abs(one[0] - size[0]) + abs(one[1] - size[1]))
    placement = fit(drawn_at, size, "stretch")
    columns: list[list] = [[] for _ in interface.INPUTS]
    for number in range(count):
        first, second = (people.photo(_SEED, number + 1, i, drawn_at) for i in range(2))
        joints = []
        for photo in (first, second):
            pose = make_pose(photo["keypoints"], photo["visible"], size=drawn_at)
            pose = inside(moved(pose, placement.points, placement.into))
            joints += [pose.keypoints, pose.visible]
        images = [placement.image(photo) for photo in (first["image"], second["background"])]
        # Every second one is told its background, and each view comes: none, and those that there are.
        view = number % (len(VIEWS) + 1) - 1
        row = [*images, number % 2 == 0, *joints, view]
        for column, value in zip(columns, row, strict=True):
            column.append(value)
    kinds = (kind for kind, _ in interface.INPUTS.values())
    return [np.stack(column).astype(kind) for column, kind in zip(columns, kinds, strict=True)]
