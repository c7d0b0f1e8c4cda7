"""Which poses are of which photo, for files as tools write them on other machines."""

import json

import numpy as np
import pytest

import poses as examples
from pgjax import keypoints
from pgjax.errors import InputError

COCO_BODY = [v for i in range(17) for v in (10 + i, 20 + i, 2)]
PUBLISHED = f"{list(range(10, 28))}:{list(range(30, 48))}"


@pytest.mark.parametrize(
    "named",
    [
        {"image_id": 7},
        {"image_id": "7"},
        {"image_id": 7.0},
        {"image_id": "0007.jpg"},
        {"file_name": "photos/0007.png", "image_id": 3},
        {"image_path": r"D:\work\photos\0007.jpg"},
        {"image_name": "0007"},
        {"filename": "0007.JPG"},
    ],
)
def test_photos_are_found_by_what_tools_call_them(tmp_path, named):
    one = named | {"keypoints": COCO_BODY}
    other = {key: 5 if isinstance(value, int | float) else "x.jpg" for key, value in named.items()}
    (tmp_path / "found.json").write_text(json.dumps([one, other | {"keypoints": COCO_BODY}]))
    photos = [str(tmp_path / "photos" / name) for name in ("0007.jpg", "0008.jpg")]
    found = keypoints.for_photos(keypoints.read(tmp_path / "found.json"), photos)
    assert list(found) == photos[:1] and len(found[photos[0]]) == 1
    assert keypoints.one_pose(tmp_path / "found.json", photo="0007.jpg").visible.any()


def test_files_called_as_openpifpaf_calls_them(tmp_path):
    person = {"keypoints": COCO_BODY, "bbox": [1, 2, 3, 4], "score": 0.9, "category_id": 1}
    (tmp_path / "poses").mkdir()
    for name, people in (("a.jpg", [person]), ("b.png", [])):
        (tmp_path / "poses" / f"{name}.predictions.json").write_text(json.dumps(people))
    found = keypoints.for_photos(keypoints.read(tmp_path / "poses"), ["a.jpg", "b.png"])
    assert {photo: len(people) for photo, people in found.items()} == {"a.jpg": 1, "b.png": 0}


@pytest.mark.parametrize("name", ["k.csv", "k.txt", "k"])
@pytest.mark.parametrize(
    "header", [":name:keypoints_y:keypoints_x", "\ufeff\nName: keypoints_y: keypoints_x"]
)
def test_published_rows_are_told_by_their_header(tmp_path, name, header):
    index = "0:" if header.startswith(":") else ""
    (tmp_path / name).write_text(f"{header}\n{index}a.jpg:{PUBLISHED}\n")
    assert list(keypoints.read(tmp_path / name)) == ["a.jpg"]


def test_published_rows_of_another_machine(tmp_path):
    text = ":name:keypoints_y:keypoints_x\n"
    rows = [
        r"photos\anna\1.jpg",
        "photos/ben/1",
        "/old/photos/WOMEN/Denim/id_00000080/01_1_front.jpg",
    ]
    text += "".join(f"{i}:{name}:{PUBLISHED}\n\n" for i, name in enumerate(rows))
    (tmp_path / "k.csv").write_text(text)
    photos = ["anna/1.png", "ben/1.png", "flat/fashionWOMENDenimid0000008001_1front.png"]
    photos = [str(tmp_path / photo) for photo in photos]
    assert list(keypoints.for_photos(keypoints.read(tmp_path / "k.csv"), photos)) == photos


def test_files_of_openpose_in_one_folder_of_photos_in_several(tmp_path):
    poses = {name: [examples.standing()] for name in ("anna_1", "ben_1")}
    keypoints.write(tmp_path / "poses", poses, "openpose")
    photos = [str(tmp_path / who / "1.jpg") for who in ("anna", "ben")]
    assert list(keypoints.for_photos(keypoints.read(tmp_path / "poses"), photos)) == photos


def test_moved_folders_are_told_apart_by_what_is_left_of_them():
    names = {rf"C:\old\{who}\1.jpg": [who] for who in ("anna", "ben")}
    photos = [f"/new/{who}/1.png" for who in ("ben", "anna")]
    assert keypoints.for_photos(names, photos) == {photos[0]: ["ben"], photos[1]: ["anna"]}
    assert keypoints.for_photos(names, ["/new/carl/1.png"]) == {}
    assert keypoints.for_photos({"old/anna/1": [1]}, ["/new/ben/1.png", "/new/anna/1.png"]) == {
        "/new/anna/1.png": [1]
    }
    assert keypoints.for_photos({"old/a.jpg": [1]}, ["/new/a.png"]) == {"/new/a.png": [1]}


def test_two_photos_of_one_number_are_told():
    with pytest.raises(InputError, match=r"keypoints of 7 fit both .*007\.jpg and .*0007\.jpg"):
        keypoints.for_photos({"7": [1], "8": [2]}, ["007.jpg", "0007.jpg"])
    assert keypoints.for_photos({"7": [1]}, ["7.jpg", "0007.jpg"]) == {"7.jpg": [1]}


def test_a_sequence_is_not_taken_for_photos_of_other_numbers(tmp_path):
    np.save(tmp_path / "a.npy", np.full((3, 18, 2), 5.0))
    names = keypoints.read(tmp_path / "a.npy")
    assert keypoints.for_photos(names, ["1.jpg", "2.jpg"]) == {}
