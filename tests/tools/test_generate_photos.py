"""pgjax generate without keypoints: poses found in photos, by an estimator whose people are known."""

import numpy as np
import pytest
from PIL import Image

import generating
import tiny
from generating import PHOTOS, call, pixels
from pgjax import keypoints
from pgjax.frozen import estimators
from pgjax.keypoints import make_pose
from pgjax.tools import keypoints as tool

NOTHING = np.zeros((64, 32, 3), np.uint8)
SMALL = make_pose(0.5 * tiny.pose(2, 3).keypoints + [2, 2], size=(64, 32))
ALONE = {"source_pose": None, "target_pose": None}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = generating.write_files(tmp_path_factory.mktemp("files"))
    for i in range(1, 4):
        Image.fromarray(PHOTOS[i]).save(folder / f"{i}.png")
    photos = folder / "photos"
    photos.mkdir()
    for i in (8, 9, 10):
        Image.fromarray(PHOTOS[i - 7]).save(photos / f"{i}.png")
    return folder


@pytest.fixture(autouse=True)
def loaded(monkeypatch):
    """What the estimator was loaded from; it knows the people of the tiny data set's photos."""
    given = []

    def find(photo, everyone):
        assert everyone
        (place,) = [i for i in range(len(PHOTOS)) if np.array_equal(photo, PHOTOS[i])] or [None]
        people = [] if place is None else [tiny.pose(2, place, (64, 32))]
        return people + [SMALL] * (place == 3)

    entry = estimators.Entry(lambda *place: given.append(place) or find, "known people")
    monkeypatch.setitem(estimators.ESTIMATORS, "openpose", entry)
    generating.prepare(monkeypatch)
    return given


def test_both_poses_are_found_and_told(files, tmp_path, capsys, loaded):
    call(files, target_photo=files / "1.png", out=tmp_path / "found.png", **ALONE)
    told = capsys.readouterr().err
    for flag, photo, place in (("source", "photo.png", 0), ("target_photo", "1.png", 1)):
        joints = tiny.pose(2, place).visible.sum()
        assert (
            f"--{flag}: {files / photo}: the estimator openpose found {joints} of 18 joints" in told
        )
    assert loaded == [("data/weights", 0.1)]
    keypoints.write(tmp_path / "s.npy", {"": [tiny.pose(2, 0)]}, "npy")
    keypoints.write(tmp_path / "t.npy", {"": [tiny.pose(2, 1)]}, "npy")
    poses = {"source_pose": tmp_path / "s.npy", "target_pose": tmp_path / "t.npy"}
    call(files, out=tmp_path / "read.png", **poses)
    np.testing.assert_array_equal(pixels(tmp_path / "found.png"), pixels(tmp_path / "read.png"))
    assert "estimator" not in capsys.readouterr().err
    for given in ("source_pose", "target_pose"):  # one of the two
        flags = poses | {given: None, "target_photo": files / "1.png"}
        call(files, out=tmp_path / "one.png", **flags)
        np.testing.assert_array_equal(pixels(tmp_path / "one.png"), pixels(tmp_path / "read.png"))


def test_where_the_weights_are_looked_for(files, tmp_path, loaded):
    photo = {"target_photo": files / "1.png", "out": tmp_path / "out.png", "threshold": 0.2}
    call(files, data_dir="there", **photo, **ALONE)
    call(files, estimator_model="file.pb", **photo, **ALONE)
    assert loaded == [("there/weights", 0.2), ("file.pb", 0.2)]


def test_a_folder_of_photos_is_a_sequence(files, tmp_path, capsys):
    flags = {"target_photo": files / "photos", "target_person": "prominent"}
    call(files, out=tmp_path / "out", animation=tmp_path / "m.webp", **flags, **ALONE)
    found = sorted((tmp_path / "out").iterdir())
    assert [path.name for path in found] == ["08.png", "09.png", "10.png"]
    told = capsys.readouterr().err
    assert "photos: the estimator openpose found" in told and "joints each in 3 photos" in told
    poses = {f"{7 + i}.png": [tiny.pose(2, i)] for i in (1, 2, 3)}
    keypoints.write(tmp_path / "poses", poses, "npy")
    call(files, source_pose=None, target_pose=tmp_path / "poses", out=tmp_path / "read")
    for path in found:
        np.testing.assert_array_equal(pixels(path), pixels(tmp_path / "read" / path.name))


def test_photos_without_people_and_damaged_ones_are_told(files, tmp_path, capsys):
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.fromarray(PHOTOS[1]).save(photos / "a.png")
    Image.fromarray(NOTHING).save(photos / "b.png")
    (photos / "c.png").write_bytes((files / "1.png").read_bytes()[:-500])
    (photos / "d.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40))
    call(files, target_photo=photos, out=tmp_path / "out", **ALONE)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.png"]
    told = capsys.readouterr().err
    for part in ("nobody in 1 of 2, left out: b.png", "c.png: a damaged", "d.heic"):
        assert part in told


def test_poses_of_a_folder_of_photos(files, tmp_path, capsys):
    """Poses are those of the photos, in the pixels of each."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for name, factor in (("a", 2), ("b", 3), ("c", 1)):
        Image.fromarray(np.zeros((64 * factor, 32 * factor, 3), np.uint8)).save(
            photos / f"{name}.png"
        )
    large = {
        f"{name}.png": [make_pose((tiny.pose(2, 1).keypoints + 0.5) * factor - 0.5)]
        for name, factor in (("a", 2), ("b", 3))
    }
    keypoints.write(tmp_path / "poses.json", large | {"z.png": [SMALL]}, "coco17_results")
    call(files, target_pose=tmp_path / "poses.json", target_photo=photos, out=tmp_path / "out")
    assert "no poses of 1 of 3 photos, such as c.png" in capsys.readouterr().err
    first, second = (pixels(path).astype(int) for path in sorted((tmp_path / "out").iterdir()))
    assert np.abs(first - second).max() <= 1


@pytest.mark.parametrize(
    ("flags", "fault"),
    [
        ({"target_photo": "3.png"}, "3.png: 2 people; choose one by --target_person 0 to 1, prom"),
        ({"target_photo": "none.png"}, "none.png: no such photo"),
        ({"target_photo": "nobody.png"}, "found nobody; give the keypoints by --target_pose, or"),
        ({"source": "nobody.png"}, "found nobody; give the keypoints by --source_pose, or another"),
        ({"target_photo": "empty"}, "empty: no photo that can be read in it"),
        ({"target_photo": "broken"}, "none of 2 photos can be read; the first: "),
        ({"estimator": "nothing"}, "unknown estimator 'nothing'; there are openpose"),
        ({"target_photo": "photos", "out": "out.png"}, "expected the name of a folder"),
    ],
)
def test_faults(files, tmp_path, capsys, flags, fault):
    Image.fromarray(NOTHING).save(files / "nobody.png")
    (files / "empty").mkdir(exist_ok=True)
    (files / "broken").mkdir(exist_ok=True)
    for name in "ab":
        (files / "broken" / f"{name}.png").write_bytes((files / "1.png").read_bytes()[:-900])
    places = {
        name: value if name == "estimator" else files / value for name, value in flags.items()
    }
    flags = {"target_photo": files / "1.png", "out": tmp_path / "out.png"} | ALONE | places
    if flags["target_photo"].name == "photos":
        flags["target_person"] = "prominent"
    with pytest.raises(SystemExit) as ended:
        call(files, **flags)
    written = capsys.readouterr()
    errors = [line for line in written.err.splitlines() if line.startswith("error: ")]
    assert (ended.value.code, written.out, len(errors)) == (2, "", 1)
    assert fault in errors[0] and written.err.endswith(f"{errors[0]}\n")


def test_the_chosen_of_several(files, tmp_path):
    flags = {"target_photo": files / "3.png"} | ALONE
    for person in ("prominent", 0, "followed", 1):
        call(files, target_person=person, out=tmp_path / f"{person}.png", **flags)
    images = [pixels(tmp_path / f"{person}.png") for person in ("prominent", 0, "followed", 1)]
    np.testing.assert_array_equal(images[0], images[1])
    np.testing.assert_array_equal(images[0], images[2])
    assert (images[0] != images[3]).any()


@pytest.mark.parametrize("factor", [1, 2, 2.5, 16])
def test_enlarged(files, tmp_path, factor):
    call(files, out=tmp_path / "plain.png")
    call(files, out=tmp_path / "large.png", enlarge=factor, animation=tmp_path / "m.png")
    plain = Image.open(tmp_path / "plain.png")
    size = round(32 * factor), round(64 * factor)
    expected = np.asarray(plain.resize(size, Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(pixels(tmp_path / "large.png"), expected)
    np.testing.assert_array_equal(pixels(tmp_path / "m.png"), expected)


def test_a_rate_that_a_format_cannot_show_is_told(files, tmp_path, capsys):
    flags = {"target_pose": files / "sequence", "out": tmp_path / "out", "fps": 60}
    call(files, animation=tmp_path / "m.webp", **flags)
    assert "--fps" not in capsys.readouterr().err
    call(files, animation=tmp_path / "m.gif", **flags)
    assert (
        f"warning: --fps: a .gif shows at most 50 images in one second; {tmp_path / 'm.gif'} contains 9 of "
        "11 images, and the total time stays 0.18 s\n" in capsys.readouterr().err
    )
    with Image.open(tmp_path / "m.gif") as file:
        assert file.n_frames == 9
    assert len(list((tmp_path / "out").iterdir())) == 11


@pytest.mark.slow
def test_real_photos_by_the_built_in_estimator(files, shared, tmp_path, capsys, monkeypatch):
    """Loaded as users load it; what it finds is what pgjax keypoints writes."""
    monkeypatch.undo()
    generating.prepare(monkeypatch)
    photos = sorted((shared / "data" / "deepfashion" / "images").iterdir())[8:10]
    weights = shared / "weights"
    flags = {"source": photos[0], "target_photo": photos[1], "out": tmp_path / "a.png"} | ALONE
    call(files, estimator_model=weights, **flags)
    told = capsys.readouterr().err
    assert told.count("the estimator openpose found") == 2
    paths = [tmp_path / f"{i}.json" for i in range(2)]
    for photo, path in zip(photos, paths, strict=True):
        tool.main([str(photo), f"--out={path}", f"--model={weights}"])
    poses = {"source_pose": paths[0], "target_pose": paths[1], "target_photo": None}
    call(files, **flags | poses | {"out": tmp_path / "b.png"})
    difference = np.abs(pixels(tmp_path / "a.png").astype(int) - pixels(tmp_path / "b.png"))
    assert difference.max() <= 2
