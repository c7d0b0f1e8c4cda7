"""The command as a user runs it: exit codes, one line on each stream where it counts."""

import json
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from PIL import Image

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
    (line,) = ended.stderr.splitlines()
    assert line.startswith("error: ")
    assert message in line


def test_help():
    ended = prepare("--help")
    assert ended.returncode == 0
    assert "--raw DIR" in ended.stdout
    assert ended.stderr == ""
