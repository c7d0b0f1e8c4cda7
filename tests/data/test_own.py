"""Own splits and pairs, where keypoints lie, and what is told of them before anything is written."""

import json

import numpy as np
import pytest
from PIL import Image

from pgjax import data
from pgjax.data import store
from pgjax.errors import InputError

NAME = "custom_40x30"
HEADER = "name:keypoints_y:keypoints_x"


def annotation(name):
    y, x = np.arange(18) + 10, np.arange(18) + 5
    return f"{name}: {y.tolist()}: {x.tolist()}"


class Folder:
    """Photos by their paths, each with keypoints unless it is in `without`."""

    def __init__(self, raw, paths, without=()):
        self.raw = raw
        for number, path in enumerate(paths):
            self.photo(path, number)
        named = [annotation(path) for path in paths if path not in without]
        self.text("keypoints.csv", HEADER, *named)

    def photo(self, path, shade=0):
        (self.raw / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (30, 40), (shade, 100, 100)).save(self.raw / path)

    def text(self, name, *lines):
        (self.raw / name).parent.mkdir(parents=True, exist_ok=True)
        (self.raw / name).write_text("\n".join(lines) + "\n")
        return str(self.raw / name)

    def build(self, **options):
        """The names in each split."""
        self.info = data.build(NAME, self.raw.parent / "built", self.raw, **options).info
        return {split: list(self.split(split).names) for split in self.info.splits}

    def split(self, name):
        return store.load_split(NAME, name, self.raw.parent / "built")

    def pairs(self, name):
        split, built = self.split(name), self.raw.parent / "built"
        found = (
            store.train_pairs(split, "deformable")
            if name == "train"
            else store.test_pairs(NAME, split, built)
        )
        return [",".join(split.names[i] for i in pair) for pair in found]


FLAT = [f"img/{who}_{k}.png" for who in ("anna", "ben", "carl", "dora") for k in (1, 2, 3)]


@pytest.fixture
def flat(tmp_path):
    return Folder(tmp_path / "raw", FLAT)


def of(*people):
    return [f"{who}_{k}.png" for who in people for k in (1, 2, 3)]


def test_pidms_layout(flat, capsys):
    """img/PERSON_IMAGE.png, and pairs by their paths; the order of lists is told by their headers."""
    train = ["img/anna_1.png,img/anna_2.png", "img/ben_3.png, img/ben_1.png"]
    flat.text("train_pairs.txt", *train)
    flat.text("test_pairs.txt", "to,from", "img/dora_2.png,img/dora_1.png")
    with pytest.raises(
        InputError, match=r"train_pairs\.txt, line 1: .*; write from,to above a list"
    ):
        flat.build()
    flat.text("train_pairs.txt", "from,to", *train)
    assert flat.build() == {"train": of("anna", "ben"), "test": of("dora")}
    assert flat.pairs("train") == ["anna_1.png,anna_2.png", "ben_3.png,ben_1.png"]
    assert flat.pairs("test") == ["dora_1.png,dora_2.png"]
    told = capsys.readouterr().err
    assert f"splits: from {flat.raw}/t" in told
    assert f"2 own pairs of train, from {flat.raw}/train_pairs.txt" in told
    assert "3 photos, such as img/carl_1.png: in no list" in told


@pytest.mark.parametrize("given", [True, False], ids=["given", "found"])
def test_lists_of_photos(flat, given):
    """PATN's train.lst and test.lst; photos in neither are passed over."""
    lines = {"train": ["anna_1.png", "", "anna_2", "img/ben_1.png"], "test": ["carl_1.png"]}
    options = {}
    for split, some in lines.items():
        path = flat.text(f"{split}.lst", *some)
        options |= {f"{split}_list": path} if given else {}
    assert flat.build(**options) == {
        "train": ["anna_1.png", "anna_2.png", "ben_1.png"],
        "test": ["carl_1.png"],
    }
    assert "8 photos, such as img/anna_3.png: in no list" in flat.info.metadata["layout"][-1]


@pytest.mark.parametrize("split", ["train", "test"])
def test_one_list_leaves_the_rest_to_the_other_split(flat, split):
    path = flat.text("mine.txt", *of("anna", "carl"))
    splits = flat.build(**{f"{split}_list": path})
    other = {"train": "test", "test": "train"}[split]
    assert splits == {split: of("anna", "carl"), other: of("ben", "dora")}


@pytest.mark.parametrize("split", ["train", "test"])
def test_one_list_of_pairs_tells_its_people(flat, split):
    path = flat.text("mine.csv", "from,to", "anna_1.png,anna_2.png")
    splits = flat.build(**{f"{split}_pairs": path})
    other = {"train": "test", "test": "train"}[split]
    assert splits == {split: of("anna"), other: of("ben", "carl", "dora")}
    assert flat.pairs(split) == ["anna_1.png,anna_2.png"]
    assert len(flat.pairs(other)) == 18


def test_patns_layout(tmp_path):
    """Folders of splits with lists, annotations and pairs of each beside them, and heat maps."""
    paths = [*(f"train/{n}" for n in of("anna", "ben")), *(f"test/{n}" for n in of("dora"))]
    folder = Folder(tmp_path / "raw", paths)
    (folder.raw / "keypoints.csv").unlink()
    for split, people in (("train", ("anna", "ben")), ("test", ("dora",))):
        folder.text(f"mine-annotation-{split}.csv", HEADER, *map(annotation, of(*people)))
        folder.text(f"{split}.lst", *of(*people))
        (folder.raw / f"{split}K").mkdir()
        np.save(folder.raw / f"{split}K" / "anna_1.png.npy", np.zeros((4, 3, 18)))
    folder.text("mine-pairs-test.csv", "from,to", "dora_3.png,dora_1.png")
    folder.text("mine-pairs-train.csv", "from,to", "anna_3.png,anna_1.png")
    assert folder.build() == {"train": of("anna", "ben"), "test": of("dora")}
    assert folder.pairs("test") == ["dora_3.png,dora_1.png"]
    assert folder.pairs("train") == ["anna_3.png,anna_1.png"]
    table = "\n".join(folder.info.metadata["layout"])
    assert "splits: from folders" in table
    assert (
        "train.lst: not used: folders define the splits; use --train_list to take this file"
        in table
    )


def test_dealt_people_take_no_lists(flat):
    flat.text("test.lst", "anna_1.png")
    flat.text("train_pairs.txt", "from,to", "anna_1.png,anna_2.png")
    assert set(map(len, flat.build(splits="dealt", test_share=0.5).values())) == {6}
    table = "\n".join(flat.info.metadata["layout"])
    assert "test.lst: not used: people are divided at random" in table
    assert "train_pairs.txt: not used: people are divided at random" in table
    assert flat.info.metadata["options"]["test_share"] == 0.5
    assert flat.info.metadata["options"]["seed"] == 0


def test_pairs_of_photos_that_are_not_used_are_counted(tmp_path):
    folder = Folder(tmp_path / "raw", FLAT, without=("img/dora_2.png",))
    folder.text("test_pairs.txt", "from,to", "dora_1.png,dora_2.png", "dora_1.png,dora_3.png")
    folder.build()
    assert folder.pairs("test") == ["dora_1.png,dora_3.png"]
    assert folder.info.metadata["excluded"] == {
        "photos": {"no keypoints": 1},
        "test pairs": {"a photo that is not used": 1},
    }


def test_photos_that_cannot_be_read_may_be_in_lists(flat):
    heic = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"
    (flat.raw / "img/dora_4.heic").write_bytes(heic)
    flat.text("test_pairs.txt", "from,to", "dora_1.png,dora_4.heic", "dora_1.png,dora_3.png")
    assert flat.build()["test"] == of("dora")
    assert flat.pairs("test") == ["dora_1.png,dora_3.png"]
    assert flat.info.metadata["excluded"]["test pairs"] == {"a photo that is not used": 1}


def test_keypoints_of_photos_that_are_passed_over_are_photos(flat):
    flat.text("train.lst", *of("anna"))
    flat.text("test.lst", *of("ben"))
    flat.text("keypoints.csv", HEADER, *map(annotation, [*FLAT, "zoe_1.png"]))
    flat.build()
    (note,) = (n for n in flat.info.metadata["notes"] if "no photo's" in n)
    assert note == "1 names in the keypoints that are no photo's: zoe_1.png"


def test_keypoints_among_the_photos(tmp_path):
    folder = Folder(tmp_path / "raw", FLAT)
    (folder.raw / "keypoints.csv").unlink()
    np.save(folder.raw / "img/anna_1.npy", np.stack([np.arange(18) + 5, np.arange(18) + 10], 1))
    np.save(folder.raw / "img/ben_1.npy", np.stack([np.arange(18) + 5, np.arange(18) + 10], 1))
    splits = folder.build(keypoints=str(folder.raw))
    assert sorted(map(tuple, splits.values())) == [("anna_1.png",), ("ben_1.png",)]


def test_the_table(tmp_path, capsys):
    paths = [
        "train/anna/1.png", "train/anna/2.png", "train/ben_1.png",
        "val/carl_1.png", "test/dora_1.png", "test/dora_2.png", "query/eve_1.png", "train_all/x_1.png",
    ]  # fmt: skip
    folder = Folder(tmp_path / "raw", paths)
    folder.build()
    expected = f"""\
{folder.raw}: splits: from folders
  split  people  photos  person from                      example
  train       2       3  folder (2), name before "_" (1)  train/anna/1.png is anna
  val         1       1  name before "_"                      val/carl_1.png is carl
  test        2       3  name before "_"                      query/eve_1.png is eve
  with one photo, so in no pair: ben, carl, eve
  1 photo, such as train_all/x_1.png: a copy of a split, by its name
  val is kept apart: nothing is trained or tested on it
"""
    told = [line for line in capsys.readouterr().err.splitlines() if not line.endswith(" ...")]
    assert [line.split() for line in told] == [line.split() for line in expected.splitlines()]
    assert list(folder.info.splits) == ["train", "val", "test"]


def test_pictures_among_the_keypoints_are_no_photos(tmp_path):
    """OpenPose draws NAME_rendered.png beside its files."""
    folder = Folder(tmp_path / "raw", FLAT)
    (folder.raw / "keypoints.csv").unlink()
    person = {"pose_keypoints_2d": np.stack([np.arange(18) + 5, np.arange(18) + 10, np.ones(18)], 1)
              .ravel().tolist()}  # fmt: skip
    for path in FLAT:
        name = path.removeprefix("img/").removesuffix(".png")
        folder.text(f"keypoints/{name}_keypoints.json", json.dumps({"people": [person]}))
        folder.photo(f"keypoints/{name}_rendered.png")
    splits = folder.build()
    assert sorted(name for names in splits.values() for name in names) == sorted(
        of("anna", "ben", "carl", "dora")
    )
    assert "12 photos, such as keypoints/anna_1_rendered.png: among the keypoints" in "\n".join(
        folder.info.metadata["layout"]
    )


def test_labels_beside_the_photos(tmp_path):
    """Ultralytics' and Roboflow's layout: train/labels/anna_1.txt is of train/images/anna_1.png."""
    places = [
        "train/images/anna_1",
        "train/images/anna_2",
        "valid/images/ben_1",
        "valid/images/ben_2",
    ]
    folder = Folder(tmp_path / "raw", [f"{place}.png" for place in places])
    (folder.raw / "keypoints.csv").unlink()
    label = " ".join(["0 .5 .5 .6 .9", *(f"0.{k + 20} 0.{k + 40} 2" for k in range(17))])
    for place in places:
        folder.text(f"{place.replace('images', 'labels')}.txt", label)
    assert folder.build(keypoints=str(folder.raw)) == {
        "train": ["anna_1.png", "anna_2.png"],
        "test": ["ben_1.png", "ben_2.png"],
    }


A, B = "anna_1.png,anna_2.png", "ben_1.png,ben_2.png"
FAULTS = {
    "an unknown photo in a list": (
        {"test_list": ["anna_1.png", "zoe_1.png"]},
        {},
        "test_list.txt, line 2: unknown photo zoe_1.png; there are 12, such as img/anna_1.png",
    ),
    "an unknown photo in a pair": (
        {"test_pairs": ["from,to", "anna_1.png,zoe_1.png"]},
        {},
        "test_pairs.txt, line 2: unknown photo zoe_1.png",
    ),
    "a photo in both lists": (
        {"train_list": ["anna_1.png"], "test_list": ["ben_1.png", "anna_1.png"]},
        {},
        r"test_list.txt, line 2: img/anna_1.png is in .*train_list.txt, line 1 too",
    ),
    "a person in both lists": (
        {"train_list": ["anna_1.png"], "test_list": ["anna_2.png"]},
        {},
        "people in training and test both: 1, such as anna",
    ),
    "a person in pairs of both": (
        {"train_pairs": ["from,to", B, A], "test_pairs": ["from,to", A]},
        {},
        r"test_pairs.txt, line 2: anna is in training and test both \(.*train_pairs.txt, line 3\)",
    ),
    "a pair of two people": (
        {"test_pairs": ["from,to", "anna_1.png,ben_1.png"]},
        {},
        "line 2: img/anna_1.png shows anna and img/ben_1.png shows ben: expected one person",
    ),
    "a pair of one photo": (
        {"test_pairs": ["from,to", "anna_1.png,anna_1.png"]},
        {},
        "img/anna_1.png is source and target both",
    ),
    "a pair of another split": (
        {"test_list": of("ben"), "test_pairs": ["from,to", A]},
        {},
        "test_pairs.txt, line 2: img/anna_1.png is in the split train, not test",
    ),
    "a pair of a photo in no list": (
        {
            "train_list": of("anna"),
            "test_list": of("ben"),
            "test_pairs": ["from,to", "carl_1.png,carl_2.png"],
        },
        {},
        "test_pairs.txt, line 2: img/carl_1.png is in no split",
    ),
    "three photos": ({"test_pairs": ["from,to", f"{A},anna_3.png"]}, {}, "line 2: expected 2 fields as in"),
    "an empty file of pairs": ({"test_pairs": [""]}, {}, "test_pairs.txt, line 1: expected the header"),
    "an empty list": ({"test_list": [""]}, {}, "test_list.txt: no photo in it; expected one a line"),
    "folders that are not there": (
        {"test_pairs": ["from,to", A]},
        {"splits": "folders"},
        "--splits=folders: expected folders of photos train/ and test/; there are none",
    ),
    "a list and folders": ({"test_list": of("ben")}, {"splits": "folders"}, "both define the splits"),
    "pairs of dealt people": ({"test_pairs": ["from,to", A]}, {"splits": "dealt"}, "need splits that stay"),
    "a share of a list": ({"test_list": of("ben")}, {"test_share": 0.5}, "--test_share 0.5: deals"),
    "a seed of a list": ({"test_list": of("ben")}, {"seed": 1}, "--seed 1: deals people to splits"),
    "an unknown way": ({}, {"splits": "given"}, "--splits given: expected one of folders, dealt"),
    "everybody in one list": (
        {"test_list": of("anna", "ben", "carl", "dora")},
        {},
        "no photo of the split train is used",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_stops_the_build(flat, tmp_path, fault):
    texts, options, message = FAULTS[fault]
    given = {option: flat.text(f"../{option}.txt", *lines) for option, lines in texts.items()}
    with pytest.raises(InputError, match=message):
        flat.build(**given, **options)
    assert not data.is_built(NAME, tmp_path / "built")


def test_two_lists_that_could_be_meant(flat):
    for name in ("a-pairs-test.csv", "b-pairs-test.csv"):
        flat.text(name, "from,to", A)
    with pytest.raises(InputError, match=r"a-pairs-test\.csv and .*: say with --test_pairs which"):
        flat.build()
    assert flat.build(test_pairs=str(flat.raw / "a-pairs-test.csv"))["test"] == of("anna")


def test_lists_that_are_not_there(flat, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.lst: no such list of photos"):
        flat.build(test_list=str(tmp_path / "none.lst"))
    with pytest.raises(InputError, match="is a folder; expected a text file"):
        flat.build(test_list=str(tmp_path))


def test_a_data_set_of_before_is_found(flat, tmp_path):
    """Its options are those that there were; what is new had its default."""
    flat.build(seed=0)
    (path,) = (tmp_path / "built").rglob("metadata.json")
    metadata = json.loads(path.read_text())
    new = {"splits", "persons", "train_list", "test_list", "train_pairs", "test_pairs"}
    metadata["options"] = {k: v for k, v in metadata["options"].items() if k not in new}
    del metadata["layout"]
    path.write_text(json.dumps(metadata))
    flat.build()
    flat.build(seed=0, test_share=0.2)
    with pytest.raises(InputError, match="is built already, with splits None, not folders"):
        flat.build(splits="folders")
