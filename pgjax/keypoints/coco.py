"""COCO's JSON and its kin: joints of any layout, in the shapes that files have.

A data set {"images": [...], "annotations": [...]}, whose joints are [x, y, v], v 0 (missing), 1 (hidden)
or 2 (seen), in the order that "categories" name; a list of results [{"image_id": ..., "keypoints":
[...]}], whose third number is a confidence, as of AlphaPose, Detectron2 and Ultralytics' val; and one such
object alone. Joints may also be objects {"name": ..., "x": ..., "y": ..., "score": ...}, as
TensorFlow.js writes them, or {"part": ..., "position": {"x": ..., "y": ...}, "score": ...} of its
PoseNet. https://cocodataset.org/#format-data and #format-results
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pgjax.errors import InputError
from pgjax.images.photo_names import KEYS
from pgjax.keypoints import files, layouts
from pgjax.keypoints.found import Person, Photo
from pgjax.keypoints.pose import FARTHEST, Pose, to_table

COCO_17 = layouts.COCO_17
CATEGORY = {"id": 1, "name": "person", "supercategory": "person", "keypoints": list(COCO_17)}


def fits(content) -> bool:
    """Whether JSON is of this kind."""
    first = content[0] if isinstance(content, list) and content else content
    keys = {"annotations", "keypoints"}
    return content == [] or (isinstance(first, dict) and bool(first.keys() & keys))


def photos(content) -> list[Photo]:
    if isinstance(content, dict) and "annotations" in content:
        return _data_set(content)
    results = [content] if isinstance(content, dict) else content
    found = []
    for number, result in enumerate(files.typed(results, list, "the file")):
        where = f"result {number}"
        with files.naming(where):
            result = files.typed(result, dict, "a result")
            name = photo_name(result) or _id(result, "image_id", "")
            joints = result.get("keypoints")
            found.append(Photo(name, [_person(joints, where)] if joints else []))
    if results and not any("keypoints" in result for result in results):
        raise InputError('no key "keypoints" in any result')
    return found


def photo_name(entry: dict) -> str:
    """What an entry calls its photo, by the first of KEYS that it has; "" where it has none.

    Raises:
      InputError: the value is no text.
    """
    for key in KEYS:
        name = entry.get(key)
        if key == "image" and not isinstance(name, str):
            continue  # some tools describe the photo here
        if name is not None:
            if not isinstance(name, str):
                raise InputError(f'"{key}" is {name!r}; expected the photo\'s name')
            return name
    return ""


def _id(entry: dict, key: str, default: object = None) -> str:
    """An image's number or text, written alike: 7, 7.0 and "7" are one."""
    value = entry.get(key, default)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise InputError(f'"{key}" is {value!r}; expected a number or a name')
    return str(value)


def _person(value, where: str) -> Person:
    if not (isinstance(value, list) and value and isinstance(value[0], dict)):
        return Person(where, files.table(value, '"keypoints"'))
    rows = [files.typed(joint, dict, "a joint") for joint in value]
    names = [row.get("name", row.get("part")) for row in rows]
    points = [files.typed(row.get("position", row), dict, '"position"') for row in rows]
    if not all({"x", "y"} <= point.keys() for point in points):
        raise InputError(
            'a joint has no "x" and "y"; expected an object {"x", "y", "score", "name"}'
        )
    numbers = [
        files.numbers([point["x"], point["y"], row.get("score", 1)], "a joint")
        for point, row in zip(points, rows, strict=True)
    ]
    joints = None if None in names else layouts.joint_names(names)
    return Person(where, np.array(numbers), joints)


def _data_set(content: dict) -> list[Photo]:
    joints = _joints(content.get("categories", []))
    names: dict[object, str] = {}
    found: dict[str, Photo] = {}
    for number, image in enumerate(files.typed(content.get("images", []), list, '"images"')):
        with files.naming(f"image {number}"):
            key, name, size = _image(files.typed(image, dict, "an image"))
            if key in names or name in found:
                raise InputError(f"image {name!r} (id {key!r}) is there twice")
            names[key], found[name] = name, Photo(name, [], size)
    people = files.typed(content["annotations"], list, '"annotations"')
    for number, annotation in enumerate(people):
        where = f"annotation {number}"
        with files.naming(where):
            person = files.typed(annotation, dict, "an annotation")
            if "keypoints" not in person:
                continue  # of another kind of thing
            key = _id(person, "image_id")
            if key not in names:
                raise InputError(f'"image_id" {person["image_id"]!r} is not in "images"')
            if not person["keypoints"]:
                continue  # an annotation of a box alone
            table = _marks(files.table(person["keypoints"], '"keypoints"'))
            category = person.get("category_id")
            category = category if isinstance(category, int | str) else None
            listed = joints.get(category, joints.get(None))
            if listed and len(listed) != len(table):
                raise InputError(
                    f'"keypoints" holds {table.size} numbers; expected x, y and a third of the '
                    f'{len(listed)} joints that "categories" names'
                )
        found[names[key]].people.append(Person(where, table, listed, graded=False))
    return list(found.values())


def _marks(table: np.ndarray) -> np.ndarray:
    if not np.isin(table[:, 2], (0, 1, 2)).all():
        raise InputError('"keypoints": the third number of a joint is not 0, 1 or 2')
    return np.column_stack([table[:, :2], table[:, 2].clip(max=1)])


def _image(image: dict):
    key, name = _id(image, "id"), photo_name(image)
    if not name:
        raise InputError(f"no photo's name; expected one of the keys {', '.join(KEYS)}")
    size = image.get("height"), image.get("width")
    return key, name, size if all(isinstance(s, int) and 0 < s < FARTHEST for s in size) else None


def _joints(categories) -> dict[object, tuple[str, ...]]:
    """The joints' names by category's id; by None those of a file with one such category."""
    found = {}
    for category in files.typed(categories, list, '"categories"'):
        names = category.get("keypoints") if isinstance(category, dict) else None
        if names and files.typed(names, list, '"categories": "keypoints"'):
            with files.naming('"categories"'):
                key = category.get("id")
                found[key if isinstance(key, int | str) else None] = layouts.joint_names(names)
    if len(found) == 1:
        found[None] = next(iter(found.values()))
    return found


def write_data_set(path: Path, poses: Mapping[str, Sequence[Pose]]) -> None:
    """As a data set; its joints have no confidence."""
    images, annotations = [], []
    for number, (name, people) in enumerate(poses.items(), start=1):
        image = {"id": number, "file_name": name}
        size = next((pose.size for pose in people if pose.size is not None), None)
        images.append(image if size is None else image | {"height": size[0], "width": size[1]})
        for pose in people:
            table = to_table(pose, COCO_17)
            seen = table[:, 2] > 0
            table[:, 2] = np.where(seen, 2, 0)
            person = {"id": len(annotations) + 1, "image_id": number, "category_id": 1}
            box = _box(table[seen, :2])
            annotations.append(
                person
                | {"iscrowd": 0, "num_keypoints": int(seen.sum()), "bbox": box}
                | {"area": box[2] * box[3], "keypoints": files.rounded(table)}
            )
    content = {"images": images, "annotations": annotations, "categories": [CATEGORY]}
    files.write_json(path, content)


def _box(points: np.ndarray) -> list[float]:
    if not len(points):
        return [0.0, 0.0, 0.0, 0.0]
    low = points.min(axis=0)
    return [round(float(v), 3) for v in (*low, *(points.max(axis=0) - low))]


def write_results(path: Path, poses: Mapping[str, Sequence[Pose]]) -> None:
    """As a list of results; photos without people have none, and sizes are not told."""
    results = []
    for name, people in poses.items():
        for pose in people:
            score = float(pose.confidence[pose.visible].mean()) if pose.visible.any() else 0.0
            keypoints = files.rounded(to_table(pose, COCO_17))
            result = {"image_id": name, "category_id": 1, "keypoints": keypoints}
            results.append(result | {"score": round(score, 4)})
    files.write_json(path, results)
