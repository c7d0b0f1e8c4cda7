"""Every format: what is written is read again, and whatever else is read is an error of one line."""

import json

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import poses as examples
from pgjax import keypoints
from pgjax.errors import InputError
from pgjax.images import photo
from pgjax.pose import skeleton

NECK = skeleton.INDEX["neck"]
KEEP_CONFIDENCE = ("openpose", "openpose25", "coco17_results", "npy")
KEEP_SIZE = ("openpose", "openpose25", "coco17")
MANY = ("openpose", "openpose25", "coco17", "coco17_results")
FORMATS = pytest.mark.parametrize("format", keypoints.WRITTEN)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("formats")


def _file(folder, format):
    return folder / f"poses{keypoints.FORMATS[format].extension}"


def _plain(pose):
    """Pixels that can't be taken for shares of the photo's size, nor for a mark of what is missing."""
    points = pose.keypoints[pose.visible]
    return points.max(axis=1).min() > 1.5 and points.max() > 2.5


def _assert_same(found, expected, format, tolerance=0.5):
    """Left and right too: joint by joint."""
    joints = np.ones(18, bool)
    if format.startswith("coco17"):
        shoulders = expected.visible[[2, 5]].all()
        assert found.visible[NECK] == shoulders
        if shoulders:
            middle = expected.keypoints[[2, 5]].mean(axis=0)
            np.testing.assert_allclose(found.keypoints[NECK], middle, atol=tolerance)
        joints[NECK] = False
    np.testing.assert_array_equal(found.visible[joints], expected.visible[joints])
    np.testing.assert_allclose(found.keypoints[joints], expected.keypoints[joints], atol=tolerance)
    if format in KEEP_CONFIDENCE:
        np.testing.assert_allclose(found.confidence[joints], expected.confidence[joints], atol=1e-3)
    else:
        np.testing.assert_array_equal(found.confidence, found.visible)


@FORMATS
@given(data=st.data())
def test_a_pose_survives_its_file(folder, format, data):
    pose = data.draw(examples.poses())
    assume(not format.startswith("coco17") or pose.visible[np.arange(18) != NECK].any())
    assume(_plain(pose))
    keypoints.write(_file(folder, format), {"a.jpg": [pose]}, format)
    found = keypoints.one_pose(_file(folder, format), format)
    assert found.size == (pose.size if format in KEEP_SIZE else None)
    _assert_same(found, pose, format)


@FORMATS
@given(
    data=st.data(),
    size=examples.SIZES,
    into=examples.SIZES,
    mode=st.sampled_from(photo.MODES),
    mirrored=st.booleans(),
)
def test_a_pose_survives_resizing_cropping_and_flipping(
    folder, format, data, size, into, mode, mirrored
):
    """To the half pixel of the picture in which the file holds it."""
    pose = data.draw(examples.poses(size))
    placement = photo.fit(size, into, mode)
    there = keypoints.moved(pose, placement.points, into)
    if mirrored:
        there = keypoints.flipped(there, into[1])
    inside = (there.keypoints >= 0).all() and keypoints.within(there).visible.sum()
    assume(inside == there.visible.sum() and _plain(there))
    assume((there.visible & (np.arange(18) != NECK)).any())
    keypoints.write(_file(folder, format), {"a.jpg": [there]}, format)
    found = keypoints.one_pose(_file(folder, format), format)
    if mirrored:
        found = keypoints.flipped(found, into[1])
    found = keypoints.moved(found, placement.points_back, size)
    top, left, bottom, right = placement.box
    region = placement.region
    pixel = max((bottom - top) / (region[2] - region[0]), (right - left) / (region[3] - region[1]))
    _assert_same(found, pose, format, tolerance=0.5 * pixel + 1e-3)


@FORMATS
def test_photos_keep_their_names_people_and_order(tmp_path, format):
    one = examples.standing()
    two = keypoints.moved(one, lambda points: points + 3, one.size)
    several = [one, two] if format in MANY else [two]
    poses = {"p/frame10.jpg": [one], "p/frame9.jpg": several, "b.jpg": []}
    path = tmp_path / ("poses" if format in ("openpose", "openpose25", "npy") else "p.json")
    path = path.with_suffix(".csv") if format == "csv" else path
    keypoints.write(path, poses, format)
    found = keypoints.read(path)
    if path.suffix == "":
        assert list(found) == ["b", "p/frame9", "p/frame10"]  # the folder's, as people count
        assert sorted(p.name for p in (path / "p").iterdir())[0].startswith("frame10")
    elif format == "coco17_results":
        assert list(found) == ["p/frame10.jpg", "p/frame9.jpg"]
    else:
        assert list(found) == list(poses)
    matched = keypoints.for_photos(found, poses)
    assert len(matched) == len(found)
    for name, people in matched.items():
        for pose, expected in zip(people, poses[name], strict=True):
            _assert_same(pose, expected, format)


@pytest.mark.parametrize("format", ["csv", "npy"])
def test_formats_of_one_person_refuse_several(tmp_path, format):
    with pytest.raises(InputError, match=r"photo 'a.jpg' has 2 people"):
        keypoints.write(_file(tmp_path, format), {"a.jpg": [examples.standing()] * 2}, format)
    assert not _file(tmp_path, format).exists()


def test_a_folder_of_one_file_a_photo_refuses_names_that_meet(tmp_path):
    pose = [examples.standing()]
    with pytest.raises(InputError, match=r"a\.jpg and a\.png would share one file"):
        keypoints.write(tmp_path / "out", {"a.jpg": pose, "a.png": pose}, "openpose")
    for name in ("../a.jpg", "/a.jpg", ""):
        with pytest.raises(InputError, match="not a name"):
            keypoints.write(tmp_path / "out", {name: pose}, "openpose")
    with pytest.raises(InputError, match="poses of 2 photos for a file"):
        keypoints.write(tmp_path / "out.json", {"a.jpg": pose, "b.jpg": pose}, "openpose")


def test_csv_leaves_out_joints_left_of_or_above_the_photo(tmp_path):
    pose = keypoints.moved(examples.standing(), lambda points: points - (10.4, 0), (128, 64))
    keypoints.write(tmp_path / "a.csv", {"a.jpg": [pose]}, "csv")
    found = keypoints.one_pose(tmp_path / "a.csv")
    gone = np.isin(skeleton.JOINTS, ["right_eye", "left_eye"])  # at -1.4; the ears are at 0.6
    np.testing.assert_array_equal(found.visible, ~gone)


def test_the_published_files_are_read_and_written_alike(shared, tmp_path):
    path = shared / "data/deepfashion/fasion-resize-annotation-test.csv"
    poses = keypoints.read(path)
    assert len(poses) == 4_038
    assert sum(map(len, poses.values())) == 3_419
    keypoints.write(tmp_path / "again.csv", poses, "csv")

    def without_half_missing(text):
        lines = [line.split(":") for line in text.splitlines()[1:]]
        rows = {name: np.array([json.loads(y), json.loads(x)]) for name, y, x in lines}
        return {name: np.where((row == -1).any(axis=0), -1, row) for name, row in rows.items()}

    expected = without_half_missing(path.read_text())
    found = without_half_missing((tmp_path / "again.csv").read_text())
    assert list(found) == list(expected)
    assert all(np.array_equal(found[name], expected[name]) for name in expected)
