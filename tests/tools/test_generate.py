"""The command that draws a photo's person in other poses, from files alone."""

import json

import numpy as np
import pytest
from PIL import Image

import generating
import tiny
from configs import varigan
from generating import PHOTOS, call, pixels
from pgjax import keypoints
from pgjax.images.photo import fit
from pgjax.pose.skeleton import INDEX
from pgjax.serving import model_card
from pgjax.serving.transfer import PoseTransfer
from pgjax.training import model_folder


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return generating.write_files(tmp_path_factory.mktemp("files"))


@pytest.fixture(autouse=True)
def _compiled_once(monkeypatch):
    generating.prepare(monkeypatch)


def expected(files, *targets):
    source = keypoints.one_pose(files / "photo.json")
    return PoseTransfer.load(files / "model")(PHOTOS[0], source, list(targets))


def test_a_photo_in_a_pose(files, tmp_path, capsys):
    call(files, out=tmp_path / "new" / "result.png")
    assert capsys.readouterr().out == f"{tmp_path / 'new' / 'result.png'}\n"
    target = keypoints.one_pose(files / "target.json")
    np.testing.assert_array_equal(
        pixels(tmp_path / "new" / "result.png"), expected(files, target)[0]
    )


def test_a_sequence_in_the_order_of_its_names_and_its_animation(files, tmp_path, capsys):
    flags = {"target_pose": files / "sequence", "out": tmp_path / "out"}
    for kind in ("webp", "gif"):
        call(files, animation=tmp_path / f"moving.{kind}", fps=10, **flags)
        with Image.open(tmp_path / f"moving.{kind}") as image:
            assert (image.format, image.size, image.n_frames) == (kind.upper(), (32, 64), 11)
            image.seek(1)
            image.load()
            assert image.info["duration"] == 100
    found = sorted((tmp_path / "out").iterdir())
    assert [p.name for p in found] == [f"frame{i:02d}.png" for i in range(1, 12)]
    wanted = [
        keypoints.one_pose(files / "sequence" / f"frame{i}_keypoints.json") for i in range(1, 12)
    ]
    for path, image in zip(found, expected(files, *wanted), strict=True):
        np.testing.assert_array_equal(pixels(path), image)
    written = capsys.readouterr()
    assert "out\n" in written.out
    assert "out: 11 images, named after their poses: frame01.png to frame11.png\n" in written.err


def test_another_photos_keypoints_move_with_its_size(files, tmp_path):
    """The pose of a photo three times as large is the same pose."""
    large = keypoints.moved(tiny.pose(2, 1), lambda points: points * 3 + 1, (192, 96))
    keypoints.write(tmp_path / "t.csv", {"big.png": [large], "other.png": [large]}, "csv")
    Image.fromarray(np.zeros((192, 96, 3), np.uint8)).save(tmp_path / "big.png")
    flags = {"target_pose": tmp_path / "t.csv", "target_photo": tmp_path / "big.png"}
    call(files, out=tmp_path / "a.png", **flags)
    call(files, out=tmp_path / "b.png", target_size="192x96", **flags)
    np.testing.assert_array_equal(pixels(tmp_path / "a.png"), pixels(tmp_path / "b.png"))
    rounded = keypoints.make_pose((np.round(large.keypoints) - 1) / 3, large.visible)
    difference = pixels(tmp_path / "a.png").astype(int) - expected(files, rounded)[0]
    assert np.abs(difference).max() <= 1


def test_frames_without_anybody_are_left_out(files, tmp_path, capsys):
    poses = keypoints.read(files / "sequence")
    keypoints.write(tmp_path / "poses", poses | {"frame5": []}, "openpose")
    call(files, target_pose=tmp_path / "poses", out=tmp_path / "out")
    assert len(list((tmp_path / "out").iterdir())) == 10
    assert "nobody in 1 of 11, left out: frame5" in capsys.readouterr().err


def test_suspicious_poses_are_told(files, tmp_path, capsys):
    outside = keypoints.moved(tiny.pose(2, 1), lambda points: points + np.array([0, 14]), (64, 32))
    torso = tiny.pose(2, 1)._replace(visible=np.arange(18) < 6)
    for pose, warning in ((outside, "lie outside the photo"), (torso, "a hip or a shoulder")):
        keypoints.write(tmp_path / "t.json", {"t.png": [pose]}, "openpose")
        call(files, target_pose=tmp_path / "t.json", out=tmp_path / "out.png")
        assert warning in capsys.readouterr().err


def test_a_sequence_of_one_is_a_sequence(files, tmp_path):
    """Two frames of three are empty; a dot makes no file of a folder."""
    poses = {"a": [], "b": [tiny.pose(2, 1)], "c": []}
    keypoints.write(tmp_path / "poses", poses, "openpose")
    np.save(tmp_path / "one.npy", tiny.pose(2, 1).keypoints[None])
    for given, name in ((tmp_path / "poses", "b"), (tmp_path / "one.npy", "000000")):
        call(files, target_pose=given, out=tmp_path / f"frames.v{name}")
        assert [p.name for p in (tmp_path / f"frames.v{name}").iterdir()] == [f"{name}.png"]


def test_sequences_of_two_lengths_do_not_mix(files, tmp_path, capsys):
    call(files, target_pose=files / "sequence", out=tmp_path / "out")
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    np.save(tmp_path / "two.npy", np.stack([tiny.pose(2, i).keypoints for i in (1, 2)]))
    with pytest.raises(SystemExit):
        call(files, target_pose=tmp_path / "two.npy", out=tmp_path / "out")
    assert "holds 11 frames of another sequence, such as frame01.png" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_source_keypoints_of_a_smaller_or_larger_copy(files, tmp_path):
    large = keypoints.moved(tiny.pose(2, 0), fit((64, 32), (192, 96)).points, (192, 96))
    keypoints.write(tmp_path / "large.json", {"photo.png": [large]}, "openpose")
    call(files, out=tmp_path / "a.png")
    call(files, source_pose=tmp_path / "large.json", out=tmp_path / "b.png")
    difference = pixels(tmp_path / "a.png").astype(int) - pixels(tmp_path / "b.png")
    assert np.abs(difference).max() <= 1


def _people(path, *people):
    poses = [[float(v) for p in pose for v in p] for pose in people]
    path.write_text(json.dumps({"people": [{"pose_keypoints_2d": p} for p in poses]}))
    return path


def _fault(name, tmp_path, files):
    """Flags that are at fault."""
    joints = [(10 + i % 5, 2 * i + 5, 0.9) for i in range(18)]
    bad = tmp_path / "bad.json"
    photo = tmp_path / "photo.png"
    if name == "two people":
        return {"target_pose": _people(bad, joints, joints)}
    if name == "nobody":
        return {"source_pose": _people(bad)}
    if name == "no joint":
        return {"target_pose": _people(bad, [(3, 3, 0.01)] * 18)}
    if name == "nan":
        return {"target_pose": _people(bad, [(float("nan"), 3, 0.9)] * 18)}
    if name == "no such person":
        return {"target_person": 3}
    if name == "zero bytes":
        photo.write_bytes(b"")
        return {"source": photo}
    if name == "corrupt":
        photo.write_bytes((files / "photo.png").read_bytes()[:-200])
        return {"source": photo}
    if name == "folder for a sequence":
        return {"target_pose": files / "sequence", "out": tmp_path / "out.png"}
    if name == "another shape":
        wide = tiny.pose(2, 0, size=(64, 64))
        keypoints.write(tmp_path / "wide.json", {"photo.png": [wide]}, "openpose")
        return {"source_pose": tmp_path / "wide.json"}
    if name == "outside":
        away = keypoints.moved(tiny.pose(2, 1), lambda points: points + 500, (64, 32))
        keypoints.write(tmp_path / "away.json", {"t.png": [away]}, "openpose")
        return {"target_pose": tmp_path / "away.json"}
    if name.startswith(("fps", "enlarge")):
        return dict([name.split()])
    if name == "wide":
        Image.fromarray(np.zeros((4, 1200, 3), np.uint8)).save(photo)
        return {"source": photo, "enlarge": 14, "out": tmp_path / "out.webp"}
    if name == "huge":
        Image.fromarray(np.zeros((1000, 1000, 3), np.uint8)).save(photo)
        return {"source": photo, "enlarge": 10}
    return {
        "extension": {"out": tmp_path / "out.xyz"},
        "animation": {"animation": tmp_path / "out.avi"},
        "size": {"target_size": "64*32"},
        "no model": {"model": tmp_path},
        "no photo": {"source": tmp_path / "none.jpg"},
        "animation folder": {"animation": f"{tmp_path}/outd.webp/"},
        "one file": {"animation": tmp_path / "out.png"},
        "no target": {"target_pose": None},
        "a size of nothing": {
            "target_pose": None,
            "target_photo": files / "photo.png",
            "target_size": "64x32",
        },
        "followed source": {"source_person": "followed"},
        "nonsense person": {"target_person": "someone"},
        "negative person": {"target_person": -1},
    }[name]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("two people", "choose one by --target_person 0 to 1, prominent or followed"),
        ("nobody", "bad.json: nobody in it has a visible joint"),
        ("no joint", "bad.json: nobody in it has a visible joint"),
        ("nan", "bad.json"),
        ("no such person", "--target_person: 3, but"),
        ("zero bytes", "photo.png: is empty (0 bytes)"),
        ("corrupt", "photo.png: a damaged or unusable image"),
        ("folder for a sequence", "expected the name of a folder"),
        ("extension", "out.xyz should end in .png or"),
        ("animation", "out.avi should end in .webp or .gif or .png or .apng or .mp4"),
        ("size", "expected HEIGHTxWIDTH"),
        ("no model", "no model here"),
        ("no photo", "none.jpg: no such photo"),
        *(
            (f"fps {n}", "--fps: expected a number from 0.1")
            for n in ["0", "-5", "nan", "inf", "1e-9", "5000"]
        ),
        *(
            (f"enlarge {n}", "--enlarge: expected a number from 1 to 16, got")
            for n in ["0", "0.5", "-2", "nan", "inf", "17"]
        ),
        ("enlarge big", "--enlarge: invalid float value"),
        ("wide", "out.webp: an image 56 high and 16800 wide; .webp holds at most 16383 pixels"),
        ("huge", "photo.png is 10000 high and 10000 wide; expected at most 89478485 pixels"),
        ("one file", "out.png is the file of an image too"),
        ("no target", "--target_pose or --target_photo: expected one of them, or both"),
        ("a size of nothing", "--target_size: goes with --target_pose"),
        ("followed source", "--source_person 'followed': expected a number from 0 on or prominent"),
        ("nonsense person", "--target_person 'someone': expected a number from 0 on, prominent or"),
        ("negative person", "--target_person '-1': expected a number from 0 on"),
        ("animation folder", "outd.webp/ is a folder; expected the name of a file"),
        ("another shape", "photo.png: is 64 high and 32 wide, but its keypoints are of a photo 64"),
        ("outside", "error: target_pose: all of its joints lie outside the picture"),
    ],
)
def test_faults_are_one_line(files, tmp_path, capsys, name, message):
    flags = {"out": tmp_path / "out.png"} | _fault(name, tmp_path, files)
    with pytest.raises(SystemExit) as ended:
        call(files, **flags)
    written = capsys.readouterr()
    lines = [line for line in written.err.splitlines() if not line.startswith("warning:")]
    errors = [line for line in lines if not line.endswith(" ...")]  # what is waited for
    assert (ended.value.code, written.out) == (2, "") and len(errors) == 1
    assert errors[0].startswith("error: ") and message in errors[0]
    assert not (tmp_path / "out.png").exists()


@pytest.fixture(scope="module")
def by_view(files):
    """The folder of a model that is told a view."""
    made = tiny.narrow(varigan.get_config("synthetic_people/varigan_reading"))
    made.networks.g.options.update(code=5, latent=6)
    model = tiny.model(made)
    model_folder.write(files / "by_view", model, model_card.text(model))
    return files / "by_view"


NO_POSES = {"source_pose": None, "target_pose": None}


def test_a_view_in_place_of_poses(files, by_view, tmp_path, capsys):
    call(files, model=by_view, view="back", out=tmp_path / "back.png", **NO_POSES)
    written = capsys.readouterr()
    assert written.out == f"{tmp_path / 'back.png'}\n" and "shoulders" not in written.err
    transfer = PoseTransfer.load(by_view)
    back, side = transfer(PHOTOS[0], view=["back", "side"])
    np.testing.assert_array_equal(pixels(tmp_path / "back.png"), back)
    assert (back != side).any()
    assert "--view=back --out" in (by_view / "README.md").read_text()


def test_of_a_pose_the_view_is_taken_and_told(files, by_view, tmp_path, capsys):
    narrow = tiny.pose(2, 1).keypoints.copy()
    narrow[INDEX["left_shoulder"]] = narrow[INDEX["right_shoulder"]]
    side = keypoints.make_pose(narrow)
    keypoints.write(tmp_path / "poses", {"a": [side], "b": [side]}, "openpose")
    call(files, model=by_view, target_pose=tmp_path / "poses", out=tmp_path / "out")
    told = "the model is told a view, and no pose; the shoulders say: side (2); or give --view"
    assert told in capsys.readouterr().err
    expected = PoseTransfer.load(by_view)(PHOTOS[0], view="side")
    np.testing.assert_array_equal(pixels(tmp_path / "out" / "a.png"), expected)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"view": "back"}, "--view: goes without --source_pose"),
        ({"view": "back", "source_pose": None}, "--view: goes without --target_pose"),
        *(
            (NO_POSES | {"view": "back", option: value}, f"--view: goes without --{option}")
            for option, value in {
                "source_person": 0,
                "target_format": "coco17",
                "target_size": "8x4",
                "estimator": "rtmo",
                "threshold": 0,
            }.items()
        ),
        (
            NO_POSES | {"view": "back"},
            "--view: the model synthetic_people/baseline is told a pose, and no view; give --target_pose",
        ),
        (NO_POSES | {"view": "left"}, "--view: invalid choice: 'left'"),
    ],
)
def test_faults_of_views_are_one_line(files, tmp_path, capsys, flags, message):
    with pytest.raises(SystemExit) as ended:
        call(files, out=tmp_path / "out.png", **flags)
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.endswith(" ...")]
    assert ended.value.code == 2 and len(lines) == 1
    assert lines[0].startswith("error: ") and message in lines[0]


def test_limbs_are_not_refitted_to_a_view(files, tmp_path, capsys):
    with pytest.raises(SystemExit):
        call(files, "--refit", view="back", out=tmp_path / "out.png", **NO_POSES)
    assert "--view: goes without --refit" in capsys.readouterr().err


def test_a_flipped_byte_of_the_model_is_an_error(files, tmp_path, capsys):
    model = tmp_path / "model"
    model_folder.write(model, tiny.model(tiny.generator_config()), "card")
    data = bytearray((model / "weights.npz").read_bytes())
    data[len(data) // 2] ^= 1
    (model / "weights.npz").write_bytes(data)
    with pytest.raises(SystemExit):
        call(files, model=model, out=tmp_path / "out.png")
    assert "weights.npz: damaged or changed" in capsys.readouterr().err
