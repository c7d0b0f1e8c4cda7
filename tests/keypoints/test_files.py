"""A file of each tool: the standing person of tests/poses.py, who lacks the left wrist (files/README.md)."""

import fnmatch
import pathlib
import re

import numpy as np
import pytest

import poses as examples
from pgjax import keypoints
from pgjax.keypoints import formats, layouts
from pgjax.pose import skeleton

FILES = pathlib.Path(__file__).parent / "files"
SIZE = (128, 64)
FACE = ("nose", "right_eye", "left_eye", "right_ear", "left_ear")
NO_EYES = ("right_eye", "left_eye")
# By file: its photos, which further joints are missing, and its layout and format.
TOLD = {
    "openpose_coco.json": ([""], (), "coco18", "openpose"),
    "openpose_percent.json": ([""], (), "coco18", "openpose"),
    "openpose_body25.json": ([""], (), "body25", "openpose25"),
    "openpose_body25b.json": ([""], (), "body25b", "openpose25b"),
    "openpose_body135.json": ([""], (), "body135", "openpose"),
    "comfyui.json": ([""], (), "coco18", "openpose"),
    "controlnet_shares.json": ([""], (), "coco18", "openpose"),
    "dwpose.json": ([""], (), "coco18", "openpose"),
    "pose2sim_halpe26.json": ([""], (), "halpe26", "openpose"),
    "alphapose_halpe26.json": (["a.jpg"], (), "halpe26", "alphapose"),
    "alphapose_halpe136.json": (["a.jpg"], (), "halpe136", "alphapose"),
    "alphapose_open.json": (["a.jpg"], (), "coco18", "alphapose"),
    "alphapose_cmu.json": (["a.jpg"], (), "coco18", "alphapose"),
    "mmpose_photo.json": ([""], (), "coco17", "mmpose"),
    "mmpose_video.json": (["000000", "000001", "000002"], (), "coco17", "mmpose"),
    "mmpose_demo_mpii.json": ([""], FACE, "mpii16", "mmpose"),
    "mmpose_demo_video_crowdpose.json": (["000000", "000001"], FACE, "crowdpose14", "mmpose"),
    "mmpose_coco_wholebody.json": ([""], (), "wholebody133", "mmpose"),
    "mmpose_coco_wholebody_openpose.json": ([""], (), "wholebody134", "mmpose"),
    "mmpose_crowdpose.json": ([""], FACE, "crowdpose14", "mmpose"),
    "mmpose_aic.json": ([""], FACE, "aic14", "mmpose"),
    "mmpose_halpe26.json": ([""], (), "halpe26", "mmpose"),
    "mmpose_halpe.json": ([""], (), "halpe136", "mmpose"),
    "ultralytics.json": ([""], (), "coco17", "ultralytics"),
    "ultralytics_normalized.json": ([""], (), "coco17", "ultralytics"),
    "ultralytics.txt": ([""], (), "coco17", "ultralytics_txt"),
    "ultralytics_conf.txt": ([""], (), "coco17", "ultralytics_txt"),
    "ultralytics_2d.txt": ([""], (), "coco17", "ultralytics_txt"),
    "mediapipe_solutions.json": ([""], ("left_ankle",), "mediapipe33", "mediapipe"),
    "mediapipe_solutions_list.json": ([""], ("left_ankle",), "mediapipe33", "mediapipe"),
    "mediapipe_tasks_0_10_21.json": ([""], ("left_ankle",), "mediapipe33", "mediapipe"),
    "mediapipe_tasks_1_2_3.json": ([""], ("left_ankle",), "mediapipe33", "mediapipe"),
    "crowdpose.json": (["a.jpg"], FACE, "crowdpose14", "crowdpose14"),
    "posetrack18.json": (["a.jpg"], NO_EYES, "posetrack17", "posetrack17"),
    "coco_named.json": (["a.jpg"], FACE[1:], None, "coco17"),
    "coco_wholebody.json": (["a.jpg"], (), "coco17", "coco17"),
    "wholebody_results.json": (["7"], (), "wholebody133", "wholebody133"),
    "tensorflowjs.json": ([""], (), "coco17", "coco17_results"),
    "posenet.json": ([""], (), "coco17", "coco17_results"),
    "easy_vitpose.json": ([""], (), "coco17", "vitpose"),
    "transformers_vitpose.json": ([""], (), "coco17", "vitpose"),
    "dwpose_candidates.json": ([""], (), "coco18", "candidates"),
    "openpose_editor.json": ([""], None, "coco18", "openpose_editor"),
    "dress_code.json": ([""], (), "coco18", "dress_code"),
    "gfla.txt": ([""], (), "coco18", "gfla_txt"),
}
EVERY = pytest.mark.parametrize("name", TOLD)


def _check(pose, missing):
    if pose.size == (512, 384):  # Dress Code's
        pose = keypoints.moved(pose, lambda points: points / np.float32([4, 6]), SIZE)
    pose = keypoints.in_photo(pose, SIZE, "a.jpg")
    expected = np.ones(18, bool)
    if missing is not None:
        expected = ~np.isin(skeleton.JOINTS, ["left_wrist", *missing])
    np.testing.assert_array_equal(pose.visible, expected)
    # The neck is between the shoulders or the file's own.
    gap = np.abs(pose.keypoints - examples.STANDING)[expected]
    assert gap.max() <= 1.01
    assert np.median(gap) < 0.5


@EVERY
def test_what_tools_write(name):
    photos, missing, *_ = TOLD[name]
    found = keypoints.read(FILES / name)
    assert list(found) == photos
    people = [people for people in found.values() if people]
    assert len(people) == len(photos) - (name == "mmpose_video.json")
    for (pose,) in people:
        _check(pose, missing)
        outside = [s for s in keypoints.suspicions(pose) if "outside" in s]
        assert len(outside) == name.startswith("mediapipe")


@EVERY
def test_formats_can_be_named(name):
    _, missing, layout, format = TOLD[name]
    for (pose,) in filter(None, keypoints.read(FILES / name, format).values()):
        _check(pose, missing)
    if layout in keypoints.FORMATS and not keypoints.FORMATS[layout].kinds:
        for (pose,) in filter(None, keypoints.read(FILES / name, layout).values()):
            _check(pose, missing)


def test_every_layout_and_format_has_a_file():
    assert {path.name for path in FILES.iterdir()} - {"README.md"} == set(TOLD)
    assert {layout for _, _, layout, _ in TOLD.values()} - {None} == set(layouts.LAYOUTS)
    # What pgjax writes has tests of its own.
    read_only = set(keypoints.FORMATS) - set(keypoints.WRITTEN)
    assert {format for *_, format in TOLD.values()} | set(layouts.LAYOUTS) >= read_only


@EVERY
def test_one_kind_fits(name):
    """So their order means nothing to real files, but for rows that COCO's keys fit too."""
    if name.endswith(".json"):
        content = formats.files.load_json(FILES / name)
        fitting = [kind for kind, entry in formats.KINDS.items() if entry.fits(content)]
        assert fitting[0] != "coco" or fitting == ["coco"]
        assert len(set(fitting) - {"coco"}) <= 1


def test_folders(tmp_path):
    """One file a photo, called as the photo."""
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_bytes((FILES / "mmpose_photo.json").read_bytes())
    (tmp_path / "c.json").write_text("[]")
    found = keypoints.read(tmp_path)
    assert {photo: len(people) for photo, people in found.items()} == {"a": 1, "b": 1, "c": 0}
    labels = tmp_path / "labels"
    labels.mkdir()
    for name in ("a.txt", "b.txt"):
        (labels / name).write_bytes((FILES / "ultralytics.txt").read_bytes())
    (labels / "none.txt").touch()
    (labels / "classes.txt").write_text("person\n")
    found = keypoints.read(labels)
    assert {photo: len(people) for photo, people in found.items()} == {"a": 1, "b": 1, "none": 0}


def test_landmarks_that_were_multiplied_by_the_photos_size(tmp_path):
    landmarks = formats.files.load_json(FILES / "mediapipe_solutions.json")["landmark"]
    pixels = [m | {"x": 64 * m["x"], "y": 128 * m["y"]} for m in landmarks]
    (tmp_path / "a.json").write_text(formats.json.dumps({"landmarks": pixels}))
    pose = keypoints.one_pose(tmp_path / "a.json")
    assert pose.size is None
    _check(pose, ("left_ankle",))


def test_docs_name_an_example_of_every_format():
    """docs/photos.md: the file that is named beside a format has that format."""
    page = (pathlib.Path(__file__).parents[2] / "docs" / "photos.md").read_text()
    table = page.partition("<!-- examples -->\n")[2].partition("\n<!-- end -->")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]
    told = {row[0].strip("`"): row[-1].strip("`") for row in rows}
    named = set(keypoints.WRITTEN) | (set(keypoints.FORMATS) - set(layouts.LAYOUTS))
    assert set(told) == named
    for format, file in told.items():
        if format not in ("csv", "npy"):
            assert TOLD[file][-1] == format


def _makers():
    """By file who made it: a tool with its versions, or "by hand", as its row in files/README.md begins."""
    makers = {}
    for line in (FILES / "README.md").read_text().splitlines():
        row = re.fullmatch(r"\| (`.+`) \| (by hand|[a-z0-9]+ [0-9.]+(?: and [0-9.]+)?)\b.*\|", line)
        for pattern in re.findall(r"`(.+?)`", row[1]) if row else ():
            found = fnmatch.filter((path.name for path in FILES.iterdir()), pattern)
            assert found, pattern
            makers |= dict.fromkeys(found, row[2])
    return makers


def test_the_page_tells_who_made_the_files_of_each_layout():
    """A table that differs is shown as it should be."""
    makers = _makers()
    assert set(makers) == set(TOLD)
    table = ["| layout | files made by a tool | files made by hand |", "| --- | --- | --- |"]
    for layout in keypoints.LAYOUTS:
        made = {}
        for maker, name in sorted((makers[n], n) for n, told in TOLD.items() if told[2] == layout):
            made.setdefault(maker, []).append(f"`{name}`")
        assert made, f"no file of {layout}"
        hand = ", ".join(made.pop("by hand", ()))
        tools = "; ".join(f"{tool}: {', '.join(names)}" for tool, names in made.items())
        table.append(f"| `{layout}` | {tools} | {hand} |")
    page = (FILES.parents[2] / "docs" / "keypoints.md").read_text()
    held = page.partition("<!-- tried -->\n")[2].partition("\n<!-- end -->")[0]
    assert held == "\n".join(table)
