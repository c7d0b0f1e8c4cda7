"""OpenPose's JSON, one file a photo: {"people": [{"pose_keypoints_2d": [x, y, confidence, ...]}]}.

Many tools write it, with bodies of other layouts too, which are told by their length. Also read: the older
key "pose_keypoints"; the keys "canvas_width" and "canvas_height" of ControlNet, DWPose and pose editors,
with coordinates as shares of them or in pixels; a list of such objects: of one the photo's, as ComfyUI
saves it, of several the frames of a film; and AlphaPose's two forms, "open" and "cmu", by photo's name.
"""

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from pgjax.errors import InputError
from pgjax.keypoints import files, layouts
from pgjax.keypoints.found import Person, Photo
from pgjax.keypoints.pose import Pose, to_table

PEOPLE = {"people": ("pose_keypoints_2d", "pose_keypoints"), "bodies": ("joints",)}
OTHERS = ("face_keypoints_2d", "hand_left_keypoints_2d", "hand_right_keypoints_2d")
IN_SPACE = ("pose", "face", "hand_left", "hand_right")
SUFFIX = "_keypoints"


def fits(content) -> bool:
    """Whether JSON is of this kind."""
    if isinstance(content, list):
        return bool(content) and isinstance(content[0], dict) and "people" in content[0]
    first = next(iter(content.values()), None) if isinstance(content, dict) else None
    named = isinstance(first, dict) and bool(first.keys() & PEOPLE.keys())
    frame = isinstance(content, dict) and bool(content.keys() & PEOPLE.keys())
    return named or (frame and not isinstance(content.get("bodies"), dict))


def photos(content) -> list[Photo]:
    if isinstance(content, dict) and content.keys() & PEOPLE.keys():
        return [_photo(content, "", "")]
    if isinstance(content, list):
        frames = [("" if len(content) == 1 else f"{i:06d}", f) for i, f in enumerate(content)]
        return [
            _photo(frame, name, f"frame {int(name)}: " if name else "") for name, frame in frames
        ]
    return [_photo(frame, str(name), f"photo {name}: ") for name, frame in content.items()]


def _photo(frame, name: str, where: str) -> Photo:
    with files.naming(where.removesuffix(": ")) if where else contextlib.nullcontext():
        frame = files.typed(frame, dict, "a frame")
        key = next((key for key in PEOPLE if key in frame), None)
        if key is None:
            raise InputError('no key "people"; expected what OpenPose --write_json writes')
        sides = (frame.get("canvas_height"), frame.get("canvas_width"))
        size = None if None in sides else files.size(frame, "canvas_")
        found = []
        for number, person in enumerate(files.typed(frame[key], list, f'"{key}"')):
            with files.naming(f"person {number}"):
                table = _table(files.typed(person, dict, "a person"), PEOPLE[key])
            if table is not None:
                found.append(Person(f"{where}person {number}", table))
    return Photo(name, found, size)


def _table(person: dict, keys: Sequence[str]):
    """x, y, confidence (J, 3); None of a person of whom only face or hands were found."""
    key = next((key for key in keys if key in person), None)
    if key is None:
        raise InputError(f'no key "{keys[0]}"')
    if person[key] is None or person[key] == []:
        return None
    return files.table(person[key], f'"{key}"')


def write_coco18(path: Path, poses: Mapping[str, Sequence[Pose]]) -> None:
    _write(path, poses, "coco18")


def write_body25(path: Path, poses: Mapping[str, Sequence[Pose]]) -> None:
    """As BODY-25: the hips' middle follows from the hips, the feet are missing."""
    _write(path, poses, "body25")


def _write(path: Path, poses: Mapping[str, Sequence[Pose]], layout: str) -> None:
    names = layouts.LAYOUTS[layout].joints
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
    # Readers ask for all of OpenPose's keys, those of parts that nobody looked for too.
    empty = {key: [] for key in (*OTHERS, *(f"{part}_keypoints_3d" for part in IN_SPACE))}
    return {"person_id": [-1], "pose_keypoints_2d": files.rounded(table)} | empty
