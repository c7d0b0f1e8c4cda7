"""Plain NumPy files: our 18 joints as (18, 2), y, x, or (18, 3), y, x, confidence; (N, 18, ...) in a row.

N poses in one file are those of N photos, or of a film's frames, one person in each. Without
confidence a joint is missing that has a coordinate -1, or is 0, 0 as missing joints are in Pose.
"""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pgjax.errors import InputError
from pgjax.files import paths
from pgjax.keypoints import files
from pgjax.keypoints.found import Person, Photo
from pgjax.keypoints.found import poses as poses_of
from pgjax.keypoints.pose import JOINTS, Pose, marked
from pgjax.pose import skeleton


def read(path: Path, threshold: float | None) -> dict[str, list[Pose]]:
    content = path.read_bytes()
    if not content:
        raise InputError("is empty; expected a NumPy array")
    try:
        array = np.load(io.BytesIO(content), allow_pickle=False)
    except (
        Exception
    ) as error:  # of damaged bytes NumPy raises ValueError, EOFError, SyntaxError, ...
        raise InputError(f"not a .npy file of numbers: {error}") from None
    if not isinstance(array, np.ndarray):
        raise InputError("is an archive of arrays (.npz); expected one array (.npy)")
    return of_array(array, threshold)


def of_array(array: np.ndarray, threshold: float | None) -> dict[str, list[Pose]]:
    """The poses of an array of one of the shapes that files have.

    Raises:
      InputError: another shape or type, or a coordinate that is no number.
    """
    if array.dtype.kind not in "iuf" or (
        array.shape not in ((JOINTS, 2), (JOINTS, 3))
        and (array.ndim != 3 or array.shape[1:] not in ((JOINTS, 2), (JOINTS, 3)))
    ):
        raise InputError(
            f"an array {array.dtype} {array.shape}; expected numbers (18, 2), y and x of a person's "
            "joints, (18, 3) with confidence, or (N, 18, 2) or (N, 18, 3)"
        )
    if array.ndim == 2:
        return poses_of([Photo("", [_person(array, "the person")], shares=False)], threshold)
    photos = [
        Photo(f"{number:06d}", [_person(one, f"pose {number}")], shares=False)
        for number, one in enumerate(array)
    ]
    return poses_of(photos, threshold)


def _person(table: np.ndarray, where: str) -> Person:
    points = table[:, 1::-1].astype(float)
    if table.shape[1] == 3:
        return Person(where, np.column_stack([points, table[:, 2]]), skeleton.JOINTS)
    gone = (points == -1).any(axis=1) | marked(points)
    return Person(where, np.column_stack([points, ~gone]), skeleton.JOINTS)


def write(path: Path, poses: Mapping[str, Sequence[Pose]]) -> None:
    """With confidence: PATH.npy is (18, 3) of one photo, (N, 18, 3) of several; else NAME.npy in a folder.

    Raises:
      InputError: several people in a photo.
    """
    tables = {name: _table(files.at_most_one(name, people, path)) for name, people in poses.items()}
    if path.suffix.lower() == ".npy" and len(tables) != 1:
        _save(path, np.array(list(tables.values()), np.float32).reshape(-1, JOINTS, 3))
        return
    for target, name, _ in files.targets(path, poses, ".npy"):
        _save(target, tables[name])


def _table(pose: Pose | None) -> np.ndarray:
    if pose is None:
        return np.zeros((JOINTS, 3), np.float32)
    found_at_mark = pose.visible & marked(pose.keypoints)
    keypoints = np.where(found_at_mark[:, None], pose.keypoints + np.float32(2e-3), pose.keypoints)
    return np.concatenate([keypoints, pose.confidence[:, None]], axis=1)


def _save(path: Path, array: np.ndarray) -> None:
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    paths.write_bytes(path, content.getvalue())
