"""What files of other programs mean, from their own documentation."""

import json

import numpy as np
import pytest

import poses as examples
from pgjax import keypoints
from pgjax.errors import InputError
from pgjax.pose import skeleton

# fmt: off
# OpenPose, doc/02_output.md, POSE_COCO_BODY_PARTS and POSE_BODY_25_BODY_PARTS.
OPENPOSE_COCO = [
    "Nose", "Neck", "RShoulder", "RElbow", "RWrist", "LShoulder", "LElbow", "LWrist",
    "RHip", "RKnee", "RAnkle", "LHip", "LKnee", "LAnkle", "REye", "LEye",
    "REar", "LEar",
]
OPENPOSE_25 = [
    "Nose", "Neck", "RShoulder", "RElbow", "RWrist", "LShoulder", "LElbow", "LWrist",
    "MidHip", "RHip", "RKnee", "RAnkle", "LHip", "LKnee", "LAnkle", "REye",
    "LEye", "REar", "LEar", "LBigToe", "LSmallToe", "LHeel", "RBigToe", "RSmallToe",
    "RHeel",
]
# The "keypoints" of COCO's person_keypoints_val2017.json.
COCO = [
    "nose", "left_eye", "right_eye", "left_ear", "right_ear",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist",
    "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee",
    "left_ankle", "right_ankle",
]
# fmt: on


def _ours(name):
    """OpenPose's RShoulder is our right_shoulder."""
    side = {"R": "right_", "L": "left_"}.get(name[0], "")
    return side + name.removeprefix(name[0] if side else "").lower()


def _read(tmp_path, content, **options):
    path = tmp_path / "file.json"
    path.write_text(json.dumps(content))
    return keypoints.read(path, **options)


def _assert_at_its_number(pose, names):
    """Joint i of the file lies at x = 10 + i, y = 50 + i."""
    for i, name in enumerate(names):
        if name in skeleton.INDEX:
            assert pose.visible[skeleton.INDEX[name]]
            np.testing.assert_array_equal(
                pose.keypoints[skeleton.INDEX[name]], (50 + i, 10 + i), err_msg=name
            )


@pytest.mark.parametrize("names", [OPENPOSE_COCO, OPENPOSE_25])
def test_openpose(tmp_path, names):
    body = [v for i in range(len(names)) for v in (10 + i, 50 + i, 0.5)]
    person = {"person_id": [-1], "pose_keypoints_2d": body, "face_keypoints_2d": []}
    poses = _read(tmp_path, {"version": 1.3, "people": [person]})
    ((pose,),) = poses.values()
    assert list(poses) == [""]
    assert pose.visible.all()
    assert pose.size is None
    _assert_at_its_number(pose, [_ours(name) for name in names])


@pytest.mark.parametrize(
    ("format", "names"), [("openpose", OPENPOSE_COCO), ("openpose25", OPENPOSE_25)]
)
def test_openpose_as_written(tmp_path, format, names):
    pose = examples.standing()
    keypoints.write(tmp_path / "out", {"a.jpg": [pose]}, format)
    written = json.loads((tmp_path / "out" / "a_keypoints.json").read_text())
    table = np.reshape(written["people"][0]["pose_keypoints_2d"], (-1, 3))
    assert len(table) == len(names)
    for row, name in zip(table, names, strict=True):
        if name == "MidHip":
            np.testing.assert_allclose(row, (32, 64, 1))
        elif _ours(name) in skeleton.INDEX:
            y, x = pose.keypoints[skeleton.INDEX[_ours(name)]]
            np.testing.assert_allclose(row, (x, y, 1))
        else:
            assert not row.any()


def test_openpose_of_editors(tmp_path):
    shares = [v for y, x in examples.STANDING.tolist() for v in (x / 64, y / 128, 1)]
    frame = {"people": [{"pose_keypoints_2d": shares}], "canvas_width": 64, "canvas_height": 128}
    found = _read(tmp_path, [frame, frame | {"people": []}])
    assert list(found) == ["000000", "000001"]
    assert found["000001"] == []
    (pose,) = found["000000"]
    np.testing.assert_allclose(pose.keypoints, examples.STANDING, atol=1e-4)
    assert pose.size == (128, 64)


def test_threshold(tmp_path):
    body = [v for i, (y, x) in enumerate(examples.STANDING.tolist()) for v in (x, y, i / 20)]
    frame = {"people": [{"pose_keypoints": body}]}
    for threshold, first in ((0, 1), (0.1, 3), (0.5, 11)):
        ((pose,),) = _read(tmp_path, frame, threshold=threshold).values()
        np.testing.assert_array_equal(np.flatnonzero(pose.visible), range(first, 18))
        assert not pose.confidence[:first].any()
    assert _read(tmp_path, frame, threshold=0.9) == {"": []}


def _coco_body(third):
    return [v for i in range(17) for v in (10 + i, 50 + i, third)]


def test_coco_results_and_one_object(tmp_path):
    result = {"image_id": 139, "category_id": 1, "keypoints": _coco_body(0.7), "score": 0.9}
    found = _read(tmp_path, [result, result | {"image_id": "b.jpg"}, result])
    assert {name: len(people) for name, people in found.items()} == {"139": 2, "b.jpg": 1}
    single = _read(tmp_path, {"keypoints": np.reshape(_coco_body(0.7), (17, 3)).tolist()})
    assert list(single) == [""]
    for pose in (found["139"][0], single[""][0]):
        _assert_at_its_number(pose, COCO)
        neck = skeleton.INDEX["neck"]  # the middle of joints 5 and 6
        np.testing.assert_array_equal(pose.keypoints[neck], (55.5, 15.5))
        np.testing.assert_allclose(pose.confidence, 0.7)


def test_coco_data_set(tmp_path):
    body = _coco_body(2)
    body[3 * COCO.index("left_shoulder") + 2] = 0
    body[3 * COCO.index("right_knee") + 2] = 1
    people = [{"image_id": 5, "keypoints": body}, {"image_id": 5, "keypoints": [0] * 51}]
    images = [
        {"id": 5, "file_name": "a.jpg", "height": 200, "width": 100},
        {"id": 6, "file_name": "b.jpg"},
    ]
    categories = [{"id": 1, "name": "person", "keypoints": COCO}]
    content = {"images": images, "annotations": people, "categories": categories}
    found = _read(tmp_path, content)
    assert found["b.jpg"] == []
    (pose,) = found["a.jpg"]  # the other has no joint
    missing = [i for i, name in enumerate(skeleton.JOINTS) if name in ("neck", "left_shoulder")]
    np.testing.assert_array_equal(np.flatnonzero(~pose.visible), missing)
    assert pose.size == (200, 100)
    np.testing.assert_array_equal(pose.confidence, pose.visible)
    other = [{"keypoints": ["right_eye" if name == "left_eye" else name for name in COCO]}]
    with pytest.raises(InputError, match="the joints are nose, right_eye, right_eye"):
        _read(tmp_path, content | {"categories": other})


@pytest.mark.parametrize(
    "named",
    [
        {"image_id": "p/a.jpg"},
        {"image_name": "p/a.jpg"},
        {"image_path": "p/a.jpg", "image_name": "a.jpg", "image_id": 3},
        {"file_name": "p/a.jpg", "image_id": 3},
        {"filename": "p/a.jpg"},
        {"image": "p/a.jpg"},
        {"image": {"width": 64, "height": 128}, "image_id": "p/a.jpg"},
        {"img_name": "p/a.jpg", "image_path": None},
    ],
)
def test_keys_that_name_the_photo(tmp_path, named):
    result = {"keypoints": _coco_body(0.7)}
    assert list(_read(tmp_path, [result | named])) == ["p/a.jpg"]
    assert list(_read(tmp_path, result | named)) == ["p/a.jpg"]


def test_numbers_of_photos_are_written_alike(tmp_path):
    results = [{"image_id": key, "keypoints": _coco_body(0.7)} for key in (7, 7.0, "7")]
    assert {name: len(people) for name, people in _read(tmp_path, results).items()} == {"7": 3}
    people = [{"image_id": key, "keypoints": _coco_body(2)} for key in (7, 7.0, "7")]
    content = {"images": [{"id": 7, "image_name": "a.jpg"}], "annotations": people}
    assert {name: len(people) for name, people in _read(tmp_path, content).items()} == {"a.jpg": 3}


@pytest.mark.parametrize(
    "nobody",
    [
        {"keypoints": [], "num_keypoints": 0},
        {"keypoints": None},
        {"keypoints": [0] * 51, "num_keypoints": 0},
        {"bbox": [1, 2, 3, 4]},
    ],
)
def test_an_annotation_without_joints_is_nobody(tmp_path, nobody):
    one, none = {"image_id": 1, "keypoints": _coco_body(2)}, {"image_id": 2} | nobody
    images = [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}]
    found = _read(tmp_path, {"images": images, "annotations": [none, one, none | {"image_id": 1}]})
    assert {name: len(people) for name, people in found.items()} == {"a.jpg": 1, "b.jpg": 0}
    found = _read(tmp_path, {"images": images, "annotations": [none]})
    assert found == {"a.jpg": [], "b.jpg": []}
    found = _read(tmp_path, [one, none])
    assert {name: len(people) for name, people in found.items()} == {"1": 1, "2": 0}


def test_coco_as_written(tmp_path):
    keypoints.write(tmp_path / "a.json", {"a.jpg": [examples.standing()], "b.jpg": []}, "coco17")
    written = json.loads((tmp_path / "a.json").read_text())
    assert written["categories"][0]["keypoints"] == COCO
    assert written["images"][0] == {"id": 1, "file_name": "a.jpg", "height": 128, "width": 64}
    (person,) = written["annotations"]
    assert person["num_keypoints"] == 17
    assert person["bbox"] == [16, 9, 32, 109]
    left_wrist = person["keypoints"][3 * COCO.index("left_wrist") :][:3]
    assert left_wrist == [48, 62, 2]


def test_plain_arrays(tmp_path):
    two = examples.STANDING.copy()
    two[3] = -1
    two[4] = 0
    two[5, 0] = -1
    three = np.concatenate([examples.STANDING, np.full((18, 1), 0.6)], axis=1)
    three[7] = np.nan, np.nan, 0  # coordinates of missing joints mean nothing
    np.save(tmp_path / "two.npy", two.astype(np.int16))
    np.save(tmp_path / "three.npy", np.stack([three, np.zeros((18, 3))]))
    pose = keypoints.one_pose(tmp_path / "two.npy")
    np.testing.assert_array_equal(np.flatnonzero(~pose.visible), [3, 4, 5])
    np.testing.assert_array_equal(pose.keypoints[6:], examples.STANDING[6:])
    found = keypoints.read(tmp_path / "three.npy")
    assert list(found) == ["000000", "000001"]
    assert found["000001"] == []
    (pose,) = found["000000"]
    np.testing.assert_array_equal(np.flatnonzero(~pose.visible), [7])
    assert not pose.keypoints[7].any()


def test_a_format_is_found_by_its_content(tmp_path):
    for format in keypoints.WRITTEN:
        kind = keypoints.FORMATS[format]
        keypoints.write(tmp_path / f"a{kind.extension}", {"a.jpg": [examples.standing()]}, format)
        unnamed = tmp_path / "unnamed"
        unnamed.write_bytes((tmp_path / f"a{kind.extension}").read_bytes())
        assert keypoints.one_pose(unnamed).visible.all()


def test_photos_are_matched_by_name():
    poses = {"x/a.v1.jpg": [1], "b": [2], "c.jpg": [3]}
    photos = ["/photos/a.v1.png", "b.PNG", "c.jpg", "d.jpg"]
    found = keypoints.for_photos(poses, photos)
    assert found == {"/photos/a.v1.png": [1], "b.PNG": [2], "c.jpg": [3]}
    assert keypoints.for_photos({"": [1]}, ["a.jpg"]) == {"a.jpg": [1]}
    assert keypoints.for_photos({"": [1]}, ["a.jpg", "b.jpg"]) == {}
    exact = {"p/a.jpg": [1], "q/a.jpg": [2]}
    assert keypoints.for_photos(exact, ["q/a.jpg"]) == {"q/a.jpg": [2]}
    assert keypoints.for_photos(exact, ["r/a.jpg"]) == {}
    with pytest.raises(InputError, match=r"photo a\.jpg: keypoints of both a.* and a.* fit it"):
        keypoints.for_photos({"a": [1], "a.png": [2]}, ["a.jpg"])
    assert keypoints.for_photos({"../a.jpg": [1], "b/a.jpg": [2]}, ["b/a.jpg"]) == {"b/a.jpg": [2]}


@pytest.mark.parametrize("ending", ["", ".jpg"])
def test_people_with_a_folder_each_do_not_share_joints(tmp_path, monkeypatch, ending):
    photos = [str(tmp_path / "photos" / who / "1.jpg") for who in ("anna", "ben")]
    poses = {f"anna/1{ending}": [1], f"ben/1{ending}": [2]}
    assert keypoints.for_photos(poses, photos) == dict(zip(photos, ([1], [2]), strict=True))
    assert keypoints.for_photos({f"anna/1{ending}": [1]}, photos) == {photos[0]: [1]}
    with pytest.raises(InputError, match=r"keypoints of 1.* fit both .*anna.* and .*ben"):
        keypoints.for_photos({f"1{ending}": [1]}, photos)
    (tmp_path / "photos" / "ben").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "photos" / "ben")
    assert keypoints.for_photos(poses, ["1.jpg"]) == {"1.jpg": [2]}
    assert keypoints.for_photos(poses, ["../anna/1.jpg"]) == {"../anna/1.jpg": [1]}


def test_the_extension_tells_photos_of_one_name_apart():
    poses = {"a.jpg": [1], "a.png": [2]}
    assert keypoints.for_photos(poses, ["p/a.png", "p/a.jpg"]) == {"p/a.png": [2], "p/a.jpg": [1]}


def test_lines_may_hold_a_confidence(tmp_path):
    points = examples.STANDING[:, ::-1].tolist()
    lines = [f"{x:.1f}, {y:.1f}, {0.04 if i == 7 else 0.9}" for i, (x, y) in enumerate(points)]
    path = tmp_path / "a.txt"
    path.write_text("\n".join(lines))
    pose = keypoints.one_pose(path)
    assert np.flatnonzero(~pose.visible).tolist() == [7]
    np.testing.assert_allclose(pose.keypoints[pose.visible], examples.STANDING[pose.visible])
    path.write_text("\n".join([lines[0], "3 4", *lines[2:]]))
    with pytest.raises(InputError, match="line 2: 2 numbers; expected x and y of a joint"):
        keypoints.read(path)
