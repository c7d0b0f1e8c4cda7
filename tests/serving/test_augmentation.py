"""New poses of a re-identification data set: what is drawn, and going on with it."""

import collections
import csv
import json
import re
import shutil

import numpy as np
import pytest

import tiny
from pgjax import keypoints
from pgjax.errors import InputError
from pgjax.images.pixels import read_image, write_image
from pgjax.keypoints import make_pose
from pgjax.runtime import compilation
from pgjax.serving import augmentation
from pgjax.serving.transfer import PoseTransfer
from pgjax.tools import augment as tool
from pgjax.tools import cli
from pgjax.training import model_folder

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
MARKET = re.compile(r"(-1|\d{4})_c[1-6]s\d_\d{6}_\d{2}\.jpg")  # as re-identification code reads it


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("market")
    poses = {}
    for i, photo in enumerate(tiny.SPLITS["test"].store.images):
        name = f"{i // 3 + 2:04d}_c{i % 6 + 1}s1_{100 * i:06d}_0{i % 3}.jpg"
        write_image(folder / "photos" / name, photo)
        poses[name] = [tiny.pose(2, i)]
    for junk in ("-1_c1s1_000001_00.jpg", "0000_c1s1_000001_00.jpg"):
        write_image(folder / "photos" / junk, tiny.SPLITS["test"].store.images[0])
        poses[junk] = [tiny.pose(2, 0)]
    # Nothing is known of this one's hips.
    write_image(folder / "photos" / "0009_c1s1_000001_00.jpg", photo)
    poses["0009_c1s1_000001_00.jpg"] = [make_pose(np.full((18, 2), 9), np.arange(18) < 6)]
    keypoints.write(folder / "poses.csv", poses, "csv")
    model_folder.write(folder / "model", tiny.model(tiny.generator_config()), "card")
    return folder


def call(files, out, *more):
    flags = {"model": files / "model", "photos": files / "photos", "out": out}
    flags |= {"keypoints": files / "poses.csv", "per_identity": 5}
    cli.run(tool.main, [f"--{name}={value}" for name, value in flags.items()] + list(more))


@pytest.fixture(autouse=True)
def _no_cache(monkeypatch):
    monkeypatch.setattr(compilation, "keep", lambda: None)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_images_names_joints_and_manifest(files, tmp_path, capsys):
    call(files, tmp_path / "out")
    assert json.loads(capsys.readouterr().out) == {"images": 15, "drawn": 15, "identities": 3}
    found = contents(tmp_path / "out")
    images = sorted(name for name in found if name.endswith(".jpg"))
    assert all(MARKET.fullmatch(name) for name in images) and len(images) == 15
    assert collections.Counter(n[:4] for n in images) == {"0002": 5, "0003": 5, "0004": 5}
    with open(tmp_path / "out" / "manifest.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    assert sorted(line["name"] for line in lines) == images
    poses = augmentation.usable(files / "photos", files / "poses.csv")
    joints = keypoints.read(tmp_path / "out" / "keypoints.csv")
    transfer = PoseTransfer.load(files / "model")
    for line in lines:
        assert line["name"][:9] == line["source"][:9] and line["pose"][:4] != line["source"][:4]
        wanted = poses[line["pose"]]
        (pose,) = joints[line["name"]]
        inside = wanted.visible & (wanted.keypoints <= [63.4, 31.4]).all(axis=1)
        assert (pose.visible == inside).all()
        source = files / "photos" / line["source"]
        drawn = transfer(source, poses[line["source"]], make_pose(wanted.keypoints, inside))
        write_image(tmp_path / "drawn.jpg", drawn)
        images = [
            read_image(path).astype(int)
            for path in (tmp_path / "out" / line["name"], tmp_path / "drawn.jpg")
        ]
        assert np.abs(images[0] - images[1]).mean() < 0.5  # drawn in another batch
    digest = model_folder.digest(files / "model" / "weights.npz")
    assert {(line["model"], line["seed"]) for line in lines} == {(digest, "0")}


@pytest.mark.slow
def test_a_stopped_run_goes_on_to_the_same_bytes(files, tmp_path, capsys):
    call(files, tmp_path / "whole")
    whole = contents(tmp_path / "whole")
    call(files, tmp_path / "cut")
    for path in list((tmp_path / "cut").glob("*.jpg"))[3:12]:
        path.unlink()
    kept = (tmp_path / "cut" / "manifest.csv").stat().st_mtime_ns
    call(files, tmp_path / "cut")
    assert [json.loads(line)["drawn"] for line in capsys.readouterr().out.splitlines()] == [
        15,
        15,
        9,
    ]
    assert contents(tmp_path / "cut") == whole
    assert (tmp_path / "cut" / "manifest.csv").stat().st_mtime_ns == kept
    call(files, tmp_path / "other", "--seed=1")
    assert contents(tmp_path / "other") != whole


@pytest.mark.parametrize("more", ["--seed=1", "--per_identity=4", "--refit", "--batch_size=4"])
def test_another_augmentations_folder_is_refused(files, tmp_path, capsys, more):
    call(files, tmp_path / "out")
    before = contents(tmp_path / "out")
    with pytest.raises(SystemExit):
        call(files, tmp_path / "out", more)
    assert "of another augmentation" in capsys.readouterr().err
    assert contents(tmp_path / "out") == before


def test_damaged_images_are_drawn_again(files, tmp_path, capsys):
    call(files, tmp_path / "out")
    whole = contents(tmp_path / "out")
    empty, cut, *_ = sorted((tmp_path / "out").glob("*.jpg"))
    empty.write_bytes(b"")
    cut.write_bytes(cut.read_bytes()[:-100])
    capsys.readouterr()
    call(files, tmp_path / "out")
    assert json.loads(capsys.readouterr().out)["drawn"] == 2
    assert contents(tmp_path / "out") == whole


def test_a_part_of_a_manifest_stops_nothing(files, tmp_path, capsys):
    (tmp_path / ".manifest.csv.123.partial").write_text("name,")
    (tmp_path / ".DS_Store").touch()
    call(files, tmp_path)
    assert json.loads(capsys.readouterr().out)["drawn"] == 15


def test_a_photo_that_cannot_be_read_is_left_out_and_told(files, tmp_path, capsys):
    shutil.copytree(files / "photos", tmp_path / "photos")
    names = sorted(path.name for path in (tmp_path / "photos").glob("0002_*"))
    (tmp_path / "photos" / names[0]).write_bytes(b"")
    found = augmentation.usable(tmp_path / "photos", files / "poses.csv")
    assert names[0] not in found and names[1] in found
    assert (
        f"warning: left out: {tmp_path / 'photos' / names[0]}: is empty" in capsys.readouterr().err
    )


def test_folders_of_persons(files, tmp_path, capsys):
    """As people sort Market-1501 for classifiers: photos/0002/0002_c1s1_....jpg; with images drawn beside."""
    call(files, tmp_path / "flat")
    photos = tmp_path / "photos"
    for path in (files / "photos").iterdir():
        (photos / path.name[:4]).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, photos / path.name[:4] / path.name)
    (photos / "0003" / "._0003.jpg").touch()
    (photos / "0003" / "0003_c1s1_000001_00.heic").write_bytes(HEIC)
    capsys.readouterr()
    poses = keypoints.read(files / "poses.csv") | {"0008_c1s1_000001_00.jpg": [tiny.pose(2, 0)]}
    keypoints.write(tmp_path / "poses.csv", poses, "csv")
    for drawn in (15, 0):
        call(files, photos / "out", f"--photos={photos}", f"--keypoints={tmp_path / 'poses.csv'}")
        said = capsys.readouterr()
        assert json.loads(said.out) == {"images": 15, "drawn": drawn, "identities": 3}
        assert f"{photos}: 1 left out (0003/0003_c1s1_000001_00.heic): HEIC; convert it" in said.err
        assert f"{photos}: 2 photos of junk and distractors (identities -1 and 0000)" in said.err
        assert (
            f"{photos}: 1 photos lack a hip or a shoulder: 0009/0009_c1s1_000001_00.jpg" in said.err
        )
        assert "1 keypoints have no photo: 0008_c1s1_000001_00.jpg" in said.err
        assert f"{photos}: 1 identities have no photo left: 0009" in said.err
    flat, found = contents(tmp_path / "flat"), contents(photos / "out")
    assert {n: c for n, c in found.items() if n != "manifest.csv"} == {
        n: c for n, c in flat.items() if n != "manifest.csv"
    }
    lines = [
        list(csv.DictReader(text.decode().splitlines()))
        for text in (flat["manifest.csv"], found["manifest.csv"])
    ]
    for one, other in zip(*lines, strict=True):
        assert other["source"] == f"{one['source'][:4]}/{one['source']}"
        assert other["pose"].endswith(f"/{one['pose']}") and other["name"] == one["name"]


def test_one_photo_in_two_folders_is_refused(files, tmp_path):
    for folder in ("train", "train_all"):
        shutil.copytree(files / "photos", tmp_path / folder)
    with pytest.raises(InputError, match=r"train/-1_c1.* and train_all/-1_c1.* have one name"):
        augmentation.usable(tmp_path, files / "poses.csv")


def test_junk_is_told_by_the_whole_identity():
    pose = tiny.pose(2, 0)
    names = [f"{who}_c1s1_000001_00.jpg" for who in ("-1", "0000", "00003", "0000a", "-12", "1501")]
    drawn = augmentation.plan(dict.fromkeys(names, pose), names, 1, 0)
    assert {item.source for item in drawn} == set(names[2:])
    with pytest.raises(
        InputError, match="none of 2 photos shows an identity other than -1 and 0000"
    ):
        augmentation.plan(dict.fromkeys(names[:2], pose), names, 1, 0)


def test_images_have_an_extension_that_can_be_written():
    pose = tiny.pose(2, 0)
    endings = {
        ".jfif": ".jfif",
        ".HEIC": ".jpg",
        "": ".jpg",
        ".png": ".png",
        ".jpg.jpg": ".jpg.jpg",
    }
    for ending, written in endings.items():
        poses = {f"000{i}_c1s1_000001_00{ending}": pose for i in (1, 2)}
        (item, _) = augmentation.plan(poses, list(poses), 1, 0)
        assert item.name == f"0001_c1s1_900000_00{written}"


def test_a_folder_of_something_else_is_refused(files, tmp_path, capsys):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(SystemExit):
        call(files, tmp_path)
    assert "holds no augmentation" in capsys.readouterr().err


def test_what_is_drawn_for_an_identity_does_not_depend_on_the_other_sources():
    poses = {f"{i:04d}_c1s1_{j:06d}_00.jpg": tiny.pose(2, 0) for i in range(2, 9) for j in range(4)}
    whole = augmentation.plan(poses, list(poses), 6, seed=3)
    assert whole == augmentation.plan(dict(reversed(poses.items())), list(poses)[::-1], 6, seed=3)
    some = {name: pose for name, pose in poses.items() if name[:4] in ("0003", "0007")}
    part = augmentation.plan(some, list(poses), 6, seed=3)
    assert part == [item for item in whole if item.name[:4] in ("0003", "0007")]
    assert len({item.pose for item in part[:6]}) == 6


def test_names_and_poses_that_cannot_be():
    pose = tiny.pose(2, 0)
    with pytest.raises(InputError, match="expected a name like Market-1501's"):
        augmentation.plan({"photo1.jpg": pose}, ["0002_c1s1_000000_00.jpg"], 1, 0)
    with pytest.raises(InputError, match="only its own photos have any"):
        augmentation.plan({"0002_c1s1_000000_00.jpg": pose}, ["0002_c1s1_000001_00.jpg"], 1, 0)
    taken = {"0002_c1s1_900000_00.jpg": pose, "0003_c1s1_900000_00.jpg": pose}
    with pytest.raises(InputError, match="the name of a photo that is there"):
        augmentation.plan(taken, list(taken), 1, 0)


def test_photos_that_cannot_be_used_are_counted(tmp_path):
    write_image(tmp_path / "photos" / "0001_c1s1_000001_00.png", np.zeros((128, 64, 3), np.uint8))
    (tmp_path / "nobody_keypoints.json").write_text('{"people": []}')
    with pytest.raises(InputError, match="of 1 photos none can be read and has hips and shoulders"):
        augmentation.usable(tmp_path / "photos", tmp_path / "nobody_keypoints.json")
