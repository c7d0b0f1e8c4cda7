"""The files of Ultralytics: to_json() of its results, and labels of pose data sets (also by save_txt()).

A label has one line for each person: class, box and joints, in shares of the photo's size:
`0 x y width height x0 y0 v0 x1 y1 v1 ... [confidence] [track]`. The v may be absent. In predictions it is a
confidence, in data sets 0, 1 or 2. The name of the file is the name of the photo.
https://docs.ultralytics.com/datasets/pose/
"""

from pathlib import Path

import numpy as np

from pgjax.errors import InputError
from pgjax.keypoints import files, layouts
from pgjax.keypoints.found import Person, Photo

BOX = 5  # numbers before the joints
AFTER = 2  # numbers after them at most: the box's confidence and a track


def fits(content) -> bool:
    """Whether JSON is of this kind."""
    frames = content if isinstance(content, list) else []
    if frames and isinstance(frames[0], list):
        frames = [one for frame in frames if isinstance(frame, list) for one in frame]
    first = frames[0] if frames else None
    return isinstance(first, dict) and isinstance(first.get("keypoints"), dict)


def photos(content) -> list[Photo]:
    """Of one photo, or of several lists, the frames of a film."""
    if not isinstance(content[0], list):
        return [Photo("", _people(content, ""))]
    return [
        Photo(f"{number:06d}", _people(files.typed(frame, list, "a frame"), f"frame {number}: "))
        for number, frame in enumerate(content)
    ]


def _people(results: list, where: str) -> list[Person]:
    found = []
    for number, result in enumerate(results):
        place = f"{where}result {number}"
        with files.naming(place):
            joints = files.typed(result, dict, "a result").get("keypoints")
            joints = files.typed(joints, dict, '"keypoints"')
            x, y = (files.numbers(joints.get(axis), f'"{axis}"') for axis in "xy")
            seen = joints.get("visible")
            seen = seen if seen is None else files.numbers(seen, '"visible"')
            if len(x) != len(y) or (seen is not None and len(seen) != len(x)):
                raise InputError('"x", "y" and "visible" hold unequal numbers of joints')
        points = np.column_stack([x, y])
        table = files.with_confidence(points) if seen is None else np.column_stack([points, seen])
        found.append(Person(place, table))
    return found


def labels(path: Path) -> list[Photo]:
    """Of a .txt file of labels, whose coordinates are shares."""
    found = []
    for where, values in files.lines(path):
        with files.naming(where):
            found.append(Person(where, _label(values)))
    return [Photo("", found, shares=True)]


def _label(values: np.ndarray) -> np.ndarray:
    for width in (3, 2):
        for after in range(AFTER + 1):
            count, rest = divmod(len(values) - BOX - after, width)
            if not rest and count > 0 and layouts.counted(count):
                joints = values[BOX : BOX + count * width].reshape(count, width)
                return joints if width == 3 else files.with_confidence(joints)
    raise InputError(
        f"{len(values)} numbers; expected class, box and x, y, v of joints, such as 56 of COCO's 17; "
        f"known are {layouts.known()} joints"
    )
