"""The command as a user runs it: exit codes, one line on each stream where it counts."""

import json
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from PIL import Image

from pgjax.data import store
from pgjax.tools import cli
from pgjax.tools import prepare as tool

ARCHIVE = "Market-1501-v15.09.15"
COUNTS = {
    "images": {"train": 12_936, "test": 19_732, "query": 3_368},
    "identities": {"train": 751, "test": 750, "query": 750},
    "train_pairs": 263_632,
    "test_pairs": 12_000,
}


def prepare(*arguments):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", "pgjax.tools.prepare", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def _told(stderr):
    """Its lines, but for those that announce what takes a while."""
    return [line for line in stderr.splitlines() if not line.endswith(" ...")]


@pytest.fixture
def inside(capsys):
    """The same in this process, which is quicker."""

    def run(*arguments):
        code = 0
        try:
            cli.run(tool.main, [str(argument) for argument in arguments])
        except SystemExit as ended:
            code = ended.code
        out, err = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, code, out, err)

    return run


@pytest.fixture(scope="module")
def slice_of_market(shared, tmp_path_factory):
    """The first images of the real data set, as a zip in the official layout."""
    source = shared / "data/market1501"
    raw = tmp_path_factory.mktemp("raw")
    with (
        zipfile.ZipFile(source / f"{ARCHIVE}.zip") as archive,
        zipfile.ZipFile(raw / f"{ARCHIVE}.zip", "w") as small,
    ):
        for split, folder in (("train", "bounding_box_train"), ("test", "bounding_box_test")):
            lines = (source / f"market-annotation-{split}.csv").read_text().splitlines()
            # Everyone seen in the first 60 lines, and all their images.
            people = {line.split("_")[0] for line in lines[1:60]} - {"-1", "0000"}
            lines = [lines[0], *(line for line in lines if line.split("_")[0] in people)]
            (raw / f"market-annotation-{split}.csv").write_text("\n".join(lines) + "\n")
            for line in lines[1:]:
                name = f"{ARCHIVE}/{folder}/{line.split(':')[0]}"
                small.writestr(name, archive.read(name))
        name = next(name for name in archive.namelist() if "/query/0" in name)
        small.writestr(name, archive.read(name))
    return raw


def test_builds_and_ends_with_one_line_of_json(slice_of_market, tmp_path):
    built = prepare("market1501", "--raw", slice_of_market, "--data_dir", tmp_path)
    assert built.returncode == 0, built.stderr
    counts = json.loads(built.stdout)
    assert built.stdout.count("\n") == 1
    lines = (slice_of_market / "market-annotation-train.csv").read_text().splitlines()[1:]
    assert counts["images"]["train"] == len(lines)
    assert counts["images"]["query"] == counts["identities"]["query"] == 1
    assert counts["identities"]["train"] == len({line.split("_")[0] for line in lines})
    assert counts["train_pairs"] > 100
    assert 100 < counts["test_pairs"] <= 12_000

    again = prepare("market1501", "--raw", slice_of_market, "--data_dir", tmp_path)
    assert again.returncode == 0
    assert again.stdout == built.stdout
    assert "is built already; remove it to build it anew" in again.stderr


def test_deepfashion_says_what_it_left_out(shared, tmp_path):
    built = prepare("deepfashion", "--raw", shared / "data/deepfashion", "--data_dir", tmp_path)
    assert built.returncode == 0, built.stderr
    assert json.loads(built.stdout) == {
        "images": {"test": 249},
        "identities": {"test": 120},
        "train_pairs": 0,
        "test_pairs": 278,
    }
    assert "excluded test photos: 3789 no file" in built.stderr
    assert (
        "excluded test pairs: 7422 neither photo, 435 no source photo, 435 no target photo"
        in built.stderr
    )


def test_ones_own_photos_at_any_size(tmp_path):
    random = np.random.default_rng(0)
    lines = ["name:keypoints_y:keypoints_x"]
    for who in ("anna", "ben", "carl"):
        (tmp_path / "raw" / who).mkdir(parents=True)
        for name in ("1.png", "2.png"):
            pixels = random.integers(0, 256, (90, 70, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "raw" / who / name)
            y, x = random.integers(0, 90, 18).tolist(), random.integers(0, 70, 18).tolist()
            lines.append(f"{who}/{name}: {y}: {x}")
    (tmp_path / "points.csv").write_text("\n".join(lines) + "\n")
    arguments = ("custom", "--raw", tmp_path / "raw", "--data_dir", tmp_path / "built")
    arguments += ("--size", "64x32", "--keypoints", tmp_path / "points.csv")
    built = prepare(*arguments, "--fit", "stretch", "--seed", "1")
    assert built.returncode == 0, built.stderr
    assert json.loads(built.stdout) == {
        "images": {"train": 4, "test": 2},
        "identities": {"train": 2, "test": 1},
        "train_pairs": 4,
        "test_pairs": 2,
    }
    assert "WARNING" not in built.stderr
    assert "(DATASET of a row: custom_64x32)" in built.stderr
    other = prepare(*arguments, "--seed", "2")
    assert other.returncode == 2
    assert other.stderr.splitlines()[-1].endswith("with seed 1, not 2; remove it to build it anew")


@pytest.mark.slow
def test_the_whole_of_market1501(shared, tmp_path):
    built = prepare("market1501", "--raw", shared / "data/market1501", "--data_dir", tmp_path)
    assert built.returncode == 0, built.stderr
    assert json.loads(built.stdout) == COUNTS


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("market1501", "--raw", "{empty}"),
            "empty: no such folder, or an empty one. Expected Market-1501-v15",
        ),
        (("market1501", "--raw", "{broken}"), "Market-1501-v15.09.15.zip: a truncated or damaged"),
        (
            ("market1501", "--raw", "{empty}/no"),
            "no: no such folder, or an empty one. Expected Market-1501-v15",
        ),
        (("market1501",), "say with --raw where they are"),
        (("deepfashion", "--raw", "{cut}"), "img.zip: a truncated or damaged zip"),
        (("market", "--raw", "{empty}"), "unknown data set 'market'; there are market1501"),
        (("market1501", "--rwa", "{empty}"), "unrecognized arguments: --rwa"),
        ((), "the following arguments are required: dataset"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(tmp_path, arguments, message):
    folders = {name: tmp_path / name for name in ("empty", "broken", "cut")}
    for folder in folders.values():
        folder.mkdir()
    (folders["broken"] / f"{ARCHIVE}.zip").write_bytes(b"PK\x03\x04 and no more")
    (folders["cut"] / "img.zip").write_bytes(b"PK\x03\x04 and no more")
    arguments = [argument.format(**folders) for argument in arguments]
    ended = prepare(*arguments, "--data_dir", tmp_path / "built")
    assert ended.returncode == 2
    assert ended.stdout == ""
    (line,) = _told(ended.stderr)
    assert line.startswith("error: ")
    assert message in line


def test_help():
    ended = prepare("--help")
    assert ended.returncode == 0
    assert "--raw DIR" in ended.stdout
    assert ended.stderr == ""


def test_case_of_train_and_test_folders(shared, tmp_path):
    raw = shared / "cases/02_train_test_folders/raw"
    built = prepare("custom", "--raw", raw, "--data_dir", tmp_path, "--size", "128x64")
    assert built.returncode == 0, built.stderr
    assert json.loads(built.stdout) == {
        "images": {"train": 6, "test": 4},
        "identities": {"train": 3, "test": 2},
        "train_pairs": 6,
        "test_pairs": 4,
    }
    table = [line.split() for line in _told(built.stderr)]
    assert table[:4] == [
        [f"{raw}:", "splits:", "from", "folders"],
        ["split", "people", "photos", "person", "from", "example"],
        ["train", "3", "6", "name", "before", '"_"', "train/p1_1.png", "is", "p1"],
        ["test", "2", "4", "name", "before", '"_"', "test/p4_1.png", "is", "p4"],
    ]
    found = {
        split: store.load_split("custom_128x64", split, tmp_path) for split in ("train", "test")
    }
    assert set(found["train"].identities) == {"p1", "p2", "p3"}
    assert set(found["test"].identities) == {"p4", "p5"}
    for split in found.values():
        for pair in store.train_pairs(split, "deformable"):
            assert len(set(split.identities[pair])) == 1
    again = prepare("custom", "--raw", raw, "--data_dir", tmp_path, "--size", "128x64")
    assert again.stdout == built.stdout
    assert "train/p1_1.png is p1" in again.stderr


def test_case_of_photos_in_a_subfolder(shared, inside, tmp_path):
    raw = shared / "cases/03_photos_in_subfolder/raw"
    built = inside("custom", "--raw", raw, "--data_dir", tmp_path, "--size", "128x64")
    assert built.returncode == 0, built.stderr
    assert json.loads(built.stdout)["identities"] == {"train": 1, "test": 1}
    people = {
        who
        for split in ("train", "test")
        for who in store.load_split("custom_128x64", split, tmp_path).identities
    }
    assert people == {"anna", "ben"}


def test_case_of_patns_split_under_siarohins_names(shared, inside, tmp_path):
    raw = shared / "cases/10_gfla_split_called_siarohin/raw"
    built = inside("deepfashion", "--raw", raw, "--data_dir", tmp_path)
    assert built.returncode == 0, built.stderr
    assert "annotations of the split 'patn'" in built.stderr
    assert "siarohin" not in built.stderr.replace(str(raw), "")
    assert "yadi.sk" not in built.stderr
    assert json.loads(built.stdout)["test_pairs"] == 1


@pytest.mark.parametrize("name", ["deepfashion", "deepfashion_256x176"])
def test_case_of_stretched_photos(shared, inside, tmp_path, name):
    raw = shared / "cases/11_stretched_deepfashion/raw"
    built = prepare(name, "--raw", raw, "--data_dir", tmp_path)
    assert built.returncode == 0, built.stderr
    assert "stretched to 256 x 256" in built.stderr
    lines = (raw / "fasion-resize-annotation-test.csv").read_text().splitlines()[1:]
    _, y, x = lines[0].split(":")
    y, x = np.array(json.loads(y)), np.array(json.loads(x))
    split = store.load_split(name, "test", tmp_path)
    expected = (x + 0.5) * 256 / 176 - 0.5 if name == "deepfashion" else x
    np.testing.assert_allclose(split.store.keypoints[0], np.stack([y, expected], 1), atol=1e-3)
    # The figure is a box: its joints lie as far from its sides as in the photo.
    brown = (split.store.images[0] < 150).all(axis=-1).any(axis=0)
    left, right = np.flatnonzero(brown)[[0, -1]]
    scale = 256 / 176 if name == "deepfashion" else 1
    assert abs(x.min() - (left + 0.5) / scale - 5) < 2
    assert abs((right + 0.5) / scale - x.max() - 16) < 2


REFUSED = {
    "somebody in both": (
        ["train/a_1.png", "test/a_2.png", "test/b_1.png"],
        (),
        "people in training and test both: 1, such as a",
    ),
    "cameras": (
        ["c1/a_1.png", "c1/b_1.png", "c2/a_2.png", "c2/b_2.png"],
        (),
        "Say --persons=folder or --persons=name",
    ),
    "no such list": (["a_1.png", "b_1.png"], ("--test_list", "{raw}/no"), "no such list of photos"),
    "a regular expression": (["a_1.png", "b_1.png"], ("--persons", "(("), "no regular expression"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_is_ambiguous_is_one_line(inside, tmp_path, fault):
    paths, options, message = REFUSED[fault]
    raw = _photos(tmp_path / "raw", paths)
    options = [option.format(raw=raw) for option in options]
    ended = inside("custom", "--raw", raw, "--data_dir", tmp_path / "built", *options)
    assert ended.returncode == 2
    assert ended.stdout == ""
    (line,) = _told(ended.stderr)
    assert message in line
    assert not list((tmp_path / "built").rglob("*array_record*"))


def _photos(raw, paths):
    lines = ["name:keypoints_y:keypoints_x"]
    for path in paths:
        (raw / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 60), (90, 90, 90)).save(raw / path)
        lines.append(f"{path}: {list(range(10, 46, 2))}: {list(range(5, 23))}")
    (raw / "keypoints.csv").write_text("\n".join(lines) + "\n")
    return raw


def test_a_split_without_a_pair_is_told(inside, tmp_path):
    raw = _photos(
        tmp_path / "raw", ["train/a_1.png", "train/b_1.png", "test/c_1.png", "test/c_2.png"]
    )
    built = inside("custom", "--raw", raw, "--data_dir", tmp_path / "built", "--size=64x32")
    assert built.returncode == 0, built.stderr
    assert "with one photo, so in no pair: a, b" in built.stderr
    assert "warning: no train pair: expected two photos of one person" in built.stderr
    assert "no test pair" not in built.stderr


def test_options_settle_it(inside, tmp_path):
    raw = _photos(tmp_path / "raw", ["c1/a_1.png", "c1/b_1.png", "c2/a_2.png", "c2/b_2.png"])
    (tmp_path / "mine.csv").write_text("from,to\nb_1,b_2\n")
    options = ("--persons=name", f"--test_pairs={tmp_path / 'mine.csv'}", "--size=64x32")
    built = inside("custom", "--raw", raw, "--data_dir", tmp_path / "built", *options)
    assert built.returncode == 0, built.stderr
    assert json.loads(built.stdout) == {
        "images": {"train": 2, "test": 2},
        "identities": {"train": 1, "test": 1},
        "train_pairs": 2,
        "test_pairs": 1,
    }
    other = inside("custom", "--raw", raw, "--data_dir", tmp_path / "built", "--size=64x32",
                    "--persons=folder")  # fmt: skip
    assert other.returncode == 2
    assert "with persons name, not folder; remove it to build it anew" in other.stderr


def test_folders_of_splits_that_were_taken_for_people_are_told(inside, tmp_path):
    """As versions before did: the data set is found, and a line says what it is."""
    raw = _photos(tmp_path / "raw", ["Test/1.png", "Test/2.png", "Train/1.png", "Train/2.png"])
    arguments = ("custom", "--raw", raw, "--data_dir", tmp_path / "built", "--size=64x32")
    assert inside(*arguments, "--persons=([A-Z]\\w+)/", "--splits=dealt").returncode == 0
    (path,) = (tmp_path / "built").rglob("metadata.json")
    metadata = json.loads(path.read_text())
    del metadata["layout"]
    path.write_text(json.dumps(metadata))
    again = inside(*arguments)
    assert again.returncode == 0
    assert "warning: its people are called Test, Train: folders of splits, perhaps" in again.stderr
