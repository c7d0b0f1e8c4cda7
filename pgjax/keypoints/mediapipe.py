"""MediaPipe's 33 landmarks, as people save them: shares of the photo's size, with a visibility.

Of the older solutions MessageToDict(results.pose_landmarks), {"landmark": [...]}; of its tasks a result's
"pose_landmarks", in JavaScript "landmarks" or "poseLandmarks"; or a bare list of landmarks. Several of
these in a list are the frames of a film. Landmarks are objects {"x", "y", "z", "visibility",
"presence"} or lists of these numbers. Landmarks in space (meters) are not read.
https://ai.google.dev/edge/mediapipe/solutions/vision/pose_landmarker
"""

import numpy as np

from pgjax.errors import InputError
from pgjax.keypoints import files
from pgjax.keypoints.found import Person, Photo
from pgjax.keypoints.layouts import LAYOUTS

KEYS = ("landmark", "landmarks", "pose_landmarks", "poseLandmarks", "pose_landmarks_list")
FARTHEST_SHARE = 5
COUNT = LAYOUTS["mediapipe33"].count


def fits(content) -> bool:
    """Whether JSON is of this kind."""
    while isinstance(content, list) and content and isinstance(content[0], list):
        content = content[0]
    first = content[0] if isinstance(content, list) and content else content
    if not isinstance(first, dict):
        return isinstance(content, list) and len(content) in (4, 5) and _plain(content)
    return any(key in first for key in KEYS) or {"x", "y", "z"} <= first.keys()


def _plain(row: list) -> bool:
    return all(isinstance(value, int | float) for value in row)


def photos(content) -> list[Photo]:
    frames = _frames(content)
    names = [""] if len(frames) == 1 else [f"{number:06d}" for number in range(len(frames))]
    photos = [
        Photo(name, _people(frame, f"frame {int(name)}: " if name else ""))
        for name, frame in zip(names, frames, strict=True)
    ]
    points = [abs(person.table[:, :2]).max(axis=1) for photo in photos for person in photo.people]
    # Some multiply them by the photo's size. Of a person who is cut off many lie beyond 1.
    shares = not points or bool(np.median(np.concatenate(points)) <= FARTHEST_SHARE)
    return [photo._replace(shares=shares) for photo in photos]


def _frames(content) -> list:
    """Each frame's list of people, each a list of landmarks."""
    if isinstance(content, list) and _is_person(content):
        return [[content]]
    if isinstance(content, list):
        return [_unwrapped(frame) for frame in content]
    return [_unwrapped(content)]


def _unwrapped(frame) -> list:
    if frame is None:
        return []
    if isinstance(frame, dict):
        key = next((key for key in KEYS if key in frame), None)
        if key is None:
            raise InputError(f"no key {', '.join(KEYS)}; expected MediaPipe's landmarks")
        return _unwrapped(frame[key])
    frame = files.typed(frame, list, "landmarks")
    if not frame or _is_person(frame):
        return [frame] if frame else []
    return [person for one in frame for person in ([one] if _is_person(one) else _unwrapped(one))]


def _is_person(value) -> bool:
    """Whether it is a list of landmarks."""
    first = value[0] if isinstance(value, list) and value else None
    return (isinstance(first, dict) and "x" in first) or (
        isinstance(first, list) and bool(first) and _plain(first)
    )


def _people(people: list, where: str) -> list[Person]:
    found = []
    for number, landmarks in enumerate(people):
        place = f"{where}person {number}"
        with files.naming(place):
            if len(landmarks) != COUNT:
                raise InputError(f"{len(landmarks)} landmarks; expected MediaPipe's {COUNT}")
            rows = [_row(landmark) for landmark in landmarks]
            table = np.array([row[:2] for row in rows], float)
            table = np.column_stack([table, _confidence([row[3:] for row in rows])])
        found.append(Person(place, table))
    return found


def _confidence(rows: list[list[float]]) -> np.ndarray:
    """The smaller of visibility and presence; one that is 0 of all landmarks was not set."""
    lengths = {len(row) for row in rows}
    if len(lengths) != 1:
        raise InputError('some landmarks have a "visibility" or "presence", some have none')
    values = np.array(rows, float).reshape(len(rows), -1)
    values = values[:, values.any(axis=0)]
    if ((values < 0) | (values > 1)).any():
        # "Depending on the model" they are what the logistic function is still to be taken of.
        values = 1 / (1 + np.exp(-values.clip(-50, 50)))
    return values.min(axis=1, initial=1)


def _row(landmark) -> list[float]:
    """x, y, z and what there is of visibility and presence."""
    if isinstance(landmark, list) and len(landmark) in (3, 4, 5):
        return files.numbers(landmark, "a landmark").tolist()
    landmark = files.typed(landmark, dict, "a landmark")
    keys = ["x", "y", "z", *(k for k in ("visibility", "presence") if landmark.get(k) is not None)]
    return files.numbers(
        [landmark.get(k, 0.0 if k == "z" else None) for k in keys], "x, y"
    ).tolist()
