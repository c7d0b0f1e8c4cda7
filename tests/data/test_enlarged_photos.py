"""Real photos of DeepFashion, enlarged to the form of img_highres.zip: from the raw folder to scores."""

import csv
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import places
from expected_metrics import expected
from pgjax import data
from pgjax.data import annotations, fashion_files, store
from pgjax.images import fashion_names
from pgjax.metrics import chunks
from pgjax.metrics.later_protocols import LATER
from pgjax.scoring.picture_judging import judge

CROP = "deepfashion_256x176"


def notes_with(builder, text):
    return [note for note in builder.info.metadata["notes"] if text in note]


@pytest.fixture(scope="module")
def enlarged(shared, tmp_path_factory):
    """The photos at hand, as img_highres.zip has them, with the published list and pairs: raw, and built."""
    folder, tmp_path = shared / "data/deepfashion", tmp_path_factory.mktemp("enlarged")
    raw = tmp_path / "raw"
    poses = annotations.read_annotations(folder / "fasion-resize-annotation-test.csv")
    photos = sorted((folder / "images").glob("*.png"))
    for path in photos:
        place = raw / fashion_names.parse(path.name).path().replace("img/", "img_highres/", 1)
        place.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(path) as image:
            crop = image.convert("RGB").crop((40, 0, 216, 256))
        crop.resize((750, 1101), Image.BICUBIC).save(place, quality=90)
    for kind in ("annotation", "pairs"):
        name = f"fasion-resize-{kind}-test.csv"
        (raw / name).symlink_to(folder / name)
    (raw / "test.lst").write_text("\n".join(poses.names) + "\n")
    return raw, data.build(CROP, tmp_path / "built", raw)


def test_published_test_photos_enlarged(shared, enlarged):
    folder, (raw, builder) = shared / "data/deepfashion", enlarged
    built = raw.parent / "built"
    poses = annotations.read_annotations(folder / "fasion-resize-annotation-test.csv")
    listed = fashion_files.read_list(raw / "test.lst")
    assert len(listed.names) == 4_038
    assert len(annotations.read_pairs(raw / "fasion-resize-pairs-test.csv", poses.names)) == 8_570

    assert builder.info.metadata["excluded"] == {
        "test photos": {"no file": 3_789},
        "test pairs": {"neither photo": 7_422, "no source photo": 435, "no target photo": 435},
    }
    assert notes_with(builder, "test.lst: 3789 of 4038 names have no file: ")
    assert notes_with(
        builder, "test: 249 photos resized to 256 x 176 by pil_bicubic: 249 of 1101 x 750"
    )
    split = store.load_split(CROP, "test", built)
    assert len(store.test_pairs(CROP, split, built)) == 278
    # There and back: nearly the photo of img.zip, and the joints of the file moved by the band.
    off = []
    for name, image in zip(split.names, split.store.images, strict=True):
        with Image.open(folder / "images" / name.replace(".jpg", ".png")) as small:
            off.append(np.abs(np.asarray(small.convert("RGB"), int)[:, 40:216] - image).mean())
    assert np.mean(off) < 3
    assert np.max(off) < 8
    where = {name: i for i, name in enumerate(poses.names)}
    chosen = [where[name] for name in split.names]
    both = split.store.visible & poses.visible[chosen]
    np.testing.assert_array_equal(
        split.store.keypoints[both], poses.keypoints[chosen][both] - (0, 40)
    )
    assert both.sum() > 3_000


@pytest.mark.slow
@pytest.mark.parametrize("protocol", [protocol.name for protocol in LATER])
def test_enlarged_photos_are_judged_under_later_protocols(enlarged, protocol, monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK", 2)  # as many as there are
    built = str(enlarged[0].parent / "built")
    scores = judge(CROP, built, protocol=protocol, limit=2)["scores"]["source"]
    split = store.load_split(CROP, "test", built)
    shown = []
    for source, target in store.test_pairs(CROP, split, built)[:2]:
        both = [split.store.images[i] for i in (source, target)]
        if protocol == "dptn":
            white = {"mode": "constant", "constant_values": 255}
            both = [np.pad(image, ((0, 0), (40, 40), (0, 0)), **white) for image in both]
        shown.append(both)
    assert len(scores) == 4
    for name, score in scores.items():
        found = np.mean([expected(name, *both, None) for both in shown])
        assert score == pytest.approx(found, abs=2e-4), name


@pytest.fixture
def both_splits(shared, enlarged, tmp_path):
    """The enlarged photos with a made-up list of training photos: those of half of the outfits."""
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "img_highres").symlink_to(enlarged[0] / "img_highres")
    folder = shared / "data/deepfashion"
    there = {f"{path.stem}.jpg" for path in (folder / "images").glob("*.png")}
    outfits = sorted({fashion_names.identity(name) for name in there})
    training = {name for name in there if fashion_names.identity(name) in outfits[::2]}
    splits = {"train": training, "test": there - training}
    with (folder / "fasion-resize-annotation-test.csv").open() as file:
        head, *lines = file.read().splitlines()
    with (folder / "fasion-resize-pairs-test.csv").open() as file:
        listed = [(row["from"], row["to"]) for row in csv.DictReader(file)]
    for split, names in splits.items():
        mine = [line for line in lines if line.partition(":")[0] in names]
        (raw / f"{split}.lst").write_text("\n".join(line.partition(":")[0] for line in mine) + "\n")
        (raw / f"fasion-resize-annotation-{split}.csv").write_text("\n".join([head, *mine]) + "\n")
        rows = ["from,to", *(",".join(pair) for pair in listed if names.issuperset(pair))]
        (raw / f"fasion-resize-pairs-{split}.csv").write_text("\n".join(rows) + "\n")
    return raw


@pytest.mark.long
def test_enlarged_photos_from_the_raw_folder_to_scores(both_splits, tmp_path):
    """Prepared, trained on for two steps, drawn, and judged under protocols of both kinds."""

    def pgjax(*words):
        command = [sys.executable, "-m", "pgjax", *words]
        options = {"capture_output": True, "text": True, "env": places.environment()}
        done = subprocess.run(command, cwd=tmp_path, **options)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    pgjax("prepare", CROP, f"--raw={both_splits}")
    few = [f"--config.networks.{name}.options.features=2" for name in ("g", "d")]
    few += ["--config.stages.stage1.steps=2", "--config.batch_size=2"]
    few += ["--config.report.score_pairs=2", "--config.report.sample_pairs=2"]
    pgjax("train", f"--config=deformable:{CROP}/dsc", "--workdir=run", *few)
    pgjax("examples", CROP, "--out=examples")
    given = ["--source=examples/source.png", "--source_pose=examples/source_keypoints.json"]
    given += ["--target_pose=examples/target_keypoints.json", "--out=result.png"]
    assert pgjax("generate", "--model=run/export", *given) == "result.png\n"
    with Image.open(tmp_path / "result.png") as image:
        assert image.size == (176, 256)
    judged = ["--limit=2", "--metrics=pixel", "--save_images"]
    protocols = ("pgjax", "cfld")
    pgjax("evaluate", "--workdir=run", f"--protocol={','.join(protocols)}", *judged)
    for protocol in protocols:
        result = json.loads((tmp_path / "run" / f"metrics_{protocol}.json").read_text())
        assert (result["pairs"], result["protocol"]["name"]) == (2, protocol)
        assert np.isfinite(list(result["scores"]["model"].values())).all()
