import json

import numpy as np
import pytest
from PIL import Image

import poses as examples
from pgjax import keypoints
from pgjax.errors import InputError
from pgjax.images.pixels import read_image
from pgjax.pose import skeleton
from pgjax.pose.drawing import LEFT_COLOURS, RIGHT_COLOURS
from pgjax.tools import overlay


@pytest.fixture
def folder(tmp_path):
    pose = examples.standing()
    order = list(skeleton.MIRROR)
    swapped = keypoints.make_pose(pose.keypoints[order])
    poses = {"a.jpg": [pose], "b.jpg": [swapped], "c.jpg": []}
    keypoints.write(tmp_path / "poses.csv", poses, "csv")
    (tmp_path / "photos").mkdir()
    for name in "abcd":
        Image.new("RGB", (64, 128), (90, 90, 90)).save(tmp_path / "photos" / f"{name}.png")
    return tmp_path


def _main(folder, *more):
    out = folder / "out.png"
    arguments = [str(folder / "poses.csv"), f"--photos={folder / 'photos'}", f"--out={out}", *more]
    overlay.main(arguments)
    return read_image(out)


def test_draws_and_counts(folder, capsys):
    picture = _main(folder)
    said = capsys.readouterr()
    assert json.loads(said.out) == {
        "photos": 4,
        "with_keypoints": 3,
        "people": 2,
        "joints": 36,
        "suspicious_photos": 1,
    }
    assert "warning: 1 of 2 poses: left and right look swapped" in said.err
    # 128 rows are drawn as 320: the wrists at (62, 16) and (62, 48), 4 pixels from the edges.
    y, right, left = 4 + round(62.5 * 2.5), 4 + round(16.5 * 2.5), 4 + round(48.5 * 2.5)
    assert tuple(picture[y, right]) == RIGHT_COLOURS[0]
    assert tuple(picture[y, left]) == LEFT_COLOURS[0]
    assert tuple(picture[y, left + 160 + 4]) == RIGHT_COLOURS[0]
    text = picture[4 + 320 :]
    red = (text[..., 0] > 150) & (text[..., 1] < 100)
    assert red[:, 164:324].any()
    assert not red[:, :164].any()


def test_only_what_is_suspicious(folder):
    assert _main(folder, "--suspicious").shape[1] == 160 + 8
    assert _main(folder, "--count=2").shape[1] == 2 * 164 + 4


def test_nothing_suspicious_is_no_picture(folder, capsys):
    (folder / "photos" / "b.png").unlink()
    with pytest.raises(FileNotFoundError):
        _main(folder, "--suspicious")
    assert "nothing looks wrong" in capsys.readouterr().err


def test_the_picture_has_the_format_of_its_name(folder):
    overlay.main(
        [str(folder / "poses.csv"), f"--photos={folder / 'photos'}", f"--out={folder / 'o.jpg'}"]
    )
    with Image.open(folder / "o.jpg") as image:
        assert image.format == "JPEG"
    with pytest.raises(InputError, match=r"--out: .*o\.xyz: no format of images"):
        _main(folder, f"--out={folder / 'o.xyz'}")


def test_people_of_several_folders_are_told_apart(folder, capsys):
    for who in ("anna", "ben"):
        (folder / "photos" / who).mkdir()
        Image.new("RGB", (64, 128)).save(folder / "photos" / who / "1.png")
    keypoints.write(folder / "poses.csv", {"anna/1.jpg": [examples.standing()]}, "csv")
    _main(folder)
    assert json.loads(capsys.readouterr().out)["with_keypoints"] == 1


def test_what_is_not_drawn_is_told(folder, capsys):
    photos = folder / "photos"
    (photos / "a.png").rename(photos / "a.HEIC")
    (photos / "b.png").write_bytes(b"")
    (photos / "c.png").unlink()
    Image.new("RGB", (64, 128)).save(photos / "c.jpg")
    (photos / "c.jpg").write_bytes((photos / "c.jpg").read_bytes()[:-40])
    (photos / "e.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    (photos / "__MACOSX").mkdir()
    (photos / "__MACOSX" / "a.png").write_bytes(b"")
    poses = keypoints.read(folder / "poses.csv") | {"gone.jpg": [examples.standing()]}
    keypoints.write(folder / "poses.csv", poses, "csv")
    _main(folder)
    said = capsys.readouterr()
    counts = json.loads(said.out)
    assert (counts["photos"], counts["with_keypoints"], counts["unreadable"]) == (5, 2, 2)
    for line in (
        f"{photos}: 1 left out (e.heic): HEIC; convert it to JPEG",
        f"1 photos have no keypoints: {photos / 'd.png'}",
        "1 keypoints have no photo: gone.jpg",
        f"left out: {photos / 'b.png'}: is empty (0 bytes)",
        f"left out: {photos / 'c.jpg'}: a damaged or unusable image",
    ):
        assert line in said.err
    with pytest.raises(InputError, match=r"none of 1 photos can be read; .*b.png: is empty"):
        _main(folder, f"--photos={photos / 'b.png'}")


def test_files_of_a_mac(shared, tmp_path, capsys):
    case = shared / "cases" / "05_mac_files"
    out = tmp_path / "o.png"
    overlay.main([str(case / "poses"), f"--photos={case / 'photos'}", f"--out={out}"])
    assert json.loads(capsys.readouterr().out)["with_keypoints"] == 2


def test_faults_are_named(folder, tmp_path):
    with pytest.raises(InputError, match="--count"):
        _main(folder, "--count=0")
    with pytest.raises(FileNotFoundError, match="--photos: nowhere: no such folder"):
        _main(folder, "--photos=nowhere")
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="no photo"):
        _main(folder, f"--photos={tmp_path / 'none'}")
    (folder / "photos" / "a.png").rename(tmp_path / "none" / "z.png")
    with pytest.raises(InputError, match=r"such as .*z\.png\) is named in"):
        _main(folder, f"--photos={tmp_path / 'none'}")


def test_an_empty_list_is_told(folder, tmp_path):
    (tmp_path / "none.json").write_text("[]")
    with pytest.raises(InputError, match=r"none.json: names no photo and no person"):
        overlay.main(
            [
                str(tmp_path / "none.json"),
                f"--photos={folder / 'photos'}",
                f"--out={tmp_path / 'o.png'}",
            ]
        )


def test_wide_photos_and_long_names_fit(tmp_path):
    wide = overlay.Drawn("x" * 200, np.zeros((10, 900, 3), np.uint8), [])
    tall = overlay.Drawn("y", np.zeros((900, 10, 3), np.uint8), [examples.standing()] * 2)
    assert overlay.draw([wide]).shape == (320 + 4 * 14 + 8, 640 + 8, 3)
    assert overlay.draw([wide, tall, tall]).shape[1] == 3 * 164 + 4
