"""Building DeepFashion from every layout and split, what is left out, and each fault in its files."""

import io

import numpy as np
import pytest
from PIL import Image

from fashion import NAMES, PAIRS, FakeFashion
from pgjax import data
from pgjax.data import pairs, store
from pgjax.data.deepfashion import DeepFashion

FIRST = NAMES["test"][0]


@pytest.fixture
def build(tmp_path):
    return lambda fake, name="deepfashion": data.build(name, tmp_path / "built", fake.raw)


def loaded(tmp_path, split="test", name="deepfashion"):
    return store.load_split(name, split, tmp_path / "built")


@pytest.mark.parametrize("layout", ["img", "zip", "patn", "siarohin", "png"])
@pytest.mark.parametrize(
    "text",
    ["fasion-resize-{}-{}.csv", "fasion-{}-{}.csv", "fasion-{}-{}_new_split.csv"],
    ids=["patn", "siarohin", "siarohin_new"],
)
def test_built_records_are_the_files(build, tmp_path, layout, text):
    plain = FakeFashion(tmp_path / "plain", "png" if layout == "png" else "img")
    fake = FakeFashion(tmp_path / "raw", layout, text)
    builder = build(fake)
    for split, names in NAMES.items():
        found = loaded(tmp_path, split)
        assert found.names == tuple(fake.called(name) for name in names)
        for number, name in enumerate(names):
            file = plain.photo(name, "png" if layout == "png" else "img")
            pixels = np.asarray(Image.open(file))
            np.testing.assert_array_equal(found.store.images[number], pixels)
            assert found.store.keypoints[number, 1].tolist() == [100 + number, 128 + number]
        assert not found.store.visible[:, 0].any()
        assert found.store.visible[:, 1:].all()
        who = dict(zip(names, found.identities, strict=True))
        people = [frozenset(n for n in names if who[n] == one) for one in who.values()]
        garments = [
            frozenset(n for n in names if n.split("_")[:-1] == m.split("_")[:-1]) for m in names
        ]
        assert people == garments
    assert builder.info.metadata["excluded"] == {}
    found = store.test_pairs("deepfashion", loaded(tmp_path), tmp_path / "built")
    np.testing.assert_array_equal(found, PAIRS)
    train = store.train_pairs(loaded(tmp_path, "train"), "deformable")
    # Three photos of one outfit and two of another; the same garment in another set is another.
    assert sorted(train.tolist()) == sorted(
        [[0, 2], [2, 0], [0, 5], [5, 0], [2, 5], [5, 2], [1, 4], [4, 1]]
    )


@pytest.mark.parametrize(
    ("name", "view"),
    [
        ("fashionWOMENBlouses_Shirtsid0000069302_3back.jpg", "back"),
        ("fasionMENDenimid0000008001_1front.jpg", "front"),
        ("img/WOMEN/Dresses/id_00000102/01_2_side.jpg", "side"),
        ("img/WOMEN/Dresses/id_00000102/01_4_full.jpg", None),
        ("fasionMENDenimid0000008001_7additional.jpg", None),
        ("somebody_1front.jpg", None),
    ],
)
def test_names_tell_the_view(name, view):
    assert DeepFashion.view_of(name) == view


def test_photos_keep_their_bytes(build, tmp_path):
    fake = FakeFashion(tmp_path / "raw")
    source = build(fake).as_data_source("test")
    decoded = np.asarray(Image.open(io.BytesIO(fake.photo(FIRST).read_bytes())))
    np.testing.assert_array_equal(source[0]["image"], decoded)
    (shard,) = data.path("deepfashion", tmp_path / "built").glob("*test*")
    assert fake.photo(FIRST).read_bytes() in shard.read_bytes()


@pytest.mark.parametrize("cut", ["whole photos", "cut photos"])
def test_the_crop_moves_joints_with_the_photo(build, tmp_path, cut):
    fake = FakeFashion(tmp_path / "raw", "png")
    path = fake.text("annotation", "test")
    header, line, *lines = path.read_text().splitlines()
    name, y, x = line.split(":")
    values = [int(v) for v in x.strip(" []").split(",")]
    values[4], values[5], values[6], values[7] = 39, 40, 215, 216
    path.write_text("\n".join([header, f"{name}:{y}: {values}", *lines]) + "\n")
    whole = [np.asarray(Image.open(fake.photo(n, "png"))) for n in NAMES["test"]]
    if cut == "cut photos":
        for names in NAMES.values():
            for one in names:
                with Image.open(fake.photo(one, "png")) as image:
                    image.crop((40, 0, 216, 256)).save(fake.photo(one, "png"))
    build(fake, "deepfashion_256x176")
    found = loaded(tmp_path, name="deepfashion_256x176")
    for number, pixels in enumerate(whole):
        np.testing.assert_array_equal(found.store.images[number], pixels[:, 40:216])
        assert found.store.keypoints[number, 1].tolist() == [100 + number, 88 + number]
    assert found.store.visible[0, 3:9].tolist() == [True, False, True, True, False, True]
    assert found.store.keypoints[0, 5:7, 1].tolist() == [0, 175]


@pytest.mark.parametrize("size", ["", "_256x176"])
def test_annotations_of_the_crop_are_told_by_their_columns(build, tmp_path, size):
    fake = FakeFashion(tmp_path / "raw")
    fake.shift(-40)
    builder = build(fake, f"deepfashion{size}")
    found = loaded(tmp_path, name=f"deepfashion{size}")
    assert found.store.keypoints[0, 1].tolist() == [100, 88 if size else 128]
    assert any("moved by 40 columns" in note for note in builder.info.metadata["notes"])


def test_what_is_not_there_is_left_out_and_counted(build, tmp_path):
    fake = FakeFashion(tmp_path / "raw")
    fake.photo(NAMES["test"][1]).unlink()
    fake.photo(NAMES["test"][3]).unlink()
    fake.photo(NAMES["test"][4]).unlink()
    fake.text("annotation", "train").unlink()
    metadata = build(fake).info.metadata
    assert list(data.load("deepfashion", tmp_path / "built").info.splits) == ["test"]
    assert loaded(tmp_path).names == (NAMES["test"][0], NAMES["test"][2])
    assert metadata["excluded"] == {
        "test photos": {"no file": 3},
        "test pairs": {"neither photo": 1, "no source photo": 1, "no target photo": 1},
    }
    found = store.test_pairs("deepfashion", loaded(tmp_path), tmp_path / "built")
    np.testing.assert_array_equal(found, [[1, 0]])
    notes = "\n".join(metadata["notes"])
    assert "no fasion-resize-annotation-train.csv: it comes from https://drive" in notes
    assert "img/WOMEN/Blouses_Shirts/id_00000333/01_2_side.jpg" in notes
    with pytest.raises(ValueError, match="no split 'train'; there are test"):
        loaded(tmp_path, "train")


def test_without_a_list_pairs_are_the_rules(build, tmp_path):
    fake = FakeFashion(tmp_path / "raw")
    fake.text("pairs", "test").unlink()
    notes = build(fake).info.metadata["notes"]
    assert any("no fasion-resize-pairs-test.csv" in note for note in notes)
    found = store.test_pairs("deepfashion", loaded(tmp_path), tmp_path / "built")
    assert len(found) == 8


def test_one_message_names_all_that_is_missing(tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "notes.txt").write_text("nothing")
    with pytest.raises(FileNotFoundError) as caught:
        data.build("deepfashion", tmp_path / "built", raw)
    for text in (
        "img.zip",
        "InShopRetrieval.html",
        "fasion-resize-annotation-train.csv, fasion-resize-annotation-test.csv and "
        "fasion-resize-pairs-test.csv from https://drive.google.com",
        "fasion-annotation-test_new_split.csv",
        f"Put them into {raw}",
    ):
        assert text in str(caught.value)
    fake = FakeFashion(raw, "png")
    for path in raw.glob("*.csv"):
        path.unlink()
    with pytest.raises(FileNotFoundError, match=r"raw lacks the annotations") as caught:
        data.build("deepfashion", tmp_path / "built", fake.raw)
    assert "img.zip" not in str(caught.value)


def _replace(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def _truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _damaged_zip(fake):
    fake.pack()
    content = bytearray((fake.raw / "img.zip").read_bytes())
    content[5000] ^= 255
    (fake.raw / "img.zip").write_bytes(content)


FAULTS = {
    "two splits": (
        lambda f: FakeFashion(f.raw, "img", "fasion-{}-{}.csv"),
        r"several published splits \(.*fasion-resize-annotation-test.csv.*must not be mixed",
    ),
    "high resolution": (
        lambda f: f.write_photo(FIRST, size=(1101, 750)),
        r"01_1_front.jpg: expected a photo 256 high and 256 wide, as in img.zip; found 1101 high",
    ),
    "the crop": (
        lambda f: f.write_photo(FIRST, size=(256, 176)),
        "176 wide; this is the crop: build deepfashion_256x176",
    ),
    "truncated photo": (lambda f: _truncate(f.photo(FIRST)), "a damaged JPEG or PNG file"),
    "empty photo": (lambda f: f.photo(FIRST).write_bytes(b""), "not a JPEG or PNG file"),
    "damaged zip": (_damaged_zip, r"img.zip.*: a truncated or damaged zip .*fetch it again"),
    "truncated zip": (
        lambda f: (f.pack(), _truncate(f.raw / "img.zip")),
        "img.zip: a truncated or damaged zip",
    ),
    "joint outside": (
        lambda f: _replace(f.text("annotation", "test"), "[-1, 100,", "[-1, 256,"),
        f"image {FIRST} has joints as far as y 256",
    ),
    "a name of something else": (
        lambda f: _replace(f.text("annotation", "test"), FIRST, "0002_c1s1_000451_03.jpg"),
        "0002_c1s1_000451_03.jpg is no name of a DeepFashion photo",
    ),
    "a pair of an unknown photo": (
        lambda f: _replace(f.text("pairs", "test"), "id0000033301", "id0000033309"),
        "pairs-test.csv, line 2: unknown image fashionWOMENBlouses_Shirtsid0000033309",
    ),
    "17 joints": (
        lambda f: _replace(f.text("annotation", "train"), "[-1, ", "["),
        "annotation-train.csv, line 2: 17 y coordinates",
    ),
    "a text file twice": (
        lambda f: (
            (f.raw / "b").mkdir()
            or (f.raw / "b/fasion-resize-pairs-test.csv").write_text("from,to\n")
        ),
        r"fasion-resize-pairs-test.csv: also in .*; leave one of them",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_first_fault_stops_the_build(build, tmp_path, fault):
    fake = FakeFashion(tmp_path / "raw")
    spoil, message = FAULTS[fault]
    spoil(fake)
    with pytest.raises(ValueError, match=message):
        build(fake)
    assert not data.is_built("deepfashion", tmp_path / "built")


def test_a_grey_photo_becomes_rgb(build, tmp_path):
    fake = FakeFashion(tmp_path / "raw")
    fake.write_photo(FIRST, mode="L")
    build(fake)
    grey = np.asarray(Image.open(fake.photo(FIRST)))
    np.testing.assert_array_equal(loaded(tmp_path).store.images[0], np.stack([grey] * 3, -1))


def test_all_of_the_published_test_photos_at_hand(shared, tmp_path):
    folder = shared / "data/deepfashion"
    builder = data.build("deepfashion", tmp_path / "built", folder)
    found = loaded(tmp_path)
    assert len(found.names) == 249
    assert builder.info.metadata["excluded"] == {
        "test photos": {"no file": 3_789},
        "test pairs": {"neither photo": 7_422, "no source photo": 435, "no target photo": 435},
    }
    at_hand = {path.stem for path in (folder / "images").glob("*.png")}
    lines = (folder / "fasion-resize-pairs-test.csv").read_text().split()[1:]
    wanted = [line.replace(".jpg", "").split(",") for line in lines]
    wanted = [pair for pair in wanted if set(pair) <= at_hand]
    stems = [name.removesuffix(".jpg") for name in found.names]
    chosen = store.test_pairs("deepfashion", found, tmp_path / "built")
    assert [[stems[a], stems[b]] for a, b in chosen] == wanted
    assert len(wanted) == 278
    image = np.asarray(Image.open(folder / "images" / f"{stems[100]}.png"))
    np.testing.assert_array_equal(found.store.images[100], image)
    # The rule finds the same pairs.
    drawn = store.train_pairs(found, "deformable")
    assert {tuple(pair) for pair in drawn} == {tuple(pair) for pair in chosen}


def test_the_published_list_is_the_rules_sample_in_its_order(shared):
    from pgjax.data import annotations
    from pgjax.images import fashion_names

    folder = shared / "data/deepfashion"
    found = annotations.read_annotations(folder / "fasion-resize-annotation-test.csv")
    people = [fashion_names.identity(name) for name in found.names]
    drawn = pairs.sample(pairs.deformable(found.names, people, found.visible))
    listed = annotations.read_pairs(folder / "fasion-resize-pairs-test.csv", found.names)
    np.testing.assert_array_equal(drawn, listed)
    assert len(listed) == 8_570


GFLA = "fasion-{}-{}.csv"  # Siarohin's names, under which GFLA and PISE give PATN's split


def _as_patn(fake):
    """Calls the photos in all text files as PATN does, whatever the files are called."""
    for path in fake.raw.glob("*.csv"):
        text = path.read_text()
        for name in (*NAMES["train"], *NAMES["test"]):
            text = text.replace(fake.called(name), name)
        path.write_text(text)


@pytest.mark.parametrize("text", [GFLA, "fashion-{}-{}.csv"])
def test_the_split_is_told_by_the_names_inside(build, tmp_path, text):
    fake = FakeFashion(tmp_path / "raw", "patn", text)
    _as_patn(fake)
    fake.text("annotation", "train").unlink()
    metadata = build(fake).info.metadata
    assert metadata["published_split"] == "patn"
    (note,) = (n for n in metadata["notes"] if n.startswith("no f"))
    assert note.startswith(f"no {text.format('annotation', 'train')}: it comes from https://drive")
    assert "yadi.sk" not in note
    found = store.test_pairs("deepfashion", loaded(tmp_path), tmp_path / "built")
    np.testing.assert_array_equal(found, PAIRS)


def test_siarohins_names_are_his_split_whatever_the_file_is_called(build, tmp_path):
    fake = FakeFashion(tmp_path / "raw", "siarohin", GFLA)
    for kind, split in (("annotation", "train"), ("annotation", "test"), ("pairs", "test")):
        fake.text(kind, split).rename(fake.raw / f"fasion-resize-{kind}-{split}.csv")
    assert build(fake).info.metadata["published_split"] == "siarohin"


def test_a_training_file_of_another_split_is_refused(build, tmp_path):
    fake = FakeFashion(tmp_path / "raw", "patn", GFLA)
    for kind in ("annotation", "pairs"):
        path = fake.text(kind, "test")
        text = path.read_text()
        for name in NAMES["test"]:
            text = text.replace(fake.called(name), name)
        path.write_text(text)
    with pytest.raises(ValueError, match=r"-test.csv: patn, .*-train.csv: siarohin.* not be mixed"):
        build(fake)


def test_names_of_both_splits_in_one_file_are_refused(build, tmp_path):
    fake = FakeFashion(tmp_path / "raw", "patn", GFLA)
    path = fake.text("annotation", "test")
    path.write_text(path.read_text().replace(fake.called(FIRST), FIRST))
    with pytest.raises(ValueError, match=rf"names of PATN's split, such as {FIRST}, and of Siaroh"):
        build(fake)


def test_annotations_under_two_names_are_refused(build, tmp_path):
    fake = FakeFashion(tmp_path / "raw", "patn")
    copy = fake.raw / "fasion-annotation-test.csv"
    copy.write_bytes(fake.text("annotation", "test").read_bytes())
    with pytest.raises(ValueError, match=r"annotation-test\.csv: also in .*; leave one of them"):
        build(fake)


def test_files_of_one_split_may_be_called_in_several_ways(build, tmp_path):
    """PATN's training file beside GFLA's test file and pairs."""
    fake = FakeFashion(tmp_path / "raw", "patn")
    fake.text("annotation", "test").rename(fake.raw / "fasion-annotation-test.csv")
    fake.text("pairs", "test").rename(fake.raw / "fashion-pairs-test.csv")
    assert list(build(fake).info.splits) == ["train", "test"]
    found = store.test_pairs("deepfashion", loaded(tmp_path), tmp_path / "built")
    np.testing.assert_array_equal(found, PAIRS)


def test_pairs_of_another_split_are_told(build, tmp_path):
    fake = FakeFashion(tmp_path / "raw", "patn")
    other = fake.raw / "fasion-pairs-test.csv"
    names = (f"fasionMENDenimid0000008001_{view}.jpg" for view in ("1front", "2side"))
    other.write_text(f"from,to\n{','.join(names)}\n")
    notes = build(fake).info.metadata["notes"]
    assert f"{other}: not used: its pairs are of another split" in notes
    found = store.test_pairs("deepfashion", loaded(tmp_path), tmp_path / "built")
    np.testing.assert_array_equal(found, PAIRS)
