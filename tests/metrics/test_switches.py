"""Each choice of a protocol moves the numbers that follow from it, and no other."""

import dataclasses
import json

import jax.numpy as jnp
import numpy as np
import pytest

import tiny
from expected_metrics import expected
from pgjax.frozen import inception, inception_torchvision, lpips, lpips_weights
from pgjax.images import resizing
from pgjax.images.pixels import through_jpeg
from pgjax.metrics import METRICS, chunks, of_pixels, protocols
from pgjax.metrics.comparison import Judge, framed, moved
from pgjax.metrics.protocol import (
    IMAGENET,
    INCEPTION,
    RENORMALISED,
    UNIT,
    Frame,
    Mask,
    Protocol,
    Resize,
    frames,
)
from pgjax.metrics.protocols import PROTOCOLS
from pgjax.metrics.records import GENERATED, PLAIN
from pgjax.pose.batch import Batch, Indices, fetch
from pgjax.scoring.scorer import Scorer

PAIRS = np.array([[0, 1], [2, 1], [0, 2], [3, 4], [4, 3], [1, 5], [5, 0]], np.int32)
TEST, TRAIN = (tiny.SPLITS[name].store for name in ("test", "train"))
SMALL = Frame(crop=(60, 30), pad=2, value=255, resize=Resize((48, 24), "bilinear"))
SEEN = Frame(crop=(56, 28), pad=4, value=255, resize=Resize((40, 20), "bilinear"))
BASE = Protocol(
    name="base",
    source="",
    pairs="",
    listed=None,
    columns={},
    mask=Mask(radius=2),
    frames=frames(x=SMALL),
    seen=frames(x=SEEN),
    splits=2,
    features=IMAGENET,
)
PIXELS, SETS = ("ssim_uniform", "mask_ssim_uniform", "l1"), ("is", "mask_is", "fid", "lpips_alex")
TEXTS = {"name", "source", "pairs", "listed", "columns", "notes"}


def _laid(key: str, frame: Frame, **changes):
    return {key: frames(x=dataclasses.replace(frame, **changes))}


LAYOUTS = {
    "crop": {"crop": (52, 26)},
    "pad": {"pad": 6},
    "value": {"value": 0},
    "size": {"resize": Resize((44, 22), "bilinear")},
    "rule": {"resize": Resize((48, 24), "pil_bicubic")},
}
SWITCHES = {
    "mask.kind": {"mask": Mask("pose", radius=2)},
    "mask.of": {"mask": Mask(of="source", radius=2)},
    "mask.radius": {"mask": Mask(radius=3)},
    **{f"frames.{name}": _laid("frames", SMALL, **change) for name, change in LAYOUTS.items()},
    **{
        f"seen.{name}": _laid(
            "seen", dataclasses.replace(SEEN, resize=Resize((48, 24), "bilinear")), **change
        )
        for name, change in LAYOUTS.items()
    },
    "splits": {"splits": 3},
    "features": {"features": INCEPTION},
    "scaling": {"scaling": RENORMALISED},
    "lpips_scaling": {"lpips_scaling": UNIT},
    "reference": {"reference": "targets"},
    "fid_batch": {"fid_batch": 4},
    "lpips_batch": {"lpips_batch": 4},
    "jpeg": {"jpeg": 75},
}


STILL = {"frames.value": {"mask_ssim_uniform", "l1"}, "seen.value": {"mask_is", "lpips_alex"}}
"""Equal columns beside both photos are no difference, and a mask hides them."""


def _network(seed: int):
    """A small network in place of an Inception: blocks of a picture, weighed and bent."""
    kernel = np.random.default_rng(seed).normal(0, 0.1, (75, 8)).astype(np.float32)

    def extract(params, images, renormalised: bool = False, rounded: bool = False):
        assert not rounded
        x = resizing.resize(images, (5, 5), "bilinear") / 127.5 - 1
        x = (x * 0.225 if renormalised else x).reshape(len(x), -1)
        features = jnp.tanh(x @ params)
        return features, features[:, :5] * 3

    return kernel, extract


@pytest.fixture(autouse=True)
def networks(monkeypatch):
    for seed, module in enumerate((inception, inception_torchvision)):
        kernel, extract = _network(seed)
        monkeypatch.setattr(module, "load", lambda _, kernel=kernel: kernel)
        monkeypatch.setattr(module, "extract", extract)
    monkeypatch.setattr(lpips_weights, "load", lambda net, _: np.float32(0.5))
    monkeypatch.setattr(
        lpips, "distance", lambda net, p, a, b: p * jnp.abs(a - b).mean(axis=(1, 2, 3))
    )


def numbers(protocol: Protocol) -> dict[str, float]:
    scorer = Scorer(protocol, "x", TEST, PAIRS, "weights", training=lambda: TRAIN)
    batch = fetch(TEST, Indices(*PAIRS.T, np.zeros(len(PAIRS), bool)))
    scorer.add("model", {PLAIN: batch.source_image // 2 + 60}, batch, drawn=True)
    assert scorer.not_measured == {}
    return scorer.scores()["model"]


def test_there_is_a_switch_for_every_choice():
    fields = {field.name for field in dataclasses.fields(Protocol)} - TEXTS
    assert {name.partition(".")[0] for name in SWITCHES} == fields
    inner = {f"mask.{field.name}" for field in dataclasses.fields(Mask)}
    inner |= {f"frames.{field.name}" for field in dataclasses.fields(Frame)} - {"frames.resize"}
    assert inner < set(SWITCHES)


@pytest.fixture(scope="module")
def known():
    """What was measured before any switch, by the record."""
    return {}


@pytest.mark.parametrize("switch", SWITCHES)
def test_a_switch_moves_what_follows_from_it_alone(switch, known):
    listed = {
        "frames": ("ssim_uniform", "l1", "is"),
        "mask": (*PIXELS[1:], *SETS[:2]),
        "jpeg": PIXELS + SETS,
    }
    before = dataclasses.replace(BASE, listed=listed.get(switch.partition(".")[0], ("l1", *SETS)))
    if switch.startswith("seen."):
        before = dataclasses.replace(
            before, **_laid("seen", SEEN, resize=Resize((48, 24), "bilinear"))
        )
    after = dataclasses.replace(before, **SWITCHES[switch])
    assert after.record() != before.record()
    key = json.dumps(before.record())
    first, second = known.get(key) or numbers(before), numbers(after)
    known[key] = first
    same = {name for name in before.metrics if protocols.alike(name, before, after, "x")}
    same |= STILL.get(switch, set()) & set(before.metrics)
    assert {name for name in before.metrics if first[name] == second[name]} == same
    assert same < set(before.metrics)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("ssim_uniform", {"size": 9}),
        ("ssim_uniform", {"window": "gaussian"}),
        ("ssim", {"sigma": 1.2}),
        ("ssim", {"data_range": GENERATED}),
        ("ssim", {"grey": True}),
    ],
)
def test_settings_of_ssim_move_it_and_stand_in_the_record(monkeypatch, name, change):
    monkeypatch.setitem(METRICS, "other", dataclasses.replace(METRICS[name], **change))
    both = dataclasses.replace(BASE, listed=(name, "other"))
    found, record = numbers(both), both.record()["ssim"]
    assert found["other"] != found[name]
    assert record["other"] == record[name] | change


@pytest.mark.parametrize("name", ["dptn", "pidm", "pcdms", "cfld"])
def test_pixels_of_deepfashion_are_compared_as_the_record_says(name, monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK", 1)
    protocol, random = PROTOCOLS[name], np.random.default_rng(0)
    target = random.integers(0, 256, (1, 256, 256, 3), np.uint8) // 2 + 60
    generated = np.roll(target, 3, axis=2)
    pose = np.zeros((1, 18, 2), np.float32), np.zeros((1, 18), bool)
    names = [name for name in of_pixels(protocol.metrics) if name != "ssim_window51"]  # slow
    judge = Judge(protocol, "deepfashion", names)
    found = judge.compare({PLAIN: generated}, Batch(generated, target, *pose, *pose))
    assert judge.laid(generated).shape == (1, 256, 176, 3)  # as networks see it
    if name == "dptn":
        a, b = (
            np.pad(x[0, :, 40:216], ((0, 0), (40, 40), (0, 0)), constant_values=255)
            for x in (generated, target)
        )
    elif name == "pidm":
        a, b = generated[0], target[0]
    else:
        rule = {"pcdms": "cv2_bicubic", "cfld": "pil_bicubic"}[name]
        a, b = (np.asarray(resizing.resize(x, (256, 176), rule))[0] for x in (generated, target))
    for metric in names:
        value = expected(metric, a, b, None) if metric != "psnr" else _psnr(a, b)
        np.testing.assert_allclose(found[metric][0], value, atol=2e-4, err_msg=metric)


def _psnr(a, b):
    return 10 * np.log10(255**2 / np.square(a.astype(float) - b).mean())


def test_joints_and_masks_move_with_the_photo():
    image, mask = np.zeros((1, 64, 32, 3), np.float32), np.zeros((1, 64, 32), np.uint8)
    image[0, 30:33, 10:13], mask[0, 30:33, 10:13] = 255, 1
    frame = Frame(crop=(60, 28), pad=3, value=0, resize=Resize((120, 84), "bilinear"))
    assert frame.size((64, 32)) == (120, 90)
    y, x = moved(np.array([31, 11], np.float32), frame, (64, 32))
    for laid in (framed(image, frame)[0, ..., 0], framed(mask, frame, value=0)[0] * 1.0):
        assert laid.shape == (120, 90)
        places = np.argwhere(np.asarray(laid) > 0)
        weights = np.asarray(laid)[np.asarray(laid) > 0]
        np.testing.assert_allclose(np.average(places, axis=0, weights=weights), (y, x), atol=1e-4)


def test_jpeg_is_what_pil_writes_and_reads():
    photos = TEST.images[:3]
    found = through_jpeg(photos, 75)
    assert found.dtype == np.uint8 and found.shape == photos.shape and (found != photos).any()
    finer = through_jpeg(photos, 95)
    apart = [np.abs(x.astype(int) - photos).mean() for x in (found, finer)]
    assert apart[0] > apart[1] > 0


def test_a_window_that_is_larger_than_the_photos_is_not_measured():
    scorer = Scorer(PROTOCOLS["gfla"], "x", TEST, PAIRS, "weights", ["ssim_window51", "psnr"])
    assert scorer.not_measured == {
        "ssim_window51": "its window of 51 pixels is larger than the photos, 64x32"
    }
    assert scorer.of_view(PLAIN) == ["psnr"]
