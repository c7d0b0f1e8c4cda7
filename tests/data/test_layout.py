"""Which split and which person a photo is told to be of, for layouts of all kinds."""

import pytest

from pgjax.data.layout import understand
from pgjax.errors import InputError

MARKET = ("0002_c1s1_000451_03.jpg", "0002_c2s1_000776_01.jpg", "0007_c1s1_000001_01.jpg")

# Paths with what is told of each, "SPLIT PERSON"; "-" where people are dealt.
TOLD = {
    "pose-gan's": {
        "train/p1_1.png": "train p1",
        "train/p1_2.png": "train p1",
        "test/p4_1.png": "test p4",
    },
    "folders in splits": {
        "train/anna/beach.jpg": "train anna",
        "train/ben/beach.jpg": "train ben",
        "test/carl/1.jpg": "test carl",
    },
    "a folder and names in splits": {
        "train/anna/1.jpg": "train anna",
        "train/ben/1.jpg": "train ben",
        "test/carl_1.jpg": "test carl",
    },
    "in a wrapper": {
        "My Data/v2/Train/anna_1.jpg": "train anna",
        "My Data/v2/Test/ben_1.jpg": "test ben",
    },
    "splits with images": {
        "train/images/anna_1.jpg": "train anna",
        "test/imgs/ben_1.jpg": "test ben",
    },
    "images with splits": {
        "images/train/anna_1.jpg": "train anna",
        "images/val/carl_1.jpg": "val carl",
        "images/test/ben_1.jpg": "test ben",
    },
    "other names of splits": {
        "training/anna_1.jpg": "train anna",
        "validation/carl_1.jpg": "val carl",
        "testing/ben_1.jpg": "test ben",
    },
    "validation is the test where there is no other": {
        "train/anna_1.jpg": "train anna",
        "val/ben_1.jpg": "test ben",
    },
    "torchreid's": {
        "Market-1501-v15.09.15/bounding_box_train/0002_c1s1_000451_03.jpg": "train 0002",
        "Market-1501-v15.09.15/bounding_box_test/0003_c1s1_000151_01.jpg": "test 0003",
        "Market-1501-v15.09.15/query/0003_c2s1_000151_01.jpg": "test 0003",
    },
    "layumi's": {
        "pytorch/train/0002/0002_c1s1_000451_03.jpg": "train 0002",
        "pytorch/val/0002/0002_c1s1_000452_03.jpg": "val 0002",
        "pytorch/gallery/0003/0003_c1s1_000151_01.jpg": "test 0003",
        "pytorch/query/0003/0003_c2s1_000151_01.jpg": "test 0003",
    },
    "only a variant of a split": {
        "train_all/0002/0002_c1s1_000451_03.jpg": "train 0002",
        "gallery/0003/0003_c1s1_000151_01.jpg": "test 0003",
    },
    "CUHK03's": {
        "images_labeled/1_001_1_01.png": "- 1_001",
        "images_labeled/1_001_2_06.png": "- 1_001",
        "images_labeled/1_002_1_01.png": "- 1_002",
        "images_labeled/2_001_1_01.png": "- 2_001",
    },
    "DukeMTMC's": {
        "bounding_box_train/0001_c2_f0046182.jpg": "train 0001",
        "bounding_box_test/0005_c2_f0046985.jpg": "test 0005",
        "query/0005_c5_f0051341.jpg": "test 0005",
    },
    "COCO's": {"train2017/anna_1.jpg": "train anna", "val2017/ben_1.jpg": "test ben"},
    "names alone": {"anna_1.jpg": "- anna", "ben_x_2.jpg": "- ben"},
    "PIDM's": {"img/anna_1.png": "- anna", "img/ben_1.png": "- ben"},
    "two containers": {"img/anna_1.png": "- anna", "photos/ben_1.png": "- ben"},
    "a wrapper of any name": {"mine/anna_1.png": "- anna", "mine/ben_1.png": "- ben"},
    "people's folders": {"anna/1.jpg": "- anna", "ben/IMG_2.jpg": "- ben"},
    "people's folders and phone's names": {
        "anna/20240101_1.jpg": "- anna",
        "anna/20240102_2.jpg": "- anna",
        "ben/20240101_3.jpg": "- ben",
    },
    "people's folders with images": {
        "anna/images/1.jpg": "- anna",
        "ben/photos/1.jpg": "- ben",
    },
    "a folder below each": {"anna/day1/1.jpg": "- anna", "ben/day2/1.jpg": "- ben"},
    "folders that agree with names": {
        "anna/anna_1.jpg": "- anna",
        "anna/anna_2.jpg": "- anna",
        "ben/ben_1.jpg": "- ben",
    },
    "numbers of eight digits": {"00000012_1.jpg": "- 00000012", "00000013_1.jpg": "- 00000013"},
    "at the root and in folders": {"anna/1.jpg": "- anna", "ben_7.jpg": "- ben"},
    "Market-1501's in any folder": {
        "cam1/0002_c1s1_000451_03.jpg": "- 0002",
        "cam2/0002_c2s1_000776_01.jpg": "- 0002",
        "cam2/0007_c2s1_000001_01.jpg": "- 0007",
    },
    "people who are called like the beginning of a split": {
        "Valerie/1.jpg": "- Valerie",
        "Testa/1.jpg": "- Testa",
        "Trainor/1.jpg": "- Trainor",
    },
    "DeepFashion, flattened": {
        "fashionMENTees_Tanksid0000001101_1front.jpg": "- fasionMENTeesTanksid0000001101",
        "fashionMENTees_Tanksid0000001102_1front.jpg": "- fasionMENTeesTanksid0000001102",
    },
    "DeepFashion, in folders": {
        "img/MEN/Denim/id_00000080/01_1_front.jpg": "- fasionMENDenimid0000008001",
        "img/WOMEN/Denim/id_00000080/01_1_front.jpg": "- fasionWOMENDenimid0000008001",
    },
    "a gallery that holds all": {"gallery/anna/1.jpg": "- anna", "gallery/ben/1.jpg": "- ben"},
}


def told(paths, **options):
    layout = understand(list(paths), **options)
    return {photo.path: f"{photo.split or '-'} {photo.person}" for photo in layout.photos}


@pytest.mark.parametrize("layout", TOLD)
def test_a_layout_is_understood(layout):
    assert told(TOLD[layout]) == TOLD[layout]


BOTH = ["train/p1_1.png", "train/p2_1.png", "test/p1_2.png"]
CAMERAS = ["cam_a/0001_x.png", "cam_a/0002_x.png", "cam_b/0001_y.png", "cam_b/0002_y.png"]
DAYS = ["anna/red/1.jpg", "anna/blue/1.jpg", "ben/red/1.jpg"]
REFUSED = {
    "somebody is in both": (
        BOTH,
        r"people in training and test both: 1, such as p1 \(train/p1_1.png, test/p1_2.png\)",
    ),
    "folders of splits in people's": (
        ["anna/train/1.jpg", "anna/test/2.jpg", "ben/train/1.jpg"],
        r"folders test/ and train/ lie in several folders \(anna, ben\).*--splits=dealt",
    ),
    "a folder beside": (
        ["train/a_1.jpg", "test/b_1.jpg", "carl/1.jpg"],
        r"1 photo, such as carl/1.jpg: beside the folders test/, train/.*--splits=dealt",
    ),
    "a photo beside": (
        ["train/a_1.jpg", "test/b_1.jpg", "c_1.jpg", "c_2.jpg"],
        "2 photos, such as c_1.jpg: beside the folders test/, train/",
    ),
    "a person who may be a split": (
        ["anna/1.jpg", "Val/1.jpg"],
        "folder Val/ beside anna/: a split, or a name.*--splits=dealt",
    ),
    "training alone": (
        ["train/a_1.jpg", "train/b_1.jpg"],
        "folder train/ alone: a split, or a name",
    ),
    "test alone": (["x/test/a/1.jpg", "x/test/b/1.jpg"], "folder test/ alone: a split, or a name"),
    "folders and names disagree": (
        CAMERAS,
        r"photo cam_a/0001_x.png: is the person cam_a \(its folder\) or 0001 \(its name\)\? Say "
        "--persons=folder or --persons=name",
    ),
    "batches in splits": (
        [f"train/{batch}/{who}_{i}.jpg" for batch in "xy" for who in ("a", "b") for i in "12"]
        + ["test/z/c_1.jpg"],
        "photo train/x/a_1.jpg: is the person x .* or a ",
    ),
    "two levels": (
        DAYS,
        r"photo anna/red/1.jpg: is the person anna or anna_red\? Say --persons=folder for anna",
    ),
    "a photo of nobody": (
        ["anna/1.jpg", "snap.jpg"],
        "photo snap.jpg: which person.*--persons=REGEX",
    ),
    "a phone's names": (["IMG_1.jpg", "DSC_2.jpg"], "photo IMG_1.jpg: which person"),
    "masks beside": (
        [f"{folder}/{who}_{i}.png" for folder in ("img", "mask") for who in "ab" for i in "12"],
        "is the person mask .its folder. or a .its name.",
    ),
}


@pytest.mark.parametrize("layout", REFUSED)
def test_what_can_be_read_in_two_ways_is_refused(layout):
    paths, message = REFUSED[layout]
    with pytest.raises(InputError, match=message):
        understand(paths)


SETTLED = [
    (BOTH, {"splits": "dealt"}, ["- p1", "- p2", "- p1"]),
    (["anna/1.jpg", "Val/1.jpg"], {"splits": "dealt"}, ["- anna", "- Val"]),
    (["train/a_1.jpg", "train/b_1.jpg"], {"splits": "dealt"}, ["- a", "- b"]),
    (["a/train/1.jpg", "a/test/2.jpg", "b/train/1.jpg"], {"splits": "dealt"}, ["- a", "- a", "- b"]),
    (CAMERAS, {"who": "name"}, ["- 0001", "- 0002", "- 0001", "- 0002"]),
    (CAMERAS, {"who": "folder"}, ["- cam_a", "- cam_a", "- cam_b", "- cam_b"]),
    (CAMERAS, {"who": r"/(\d+)_"}, ["- 0001", "- 0002", "- 0001", "- 0002"]),
    (["IMG_1.jpg", "DSC_2.jpg"], {"who": "name"}, ["- IMG", "- DSC"]),
    (DAYS, {"who": "folder"}, ["- anna", "- anna", "- ben"]),
    (DAYS, {"who": "subfolder"}, ["- anna_red", "- anna_blue", "- ben_red"]),
    (["a-1.jpg", "b-1.jpg"], {"who": "([a-z])-"}, ["- a", "- b"]),
    (["train/a_1.jpg", "test/b_1.jpg"], {"splits": "folders"}, ["train a", "test b"]),
    (["train/a_1.jpg", "test/b_1.jpg"], {"splits": "dealt"}, ["- a", "- b"]),
]  # fmt: skip


@pytest.mark.parametrize(("paths", "options", "expected"), SETTLED)
def test_an_option_settles_it(paths, options, expected):
    assert list(told(paths, **options).values()) == expected


@pytest.mark.parametrize(
    ("paths", "options", "message"),
    [
        (["a/1.jpg"], {"splits": "folders"}, r"expected folders of photos train/ and test/.* a/"),
        (["a_1.jpg", "b/1.jpg"], {"who": "folder"}, "photo a_1.jpg lies in no folder of a person"),
        (["a_1.jpg", "b/1.jpg"], {"who": "name"}, "photo b/1.jpg: which person"),
        (["a_1.jpg"], {"who": "person"}, "expected one of folder, subfolder, name, or a regular"),
        (["a_1.jpg"], {"who": "(a"}, r"--persons=\(a: no regular expression"),
        (["a_1.jpg", "b_1.jpg"], {"who": "(a)_"}, "finds no person in b_1.jpg"),
        (["train/a_1.jpg", "test/b_1.jpg"], {"who": "folder"}, "lies in no folder of a person"),
    ],
)
def test_options_that_do_not_fit(paths, options, message):
    with pytest.raises(InputError, match=message):
        understand(paths, **options)


COPIES = {
    "layumi's": ["train_all/0002/0002_c1_1.jpg", "multi-query/0003/0003_c1_0.jpg"],
    "PATN's and GFLA's": ["trainK/0002_c1_1.jpg", "test_256/0003_c1_1.jpg", "testSPL8/0003_c1_1.png"],
}  # fmt: skip


@pytest.mark.parametrize("copies", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("splits", [None, "dealt"])
def test_copies_of_splits_are_passed_over_with_a_line(copies, splits):
    kept = ["train/0002_c1_1.jpg", "test/0003_c1_1.jpg"]
    layout = understand([*kept, *copies], splits)
    assert [photo.path for photo in layout.photos] == kept
    for copy in copies:
        assert f"1 photo, such as {copy}: a copy of a split, by its name" in layout.passed


def test_validation_as_the_test_is_told():
    layout = understand(["train/a_1.jpg", "val/b_1.jpg"])
    assert layout.passed == ("val/ is the test: there is no test/",)


def test_validation_is_told_to_be_kept_apart():
    layout = understand(["train/a_1.jpg", "val/a_2.jpg", "test/b_1.jpg"])
    assert layout.passed == ("val is kept apart: nothing is trained or tested on it",)


def test_names_in_the_data_set():
    def names(paths, **options):
        return [photo.name for photo in understand(paths, **options).photos]

    assert names(["x/anna/1.jpg", "x/ben/ben_1.jpg"]) == ["anna_1.jpg", "ben_1.jpg"]
    assert names(["train/img/a_1.jpg", "test/img/b_1.jpg"]) == ["a_1.jpg", "b_1.jpg"]
    assert names(["a/red/1.jpg", "b/blue/1.jpg"]) == ["a_red_1.jpg", "b_blue_1.jpg"]
    paths = ["a/train/1.jpg", "a/test/1.jpg", "b/train/1.jpg"]
    assert names(paths, splits="dealt") == ["a_train_1.jpg", "a_test_1.jpg", "b_train_1.jpg"]
    for paths in (["anna/1.jpg", "anna_1.png"], ["img/a_1.jpg", "photos/a_1.png", "img/b_1.jpg"]):
        with pytest.raises(InputError, match="give one of them another name, or say with --raw"):
            names(paths)
    # MSMT17 numbers the people of each split from 0.
    paths = [
        f"{split}/0000/0000_{i}_01_0303morning.jpg" for split in ("train", "test") for i in "01"
    ]
    with pytest.raises(InputError, match="with --persons how to tell their people apart"):
        names(paths)
    photos = understand(paths, who=r"((?:train|test)/\d+)").photos
    assert [photo.person for photo in photos] == ["train/0000"] * 2 + ["test/0000"] * 2
    assert len({photo.name for photo in photos}) == 4
    with pytest.raises(InputError, match=r"photos cam_a/1_0.png and cam_b/1_0.png: give one"):
        names(["cam_a/1_0.png", "cam_b/1_0.png"], who="name")


def test_lists_tell_splits_whatever_folders_say():
    listed = {"train/a_1.jpg": "test", "train/b_1.jpg": "train"}
    layout = understand(["train/a_1.jpg", "train/b_1.jpg", "test/c_1.jpg"], listed=listed)
    assert [(p.split, p.person) for p in layout.photos] == [("test", "a"), ("train", "b")]
    assert layout.passed == ("1 photo, such as test/c_1.jpg: in no list",)
