"""Which joints are missing whatever their confidence: at 0, 0, and outside the photo."""

import json

import numpy as np
import pytest

import poses as examples
from pgjax import keypoints
from pgjax.keypoints import layouts
from pgjax.pose import skeleton

GONE = ("right_elbow", "right_wrist", "left_knee")


def _table(names, third=0.35, at=(0.0, 0.0)):
    """The standing person, three of whose joints lie at `at` and have a confidence."""
    rows = []
    for name in names:
        if name in skeleton.INDEX and name not in GONE:
            y, x = examples.STANDING[skeleton.INDEX[name]].tolist()
            rows.append([x, y, 0.9])
        else:
            rows.append([*at, third if name in GONE else 0.0])
    return rows


def _write(tmp_path, content, name="a.json"):
    path = tmp_path / name
    path.write_text(json.dumps(content))
    return path


def _flat(rows):
    return [value for row in rows for value in row]


@pytest.mark.parametrize("at", [(0.0, 0.0), (-1.0, -1.0)])
@pytest.mark.parametrize("layout", sorted(layouts.LAYOUTS))
def test_at_zero_in_every_layout(tmp_path, layout, at):
    record = layouts.LAYOUTS[layout]
    rows = _table(record.joints, at=at) + [[0.0, 0.0, 0.0]] * record.more
    path = _write(tmp_path, {"people": [{"pose_keypoints_2d": _flat(rows)}]})
    if layout == "mediapipe33":
        landmarks = [{"x": x, "y": y, "z": 0, "visibility": v} for x, y, v in rows]
        shares = [m | {"x": m["x"] / 64, "y": m["y"] / 128} for m in landmarks]
        zero = {"x": 0.0, "y": 0.0} if at == (0.0, 0.0) else {"x": -1.0, "y": -1.0}
        path = _write(tmp_path, [m | zero if not m["x"] > 0 else m for m in shares])
    pose = keypoints.one_pose(path, "posetrack17" if layout == "posetrack17" else None)
    assert not pose.visible[[skeleton.INDEX[name] for name in GONE]].any()
    (said,) = (s for s in keypoints.suspicions(pose) if "at exactly" in s)
    assert said.startswith(
        "joints at exactly 0, 0 or -1, -1 have a confidence, and count as missing"
    )
    assert all(name in said for name in GONE)
    assert any(
        line.startswith("1 of 1 poses: joints at exactly 0, 0")
        for line in keypoints.summary([(pose, None)])
    )


@pytest.mark.parametrize("v", [1, 2])
def test_at_zero_in_a_data_set(tmp_path, v):
    rows = [[x, y, (v if c else 0)] for x, y, c in _table(layouts.COCO_17)]
    content = {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "annotations": [{"image_id": 1, "keypoints": _flat(rows)}],
    }
    pose = keypoints.one_pose(_write(tmp_path, content))
    assert pose.visible.sum() == 15
    assert "joints at exactly 0, 0 or -1, -1 have a confidence" in keypoints.suspicions(pose)[0]


def test_at_zero_in_arrays_and_csv(tmp_path):
    three = np.array([[y, x, c] for x, y, c in _table(skeleton.JOINTS)])
    assert keypoints.one_pose(three).visible.sum() == 15
    np.save(tmp_path / "a.npy", three[:, :2])
    assert keypoints.one_pose(tmp_path / "a.npy").visible.sum() == 15
    y, x = three[:, :2].astype(int).T.tolist()
    (tmp_path / "a.csv").write_text(f"name:keypoints_y:keypoints_x\na.jpg: {y}: {x}\n")
    pose = keypoints.one_pose(tmp_path / "a.csv")
    assert pose.visible.sum() == 15
    assert "joints at exactly 0, 0 or -1, -1 have a confidence" in keypoints.suspicions(pose)[0]


@pytest.mark.parametrize("name", ["ultralytics_results.json", "openpose_write_coco_json.json"])
def test_what_users_have(shared, name):
    (people,) = keypoints.read(shared / "cases" / "01_zero_joints" / name).values()
    assert people[0].visible.sum() == 15
    assert len(keypoints.suspicions(people[0])) == 1


def test_a_joint_that_was_found_in_the_first_pixel_is_not_written_as_missing(tmp_path):
    points = examples.STANDING.copy()
    points[0] = 0
    pose = keypoints.make_pose(points, size=(128, 64))
    for format in ("openpose", "openpose25", "coco17", "coco17_results", "npy"):
        path = tmp_path / f"{format}{keypoints.FORMATS[format].extension}"
        keypoints.write(path, {"a.jpg": [pose]}, format)
        assert keypoints.one_pose(path).visible.all(), format


def _outside(tmp_path, format, size=(100, 64)):
    pose = examples.standing(size)  # its ankles lie at 118
    path = tmp_path / "a.json"
    keypoints.write(path, {"a.jpg": [pose]}, format)
    return keypoints.one_pose(path)


@pytest.mark.parametrize("format", ["openpose", "openpose25", "coco17"])
def test_outside_the_photo_that_the_file_tells(tmp_path, format):
    pose = _outside(tmp_path, format)
    gone = np.flatnonzero(~pose.visible)
    assert [skeleton.JOINTS[i] for i in gone] == ["right_ankle", "left_ankle"]
    (said,) = keypoints.suspicions(pose)
    assert said == ("2 of 18 joints lie outside the photo of 100x64: right_ankle, left_ankle")


def test_outside_a_photo_that_is_known_later():
    pose = keypoints.in_photo(examples.standing(None), (100, 64), "a.jpg")
    assert pose.visible.sum() == 16
    assert "2 of 18 joints lie outside" in keypoints.suspicions(pose)[0]
    smaller = keypoints.in_photo(examples.standing(), (256, 128), "a.jpg")
    assert smaller.visible.all()


def test_a_person_wholly_outside_stays_and_is_told(tmp_path):
    points = examples.STANDING + np.float32([200, 0])
    pose = keypoints.within(keypoints.make_pose(points, size=(100, 64)))
    assert pose.visible.all()
    assert "18 of 18 joints lie outside" in keypoints.suspicions(pose)[0]


def test_exchanged_axes_are_told_though_joints_were_left_out(tmp_path):
    points = examples.STANDING[:, ::-1]
    keypoints.write(
        tmp_path / "a.json", {"": [keypoints.make_pose(points, size=(128, 64))]}, "openpose"
    )
    pose = keypoints.one_pose(tmp_path / "a.json")
    assert not pose.visible.all()
    (said,) = keypoints.suspicions(pose)
    assert said.startswith("x and y look exchanged: joints lie outside the photo")
