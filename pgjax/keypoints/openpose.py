"""OpenPose's JSON, one file a photo: {"people": [{"pose_keypoints_2d": [x, y, confidence, ...]}]}.

Its two bodies are told apart by their length: COCO-18, this project's own joints, and BODY-25. Also
read: the older key "pose_keypoints"; the keys "canvas_width" and "canvas_height" that pose editors
add, with coordinates as shares of them or in pixels; a list of such objects, the frames of a film.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pgjax import skeleton
from pgjax.errors import InputError
from pgjax.keypoints import files
from pgjax.keypoints.pose import FARTHEST, Pose, from_table, to_table

COCO_18 = skeleton.JOINTS
BODY_25 = (
    *COCO_18[:8],
    "middle_hip",
    *COCO_18[8:],
    *(f"{side}_{part}" for side in ("left", "right") for part in ("big_toe", "small_toe", "heel")),
)
BODIES = {3 * len(names): names for names in (COCO_18, BODY_25)}
KEYS = ("pose_keypoints_2d", "pose_keypoints")
SUFFIX = "_keypoints"


def read(path: Path, threshold: float) -> dict[str, list[Pose]]:
    content = files.load_json(path)
    if isinstance(content, dict):
        return {"": _people(content, threshold)}
    frames = files.typed(content, list, "the file")
    found = {}
    for number, frame in enumerate(frames):
        with files.naming(f"frame {number}"):
            found[f"{number:06d}"] = _people(files.typed(frame, dict, "a frame"), threshold)
    return found


def _people(frame: dict, threshold: float) -> list[Pose]:
    if "people" not in frame:
        raise InputError('no key "people"; expected what OpenPose --write_json writes')
    bodies = []
    for number, person in enumerate(files.typed(frame["people"], list, '"people"')):
        with files.naming(f"person {number}"):
            table = _table(files.typed(person, dict, "a person"))
        if table is not None:
            bodies.append((number, table))
    size = _canvas(frame)
    scale = _scale([table for _, table in bodies], threshold, size)
    poses = []
    for number, table in bodies:
        with files.naming(f"person {number}"):
            names = BODIES[table.size]
            pose = from_table(table * (*scale, 1), names, threshold, size)
        if pose.visible.any():
            poses.append(pose)
    return poses


def _table(person: dict) -> np.ndarray | None:
    """x, y, confidence (J, 3); None of a person of whom only face or hands were found."""
    key = next((key for key in KEYS if key in person), None)
    if key is None:
        raise InputError(f'no key "{KEYS[0]}"')
    values = files.numbers(person[key], f'"{key}"')
    if values.size == 0:
        return None
    if values.size not in BODIES:
        raise InputError(
            f'"{key}" holds {values.size} numbers; expected x, y, confidence of 18 joints (54, '
            "OpenPose's COCO body) or of 25 (75, its BODY_25)"
        )
    return values.reshape(-1, 3)


def _canvas(frame: dict) -> tuple[int, int] | None:
    size = tuple(frame.get(f"canvas_{side}") for side in ("height", "width"))
    if None in size:
        return None
    if any(
        isinstance(s, bool) or not isinstance(s, int | float) or not 1 <= s < FARTHEST for s in size
    ):
        raise InputError(f'"canvas_height" and "canvas_width" are {size}; expected pixels')
    return int(size[0]), int(size[1])


def _scale(tables: Sequence[np.ndarray], threshold: float, size) -> tuple[float, float]:
    """What makes x and y pixels: no photo has all its joints in the first two pixels."""
    seen = [table[table[:, 2] > threshold, :2] for table in tables]
    points = np.concatenate([np.zeros((0, 2)), *seen])
    if len(points) < 2 or not (abs(points) <= 1).all():
        return 1.0, 1.0
    if size is None or (points < 0).any():
        raise InputError(
            "all coordinates lie between -1 and 1, so they are not pixels but shares of the photo's "
            "size; expected pixels (OpenPose --keypoint_scale 0)"
        )
    return float(size[1]), float(size[0])


def write_coco18(path: Path, poses: Mapping[str, Sequence[Pose]]) -> None:
    _write(path, poses, COCO_18)


def write_body25(path: Path, poses: Mapping[str, Sequence[Pose]]) -> None:
    """As BODY-25: the hips' middle follows from the hips, the feet are missing."""
    _write(path, poses, BODY_25)


def _write(path: Path, poses: Mapping[str, Sequence[Pose]], names: Sequence[str]) -> None:
    for target, _, people in files.targets(path, poses, f"{SUFFIX}.json"):
        frame = {"version": 1.3, "people": [_person(pose, names) for pose in people]}
        size = next((pose.size for pose in people if pose.size is not None), None)
        if size is not None:
            frame |= {"canvas_height": size[0], "canvas_width": size[1]}
        files.write_json(target, frame)


def _person(pose: Pose, names: Sequence[str]) -> dict:
    table = to_table(pose, names)
    if "middle_hip" in names:
        hips = table[[names.index("right_hip"), names.index("left_hip")]]
        if (hips[:, 2] > 0).all():
            table[names.index("middle_hip")] = *hips[:, :2].mean(axis=0), hips[:, 2].min()
    return {"person_id": [-1], "pose_keypoints_2d": files.rounded(table)}
