"""The outputs of two programs with ViTPose.

easy_ViTPose's --save-json: {"keypoints": [{"0": [[y, x, score], ...]}, ...], "skeleton": {"0": "nose",
...}}: the people of each frame by number. Its coordinates are y before x.

Transformers' post_process_pose_estimation: {"keypoints": [[x, y], ...], "scores": [...], "labels": [...]}
for each person, in a list, or in a list for each photo. Labels are the numbers of the joints. A threshold
leaves some joints out.
https://github.com/JunkyByte/easy_ViTPose, https://huggingface.co/docs/transformers/model_doc/vitpose
"""

import numpy as np

from pgjax.errors import InputError
from pgjax.keypoints import files, layouts
from pgjax.keypoints.found import Person, Photo


def fits(content) -> bool:
    """Whether JSON is of this kind."""
    if isinstance(content, dict):
        return isinstance(content.get("skeleton"), dict) and "keypoints" in content
    first = content[0] if isinstance(content, list) and content else None
    if isinstance(first, list):
        first = next((one[0] for one in content if isinstance(one, list) and one), None)
    return (
        isinstance(first, dict)
        and isinstance(first.get("scores"), list)
        and isinstance(first.get("keypoints"), list)
    )


def photos(content) -> list[Photo]:
    if isinstance(content, dict):
        joints = _skeleton(content["skeleton"])
        frames = [
            list(files.typed(frame, dict, "a frame").values())
            for frame in files.typed(content["keypoints"], list, '"keypoints"')
        ]
        return _frames(frames, lambda person: (_rows(person, joints), joints))
    frames = content if isinstance(content[0], list) else [content]
    return _frames(frames, lambda person: (_labelled(person), None))


def _frames(frames: list, read) -> list[Photo]:
    found = []
    for index, frame in enumerate(frames):
        name, where = (f"{index:06d}", f"frame {index}: ") if len(frames) > 1 else ("", "")
        people = []
        for number, person in enumerate(files.typed(frame, list, f"{where}people")):
            place = f"{where}person {number}"
            with files.naming(place):
                people.append(Person(place, *read(person)))
        found.append(Photo(name, people))
    return found


def _skeleton(names: dict) -> tuple[str, ...]:
    if set(names) != {str(number) for number in range(len(names))}:
        raise InputError('"skeleton" does not number the joints from 0 on')
    with files.naming('"skeleton"'):
        return layouts.joint_names([names[str(number)] for number in range(len(names))])


def _rows(person, joints: tuple[str, ...]) -> np.ndarray:
    table = files.table(person, '"keypoints"')
    if len(table) != len(joints):
        raise InputError(f'{len(table)} joints; "skeleton" names {len(joints)}')
    return table[:, [1, 0, 2]]


def _labelled(person) -> np.ndarray:
    """x, y, score of all joints, those that were left out with a score of 0."""
    person = files.typed(person, dict, "a person")
    points = files.table(person.get("keypoints"), '"keypoints"')[:, :2]
    scores = files.numbers(person.get("scores"), '"scores"')
    labels = person.get("labels")
    labels = np.arange(len(points)) if labels is None else files.numbers(labels, '"labels"')
    if not len(points) == len(scores) == len(labels):
        raise InputError('"keypoints", "scores" and "labels" hold unequal numbers of joints')
    table = np.column_stack([points, scores])
    if (labels == np.arange(len(points))).all() and layouts.counted(len(points)):
        return table
    count = layouts.LAYOUTS["coco17"].count
    if not np.isin(labels, range(count)).all() or len(set(labels)) < len(labels):
        raise InputError(f'"labels" are not numbers of joints from 0 to {count - 1}, each once')
    every = np.zeros((count, 3))
    every[labels.astype(int)] = table
    return every
