"""Building Market-1501 from zip and folder, and each fault in its files."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from PIL import Image

from pgjax import data
from pgjax.data import store
from pgjax.errors import InputError
from pgjax.tools import prepare

TRAIN = "bounding_box_train"
PHOTO = "0002_c2s1_000776_01.jpg"


@pytest.fixture
def build(market, tmp_path):
    return lambda raw=market.raw: data.build("market1501", tmp_path / "built", raw)


@pytest.mark.parametrize("form", ["zip", "folder", "folder itself"])
def test_built_records_are_the_files(market, build, tmp_path, form):
    if form == "folder itself":
        for path in (market.train_csv, market.test_csv):
            path.rename(market.unpacked / path.name)
    files = {path.name: path.read_bytes() for path in market.unpacked.rglob("*.jpg")}
    if form == "zip":
        market.pack()
    builder = build(market.unpacked if form == "folder itself" else market.raw)
    assert {name: split.num_examples for name, split in builder.info.splits.items()} == {
        "train": 5,
        "test": 4,
        "query": 1,
    }
    sources = builder.as_data_source()
    assert [record["order"] for record in sources["train"]] == list(range(5))
    for split, folder in (("train", TRAIN), ("test", "bounding_box_test"), ("query", "query")):
        names = tuple(record["name"].decode() for record in sources[split])
        assert names == market.names[folder]
        for record in sources[split]:
            name = record["name"].decode()
            pixels = np.asarray(Image.open(io.BytesIO(files[name])))
            np.testing.assert_array_equal(record["image"], pixels)
            assert record["identity"].decode() == name.split("_")[0]
            assert not record["visible"][0]
            assert record["visible"][1:].all() == (split != "query")
    line = market.train_csv if form != "folder itself" else market.unpacked / market.train_csv.name
    y = line.read_text().splitlines()[1].split(":")[1]
    expected = np.array(y.strip(" []").split(","), np.float32)
    np.testing.assert_array_equal(sources["train"][0]["keypoints"][1:, 0], expected[1:])


def test_the_published_pairs_are_kept(market, build, tmp_path):
    build()
    market.pairs_csv.unlink()
    split = store.load_split("market1501", "test", tmp_path / "built")
    np.testing.assert_array_equal(
        store.test_pairs("market1501", split, tmp_path / "built"), [[3, 1]]
    )


def test_lists_that_call_photos_otherwise(market, build, tmp_path):
    def written_again(path, separator):
        header, *lines = path.read_text().splitlines()
        rows = [f"{i}{separator}bounding_box\\{line}\n" for i, line in enumerate(lines)]
        path.write_text("\n".join((f"{separator}{header}", *rows)))

    photo = market.photo("bounding_box_test", market.names["bounding_box_test"][0])
    photo.rename(photo.with_name(f"{photo.name}.jpg"))
    written_again(market.test_csv, ":")
    written_again(market.pairs_csv, ",")
    source = build().as_data_source("test")
    names = [record["name"].decode() for record in source]
    assert names == [f"{photo.name}.jpg", *market.names["bounding_box_test"][1:]]
    assert [record["identity"].decode() for record in source] == [n.split("_")[0] for n in names]
    split = store.load_split("market1501", "test", tmp_path / "built")
    np.testing.assert_array_equal(
        store.test_pairs("market1501", split, tmp_path / "built"), [[3, 1]]
    )


def test_a_photo_that_is_annotated_twice_is_told(market, build):
    header, first, *lines = market.test_csv.read_text().splitlines()
    market.test_csv.write_text("\n".join((header, first, *lines, f"test/{first}")))
    name = first.split(":")[0]
    with pytest.raises(InputError, match=f"images {name} and test/{name} are both {name}"):
        build()


def truncate(path, keep):
    path.write_bytes(path.read_bytes()[:keep])


def damage_a_member(market):
    market.pack()
    with zipfile.ZipFile(market.zip_file) as archive:
        offset = archive.getinfo(f"Market-1501-v15.09.15/{TRAIN}/{PHOTO}").header_offset
    content = bytearray(market.zip_file.read_bytes())
    content[offset + 2000] ^= 255
    market.zip_file.write_bytes(content)


def truncate_zip(market):
    market.pack()
    truncate(market.zip_file, market.zip_file.stat().st_size // 2)


FAULTS = {
    "truncated zip": (truncate_zip, "Market-1501-v15.09.15.zip: a truncated or damaged zip"),
    "damaged member": (damage_a_member, f"{PHOTO}: a truncated or damaged zip .*Bad CRC-32"),
    "wrong size": (
        lambda m: m.write_photo(TRAIN, PHOTO, size=(64, 128)),
        f"{TRAIN}/{PHOTO}: expected an image 128 high and 64 wide, mode RGB; "
        "found 64 high and 128 wide",
    ),
    "grey": (lambda m: m.write_photo(TRAIN, PHOTO, mode="L"), f"{PHOTO}: .*found .* mode L"),
    "not a JPEG": (
        lambda m: m.write_photo(TRAIN, PHOTO, form="PNG"),
        f"{PHOTO}: not a JPEG file",
    ),
    "truncated JPEG": (
        lambda m: truncate(m.photo(TRAIN, PHOTO), 2000),
        f"{PHOTO}: a damaged JPEG file .*truncated",
    ),
    "image without annotation": (
        lambda m: m.write_photo(TRAIN, "0009_c1s1_000001_00.jpg"),
        f"image .*{TRAIN}/0009_c1s1_000001_00.jpg has no line in .*market-annotation-train.csv",
    ),
    "annotation without image": (
        lambda m: m.photo(TRAIN, PHOTO).unlink(),
        f"market-annotation-train.csv: image {PHOTO} is annotated but not among the 4 photos",
    ),
    "17 joints": (
        lambda m: m.replace(m.test_csv, "[-1, ", "["),
        "market-annotation-test.csv, line 2: 17 y coordinates, expected 18",
    ),
    "joint outside the image": (
        lambda m: m.replace(m.train_csv, "[-1, ", "[128, "),
        "market-annotation-train.csv: image 0007_c1s1_000001_01.jpg has joints as far as y 128",
    ),
    "unknown image in a pair": (
        lambda m: m.replace(m.pairs_csv, "0003_c1", "0004_c1"),
        "market-pairs-test.csv, line 2: unknown image 0004_c1s1_000151_01.jpg",
    ),
    "no test photos": (
        lambda m: shutil.rmtree(m.unpacked / "bounding_box_test"),
        "raw: no JPEG files of the split test; expected them in a folder bounding_box_test or test",
    ),
    "annotations twice": (
        lambda m: shutil.copy(m.test_csv, m.unpacked / m.test_csv.name),
        "raw/market-annotation-test.csv: also in .*; leave one of them",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_first_fault_stops_the_build(market, build, tmp_path, fault):
    spoil, message = FAULTS[fault]
    spoil(market)
    with pytest.raises(ValueError, match=message):
        build()
    assert not data.is_built("market1501", tmp_path / "built")
    assert not list((tmp_path / "built").rglob("*array_record*"))


def test_missing_files_say_what_is_expected(market, build):
    with pytest.raises(
        FileNotFoundError, match=r"nowhere: no such folder, or an empty one\. Expected Market"
    ):
        build(market.raw / "nowhere")
    market.train_csv.unlink()
    with pytest.raises(FileNotFoundError, match=r"market-annotation-train\.csv: no such file"):
        build()
    shutil.rmtree(market.unpacked)
    with pytest.raises(FileNotFoundError, match=r"expected Market-1501-v15\.09\.15\.zip or its"):
        build()
    with pytest.raises(ValueError, match="say with --raw"):
        build(None)


BUILD_AND_DIE = """
import os, signal, sys
from pgjax import data
from pgjax.data import records
check, count = records.check_image, iter(range(100))
def dying(*args):
    check(*args)
    if next(count) == 6:
        os.kill(os.getpid(), signal.SIGKILL)
records.check_image = dying
data.build("market1501", sys.argv[1], sys.argv[2])
"""


def test_a_killed_build_leaves_nothing_that_counts(market, build, tmp_path):
    command = [sys.executable, "-c", BUILD_AND_DIE, str(tmp_path / "built"), str(market.raw)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    killed = subprocess.run(command, env=environment, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    place = data.path("market1501", tmp_path / "built")
    assert len(list(place.parent.glob("incomplete.*"))) == 1
    assert not data.is_built("market1501", tmp_path / "built")
    with pytest.raises(FileNotFoundError, match="build it with: pgjax prepare market1501"):
        data.load("market1501", tmp_path / "built")

    build()
    assert not list(place.parent.glob("incomplete.*"))
    assert len(store.load_split("market1501", "train", tmp_path / "built").names) == 5


def test_a_folder_that_is_not_whole_is_not_taken_for_built(market, build, tmp_path):
    data.path("market1501", tmp_path / "built").mkdir(parents=True)
    with pytest.raises(ValueError, match="not a complete data set; remove it"):
        build()


def test_a_built_data_set_is_not_built_again(market, build):
    build()
    market.train_csv.unlink()
    assert build().info.splits["train"].num_examples == 5


@pytest.mark.parametrize("form", ["zip", "folder", "linked"])
def test_what_systems_leave_behind_is_nothing(market, build, tmp_path, form):
    junk = [f"._{PHOTO}", f".ipynb_checkpoints/{PHOTO}", f"@eaDir/{PHOTO}/THUMB.jpg", "desktop.ini"]
    for name in junk:
        path = market.unpacked / TRAIN / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\x00\x05\x16\x07")
    (market.unpacked / TRAIN / "overview.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    renamed = market.unpacked / "query" / market.names["query"][0]
    renamed.rename(renamed.with_suffix(".JPEG"))
    if form == "zip":
        deep = market.unpacked / "__MACOSX" / TRAIN / f"._{PHOTO}"
        deep.parent.mkdir(parents=True)
        deep.write_bytes(b"")
        market.pack()
    if form == "linked":
        market.unpacked.rename(tmp_path / "elsewhere")
        market.unpacked.mkdir()
        for folder in market.names:
            (market.unpacked / folder).symlink_to(tmp_path / "elsewhere" / folder)
    info = build().info
    assert {name: split.num_examples for name, split in info.splits.items()} == {
        "train": 5,
        "test": 4,
        "query": 1,
    }
    (note,) = info.metadata["notes"]
    assert note.startswith(f"{TRAIN}: 1 pictures are left out, such as overview.png")


def test_two_names_of_one_photo_are_told(market, build):
    photo = market.photo(TRAIN, PHOTO)
    photo.with_suffix(".JPG").write_bytes(photo.read_bytes())
    with pytest.raises(InputError, match=rf"{PHOTO[:-4]}.JPG has no line in"):
        build()


def test_files_of_a_mac(shared, tmp_path, capsys):
    for number, raw in enumerate(("market", "market_zip")):
        arguments = ["--raw", shared / "cases" / "05_mac_files" / raw]
        prepare.main(
            ["market1501", *map(str, arguments), "--data_dir", str(tmp_path / str(number))]
        )
        out = capsys.readouterr().out
        assert json.loads(out)["images"] == {"train": 2, "test": 2, "query": 1}


RENAMED = {TRAIN: "train", "bounding_box_test": "test"}


@pytest.mark.parametrize("wrapper", ["market_data", ".", "dataset/Market"])
@pytest.mark.parametrize("query", [True, False], ids=["query", "no query"])
def test_the_communitys_layout(market, build, tmp_path, wrapper, query):
    """PATN's, GFLA's and DPTN's: the official folders renamed to train and test, in any folder."""
    home = tmp_path / "theirs"
    (home / wrapper).mkdir(parents=True)
    for official, theirs in RENAMED.items():
        shutil.move(market.unpacked / official, home / wrapper / theirs)
    if query:
        shutil.move(market.unpacked / "query", home / wrapper / "query")
    for path in market.raw.glob("*.csv"):
        shutil.move(path, home / wrapper / path.name)
    info = build(home).info
    counts = {name: split.num_examples for name, split in info.splits.items()}
    assert counts == {"train": 5, "test": 4, **({"query": 1} if query else {})}
    assert any("there is no split query" in n for n in info.metadata["notes"]) is not query
    split = store.load_split("market1501", "test", tmp_path / "built")
    assert split.names == market.names["bounding_box_test"]
    pairs = store.test_pairs("market1501", split, tmp_path / "built")
    np.testing.assert_array_equal(pairs, [[3, 1]])


@pytest.mark.parametrize("name", ["Market.zip", "archive/market-1501.zip"])
def test_a_zip_of_any_name(market, build, name):
    market.pack()
    (market.raw / name).parent.mkdir(exist_ok=True)
    market.zip_file.rename(market.raw / name)
    assert build().info.splits["train"].num_examples == 5


def test_a_folder_for_each_person(market, build):
    """layumi's prepare.py: train_all beside train and val, query, gallery, and multi-query."""
    home = market.unpacked / "pytorch"
    seen = set()
    for official, folder in ((TRAIN, "train_all"), ("bounding_box_test", "gallery")):
        for name in market.names[official]:
            who = name.split("_")[0]
            copies = [folder]
            if folder == "train_all":
                copies.append("train" if who in seen else "val")
                seen.add(who)
            for copy in copies:
                (home / copy / who).mkdir(parents=True, exist_ok=True)
                shutil.copy(market.photo(official, name), home / copy / who / name)
        shutil.rmtree(market.unpacked / official)
    (home / "multi-query/0003").mkdir(parents=True)
    (query,) = market.names["query"]
    shutil.copy(market.photo("query", query), home / "multi-query/0003/0003_c1s1_000000_00.jpg")
    splits = build().info.splits
    assert {n: split.num_examples for n, split in splits.items()} == {
        "train": 5,
        "test": 4,
        "query": 1,
    }
