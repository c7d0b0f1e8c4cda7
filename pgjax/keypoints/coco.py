"""COCO's 17 joints, in the three shapes that files have.

A data set {"images": [...], "annotations": [...]}, whose joints are [x, y, v], v 0 (missing), 1
(hidden) or 2 (seen); a list of results [{"image_id": ..., "keypoints": [...]}], whose third number is
a confidence; and one such object alone. The neck is the middle of the shoulders.
https://cocodataset.org/#format-data and #format-results
"""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pgjax.errors import InputError
from pgjax.keypoints import files
from pgjax.keypoints.pose import Pose, from_table, to_table
from pgjax.names import KEYS

COCO_17 = (
    "nose",
    *(f"{side}_{part}" for part in ("eye", "ear", "shoulder") for side in ("left", "right")),
    *(f"{side}_{part}" for part in ("elbow", "wrist", "hip") for side in ("left", "right")),
    *(f"{side}_{part}" for part in ("knee", "ankle") for side in ("left", "right")),
)
CATEGORY = {"id": 1, "name": "person", "supercategory": "person", "keypoints": list(COCO_17)}


def read(path: Path, threshold: float) -> dict[str, list[Pose]]:
    content = files.load_json(path)
    if isinstance(content, dict) and "annotations" in content:
        return _data_set(content)
    poses: dict[str, list[Pose]] = {}
    results = [content] if isinstance(content, dict) else content
    for number, result in enumerate(files.typed(results, list, "the file")):
        with files.naming(f"result {number}"):
            result = files.typed(result, dict, "a result")
            people = poses.setdefault(photo_name(result) or _id(result, "image_id", ""), [])
            people += _person(result, threshold)
    if results and not any("keypoints" in result for result in results):
        raise InputError('no key "keypoints" in any result')
    return poses


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


def _person(result: dict, threshold: float, size=None, marked: bool = False) -> list[Pose]:
    """The person, or none where no joint is visible: an annotation may be of a box alone.

    marked: the third numbers are not confidences but marks 0, 1, 2.
    """
    value = result.get("keypoints")
    if value is None or value == []:
        return []
    if isinstance(value, list) and value and all(isinstance(joint, list) for joint in value):
        value = list(itertools.chain.from_iterable(value))
    table = files.numbers(value, '"keypoints"')
    if table.size != 3 * len(COCO_17):
        raise InputError(
            f'"keypoints" holds {table.size} numbers; expected x, y and a third of 17 joints (51)'
        )
    table = table.reshape(-1, 3)
    if marked:
        if not np.isin(table[:, 2], (0, 1, 2)).all():
            raise InputError('"keypoints": the third number of a joint is not 0, 1 or 2')
        table[:, 2] = table[:, 2].clip(max=1)
        threshold = 0.0
    pose = from_table(table, COCO_17, threshold, size)
    return [pose] if pose.visible.any() else []


def _data_set(content: dict) -> dict[str, list[Pose]]:
    _check_order(content.get("categories", []))
    names, sizes = {}, {}
    poses: dict[str, list[Pose]] = {}
    for number, image in enumerate(files.typed(content.get("images", []), list, '"images"')):
        with files.naming(f"image {number}"):
            key, name, sizes_of = _image(files.typed(image, dict, "an image"))
            if key in names or name in poses:
                raise InputError(f"image {name!r} (id {key!r}) is there twice")
            names[key], sizes[key], poses[name] = name, sizes_of, []
    people = files.typed(content["annotations"], list, '"annotations"')
    for number, person in enumerate(people):
        with files.naming(f"annotation {number}"):
            if "keypoints" not in files.typed(person, dict, "an annotation"):
                continue  # of another kind of thing
            key = _id(person, "image_id")
            if key not in names:
                raise InputError(f'"image_id" {person["image_id"]!r} is not in "images"')
            poses[names[key]] += _person(person, 0.0, sizes[key], marked=True)
    return poses


def _image(image: dict):
    key, name = _id(image, "id"), photo_name(image)
    if not name:
        raise InputError(f"no photo's name; expected one of the keys {', '.join(KEYS)}")
    size = image.get("height"), image.get("width")
    return key, name, size if all(isinstance(s, int) and s > 0 for s in size) else None


def _check_order(categories) -> None:
    """Files with other joints often keep COCO's shape, and say so only here."""
    for category in files.typed(categories, list, '"categories"'):
        names = category.get("keypoints") if isinstance(category, dict) else None
        if names and files.typed(names, list, '"categories": "keypoints"') != list(COCO_17):
            raise InputError(
                f'"categories": the joints are {", ".join(map(str, names))}; '
                f"expected COCO's {', '.join(COCO_17)}"
            )


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
