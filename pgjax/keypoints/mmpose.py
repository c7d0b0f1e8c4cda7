"""The files of MMPose's inferencer and demos (1.x): "keypoints" beside "keypoint_scores".

A photo is a list of instances. A video is [{"frame_id": ..., "instances": [...]}, ...]. Both may also be in
"instance_info", beside "meta_info", which names the joints (tools of the demo folder), or in "predictions",
as the inferencer returns them.
"""

import numpy as np

from pgjax.errors import InputError
from pgjax.keypoints import files, layouts
from pgjax.keypoints.found import Person, Photo

WRAPPERS = ("instance_info", "predictions")
NAMES = "keypoint_id2name"


def fits(content) -> bool:
    """Whether JSON is of this kind."""
    if isinstance(content, dict):
        return any(key in content for key in WRAPPERS)
    first = content[0] if isinstance(content, list) and content else None
    if isinstance(first, list):
        first = next((one[0] for one in content if isinstance(one, list) and one), None)
    return isinstance(first, dict) and bool(first.keys() & {"instances", "keypoint_scores"})


def photos(content) -> list[Photo]:
    joints = None
    if isinstance(content, dict):
        joints = _joints(content.get("meta_info"))
        content = content[next(key for key in WRAPPERS if key in content)]
    frames = [_instances(frame) for frame in files.typed(content, list, "the instances")]
    if not any(isinstance(frame, list) for frame in frames):
        return [Photo("", _people(frames, "", joints))]
    if len(frames) == 1:
        return [Photo("", _people(frames[0], "", joints))]
    return [
        Photo(f"{number:06d}", _people(frame, f"frame {number}: ", joints))
        for number, frame in enumerate(frames)
    ]


def _instances(frame):
    """The instances of a frame; what is no frame but an instance stays as it is."""
    return frame.get("instances", frame) if isinstance(frame, dict) else frame


def _joints(meta) -> tuple[str, ...] | None:
    names = meta.get(NAMES) if isinstance(meta, dict) else None
    if not names:
        return None
    names = files.typed(names, dict, f'"meta_info": "{NAMES}"')
    if set(names) != {str(number) for number in range(len(names))}:
        raise InputError(f'"meta_info": "{NAMES}" does not number the joints from 0 on')
    with files.naming('"meta_info"'):
        return layouts.joint_names([names[str(number)] for number in range(len(names))])


def _points(value) -> np.ndarray:
    """x, y of the joints (J, 2).

    Raises:
      InputError: they have another number of coordinates, as what is lifted into space.
    """
    rows = files.typed(value, list, '"keypoints"')
    if not all(isinstance(row, list) and len(row) == 2 for row in rows):
        raise InputError(
            '"keypoints" are not x and y in the photo; expected those, not places in space'
        )
    return files.table(rows, '"keypoints"')[:, :2] if rows else np.zeros((0, 2))


def _people(instances, where: str, joints) -> list[Person]:
    found = []
    for number, one in enumerate(files.typed(instances, list, f"{where}instances")):
        place = f"{where}instance {number}"
        with files.naming(place):
            one = files.typed(one, dict, "an instance")
            points = _points(one.get("keypoints"))
            scores = files.numbers(one.get("keypoint_scores"), '"keypoint_scores"')
            if len(points) != len(scores) or (joints and len(joints) != len(points)):
                raise InputError(
                    f"{len(points)} keypoints and {len(scores)} scores; expected as many as joints"
                )
        found.append(Person(place, np.column_stack([points, scores]), joints))
    return found
