"""Every protocol's numbers against scikit-image's, on real photos and on noise."""

import dataclasses
import functools
import io
import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from PIL import Image

import places
import tiny
from expected_metrics import expected
from pgjax.errors import InputError
from pgjax.metrics import METRICS, SetMetric, of_pixels, protocols
from pgjax.metrics.comparison import Judge
from pgjax.metrics.protocols import PROTOCOLS
from pgjax.metrics.records import MASKED_INPUT, PLAIN, REFERENCE
from pgjax.pose import raster
from pgjax.pose.batch import Batch, Indices, fetch
from pgjax.scoring.scorer import Scorer, chosen


def mask_by_hand(protocol, batch):
    draw = {"person": raster.person_mask, "pose": raster.pose_mask}[protocol.mask.kind]
    if protocol.mask.of == "source":
        pose = batch.source_keypoints, batch.source_visible
    else:
        pose = batch.target_keypoints, batch.target_visible
    size = batch.target_image.shape[1:3]
    return np.asarray(draw(*pose, size, radius=protocol.mask.radius), np.uint8)


def check(protocol, batch, dataset="market1501", images=None):
    names = of_pixels(protocol.metrics)
    images = batch.source_image if images is None else images
    views = {PLAIN: images, MASKED_INPUT: images[:, ::-1]}
    found = Judge(protocol, dataset, names).compare(views, batch)
    assert set(found) == set(names)
    masks = mask_by_hand(protocol, batch)
    for name in names:
        shown = views[METRICS[name].view]
        for i, (a, b, mask) in enumerate(zip(shown, batch.target_image, masks, strict=True)):
            value = expected(name, a, b, mask)
            tolerance = 1e-4 * (127.5 if name == "l1_255" else 1)
            np.testing.assert_allclose(found[name][i], value, atol=tolerance, err_msg=name)


@functools.cache
def market(shared) -> Batch:
    """Five real pairs: all metrics of a copy of the source."""
    with np.load(shared / "golden" / "market1501_dev.npz") as arrays:
        names = arrays["names"][:5]
        poses = [arrays[f"{side}_keypoints"][:5] for side in ("source", "target")]
    with zipfile.ZipFile(next((shared / "data" / "market1501").glob("*.zip"))) as archive:
        entries = {entry.rsplit("/", 1)[-1]: entry for entry in archive.namelist()}
        read = [
            np.asarray(Image.open(io.BytesIO(archive.read(entries[str(name)]))))
            for name in names.ravel()
        ]
    images = np.stack(read).reshape(5, 2, 128, 64, 3)
    joints = [(p.astype(np.float32), (p >= 0).all(axis=-1)) for p in poses]
    return Batch(images[:, 0], images[:, 1], *joints[0], *joints[1])


@pytest.mark.parametrize("name", PROTOCOLS)
def test_numbers_of_real_photos_equal_scikit_image(shared, name):
    check(PROTOCOLS[name], market(shared))


def noise(pairs) -> Batch:
    """Pairs of photos of noise that does not reach from 0 to 255."""
    store = tiny.split(5, identities=4, photos=5).store
    dim = store._replace(
        images=store.images // 3 + np.arange(20, dtype=np.uint8)[:, None, None, None]
    )
    return fetch(dim, Indices(*pairs.T, np.zeros(len(pairs), bool)))


@pytest.mark.parametrize("name", ["pg2", "pgjax", "pdig"])
def test_numbers_of_noise_equal_scikit_image(name):
    check(protocols.for_height(PROTOCOLS[name], 64), noise(np.array([(0, 1), (5, 2), (3, 7)])))


def test_masks_are_of_the_pose_that_the_protocol_says():
    batch = tiny.batch(1, 4)
    masks = {name: mask_by_hand(protocol, batch) for name, protocol in PROTOCOLS.items()}
    assert (masks["pg2"] != masks["deformable"]).mean() > 0.05
    other = batch._replace(
        source_keypoints=batch.target_keypoints, source_visible=batch.target_visible
    )
    for name, moves in (("pg2", True), ("pdig", True), ("deformable", False), ("patn", False)):
        protocol = PROTOCOLS[name]
        metric = next(n for n in protocol.metrics if n.startswith("mask_ssim"))
        judge = Judge(protocol, "market1501", [metric])
        a, b = (judge.compare({PLAIN: batch.source_image}, x)[metric] for x in (batch, other))
        assert (a != b).any() == moves, name


@pytest.mark.slow
def test_patn_pads_deepfashion_with_white():
    """What getMetrics_fashion.py does: 176 columns, 40 white ones on either side, then SSIM."""
    rng = np.random.default_rng(0)
    target, generated = rng.integers(0, 256, (2, 2, 256, 256, 3), np.uint8)
    pose = np.zeros((2, 18, 2), np.float32), np.zeros((2, 18), bool)
    batch = Batch(generated, target, *pose, *pose)
    names = ["ssim_reference", "l1"]
    judge = Judge(PROTOCOLS["patn"], "deepfashion", names)
    whole = judge.compare({PLAIN: generated}, batch)
    cut = judge.compare({PLAIN: generated[:, :, 40:216]}, batch)
    plain = Judge(PROTOCOLS["deformable"], "deepfashion", names).compare({PLAIN: generated}, batch)

    def white(image):
        return np.pad(image[:, 40:216], ((0, 0), (40, 40), (0, 0)), constant_values=255)

    for i in range(2):
        a, b = white(generated[i]), white(target[i])
        for name in names:
            value = expected(name, a, b, None)
            np.testing.assert_allclose(whole[name][i], value, atol=1e-4)
        assert whole["ssim_reference"][i] > plain["ssim_reference"][i] + 0.1
    for name in names:
        np.testing.assert_array_equal(whole[name], cut[name])


def scores(batch_size, order):
    """Scores of a copy of the source for 20 pairs, given in batches of one size, in some order."""
    split = tiny.split(5, identities=4, photos=5)
    pairs = np.array([(i, (7 * i + 3) % 20) for i in range(20)], np.int32)[order]
    scorer = Scorer(protocols.for_height(protocols.OWN, 64), "x", split.store, pairs, "", NAMES)
    for start in range(0, len(pairs), batch_size):
        chunk = pairs[start : start + batch_size]
        batch = noise(chunk)
        scorer.add("source", {PLAIN: batch.source_image}, batch)
    return scorer.scores()["source"]


NAMES = chosen(protocols.OWN, ["pixel"])


@pytest.mark.slow
def test_scores_do_not_depend_on_batches_or_order():
    first = scores(1, np.arange(20))
    assert set(first) == set(NAMES) and len(set(first.values())) == len(first)
    for batch_size in (7, 64):
        assert scores(batch_size, np.arange(20)) == first
    assert scores(7, np.random.default_rng(0).permutation(20)) == first


@pytest.mark.slow
def test_scores_do_not_depend_on_devices():
    script = (
        "import jax, json, sys; jax.config.update('jax_num_cpu_devices', int(sys.argv[1]))\n"
        "import numpy as np; from metrics import test_protocols as t\n"
        "print(json.dumps(t.scores(7, np.arange(20))))"
    )
    found = []
    for devices in ("1", "8"):
        environment = places.environment()
        command = [sys.executable, "-c", script, devices]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr
        found.append(json.loads(ended.stdout))
    assert found[0] == found[1] == scores(7, np.arange(20))


def test_protocols_are_frozen_records_that_json_knows():
    for name, protocol in PROTOCOLS.items():
        record = protocol.record()
        assert json.loads(json.dumps(record)) == record and record["name"] == name
        assert set(protocol.columns.values()) <= set(protocol.metrics)
        with pytest.raises(dataclasses.FrozenInstanceError):
            protocol.splits = 5
        with pytest.raises(TypeError):
            protocol.columns["ssim"] = "l1"
    with pytest.raises(InputError, match="unknown 'pg3'; there are pgjax, pg2"):
        protocols.find("pg3")


def test_the_real_images_can_be_chosen_and_the_record_says_so():
    assert protocols.find("pgjax").record()["reference"] == "train"
    other = protocols.find("pgjax", "targets")
    assert other.record()["reference"] == "targets"
    assert protocols.for_height(other, 64).mask.radius == 2
    with pytest.raises(InputError, match="--reference: unknown 'test'; there are train, targets"):
        protocols.find("pgjax", "test")


def test_metrics_are_chosen_by_name_and_unknown_ones_refused():
    protocol = PROTOCOLS["deformable"]
    assert chosen(protocol, ["is", "l1"]) == ("l1", "is")
    assert chosen(protocol, ["pixel"]) == ("ssim_reference", "mask_ssim_reference", "l1")
    with pytest.raises(InputError, match="has no 'fid'; it has ssim_reference"):
        chosen(protocol, ["fid"])


def test_what_a_metric_follows_from_is_what_its_record_says():
    for name in {name for protocol in PROTOCOLS.values() for name in protocol.metrics}:
        metric = METRICS[name]
        wanted = {"jpeg"} | ({"mask"} if "mask" in name else set())
        if isinstance(metric, SetMetric):
            wanted |= set(metric.options)
            wanted |= {"reference", "fid_batch"} if metric.against == REFERENCE else set()
            wanted |= {"features", "scaling"} if metric.extractor == "inception" else set()
            wanted |= {"lpips_scaling", "lpips_batch"} if "lpips" in name else set()
        assert set(protocols.follows(name)) == wanted, name


@pytest.mark.parametrize(
    ("metric", "one", "other", "dataset", "same"),
    [
        ("ssim_reference", "deformable", "pgjax", "market1501", True),
        ("ssim_reference", "deformable", "patn", "market1501", True),
        ("ssim_reference", "deformable", "patn", "deepfashion", False),  # white beside the photo
        ("mask_ssim_reference", "deformable", "pgjax", "market1501", True),
        ("mask_is", "pg2", "pgjax", "market1501", False),  # the source's mask
        ("mask_ssim_uniform", "pg2", "pdig", "market1501", False),  # whose mask is wider
        ("is", "pg2", "pdig", "market1501", True),
        ("is", "pg2", "pgjax", "market1501", True),
        ("is", "pg2", "patn", "deepfashion", False),
        ("fid", "pgjax", "deformable", "market1501", False),  # which has none
    ],
)
def test_what_two_protocols_measure_alike(metric, one, other, dataset, same):
    one, other = PROTOCOLS[one], PROTOCOLS[other]
    assert protocols.alike(metric, one, other, dataset) is same
    assert protocols.alike(metric, other, one, dataset) is same


def test_a_mask_of_another_radius_is_another_metric():
    own, small = PROTOCOLS["deformable"], protocols.with_radius(protocols.OWN, 2)
    assert not protocols.alike("mask_ssim_reference", own, small, "market1501")
    assert protocols.alike("ssim_reference", own, small, "market1501")
    targets = protocols.find("pgjax", "targets")
    assert not protocols.alike("fid", protocols.OWN, targets, "market1501")


def test_published_numbers_have_their_place_or_none():
    numbers = {"ssim": 0.272, "mask_ssim": 0.796, "is": 3.442, "r2g": 7.8}
    own = protocols.placed(numbers, "deformable", protocols.OWN, "market1501")
    assert own == {"ssim_reference": 0.272, "mask_ssim_reference": 0.796, "is": 3.442}
    assert protocols.placed(numbers, "pg2", protocols.OWN, "market1501") == {"is": 3.442}
    for nobody in (None, ""):
        assert protocols.placed(numbers, nobody, protocols.OWN, "market1501") == {}
