"""OpenPose's joints as candidates, as programs in Python store them.

{"candidate": [[x, y, ...], ...], "subset": [[...], ...]}: a row of `subset` is a person. Its first 18
numbers are the candidate of each joint, -1 if missing. pytorch-openpose and the older annotators of
ControlNet write pixels, with a confidence and a number after x and y. DWPose writes shares, without
confidence, in "bodies" beside "hands" and "faces". A list of several such objects are the frames of a video.
"""

import numpy as np

from pgjax.errors import InputError
from pgjax.keypoints import files
from pgjax.keypoints.found import Person, Photo
from pgjax.keypoints.layouts import COCO_18

KEYS = {"candidate", "subset"}


def fits(content) -> bool:
    """Whether JSON is of this kind."""
    first = content[0] if isinstance(content, list) and content else content
    if not isinstance(first, dict):
        return False
    bodies = first.get("bodies")
    return first.keys() >= KEYS or (isinstance(bodies, dict) and bodies.keys() >= KEYS)


def photos(content) -> list[Photo]:
    if isinstance(content, dict) or len(content) == 1:
        return [Photo("", _people(content if isinstance(content, dict) else content[0], ""))]
    return [
        Photo(f"{number:06d}", _people(frame, f"frame {number}: "))
        for number, frame in enumerate(content)
    ]


def _people(frame, where: str) -> list[Person]:
    with files.naming(where.removesuffix(": ") or "the photo"):
        frame = files.typed(frame, dict, "a frame")
        frame = files.typed(frame.get("bodies", frame), dict, '"bodies"')
        rows = files.typed(frame.get("candidate"), list, '"candidate"')
        joints = files.table(rows, '"candidate"') if rows else np.zeros((0, 3))
        people = files.typed(frame.get("subset"), list, '"subset"')
    found = []
    for number, person in enumerate(people):
        place = f"{where}person {number}"
        with files.naming(place):
            which = files.numbers(person, '"subset"')[: len(COCO_18)]
            if len(which) < len(COCO_18) or not np.isin(which, range(-1, len(joints))).all():
                raise InputError(
                    f'"subset" is not 18 numbers of the {len(joints)} candidates, or -1 for a missing joint'
                )
            table = np.zeros((len(COCO_18), 3))
            there = which >= 0
            table[there] = joints[which[there].astype(int)]
        found.append(Person(place, table))
    return found
