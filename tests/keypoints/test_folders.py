"""Folders of files of keypoints."""

import pytest

import poses as examples
from pgjax import keypoints
from pgjax.errors import InputError


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "poses"
    keypoints.write(folder, {f"walk_{i}": [examples.standing()] for i in (1, 2)}, "openpose")
    return folder


def test_what_systems_leave_behind_is_nothing(folder, capsys):
    content = (folder / "walk_1_keypoints.json").read_bytes()
    for name in (
        *("._walk_1_keypoints.json", ".ipynb_checkpoints/walk_1_keypoints-checkpoint.json"),
        *("__MACOSX/._walk_1.json", "@eaDir/walk_1.json", ".hidden.json", "desktop.ini"),
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content if "checkpoint" in name else b"\x00\x05")
    assert list(keypoints.read(folder)) == ["walk_1", "walk_2"]
    assert capsys.readouterr().err == ""


def test_linked_folders_are_followed_and_loops_end(folder, tmp_path):
    linked = tmp_path / ".linked"
    linked.mkdir()
    (linked / "here").symlink_to(folder)
    (folder / "up").symlink_to("..")
    assert list(keypoints.read(linked)) == ["here/walk_1", "here/walk_2"]


def test_what_may_be_meant_is_told(folder, capsys):
    for name in ("walk_3.json.bak", "walk_4.json~", "walk_5.npz", "photo.png", "model.py"):
        (folder / name).write_text("x")
    (folder / "walk_6.json").symlink_to("nowhere")
    assert len(keypoints.read(folder, "openpose")) == 2
    told = capsys.readouterr().err.splitlines()
    assert told == [
        f"{folder}: 3 left out (walk_3.json.bak, walk_4.json~, walk_5.npz): no .json; rename or move it",
        f"{folder}: 1 left out (walk_6.json): a link that leads nowhere",
    ]


@pytest.mark.parametrize(
    ("case", "count"),
    [("05_mac_files", 2), ("06_jupyter_checkpoints", 3), ("08_comfyui_pose_files", 2)],
)
def test_folders_that_users_have(shared, case, count):
    poses = keypoints.read(shared / "cases" / case / "poses")
    assert len(poses) == count and all(len(people) == 1 for people in poses.values())


def test_a_folder_of_nothing(tmp_path):
    (tmp_path / "._a.json").touch()
    with pytest.raises(InputError, match="no file of keypoints"):
        keypoints.read(tmp_path)
