"""DeepFashion of img_highres.zip: both sizes, filters, and the published lists of photos and pairs."""

import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from fashion import NAMES, PAIRS, FakeFashion
from pgjax import data
from pgjax.data import pairs, store
from pgjax.errors import InputError
from pgjax.images import fashion_names
from pgjax.tools import cli, prepare

TRAIN, TEST = NAMES["train"], NAMES["test"]
CROP = "deepfashion_256x176"
SIZES = {CROP: (256, 176), "deepfashion_512x352": (512, 352)}


@pytest.fixture
def fake(tmp_path):
    return FakeFashion(tmp_path / "raw", "highres")


@pytest.fixture
def build(tmp_path, fake):
    return lambda name=CROP, **options: data.build(name, tmp_path / "built", fake.raw, **options)


def write_list(fake, split, names=None):
    path = fake.raw / f"{split}.lst"
    path.write_text("".join(f"{name}\n" for name in (NAMES[split] if names is None else names)))
    return path


def write_pairs(fake, split, rows, name="fasion-resize-pairs-{}.csv", header="from,to"):
    path = fake.raw / name.format(split)
    path.write_text("\n".join([header, *(",".join(row) for row in rows)]) + "\n")
    return path


def notes_with(builder, text):
    return [note for note in builder.info.metadata["notes"] if text in note]


@pytest.mark.parametrize(
    ("name", "packed"), [(CROP, False), (CROP, True), ("deepfashion_512x352", False)]
)
def test_photos_are_resized_as_pil_does(build, fake, tmp_path, name, packed):
    photos = {one: Image.open(fake.photo(one, "highres")).convert("RGB") for one in TEST}
    if packed:
        fake.pack("img_highres")
    metadata = build(name).info.metadata
    split = store.load_split(name, "test", tmp_path / "built")
    height, width = SIZES[name]
    for image, photo in zip(split.store.images, photos.values(), strict=True):
        np.testing.assert_array_equal(image, photo.resize((width, height), Image.BICUBIC))
    assert metadata["options"] == {"resize": "pil_bicubic"}
    assert metadata["excluded"] == {}
    assert any(
        f"test: 5 photos resized to {height} x {width} by pil_bicubic: 5 of 551 x 375" in note
        for note in metadata["notes"]
    )
    assert not any("stretched" in note for note in metadata["notes"])
    found = store.test_pairs(name, split, tmp_path / "built")
    np.testing.assert_array_equal(found, PAIRS)


def test_the_filter_is_chosen_recorded_and_kept(build, fake, tmp_path):
    photo = Image.open(fake.photo(TEST[0], "highres")).convert("RGB")
    assert build(resize="pil_bilinear").info.metadata["options"] == {"resize": "pil_bilinear"}
    image = store.load_split(CROP, "test", tmp_path / "built").store.images[0]
    np.testing.assert_array_equal(image, photo.resize((176, 256), Image.BILINEAR))
    build(resize="pil_bilinear")
    with pytest.raises(
        InputError, match="built already, with resize pil_bilinear, not pil_bicubic"
    ):
        build(resize="pil_bicubic")


def test_a_data_set_of_before_the_option_says_so(build, tmp_path):
    build()
    path = data.path(CROP, tmp_path / "built") / "metadata.json"
    metadata = json.loads(path.read_text())
    del metadata["options"]
    path.write_text(json.dumps(metadata))
    build()
    with pytest.raises(InputError, match="by an earlier version, which recorded no resize; remove"):
        build(resize="pil_bicubic")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            CROP,
            {"resize": "lanczos"},
            "--resize lanczos: expected one of pil_bicubic, pil_bilinear",
        ),
        ("deepfashion", {"resize": "pil_bicubic"}, "photos of 256x256 are kept as they are"),
        (CROP, {"fit": "crop"}, f"data set {CROP} takes no fit"),
        ("custom", {"resize": "pil_bicubic"}, "data set custom takes no resize"),
        ("market1501", {"resize": "pil_bicubic"}, "data set market1501 takes no resize"),
    ],
)
def test_options_that_cannot_be(build, name, options, message):
    with pytest.raises(InputError, match=message):
        build(name, **options)


def test_a_filter_without_effect_is_told(tmp_path):
    fake = FakeFashion(tmp_path / "raw")
    builder = data.build(CROP, tmp_path / "built", fake.raw, resize="pil_bilinear")
    assert notes_with(
        builder, "test: no photo is larger than needed, so --resize pil_bilinear had no"
    )


def test_photos_of_both_resolutions(build, fake, tmp_path):
    """The smaller ones, unless a filter or the large crop asks for the others; told in both cases."""
    for one in (*TRAIN, *TEST):
        fake.write_photo(one, "img")
    small = build()
    assert small.info.metadata["options"] == {"resize": "none"}
    (told,) = notes_with(small, "another resolution")
    assert told.startswith("11 photos of another resolution are not used, such as img_highres/")
    assert told.endswith("; --resize takes those")
    with pytest.raises(InputError, match="with resize none, not pil_bicubic; remove it"):
        build(resize="pil_bicubic")
    other = data.build(CROP, tmp_path / "other", fake.raw, resize="pil_bicubic")
    large = build("deepfashion_512x352")
    for builder in (other, large):
        (told,) = notes_with(builder, "another resolution")
        assert told.startswith("11 photos of another resolution are not used, such as In-shop/img/")
        assert "--resize" not in told
    images = [
        store.load_split(CROP, "test", tmp_path / place).store.images
        for place in ("built", "other")
    ]
    assert not np.array_equal(*images)


@pytest.mark.parametrize("text", ["fasion-{}-{}.csv", "fasion-resize-{}-{}.csv"])
def test_lists_that_agree_say_nothing(tmp_path, text):
    fake = FakeFashion(tmp_path / "raw", "highres", text)
    for split, names in NAMES.items():
        (fake.raw / f"{split}.lst").write_text("\r\n".join(map(fake.called, names)) + "\r\n\r\n")
    metadata = data.build(CROP, tmp_path / "built", fake.raw).info.metadata
    assert metadata["excluded"] == {}
    assert len(metadata["notes"]) == 3  # the split's name, and what was resized


def test_names_may_differ_in_form_and_extension(build, fake):
    write_list(fake, "train", [fashion_names.parse(name).path() for name in TRAIN])
    write_list(fake, "test", [name.replace(".jpg", ".png") for name in TEST])
    assert build().info.metadata["excluded"] == {}


def test_what_lists_photos_and_annotations_lack_is_told(build, fake, tmp_path):
    nowhere = "fashionWOMENSkirtsid0000777701_1front.jpg"
    write_list(fake, "train", [*TRAIN[:-1], nowhere])
    write_list(fake, "test")
    fake.photo(TEST[4], "highres").unlink()
    extra = fake.raw / "img_highres/MEN/Pants/id_00000999/01_1_front.jpg"
    extra.parent.mkdir(parents=True)
    Image.new("RGB", (750, 1101)).save(extra)
    Image.new("RGB", (9, 9)).save(fake.raw / "banner.png")
    builder = build()
    metadata = builder.info.metadata
    assert metadata["excluded"] == {
        "train photos": {"in no list": 1},
        "test photos": {"no file": 1},
        "test pairs": {"no target photo": 1},
    }
    assert store.load_split(CROP, "train", tmp_path / "built").names == tuple(TRAIN[:-1])
    for start in (
        "1 photos are not used, as their names are none of DeepFashion's: banner.png",
        "1 photos are not used, as no annotation file names them: img_highres/MEN/Pants/id_00000999/01",
        f"{fake.raw / 'train.lst'}: 1 of 6 names have no file: {nowhere}",
        f"{fake.raw / 'train.lst'}: 1 of 6 names have no annotation: {nowhere}",
        f"{fake.raw / 'test.lst'}: 1 of 5 names have no file: {TEST[4]}",
        "2 photos are in no list: img_highres/MEN/Pants/id_00000999/01_1_front.jpg, img_highres/MEN/T",
        f"train: 1 annotated photos are not in {fake.raw / 'train.lst'}, such as {TRAIN[-1]}: not used",
        "test: 1 of 5 annotated photos have no file, such as img/WOMEN/Graphic_Tees/id_00000444",
    ):
        assert len([note for note in metadata["notes"] if note.startswith(start)]) == 1, start


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        (
            [*TRAIN, "0002_c1s1_000451_03.jpg"],
            TEST,
            r"train.lst, line 7: 0002_c1.* is no name of a",
        ),
        ([*TRAIN, TEST[1]], TEST, rf"train.lst: 1 photos are in .*test.lst too, such as {TEST[1]}"),
        (
            [*TRAIN, *TEST],
            None,
            rf"train.lst: 5 photos are annotated in the split test, .* {TEST[0]}",
        ),
    ],
    ids=["other names", "both lists", "another split"],
)
def test_faults_of_lists(build, fake, train, test, message):
    write_list(fake, "train", train)
    if test is not None:
        write_list(fake, "test", test)
    with pytest.raises(InputError, match=message):
        build()


def test_lists_of_other_data_sets_and_splits_are_told_and_not_used(build, fake):
    write_list(fake, "train", ["0002_c1s1_000451_03.jpg"])
    write_list(fake, "test", [fashion_names.parse(name).siarohin() for name in TEST])
    write_pairs(fake, "train", [["a.jpg", "b.jpg"]], "{}_pairs.txt")
    builder = build()
    assert notes_with(builder, "train.lst: not used: no name of a DeepFashion photo is in it")
    assert notes_with(builder, "train_pairs.txt: not used: no name of a DeepFashion photo is in it")
    assert notes_with(builder, "test.lst: not used: its photos are of another split")
    assert builder.info.metadata["excluded"] == {}


def test_photos_that_cannot_be_used_are_counted(build, fake):
    for name in (TEST[0], TEST[3]):
        path = fake.photo(name, "highres")
        path.write_bytes(path.read_bytes()[:3000])
    fake.write_photo(TEST[1], "highres", (1101, 1101))
    message = (
        r"^3 photos cannot be used: .*01_1_front.jpg, .*01_2_side.jpg, .*; .*01_1_front.jpg: a dama"
    )
    with pytest.raises(InputError, match=message):
        build()


def ruled(tmp_path):
    split = store.load_split(CROP, "train", tmp_path / "built")
    found = pairs.deformable(split.names, split.identities, split.store.visible)
    return split, [[split.names[i] for i in pair] for pair in found]


def test_training_pairs_that_the_rule_finds_are_not_kept_twice(build, fake, tmp_path):
    build()
    _, rows = ruled(tmp_path)
    assert len(rows) == 8
    write_pairs(fake, "train", rows[::-1])
    metadata = data.build(CROP, tmp_path / "again", fake.raw).info.metadata
    assert "published_train_pairs" not in metadata
    assert not [note for note in metadata["notes"] if "training pairs" in note]


def test_training_pairs_of_their_own_stand_for_the_rule_that_made_them(
    build, fake, tmp_path, capsys
):
    """As the published ones are called; and PIDM's file, which names targets first."""
    rows = [[TRAIN[0], TRAIN[2]], [TRAIN[5], TRAIN[0]], [TRAIN[0], TRAIN[3]]]
    paths = [fashion_names.parse(a).path() + "," + fashion_names.parse(b).path() for b, a in rows]
    (fake.raw / "train_pairs.txt").write_text("to,from\n" + "\n".join(paths) + "\n")
    builder = build()
    (note,) = notes_with(builder, "training pairs")
    assert note.endswith(
        "3 training pairs, in place of the 8 that the four-joint rule finds; 2 are the same"
    )
    split, _ = ruled(tmp_path)
    assert store.train_pairs(split, "deformable").tolist() == [[0, 2], [5, 0], [0, 3]]
    assert len(store.train_pairs(split, "pg2")) == 8
    arguments = [CROP, "--raw", str(fake.raw), "--data_dir", str(tmp_path / "built")]
    cli.run(prepare.main, arguments)
    assert json.loads(capsys.readouterr().out)["train_pairs"] == 3


@pytest.mark.parametrize("empty", ["train", "test"])
def test_a_split_of_which_no_photo_is_left_is_left_out(build, fake, tmp_path, capsys, empty):
    other = "test" if empty == "train" else "train"
    write_list(fake, empty, ["fashionMENTees_Tanksid0000009901_1front.jpg"])
    write_pairs(fake, "train", [[fake.called(TRAIN[0]), fake.called(TRAIN[2])]])
    builder = build()
    assert list(builder.info.splits) == [other]
    assert notes_with(builder, f"{empty}: no annotated photo is left; there is no split {empty}")
    assert notes_with(builder, f"pairs-{empty}.csv: not used: there is no split {empty}")
    prepare.main([CROP, "--data_dir", str(tmp_path / "built")])
    told = capsys.readouterr()
    assert f'"images": {{"{other}": {len(NAMES[other])}}}' in told.out
    assert f"warning: no {empty} pair: there is no split {empty}\n" in told.err


def test_training_pairs_without_photos_leave_it_to_the_rule(build, fake, tmp_path):
    for name in (TRAIN[1], TRAIN[4]):
        fake.photo(name, "highres").unlink()
    write_pairs(fake, "train", [[fake.called(TRAIN[1]), fake.called(TRAIN[4])]])
    builder = build()
    assert notes_with(builder, "none of its pairs is used: the four-joint rule finds 6 instead")
    assert store.load_split(CROP, "train", tmp_path / "built").pairs is None


def test_what_cannot_be_is_not_said_to_be_built_otherwise(fake, tmp_path):
    place = tmp_path / "built"
    data.build(CROP, place, fake.raw)
    with pytest.raises(InputError, match="--resize none: expected one of pil_bicubic, "):
        data.build(CROP, place, resize="none")


def test_pairs_without_a_header_ask_for_one(build, fake):
    fake.text("pairs", "test").unlink()
    row = ",".join(fashion_names.parse(name).path() for name in TEST[:2])
    (fake.raw / "test_pairs.txt").write_text(f"{row}\n")
    with pytest.raises(
        InputError, match=r"test_pairs.txt, line 1.*to,from above one of targets first"
    ):
        build()


def test_a_training_list_without_its_split(build, fake):
    fake.text("annotation", "train").unlink()
    write_pairs(fake, "train", [[TRAIN[0], TRAIN[2]]])
    builder = build()
    assert notes_with(builder, "pairs-train.csv: not used: there is no split train")


def test_an_encrypted_zip_says_what_to_do(build, fake):
    """Its photos need the authors' password; the flag of the entries alone makes zipfile ask for it."""
    fake.pack("img_highres")
    path = fake.raw / "img_highres.zip"
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(io.BytesIO(bytes(content))) as archive:
        for info in archive.infolist():
            content[info.header_offset + 6] |= 1
    start = 0
    while (start := content.find(b"PK\x01\x02", start)) >= 0:
        content[start + 8] |= 1
        start += 4
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"password required.*; unpack it beside the zip"):
        build()
