"""The command, with an estimator whose people are known."""

import json

import numpy as np
import pytest
from PIL import Image

from pgjax import keypoints
from pgjax.errors import InputError
from pgjax.frozen import estimators
from pgjax.pose import skeleton
from pgjax.tools import keypoints as tool


def _people(photo, everyone=False):
    """As many people as the photo's first pixel says, ten pixels between them, without left ankle."""
    place = np.stack([3 + np.arange(18.0), 3 + np.arange(18.0) / 2], axis=1)
    place[1] = place[[2, 5]].mean(axis=0)  # the neck as COCO-17 has it
    confidence = np.full(18, 0.8)
    confidence[13] = 0
    people = [
        keypoints.make_pose(np.add(place, [10 * k, 0]), confidence=confidence, size=photo.shape[:2])
        for k in range(photo[0, 0, 0])
    ]
    return people if everyone else people[:1]


@pytest.fixture(autouse=True)
def _known_people(monkeypatch):
    entry = estimators.Entry(lambda model, threshold: _people, "known people")
    monkeypatch.setitem(estimators.ESTIMATORS, "openpose", entry)
    monkeypatch.setattr(tool.compilation, "keep", lambda: None)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "photos"
    for name, people in {"b/two.png": 2, "a.png": 1, "none.png": 0}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((64, 32, 3), people, np.uint8)).save(path)
    (folder / "notes.txt").write_text("no photo")
    return folder


def _run(capsys, *arguments):
    tool.main([*map(str, arguments)])
    captured = capsys.readouterr()
    return json.loads(captured.out), captured.err


@pytest.mark.parametrize("name", ["poses.csv", "poses.json", "poses"])
def test_a_folder_in_formats_that_can_be_read_again(folder, tmp_path, capsys, name):
    out = tmp_path / name
    counts, told = _run(capsys, folder, "--out", out)
    assert counts.pop("joints") == {
        joint: 0 if joint == "left_ankle" else 2 for joint in skeleton.JOINTS
    }
    assert counts == {"photos": 3, "unreadable": 0, "nobody": 1, "people": 2}
    assert "2 people in 3 photos, 17.0 of 18 joints each, nobody in 1" in told
    paths = ["a.png", "b/two.png", "none.png"]
    found = keypoints.for_photos(keypoints.read(out), paths)
    assert [len(found.get(path, [])) for path in paths] == [1, 1, 0]
    expected = _people(np.full((64, 32, 3), 1, np.uint8))[0]
    for path in paths[:2]:
        gap = found[path][0].keypoints - expected.keypoints
        np.testing.assert_array_equal(found[path][0].visible, expected.visible)
        assert np.abs(gap[expected.visible]).max() <= 0.5


def test_everyone(folder, tmp_path, capsys):
    counts, _ = _run(capsys, folder / "b" / "two.png", "--out", tmp_path / "two.json", "--all")
    assert counts["people"] == 2
    (people,) = keypoints.read(tmp_path / "two.json").values()
    assert [pose.keypoints[0].tolist() for pose in people] == [[3, 3], [13, 3]]
    with pytest.raises(InputError, match="--all: format csv holds one person"):
        tool.main([str(folder), "--out", str(tmp_path / "all.csv"), "--all"])


def test_what_cannot_be_read_is_left_out_and_told(folder, tmp_path, capsys):
    (folder / "broken.jpg").write_bytes(b"")
    counts, told = _run(capsys, folder, "--out", tmp_path / "poses.csv")
    assert (counts["photos"], counts["unreadable"], counts["people"]) == (4, 1, 2)
    assert f"left out: {folder / 'broken.jpg'}: is empty" in told
    with pytest.raises(InputError, match=r"none of 1 photos can be read; the first: .*is empty"):
        tool.main([str(folder / "broken.jpg"), "--out", str(tmp_path / "one.json")])


def test_photos_under_any_name_and_what_is_not_taken(shared, tmp_path, capsys):
    counts, told = _run(
        capsys, shared / "cases" / "07_photos_passed_over" / "photos", "--out", tmp_path / "poses"
    )
    assert (counts["photos"], counts["unreadable"]) == (4, 1)
    assert "1 left out (anna_4.heic): HEIC; convert it to JPEG, by 'sips" in told
    assert sorted(path.name for path in (tmp_path / "poses").iterdir()) == [
        "anna_1_keypoints.json",
        "anna_2_keypoints.json",
        "anna_3_keypoints.json",
    ]


def test_copies_of_jupyter_are_nothing(shared, tmp_path, capsys):
    photos = shared / "cases" / "06_jupyter_checkpoints" / "photos"
    assert _run(capsys, photos, "--out", tmp_path / "poses")[0]["photos"] == 1


def test_links_and_what_systems_leave_behind(folder, tmp_path, capsys):
    photo = (folder / "a.png").read_bytes()
    for name in ("@eaDir/a.png/SYNOPHOTO.jpg", "b/__MACOSX/._two.png", "b/.cache/two.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(photo)
    for name in ("NONE", "c.JPG", "c.jpg.jpg", "d.HEIC"):
        (folder / name).write_bytes(photo)
    folder.rename(tmp_path / ".hidden")
    folder.mkdir()
    (folder / "linked").symlink_to(tmp_path / ".hidden")
    (tmp_path / ".hidden" / "b" / "loop").symlink_to(folder)
    (folder / "broken.jpg").symlink_to("nowhere")
    (folder / "clip.mp4").write_bytes(b"\0\0\0\x14ftypisom\0\0\0\0mp41")
    for place in (folder, folder / "linked"):
        counts, told = _run(capsys, place, "--out", tmp_path / "poses.csv")
        assert (counts["photos"], counts["unreadable"]) == (7, 0)
        assert counts["passed_over"] == 2  # seen through the link b/loop, too
        assert ("(broken.jpg): a link that leads nowhere" in told) == (place == folder)
        assert ("(clip.mp4): video; take frames out of it" in told) == (place == folder)
    names = {"NONE", "a.png", "b/two.png", "c.JPG", "c.jpg.jpg", "d.HEIC", "none.png"}
    assert set(keypoints.read(tmp_path / "poses.csv")) <= names


def test_a_folder_whose_photos_cannot_be_read(tmp_path):
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    for photos in (tmp_path, tmp_path / "a.heic"):
        with pytest.raises(InputError, match=r"a\.heic.*: HEIC; convert it to JPEG"):
            tool.main([str(photos), "--out", str(tmp_path / "poses.csv")])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("{0}/nowhere", "--out", "x.csv"), "nowhere: no such photo or folder"),
        (("{0}/empty", "--out", "x.csv"), "empty: no photo"),
        (("{0}", "--out", "x.npy"), "x.npy holds one photo; for 3"),
        (
            ("{0}", "--out", "x.txt"),
            "x.txt names no format; expected .csv, .json, .npy or a folder",
        ),
        (("{0}/a.png", "{0}", "--out", "x.csv"), "are named 'a.png'"),
        (("{0}", "--out", "{0}/a.png/x.csv"), r"--out: .*a\.png is no folder"),
        (("{0}", "--out", "{0}/a.png/poses"), r"--out: .*a\.png is no folder"),
        (("{0}", "--out", "{0}/notes"), r"--out: .*notes is no folder"),
        (("{0}", "--out", "{0}/b", "--format", "csv"), "--out: .*b is a folder; expected the name"),
        (("{0}", "--out", "x.json", "--format", "openpose"), "--out: x.json: poses of 3 photos"),
    ],
)
def test_bad_arguments_are_told(folder, monkeypatch, arguments, told):
    monkeypatch.setattr(estimators, "load", None)  # all is told before
    (folder / "empty").mkdir()
    (folder / "notes").write_text("a file")
    with pytest.raises((InputError, FileNotFoundError), match=told):
        tool.main([argument.format(folder) for argument in arguments])


def test_photos_that_would_share_a_file_are_told_before(folder, tmp_path, monkeypatch, capsys):
    (folder / "a.jpg").write_bytes((folder / "a.png").read_bytes())
    assert _run(capsys, folder, "--out", tmp_path / "poses.csv")[0]["photos"] == 4
    monkeypatch.setattr(estimators, "load", None)
    with pytest.raises(InputError, match=r"photos a\.jpg and a\.png would share one file"):
        tool.main([str(folder), "--out", str(tmp_path / "poses")])
    assert not (tmp_path / "poses").exists()


def test_where_the_weights_are_looked_for(folder, tmp_path, monkeypatch):
    seen = []
    entry = estimators.Entry(lambda model, _: seen.append(model) or _people, "")
    monkeypatch.setitem(estimators.ESTIMATORS, "openpose", entry)
    arguments = [str(folder), "--out", str(tmp_path / "poses")]
    for more in ([], ["--data_dir=there"], ["--data_dir=there", "--model=file.pb"]):
        tool.main([*arguments, *more])
    assert seen == ["data/weights", "there/weights", "file.pb"]
