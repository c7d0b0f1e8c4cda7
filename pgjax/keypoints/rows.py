"""The 18 joints of OpenPose as plain rows: the files of openpose-editor, Dress Code, and GFLA's descendants.

openpose-editor (fkunn1326, an extension of the Web UI) saves {"width": ..., "height": ..., "keypoints":
[[x, y], ...]}, with 18 rows for each person and no missing joint. The files keypoints/*_2.json of Dress Code
are {"keypoints": [[x, y, confidence, number], ...]}, in pixels of a photo of 384x512, even if the photo is
larger. NTED, PIDM and others have one .txt for each photo, with 18 lines "x y", -1 if missing, in pixels of
DeepFashion's photos of 256x256.
"""

from pathlib import Path

import numpy as np

from pgjax.errors import InputError
from pgjax.keypoints import files
from pgjax.keypoints.found import Person, Photo
from pgjax.pose import skeleton

COUNT = len(skeleton.JOINTS)
DRESS_CODE = 512, 384  # height and width


def _rows(content, width: int) -> list:
    rows = content.get("keypoints") if isinstance(content, dict) else None
    whole = isinstance(rows, list) and rows and len(rows) % COUNT == 0
    return rows if whole and all(isinstance(r, list) and len(r) == width for r in rows) else []


def fits_editor(content) -> bool:
    """Whether JSON is openpose-editor's."""
    return bool(_rows(content, 2)) and {"width", "height"} <= content.keys()


def editor_photos(content) -> list[Photo]:
    rows = _rows(content, 2)
    people = [
        Person(f"person {start // COUNT}", files.table(rows[start : start + COUNT], '"keypoints"'))
        for start in range(0, len(rows), COUNT)
    ]
    return [Photo("", people, files.size(content))]


def fits_dress_code(content) -> bool:
    """Whether JSON is Dress Code's."""
    return len(_rows(content, 4)) == COUNT


def dress_code_photos(content) -> list[Photo]:
    table = files.table(content["keypoints"], '"keypoints"')
    table[(table[:, :2] <= 1).any(axis=1), 2] = 0  # the data set's own loader draws none of these
    return [Photo("", [Person("keypoints", table)], DRESS_CODE)]


def text_photos(path: Path) -> list[Photo]:
    """Of a .txt file of 18 lines.

    Raises:
      InputError: another number of lines, or lines of other than two numbers, or three with a confidence.
    """
    found = []
    for where, values in files.lines(path):
        with files.naming(where):
            if len(values) not in (2, 3) or len(values) != len([*found, values][0]):
                raise InputError(
                    f"{len(values)} numbers; expected x and y of a joint, in all lines with a confidence "
                    "or in none"
                )
        found.append(values)
    if len(found) != COUNT:
        raise InputError(f"{len(found)} lines; expected {COUNT}, x and y of each joint")
    points = np.array(found)
    gone = (points[:, :2] == -1).any(axis=1)
    points[gone, :2] = -1
    table = points if points.shape[1] == 3 else files.with_confidence(points)
    return [Photo("", [Person("the person", table)])]
