"""Whom pgjax generate draws, where files show several people and what is nobody."""

import numpy as np
import pytest

import generating
import tiny
from generating import call, pixels
from pgjax import keypoints
from pgjax.keypoints import make_pose, moved
from pgjax.serving.transfer import PoseTransfer

PERSON = tiny.pose(2, 1)
GHOST = make_pose(PERSON.keypoints, np.arange(18) < 2, np.full(18, 0.2))
SMALL = make_pose(0.5 * PERSON.keypoints + [2, 2])


OTHER = moved(tiny.pose(2, 2), lambda points: 0.8 * points + np.float32([5, -9]), (64, 32))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return generating.write_files(tmp_path_factory.mktemp("files"))


@pytest.fixture(autouse=True)
def _compiled_once(monkeypatch):
    generating.prepare(monkeypatch)


def drawn(files, targets):
    source = keypoints.one_pose(files / "photo.json")
    return PoseTransfer.load(files / "model")(generating.PHOTOS[0], source, targets)


def same(folder, expected):
    """The images in a folder, and those expected, to a rounding: files hold thousandths of a pixel."""
    found = [pixels(path) for path in sorted(folder.iterdir())]
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        difference = np.abs(one.astype(int) - other)
        assert difference.max() <= 2 and difference.mean() < 0.05


@pytest.mark.parametrize("person", [None, 0, "prominent", "followed"])
def test_ghosts_in_a_sequence(files, tmp_path, capsys, person):
    poses = {"v_0": [PERSON], "v_1": [GHOST, PERSON], "v_2": [GHOST], "v_3": [PERSON]}
    keypoints.write(tmp_path / "poses", poses, "openpose")
    call(files, target_pose=tmp_path / "poses", target_person=person, out=tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["v_0.png", "v_1.png", "v_3.png"]
    same(tmp_path / "out", drawn(files, [PERSON] * 3))
    told = capsys.readouterr().err
    where = f"warning: --target_pose: {tmp_path / 'poses'}: "
    assert f"{where}2 detections of a few joints left out, in 2 of 4: v_1, v_2\n" in told
    assert f"{where}nobody in 1 of 4, left out: v_2\n" in told


def test_followed_and_prominent(files, tmp_path, capsys):
    """The person is the second, the first, missing, and the second; another one stays."""
    poses = {"a": [OTHER, PERSON], "b": [PERSON, OTHER], "c": [OTHER], "d": [OTHER, SMALL, PERSON]}
    keypoints.write(tmp_path / "poses", poses, "openpose")
    flags = {"target_pose": tmp_path / "poses"}
    call(files, target_person="followed", out=tmp_path / "followed", **flags)
    told = capsys.readouterr().err
    same(tmp_path / "followed", drawn(files, [PERSON] * 3))
    assert "the person who is followed is not in 1 of 4, left out: c\n" in told
    call(files, target_person="prominent", out=tmp_path / "prominent", **flags)
    same(tmp_path / "prominent", drawn(files, [PERSON, PERSON, OTHER, PERSON]))


def test_the_source_person(files, tmp_path, capsys):
    source = tiny.pose(2, 0)
    keypoints.write(tmp_path / "two.json", {"p": [SMALL, source]}, "openpose")
    call(files, out=tmp_path / "a.png")
    flags = {"source_pose": tmp_path / "two.json"}
    for i, person in enumerate(("prominent", 1)):
        call(files, source_person=person, out=tmp_path / f"{i}.png", **flags)
        np.testing.assert_array_equal(pixels(tmp_path / f"{i}.png"), pixels(tmp_path / "a.png"))
    capsys.readouterr()
    with pytest.raises(SystemExit):
        call(files, out=tmp_path / "b.png", **flags)
    assert capsys.readouterr().err.endswith(
        "two.json: 2 people; choose one by --source_person 0 to 1 or prominent\n"
    )


def test_openposes_own_files_of_a_sequence_with_a_ghost(files, shared, tmp_path, capsys):
    poses = shared / "cases" / "21_ghosts_in_a_sequence" / "poses"
    for person in (None, 0, "prominent", "followed"):
        out = tmp_path / f"{person}"
        call(files, target_pose=poses, target_size="128x64", target_person=person, out=out)
        assert "1 detection of a few joints left out, in 1 of 3: v_000000000001" in (
            capsys.readouterr().err
        )
        images = [pixels(path) for path in sorted(out.iterdir())]
        assert [p.name for p in sorted(out.iterdir())] == [f"v_{i:012d}.png" for i in range(3)]
        np.testing.assert_array_equal(images[0], images[1])  # the person did not move
