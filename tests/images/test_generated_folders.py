"""Folders of pictures as other systems write them."""

import numpy as np
import pytest
from PIL import Image

from pgjax.errors import InputError
from pgjax.images.generated_folders import Outputs
from pgjax.images.pixels import write_png

SIZE = (16, 8)
PAIRS = [("a_c1.jpg", "a_c2.jpg"), ("b_c1.jpg", "b_c2.jpg"), ("a_c2.jpg", "a_c1.jpg")]


def panels(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *SIZE, 3), np.uint8)


def strip(images):
    return np.concatenate(list(images), axis=1)


def fill(folder, name="{}_{}.png", count=1):
    """One picture a pair; returns what was generated and the targets, as the strips show them."""
    generated, targets = [], []
    for i, pair in enumerate(PAIRS):
        images = panels(count, i)
        write_png(folder / name.format(*pair), strip(images))
        generated.append(images[-1])
        targets.append(images[count // 2])
    return np.stack(generated), np.stack(targets)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("{}_{}.png", 3),
        ("{}___{}_vis.png", 5),
        ("{}___{}_vis.png", 1),
        ("{}_{}.png", 1),
    ],
)
def test_the_published_namings_and_panels(tmp_path, name, count):
    generated, targets = fill(tmp_path, name, count)
    (tmp_path / "index.html").write_text("no picture")
    outputs = Outputs(tmp_path, PAIRS, [SIZE])
    read = outputs.read(0, 3)
    np.testing.assert_array_equal([p.generated for p in read], generated)
    if count == 1:
        assert all(p.target is None for p in read)
    else:
        np.testing.assert_array_equal([p.target for p in read], targets)
    assert len(outputs) == 3 and outputs.extensions == {".png": 3}


def test_names_as_evaluate_writes_them(tmp_path):
    for a, b in PAIRS:
        write_png(tmp_path / f"{a[:-4]}_to_{b[:-4]}.png", panels(1)[0])
    assert len(Outputs(tmp_path, PAIRS, [SIZE])) == 3


def test_jpeg_pictures_and_cut_panels(tmp_path):
    for a, b in PAIRS:
        Image.fromarray(panels(1)[0][:, 1:7]).save(tmp_path / f"{a}___{b}_vis.jpg")
    outputs = Outputs(tmp_path, PAIRS, [SIZE, (16, 6)])
    assert outputs.extensions == {".jpg": 3}
    assert outputs.read(0, 1)[0].generated.shape == (16, 6, 3)


def test_a_picture_belongs_to_every_place_of_its_pair_in_the_list(tmp_path):
    generated, _ = fill(tmp_path)
    outputs = Outputs(tmp_path, [PAIRS[1], PAIRS[0], PAIRS[1]], [SIZE], listed=PAIRS)
    read = [p.generated for p in outputs.read(0, 3)]
    np.testing.assert_array_equal(read, generated[[1, 0, 1]])


def test_every_kind_of_fault_has_a_message(tmp_path):
    fill(tmp_path)
    (tmp_path / "b_c1.jpg_b_c2.jpg.png").unlink()
    write_png(tmp_path / "a_c1.jpg_zz.jpg.png", panels(1)[0])
    write_png(tmp_path / "a_c1.jpg_a_c2.jpg.png", panels(2).reshape(32, 8, 3))
    damaged = tmp_path / "a_c2.jpg_a_c1.jpg.png"
    damaged.write_bytes(damaged.read_bytes()[:60])
    with pytest.raises(InputError) as caught:
        Outputs(tmp_path, PAIRS, [SIZE])
    message = str(caught.value)
    assert message.startswith(f"{tmp_path}: missing: no picture of b_c1 to b_c2; ")
    assert "extra: a_c1.jpg_zz.jpg.png is of no pair in the list" in message
    assert "size: a_c1.jpg_a_c2.jpg.png has 32x8 pixels; expected 1 to 6 panels of 16x8" in message
    assert "damaged: a_c2.jpg_a_c1.jpg.png cannot be read: " in message
    assert len(message.split("; ")) == 5  # one of them within the message of the size
    (tmp_path / "b_c1.jpg_b_c2.jpg.png").touch()
    with pytest.raises(
        InputError, match=r"damaged: b_c1.jpg_b_c2.jpg.png cannot be read: .* \(and 1"
    ):
        Outputs(tmp_path, PAIRS, [SIZE])


def test_faults_of_a_kind_are_counted(tmp_path):
    write_png(tmp_path / "x.png", panels(1)[0])
    with pytest.raises(
        InputError, match=r"no picture of a_c1 to a_c2 \(and 2 more without a pic.* a_c1_2_a_c2_vis"
    ):
        Outputs(tmp_path, PAIRS, [SIZE])


def test_two_pictures_of_one_pair(tmp_path):
    fill(tmp_path)
    write_png(tmp_path / "a_c1_to_a_c2.png", panels(1)[0])
    with pytest.raises(
        InputError, match=r"double: a_c1_to_a_c2\.png is of the same pair as a_c1\."
    ):
        Outputs(tmp_path, PAIRS, [SIZE])


def test_pictures_of_listed_pairs_may_be_there(tmp_path):
    fill(tmp_path)
    assert len(Outputs(tmp_path, PAIRS[:1], [SIZE], listed=PAIRS)) == 1
    with pytest.raises(InputError, match="extra: "):
        Outputs(tmp_path, PAIRS[:1], [SIZE])


def test_no_folder_an_empty_one_and_names_that_tell_nothing(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder of pictures"):
        Outputs(tmp_path / "none", PAIRS, [SIZE])
    with pytest.raises(InputError, match="no picture that can be read in it"):
        Outputs(tmp_path, PAIRS, [SIZE])
    write_png(tmp_path / "a_2_b.png", panels(1)[0])
    alike = [("1/a.jpg", "1/b.jpg"), ("2/a.jpg", "2/b.jpg")]
    with pytest.raises(
        InputError, match=r"ambiguous: a_2_b\.png may be of several pairs in the list"
    ):
        Outputs(tmp_path, alike, [SIZE])


def test_the_sum_tells_pictures_apart(tmp_path):
    fill(tmp_path)
    first = Outputs(tmp_path, PAIRS, [SIZE]).sha256
    assert Outputs(tmp_path, PAIRS, [SIZE]).sha256 == first
    write_png(tmp_path / "a_c1.jpg_a_c2.jpg.png", panels(1, 9)[0])
    assert Outputs(tmp_path, PAIRS, [SIZE]).sha256 != first


def test_pictures_in_folders_where_there_are_none_beside_them(tmp_path):
    below = tmp_path / "epoch_1" / "images"
    below.mkdir(parents=True)
    fill(below, "{}___{}_vis.png")
    assert [p.parent for p in Outputs(tmp_path, PAIRS, [SIZE]).paths] == [below] * 3
    fill(tmp_path)
    assert [p.parent for p in Outputs(tmp_path, PAIRS, [SIZE]).paths] == [tmp_path] * 3


@pytest.mark.parametrize("between", ["_", "_2_"])  # PISE's, and GFLA's
def test_what_gfla_writes_beside_its_results(tmp_path, between):
    generated = []
    for i, (a, b) in enumerate(PAIRS):
        images = panels(3, i)
        generated.append(images[1])
        for ending, picture in (("ref", images[0]), ("gt", images[2]), ("all", strip(images))):
            write_png(tmp_path / f"{a[:-4]}{between}{b[:-4]}_{ending}.png", picture)
    outputs = Outputs(tmp_path, PAIRS, [SIZE])  # source | generated | target
    read = outputs.read(0, 3)
    np.testing.assert_array_equal([p.generated for p in read], generated)
    np.testing.assert_array_equal(read[2].target, panels(3, 2)[2])
    assert [note[:13] for note in outputs.notes] == ["3 passed over"] * 2
    for i, (a, b) in enumerate(PAIRS):
        write_png(tmp_path / f"{a[:-4]}{between}{b[:-4]}_vis.png", panels(1, 10 + i)[0])
    outputs = Outputs(tmp_path, PAIRS, [SIZE])
    assert {path.stem[-4:] for path in outputs.paths} == {"_vis"}
    assert len(outputs.notes) == 3
    (tmp_path / f"b_c1{between}b_c2_vis.png").unlink()
    write_png(tmp_path / f"b_c1{between}b_c2_all.png", panels(1)[0])
    with pytest.raises(
        InputError, match=r"b_c2_all.png has 16x8 pixels; expected 3 panels of 16x8"
    ):
        Outputs(tmp_path, PAIRS, [SIZE])


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6])
def test_the_generated_image_is_the_last_panel(tmp_path, count):
    generated, _ = fill(tmp_path, "{}_2_{}_vis.png", count)
    read = Outputs(tmp_path, PAIRS, [SIZE]).read(0, 3)
    np.testing.assert_array_equal([p.generated for p in read], generated)
    assert {p.strip for p in read} == {count > 1}


def test_names_of_photos_that_end_like_names_of_pictures(tmp_path):
    pairs = [("a.webp", "b_vis.webp"), ("a.webp", "c.webp")]
    for name in ("a.webp_b_vis.webp.png", "a___c_vis.png"):
        write_png(tmp_path / name, panels(1)[0])
    outputs = Outputs(tmp_path, pairs, [SIZE])
    assert [p.name for p in outputs.paths] == ["a.webp_b_vis.webp.png", "a___c_vis.png"]
    (tmp_path / "a.webp_b_vis.webp.png").rename(tmp_path / "a_b_vis.png")
    assert len(Outputs(tmp_path, pairs, [SIZE])) == 2
    with pytest.raises(InputError, match=r"ambiguous: a_b_vis\.png may be of several pairs"):
        Outputs(tmp_path, [*pairs, ("a.webp", "b.webp")], [SIZE])


def test_a_name_that_fits_several_pairs_is_told(tmp_path):
    pairs = [("a", "b_c"), ("a_b", "c")]
    write_png(tmp_path / "a_b_c.png", panels(1)[0])
    with pytest.raises(InputError, match=r"ambiguous: a_b_c\.png may be of several pairs"):
        Outputs(tmp_path, pairs, [SIZE])
    (tmp_path / "a_b_c.png").unlink()
    for a, b in pairs:
        write_png(tmp_path / f"{a}___{b}.png", panels(1)[0])
    assert len(Outputs(tmp_path, pairs, [SIZE])) == 2


HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"


def test_folders_as_systems_leave_them(tmp_path):
    generated, _ = fill(tmp_path / "elsewhere", "{}___{}_vis.png")
    folder = tmp_path / "pictures"
    for name in (".ipynb_checkpoints/a_c1_a_c2-checkpoint.png", "__MACOSX/._a.png", "._a_c1.png"):
        write_png(folder / name, panels(1)[0])
    for path in (tmp_path / "elsewhere").iterdir():
        (folder / path.name).symlink_to(path)
    (folder / "Thumbs.db").write_bytes(b"")
    (folder / "film.mp4").write_bytes(b"\x00\x00\x00\x14ftypisom\x00\x00\x00\x00mp41")
    (folder / "gone.png").symlink_to("nowhere")
    outputs = Outputs(folder, PAIRS, [SIZE])
    np.testing.assert_array_equal([p.generated for p in outputs.read(0, 3)], generated)
    assert [note.partition("; ")[0] for note in outputs.notes] == [
        "1 left out (film.mp4): video",
        "1 left out (gone.png): a link that leads nowhere",
    ]


def test_a_picture_that_cannot_be_read_is_told_with_what_to_do(tmp_path):
    fill(tmp_path)
    (tmp_path / "b_c1.jpg_b_c2.jpg.png").unlink()
    (tmp_path / "b_c1.jpg_b_c2.jpg.heic").write_bytes(HEIC)
    with pytest.raises(InputError, match=r"b_c2\.jpg\.heic cannot be read: HEIC; convert it"):
        Outputs(tmp_path, PAIRS, [SIZE])
