"""Files of keypoints that are wrong: each fault is named in one line; no stack trace, no wrong pose."""

import itertools
import json
import pathlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import poses as examples
from pgjax import keypoints
from pgjax.errors import InputError

FILES = pathlib.Path(__file__).parent / "files"
BODY = [v for y, x in examples.STANDING.tolist() for v in (x, y, 0.9)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("bad")


def _with(index, value):
    return [*BODY[:index], value, *BODY[index + 1 :]]


def _frame(*bodies, **more):
    return {"people": [{"pose_keypoints_2d": body} for body in bodies], **more}


def _coco(**changed):
    person = {"id": 1, "image_id": 7, "category_id": 1, "keypoints": [9, 9, 2] * 17}
    image = {"id": 7, "file_name": "a.jpg", "height": 128, "width": 64}
    return {"images": [image], "annotations": [person]} | changed


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", "is empty"),
        ("{'people': []}", "not JSON"),
        ('{"people": [', "not JSON"),
        ("[" * 100_000, "not JSON"),
        ({"persons": []}, "expected OpenPose's key"),
        ("[[1, 2]]", "expected OpenPose's key"),
        ({"people": {}}, '"people" is {}; expected a list'),
        ({"people": [1]}, "person 0: a person is 1; expected an object"),
        ({"people": [{}]}, 'person 0: no key "pose_keypoints_2d"'),
        (
            _frame(BODY[:45]),
            r"person 0: 15 joints; expected 14 \(crowdpose14 or aic14\), 16 .*, 18 \(coco18\)",
        ),
        (_frame(BODY, BODY[:-1]), "person 1: .* holds 53 numbers"),
        (_frame(_with(3, "7")), 'holds "7"; expected numbers only'),
        (_frame(_with(3, None)), "holds null; expected numbers only"),
        (_frame(_with(3, float("nan"))), "person 0: x of neck is nan; expected pixels"),
        (_frame(_with(4, float("inf"))), "y of neck is inf"),
        (_frame(_with(5, float("nan"))), "confidence of neck is nan"),
        (_frame(_with(3, 1e30)), "x of neck is 1"),
        (_frame([0.5, 0.5, 1] * 17 + [50, 9, 1]), "as shares .* but some go to 50, as pixels"),
        (
            _frame([-0.3, 0.5, 1] * 8 + [0.5, 0.5, 1] * 10),
            "they do not show whether from 0 to 1 or from -1 to 1",
        ),
        (_frame(_with(3, 10**400)), "integer too large"),
        ('{"people": [' + "1" * 5000 + "]}", "not JSON"),
        (_frame(BODY, canvas_height=float("inf"), canvas_width=64), "expected pixels"),
        (_frame(BODY, canvas_height=0, canvas_width=64), "expected pixels"),
        (_coco(images=[]), 'annotation 0: "image_id" 7 is not in "images"'),
        (_coco(images=_coco()["images"] * 2), "image 1: image 'a.jpg' .* is there twice"),
        (
            _coco(annotations=[{"image_id": 7, "keypoints": [1, 2, 2]}]),
            "annotation 0: 1 joints; expected",
        ),
        (_coco(annotations=[{"image_id": 7, "keypoints": [9, 9, 0.5] * 17}]), "is not 0, 1 or 2"),
        (_coco(categories=[{"keypoints": ["nose", "neck"]}]), "the joints are nose, neck"),
        (_coco(categories=[{"keypoints": 5}]), '"categories": "keypoints" is 5; expected a list'),
        ([{"image_id": [1], "keypoints": [9, 9, 1] * 17}], '"image_id" is .1.; expected'),
        ([{"image_id": True, "keypoints": [9, 9, 1] * 17}], '"image_id" is True; expected'),
        ([{"file_name": 7, "keypoints": [9, 9, 1] * 17}], '"file_name" is 7; expected the photo'),
        (_coco(images=[{"id": 7}]), "image 0: no photo's name; expected one of the keys"),
        (_coco(annotations=[{"keypoints": [9, 9, 2] * 17}]), '"image_id" is None; expected'),
        ({"keypoints": [float("nan"), 9, 1] * 17}, "x of nose is nan"),
        (
            [{"keypoints": [[0.1, 0.2, 0.3]] * 17, "keypoint_scores": [1] * 17}],
            "instance 0: .* are not x and y in the photo",
        ),
        ([{"keypoints": [[9, 9]] * 17, "keypoint_scores": [1] * 16}], "17 keypoints and 16 scores"),
        ([{"keypoints": {"x": [9], "y": [9, 8]}}], "result 0: .* hold unequal numbers of joints"),
        ([{"x": 0.5, "y": 0.5, "z": 0}] * 32, "32 landmarks; expected MediaPipe's 33"),
        ({"landmark": [{"x": 0.5}] * 33}, "holds null; expected numbers"),
        ({"width": 0, "height": 9, "keypoints": [[9, 9]] * 18}, "expected pixels"),
    ],
)
def test_json(folder, content, fault):
    path = folder / "bad.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(InputError, match=fault) as error:
        keypoints.read(path)
    assert str(error.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("array", "fault"),
    [
        (np.zeros((17, 2)), r"\(17, 2\); expected numbers \(18, 2\)"),
        (np.zeros((18, 2, 1)), "expected numbers"),
        (np.zeros((18, 4)), "expected numbers"),
        (np.full((18, 2), "a"), "expected numbers"),
        (np.full((18, 2), 1j), "expected numbers"),
        (np.full((18, 2), np.nan), "y of nose is nan; .* -1"),
        (np.full((3, 18, 3), np.nan), "pose 0: the confidence of nose is nan"),
    ],
)
def test_arrays(folder, array, fault):
    path = folder / "bad.npy"
    np.save(path, array)
    with pytest.raises(InputError, match=fault) as error:
        keypoints.read(path)
    assert str(error.value).startswith(f"{path}: ")
    if array.dtype.kind != "U":
        with pytest.raises(InputError, match=fault):
            keypoints.one_pose(array)


def test_arrays_of_objects_are_not_unpickled(folder):
    np.save(folder / "pickle.npy", np.array([{"a": 1}]), allow_pickle=True)
    with pytest.raises(InputError, match=r"not a \.npy file of numbers"):
        keypoints.read(folder / "pickle.npy")
    np.savez(folder / "archive.npy.npz", a=np.zeros((18, 2)))
    (folder / "archive.npy.npz").rename(folder / "archive.npy")
    with pytest.raises(InputError, match="an archive of arrays"):
        keypoints.read(folder / "archive.npy")


def test_what_is_missing_or_unknown_is_named(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.json"):
        keypoints.read(tmp_path / "nowhere.json")
    with pytest.raises(InputError, match=r"no file of keypoints \(\.json or \.npy or \.txt\)"):
        keypoints.read(tmp_path)
    with pytest.raises(InputError, match="format 'openpoze': expected one of openpose, "):
        keypoints.read(tmp_path, "openpoze")
    with pytest.raises(InputError, match="format 'json': expected one of openpose, "):
        keypoints.write(tmp_path / "a.json", {}, "json")
    for threshold in (-0.1, float("nan")):
        with pytest.raises(InputError, match=f"threshold {threshold}"):
            keypoints.read(tmp_path, threshold=threshold)
    keypoints.write(tmp_path / "a.json", {"": [examples.standing()]}, "openpose")
    with pytest.raises(InputError, match=r"a\.json: threshold 1: .* confidences .* go to 1"):
        keypoints.read(tmp_path / "a.json", threshold=1)
    (tmp_path / "a_keypoints.json").write_bytes((tmp_path / "a.json").read_bytes())
    with pytest.raises(InputError, match="photo 'a' is in another file"):
        keypoints.read(tmp_path)
    keypoints.write(tmp_path / "a.npy", {"": [examples.standing()]}, "npy")
    with pytest.raises(InputError, match=r"both \.json and \.npy"):
        keypoints.read(tmp_path)
    assert list(keypoints.read(tmp_path, "npy")) == ["a"]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (_frame(), "nobody in it has a visible joint"),
        (_frame([]), "nobody in it has a visible joint"),
        (_frame([0.0] * 54), "nobody in it has a visible joint"),
        (_frame([v * 0.1 if i % 3 == 2 else v for i, v in enumerate(BODY)]), "nobody .* above 0.1"),
        (_frame(BODY, BODY), "2 people; choose one by person 0 to 1 or prominent"),
        ([_frame(BODY), _frame(BODY)], "2 photos .'000000', '000001'.; choose one by its name"),
        ([], "no photo; choose"),
    ],
)
def test_one_pose_needs_one_person(folder, content, fault):
    path = folder / "one.json"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=fault) as error:
        keypoints.one_pose(path)
    assert str(error.value).startswith(f"{path}: ")


def test_one_pose_is_chosen(folder):
    path = folder / "several.json"
    raised = [v + 10 if i % 3 == 1 else v for i, v in enumerate(BODY)]
    path.write_text(json.dumps([_frame(), _frame(BODY, raised)]))
    lower = keypoints.one_pose(path, photo="000001", person=1)
    np.testing.assert_allclose(lower.keypoints, examples.STANDING + np.array([10, 0]), atol=1e-3)
    with pytest.raises(InputError, match=r"person: 2, but .*several\.json.* has 2"):
        keypoints.one_pose(path, photo="000001", person=2)
    with pytest.raises(InputError, match=r"no photo 'b\.jpg' in it, but 2 photos"):
        keypoints.one_pose(path, photo="b.jpg")
    assert keypoints.one_pose(lower) is lower
    np.testing.assert_array_equal(keypoints.one_pose(lower.keypoints).keypoints, lower.keypoints)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**30) | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["people", "keypoints", "images", "annotations", "id", "x", "landmark"]
            ),
            inner,
        )
    ),
    max_leaves=6,
)


def _replaced(data, node):
    """The JSON with something anywhere in it replaced or left out."""
    if isinstance(node, dict | list) and node and data.draw(st.integers(0, 4)):
        copy = node.copy()
        key = data.draw(st.sampled_from(range(len(node)) if isinstance(node, list) else list(node)))
        if data.draw(st.integers(0, 5)):
            copy[key] = _replaced(data, node[key])
        else:
            del copy[key]
        return copy
    return data.draw(JSON)


@pytest.mark.parametrize(
    "format", [name for name in keypoints.WRITTEN if keypoints.FORMATS[name].extension == ".json"]
)
@given(data=st.data())
def test_whatever_json_holds_is_poses_or_one_clear_line(folder, format, data):
    path = folder / "any.json"
    keypoints.write(path, {"a.jpg": [examples.standing()]}, format)
    _assert_poses_or_one_clear_line(path, json.loads(path.read_text()), format, data)


@pytest.mark.parametrize(
    ("name", "format"),
    [
        *(("mediapipe_solutions", "mediapipe"), ("mmpose_demo_video_crowdpose", "mmpose")),
        *(("ultralytics", "ultralytics"), ("openpose_editor", "openpose_editor")),
        *(("dress_code", "dress_code"), ("alphapose_cmu", "alphapose"), ("coco_named", "coco17")),
        *(("tensorflowjs", "coco17_results"), ("openpose_body25b", "openpose25b")),
    ],
)
@given(data=st.data())
def test_whatever_files_of_tools_hold_is_poses_or_one_clear_line(folder, name, format, data):
    content = json.loads((FILES / f"{name}.json").read_text())
    _assert_poses_or_one_clear_line(folder / "any.json", content, format, data)


def _assert_poses_or_one_clear_line(path, content, format, data):
    path.write_text(json.dumps(_replaced(data, content)))
    try:
        found = keypoints.read(path, data.draw(st.sampled_from([None, format])))
    except InputError as error:
        assert str(error).startswith(f"{path}: ")
        assert "\n" not in str(error)
        return
    for pose in itertools.chain.from_iterable(found.values()):
        assert pose.visible.any()
        assert np.isfinite(pose.keypoints).all()
        assert not pose.keypoints[~pose.visible].any()


@given(content=st.binary(max_size=300), name=st.sampled_from(["a.npy", "a.json", "a.csv", "a.txt"]))
def test_whatever_bytes_are_poses_or_one_clear_line(folder, content, name):
    if name == "a.txt" and not content.strip():
        content = b"a"  # a label without lines is a photo without people
    (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=name):
        keypoints.read(folder / name)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"keypoints": [{"0": [[1, 2, 0.9]]}], "skeleton": {"1": "nose"}}, "does not number"),
        (
            {"keypoints": [{"0": [[1, 2, 0.9]]}], "skeleton": dict(enumerate(["nose"]))},
            "nearly none is known",
        ),
        ([{"keypoints": [[1, 2]], "scores": [0.9, 0.9], "labels": [0]}], "unequal numbers"),
        ([{"keypoints": [[1, 2]], "scores": [0.9], "labels": [40]}], '"labels" are not numbers'),
        ({"candidate": [[1, 2, 0.9, 0]], "subset": [[0] * 17]}, '"subset" is not 18 numbers'),
        ({"candidate": [[1, 2, 0.9, 0]], "subset": [[5] + [-1] * 17]}, "of the 1 candidates"),
        ([{"keypoints": [{"u": 1, "v": 2}] * 17}], 'a joint has no "x" and "y"'),
    ],
)
def test_what_programs_keep_is_checked(tmp_path, content, words):
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=words):
        keypoints.read(tmp_path / "a.json")
