"""Anyone's images under a protocol: what comes out, and that results say what the documentation says."""

import hashlib
import json
import pathlib
import re

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import structural_similarity

import tiny
from expected_metrics import expected
from pgjax import data
from pgjax.errors import InputError
from pgjax.images.photo import read_photo
from pgjax.images.pixels import write_png
from pgjax.metrics import of_pixels, sets
from pgjax.metrics.protocols import PROTOCOLS
from pgjax.scoring import picture_judging, run_evaluation
from pgjax.training import loop
from tiny import SPLITS

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEST = SPLITS["test"]
TYPES = {
    "integer": int,
    "number": (int, float),
    "string": str,
    "boolean": bool,
    "list": list,
    "object": dict,
    "null": type(None),
}


@pytest.fixture(autouse=True)
def toy_data(monkeypatch):
    tiny.use_data(monkeypatch)


def pairs_of_test():
    return run_evaluation.choose_pairs("synthetic_people", TEST, "unused", None, None)[0]


def strips(folder, noise=20, wrong=False):
    """A strip a pair: source, target, and the target with some noise; returns what was generated."""
    rng, generated = np.random.default_rng(0), []
    photos = TEST.store.images
    for source, target in pairs_of_test():
        made = np.clip(photos[target] + rng.normal(0, noise, photos[target].shape), 0, 255)
        generated.append(made.astype(np.uint8))
        shown = photos[source if wrong else target]
        images = [photos[source], shown, generated[-1]]
        name = f"{TEST.names[source]}_{TEST.names[target]}.png"
        write_png(folder / name, np.concatenate(images, axis=1))
    return generated


def judge(folder, protocol="deformable", **options):
    return picture_judging.judge("synthetic_people", "unused", folder, protocol, **options)


def test_strips_score_as_scikit_image_says(tmp_path):
    generated = strips(tmp_path)
    result = judge(tmp_path)
    values = []
    for (_, target), made in zip(pairs_of_test(), generated, strict=True):
        wanted = TEST.store.images[target]
        spread = int(made.max()) - int(made.min())
        settings = {"gaussian_weights": True, "use_sample_covariance": False, "channel_axis": 2}
        values.append(structural_similarity(wanted, made, data_range=spread, **settings))
    found = result["scores"]["images"]
    assert set(found) == {"ssim_reference", "mask_ssim_reference", "l1"}
    np.testing.assert_allclose(found["ssim_reference"], np.mean(values), atol=1e-5)
    assert json.loads((tmp_path / "metrics.json").read_text()) == result
    assert result["images"]["strips_of_other_targets"] == 0
    assert judge(tmp_path)["scores"] == result["scores"]  # metrics.json is no picture
    limited = judge(tmp_path, limit=2, metrics=["ssim_reference"])
    np.testing.assert_allclose(
        limited["scores"]["images"]["ssim_reference"], np.mean(values[:2]), atol=1e-5
    )


def test_strips_of_other_targets_are_noticed(tmp_path, capsys):
    strips(tmp_path, wrong=True)
    result = judge(tmp_path)
    assert result["images"]["strips_of_other_targets"] == 6
    assert "the target panel of 6 of 6 strips is not the photo" in capsys.readouterr().err


def test_strips_in_another_order_are_noticed(tmp_path, capsys):
    strips(tmp_path)
    assert judge(tmp_path)["images"]["strips_of_no_result"] == 0
    assert "another order" not in capsys.readouterr().err
    for path in tmp_path.glob("*.png"):
        photos = np.split(read_photo(path), 3, axis=1)
        write_png(path, np.concatenate([photos[0], photos[2], photos[1]], axis=1))
    assert judge(tmp_path)["images"]["strips_of_no_result"] == 6
    assert "is the target itself in 6 of 6 strips; are the panels in" in capsys.readouterr().err
    for path in sorted(tmp_path.glob("*.png")):
        path.rename(path.with_stem(f"{path.stem}_all"))  # as GFLA calls strips of this order
    assert judge(tmp_path)["images"]["strips_of_no_result"] == 0
    assert "warning" not in capsys.readouterr().err


def test_a_folder_cannot_have_masked_inputs(tmp_path):
    strips(tmp_path)
    result = judge(tmp_path, "kurupathi", baselines=True, out=tmp_path / "of" / "them.json")
    assert "masked_input_ssim" not in result["scores"]["images"]
    assert "--workdir measures it" in result["not_measured"]["masked_input_ssim"]
    assert result["scores"]["source"]["masked_input_ssim"] < 1
    assert result["scores"]["real"]["masked_input_ssim"] == pytest.approx(1)
    assert (tmp_path / "of" / "them.json").is_file() and not (tmp_path / "metrics.json").exists()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_baselines_need_no_images(protocol):
    result = judge(None, protocol, metrics=["all"])
    assert set(result["scores"]) == {"source", "mean", "real"}
    photo, real = TEST.store.images[0], result["scores"]["real"]
    for name in of_pixels(real):
        perfect = expected(name, photo, photo, np.ones(photo.shape[:2]))
        assert real[name] == pytest.approx(perfect, abs=1e-6)
    text = run_evaluation.table(result)
    assert "real targets" in text and "not measured: " in text


def test_the_list_of_pairs_has_a_sum(tmp_path):
    pairs = [(TEST.names[a], TEST.names[b]) for a, b in pairs_of_test()]
    lines = "".join(f"{source},{target}\n" for source, target in pairs)
    assert judge(None)["pairs_sha256"] == hashlib.sha256(lines.encode()).hexdigest()
    (tmp_path / "pairs.csv").write_text("from,to\n" + lines)
    same = judge(None, pairs_file=str(tmp_path / "pairs.csv"))["pairs_sha256"]
    assert same == judge(None)["pairs_sha256"] != judge(None, limit=2)["pairs_sha256"]


def test_the_place_of_the_result_is_looked_at_first(tmp_path):
    with pytest.raises(InputError, match=r"--out: .* is a folder; expected the name of a file"):
        judge(None, out=tmp_path)
    (tmp_path / "metrics.json").mkdir()
    strips(tmp_path)
    with pytest.raises(InputError, match=r"--out: .*metrics\.json is a folder"):
        judge(tmp_path)


def test_metrics_that_cannot_be_measured_alone_are_a_fault():
    with pytest.raises(InputError, match="--metrics: fid, kid cannot be measured: fetch https://"):
        judge(None, "pgjax", metrics=["fid", "kid"])
    with pytest.raises(InputError, match="--metrics: missing"):
        judge(None, metrics=[])


def test_training_photos_that_a_metric_reads_are_counted(tmp_path, monkeypatch):
    class Extractor:
        what = "ones"

        def __call__(self, images, targets=None):
            return images[:, :2, 0, 0].astype(float), None

    strips(tmp_path)
    monkeypatch.setitem(sets.EXTRACTORS, "inception", lambda weights, **options: Extractor())
    count = len(SPLITS["train"].names)
    assert judge(tmp_path, "pgjax", metrics=["fid"])["counts"]["training_photos"] == count
    assert "training_photos" not in judge(tmp_path, "pgjax", metrics=["l1"])["counts"]


def test_pairs_of_a_file_and_its_faults(tmp_path):
    a, b, c = TEST.names[:3]
    (tmp_path / "pairs.csv").write_text(f"from,to\n{a},{b}\n{c},{a}\n")
    result = judge(None, "patn", pairs_file=str(tmp_path / "pairs.csv"))
    assert result["pairs"] == 2 and result["pairs_from"].endswith("pairs.csv")
    with pytest.raises(InputError, match="unknown 'dgan'"):
        judge(None, "dgan")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("run") / "run"
    config = tiny.generator_config()
    config.update(published={"ssim": 0.272, "mask_ssim": 0.796}, published_in="Table 1")
    config.report.keep_best = "ssim"
    with pytest.MonkeyPatch.context() as patch:
        tiny.use_data(patch)
        loop.train_and_evaluate(config, workdir, "unused")
        patch.setattr(run_evaluation, "SHOWN", 2)
        unasked = run_evaluation.evaluate_all(workdir, "unused")
        result = run_evaluation.evaluate(
            workdir, "unused", protocol="kurupathi", save_images=True, step=4
        )
    return workdir, result, unasked


@pytest.mark.slow
def test_a_run_is_scored_under_its_papers_protocol_unasked(run):
    workdir, _, (own, papers) = run
    assert (own["protocol"]["name"], papers["protocol"]["name"]) == ("pgjax", "deformable")
    for result in (own, papers):
        name = result["protocol"]["name"]
        assert json.loads((workdir / f"metrics_{name}.json").read_text()) == result
        text = run_evaluation.table(result)
        assert result["published"]["ssim_reference"] == 0.272 and text.count("0.272") == 1
        assert result["published_under"] == "deformable" and "ssim" not in result["published"]
    assert own["scores"]["model"]["ssim_reference"] == papers["scores"]["model"]["ssim_reference"]
    # At this size the project's masks are narrower than the paper's, and so not its metric.
    assert (own["mask_radius"], papers["mask_radius"]) == (2, 4)
    assert "mask_ssim_reference" not in own["published"]
    assert papers["published"]["mask_ssim_reference"] == 0.796
    metric = "mask_ssim_reference"
    assert own["scores"]["model"][metric] != papers["scores"]["model"][metric]


@pytest.mark.slow
def test_a_run_is_scored_on_masked_inputs(run):
    workdir, result, _ = run
    model = result["scores"]["model"]
    assert set(model) == {"ssim_reference", "masked_input_ssim", "l1"}
    assert json.loads((workdir / "metrics.json").read_text()) == result
    assert json.loads((workdir / "metrics_kurupathi.json").read_text()) == result
    own = json.loads((workdir / "metrics_pgjax.json").read_text())
    assert own["protocol"]["name"] == "pgjax" and own["mask_radius"] == 2
    assert model["ssim_reference"] == own["scores"]["model"]["ssim_reference"]
    assert model["masked_input_ssim"] != own["scores"]["model"]["mask_ssim_reference"]
    best = own["checkpoint"]["best"]  # of one that was scored
    assert (best["metric"], best["last_step"]) == ("ssim", 4)
    assert own["checkpoint"] | {"best": None} == result["checkpoint"]
    assert re.fullmatch("[0-9a-f]{64}", own["checkpoint"]["sha256"])


@pytest.mark.slow
def test_a_runs_saved_images_judge_as_the_run(run):
    """What a run writes and what judges folders agree, to the last bit."""
    workdir, result, _ = run
    (folder,) = (workdir / "generated").iterdir()
    judged = judge(folder, "kurupathi")["scores"]["images"]
    for name in ("ssim_reference", "l1"):
        assert judged[name] == result["scores"]["model"][name]


@pytest.mark.slow
def test_a_runs_images_go_through_the_files_of_the_protocol(run, tmp_path):
    workdir, *_ = run
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_evaluation, "SHOWN", 2)
        result = run_evaluation.evaluate(workdir, "unused", protocol="gfla", step=4)
    (folder,) = (workdir / "generated").iterdir()
    for path in folder.glob("*.png"):
        with Image.open(path) as image:
            image.save(tmp_path / f"{path.stem}.jpg", quality=75)
    scores = {name: result["scores"]["model"][name] for name in ("ssim_reference", "psnr")}
    as_jpeg, as_png = (judge(f, "gfla", out=tmp_path / "found.json") for f in (tmp_path, folder))
    for name, value in scores.items():
        assert as_jpeg["scores"]["images"][name] == value != as_png["scores"]["images"][name]


def documented():
    """Keys of docs/metrics_json.md: pattern -> types."""
    lines = (ROOT / "docs" / "metrics_json.md").read_text().splitlines()
    rows = (re.fullmatch(r"\| `([\w.*]+)` \| ([a-z ]+?) \| .*\|", line) for line in lines)
    return {row[1]: row[2].split(" or ") for row in rows if row}


def leaves(value, path=""):
    """Every value that is no dictionary, by its dotted key."""
    for key, inner in value.items():
        place = f"{path}.{key}" if path else key
        if isinstance(inner, dict):
            yield from leaves(inner, place)
        else:
            yield place, inner


@pytest.mark.slow
def test_results_have_the_documented_keys(run, tmp_path):
    strips(tmp_path)
    keys, seen = documented(), set()
    assert len(keys) > 40
    patterns = {k: re.compile(re.escape(k).replace(r"\*", r"[\w.-]+")) for k in keys}
    laid = (judge(None, name) for name in ("pcdms", "dptn"))  # resized; otherwise for networks
    for result in (run[1], run[2][0], judge(tmp_path, "patn"), judge(None, metrics=["all"]), *laid):
        for place, value in leaves(result):
            found = (
                [place] if place in keys else [k for k, p in patterns.items() if p.fullmatch(place)]
            )
            assert found, f"{place} is not documented"
            seen |= set(found)
            types = [TYPES[name] for name in keys[found[0]]]
            assert any(isinstance(value, t) for t in types), (place, value)
            assert not isinstance(value, bool) or bool in types, place
    assert set(keys) - seen == {"networks.*"}  # there is none here


def test_results_named_as_by_gfla_on_market(shared, tmp_path, monkeypatch):
    monkeypatch.undo()  # of the toy data set
    case = shared / "cases" / "09_judge_2_names"
    data.build("market1501", tmp_path, raw=shared / "cases" / "05_mac_files" / "market")
    result = picture_judging.judge(
        "market1501",
        str(tmp_path),
        case / "pictures",
        pairs_file=str(case / "pairs.csv"),
        metrics=["l1"],
        out=tmp_path / "found.json",
    )
    assert result["pairs"] == 1 and result["scores"]["images"]["l1"] == 0
