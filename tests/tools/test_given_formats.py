"""Commands take keypoints of other tools: coordinates in shares, joints outside the photo, unnamed photos."""

import argparse
import json
import pathlib

import numpy as np
import pytest
from PIL import Image

import poses as examples
from pgjax import keypoints
from pgjax.data import store
from pgjax.serving import given_poses, reid_photos
from pgjax.tools import asked_poses, augment, cli, generate, overlay, prepare

FILES = pathlib.Path(__file__).parents[1] / "keypoints" / "files"
SIZE = (128, 64)
SHARES = ("ultralytics.txt", "mediapipe_solutions.json", "controlnet_shares.json", "dwpose.json")
PIXELS = ("mmpose_photo.json", "comfyui.json", "pose2sim_halpe26.json", "ultralytics.json")
EVERY = pytest.mark.parametrize("name", [*SHARES, *PIXELS])


def _photo(path, size=SIZE):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size[::-1], (90, 90, 90)).save(path)


def _folder(tmp_path, name, photos):
    """A file of the tool for each photo, and the photos."""
    for photo in photos:
        _photo(tmp_path / "photos" / photo)
        place = (tmp_path / "poses" / photo).with_suffix(pathlib.Path(name).suffix)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes((FILES / name).read_bytes())
    return tmp_path / "photos", tmp_path / "poses"


def _missing(name):
    return 2 if name.startswith("mediapipe") else 1  # an ankle lies below the photo


def _assert_standing(points, visible, name):
    assert visible.sum() == 18 - _missing(name)
    gap = np.abs(points - examples.STANDING)[visible]
    assert gap.max() <= 1.01


@EVERY
def test_overlay(tmp_path, capsys, name):
    photos, poses = _folder(tmp_path, name, ["a.png", "b.png"])
    overlay.main([str(poses), f"--photos={photos}", f"--out={tmp_path / 'out.png'}"])
    said = capsys.readouterr()
    outside = name.startswith("mediapipe")
    assert json.loads(said.out) == {
        **{"photos": 2, "with_keypoints": 2, "people": 2, "suspicious_photos": 2 * outside},
        "joints": 2 * (18 - _missing(name)),
    }
    assert ("2 of 2 poses: joints lie outside the photo" in said.err) == outside


def test_overlay_of_a_larger_photo(tmp_path, capsys):
    """Dress Code's keypoints are of half its photos' size: drawn where other commands take them."""
    poses = tmp_path / "poses"
    poses.mkdir()
    (poses / "a.json").write_bytes((FILES / "dress_code.json").read_bytes())
    for size, doubted in (((1024, 768), 0), ((512, 512), 1)):
        _photo(tmp_path / "photos" / "a.png", size)
        overlay.main([str(poses), f"--photos={tmp_path / 'photos'}", f"--out={tmp_path / 'o.png'}"])
        said = capsys.readouterr()
        assert json.loads(said.out)["suspicious_photos"] == doubted
        assert ("of a photo of another size" in said.err) == doubted


@pytest.mark.parametrize("name", ["ultralytics.txt", "mediapipe_solutions.json"])
def test_custom_photos(tmp_path, capsys, name):
    photos, poses = _folder(tmp_path, name, ["anna/1.png", "ben/1.png"])
    flags = [f"--raw={photos}", f"--keypoints={poses}", f"--data_dir={tmp_path}", "--size=128x64"]
    prepare.main(["custom", *flags])
    outside = "keypoints: 2 of 2 poses: joints lie outside the photo"
    assert (outside in capsys.readouterr().err) == name.startswith("mediapipe")
    for split in ("train", "test"):
        held = store.load_split("custom_128x64", split, tmp_path).store
        _assert_standing(np.asarray(held.keypoints)[0], np.asarray(held.visible)[0], name)


@EVERY
def test_augmentation(tmp_path, capsys, name):
    photos, poses = _folder(tmp_path, name, ["0002_c1s1_000451_03.png"])
    (pose,) = reid_photos.usable(photos, poses).values()
    _assert_standing(pose.keypoints, pose.visible, name)
    told = "joints lie outside the photo" in capsys.readouterr().err
    assert told == name.startswith("mediapipe")


@EVERY
def test_generate(tmp_path, capsys, name):
    _photo(tmp_path / "a.png")
    given = {
        "source": str(tmp_path / "a.png"),
        **{f"{end}_pose": str(FILES / name) for end in ("source", "target")},
        **{f"{end}_format": None for end in ("source", "target")},
        **{"source_person": None, "target_person": None, "target_photo": None},
        **{"target_size": None, "threshold": None, "estimator": "none"},
    }
    arguments = argparse.Namespace(**given)
    pose = asked_poses.source(arguments, SIZE, find=None)
    _assert_standing(pose.keypoints, pose.visible, name)
    assert "shares" not in capsys.readouterr().err
    (pose,) = asked_poses.targets(arguments, SIZE, find=None).poses.values()
    _assert_standing(pose.keypoints, pose.visible, name)
    told = "the file does not contain this size; using 128x64, the size of the source photo"
    size_unknown = name in ("ultralytics.txt", "mediapipe_solutions.json")
    assert (told in capsys.readouterr().err) == size_unknown
    arguments.target_size = (256, 128)
    (pose,) = asked_poses.targets(arguments, SIZE, find=None).poses.values()
    _assert_standing(pose.keypoints / 2, pose.visible, name) if size_unknown else None
    assert "shares" not in capsys.readouterr().err


@EVERY
def test_poses_of_a_function(name):
    ((_, pose),) = given_poses.named("target_pose", [FILES / name], 1, None)
    pose = keypoints.in_photo(pose, SIZE, "a.png")
    _assert_standing(pose.keypoints, pose.visible, name)


@pytest.mark.parametrize("command", [generate, overlay, prepare, augment])
def test_formats_that_can_be_named(command, capsys):
    with pytest.raises(SystemExit):
        cli.run(command.main, ["--help"])
    said = capsys.readouterr().out
    assert all(format in said for format in keypoints.FORMATS)
