import functools
import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from expected_metrics import expected
from pgjax.errors import InputError
from pgjax.metrics import METRICS, of_pixels, pixel
from pgjax.metrics.protocols import OWN
from pgjax.metrics.records import PLAIN, PixelMetric
from pgjax.pose import raster

NAMES = tuple(of_pixels(OWN.metrics))


def score(generated, target, mask, names=NAMES):
    return pixel.score(names, {PLAIN: generated}, target, mask)


def check(generated, target, mask):
    scores = score(generated, target, mask)
    assert set(scores) == set(NAMES)
    for i, images in enumerate(zip(generated, target, np.asarray(mask), strict=True)):
        for name in NAMES:
            np.testing.assert_allclose(
                scores[name][i], expected(name, *images), atol=2e-5, err_msg=name
            )


def random_pairs(count=2):
    random = np.random.default_rng(0)
    target = random.integers(40, 200, (count, 32, 24, 3), np.uint8)
    generated = (target + random.integers(-30, 30, target.shape)).astype(np.uint8)
    mask = np.zeros((count, 32, 24), np.float32)
    mask[:, 4:28, 6:20] = 1
    return generated, target, mask


def test_scores_of_random_images_equal_scikit_image():
    check(*random_pairs())


@functools.cache
def market(shared):
    with np.load(shared / "golden" / "market1501_dev.npz") as arrays:
        names, keypoints = arrays["names"][:6], arrays["target_keypoints"][:6]
    with zipfile.ZipFile(next((shared / "data" / "market1501").glob("*.zip"))) as archive:
        entries = {entry.rsplit("/", 1)[-1]: entry for entry in archive.namelist()}
        read = [
            np.asarray(Image.open(io.BytesIO(archive.read(entries[str(name)]))))
            for name in names.ravel()
        ]
    images = np.stack(read).reshape(6, 2, 128, 64, 3)
    visible = (keypoints >= 0).all(axis=-1)
    mask = raster.person_mask(keypoints.astype(np.float32), visible, (128, 64))
    return images[:, 0], images[:, 1], mask


def test_scores_of_photos_equal_scikit_image(shared):
    check(*market(shared))


def test_a_metric_does_not_depend_on_those_beside_it():
    arguments = random_pairs()
    scores = score(*arguments)
    for name in NAMES:
        found = score(*arguments, names=(name,))[name]
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, scores[name], atol=1e-6, err_msg=name)


def test_better_images_score_better():
    generated, target, mask = random_pairs()
    worse = score(255 - generated, target, mask)
    better = score(generated, target, mask)
    for name in NAMES:
        higher = METRICS[name].higher_is_better
        assert ((better[name] > worse[name]) == higher).all(), name


def test_identical_images():
    _, target, mask = random_pairs()
    scores = score(target, target, mask)
    for name in NAMES:
        value = expected(name, target[0], target[0], mask[0])
        np.testing.assert_allclose(scores[name], value, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("grey", [0, 128])
def test_constant_images_and_empty_masks_give_numbers(grey):
    _, target, mask = random_pairs()
    for covered in (mask, np.zeros_like(mask)):
        scores = score(np.full_like(target, grey), target, covered)
        assert all(np.isfinite(values).all() for values in scores.values())


def test_background_does_not_count_under_the_mask():
    generated, target, mask = random_pairs()
    other = np.where(mask[..., None] > 0, generated, np.uint8(255))
    expected, found = score(generated, target, mask), score(other, target, mask)
    np.testing.assert_array_equal(found["mask_ssim"], expected["mask_ssim"])
    assert (np.abs(found["ssim"] - expected["ssim"]) > 0.01).all()


def test_a_metric_that_is_one_number_for_the_whole_batch_is_named(monkeypatch):
    own = PixelMetric(lambda generated, target, mask: generated.mean(), higher_is_better=True)
    monkeypatch.setitem(METRICS, "own", own)
    generated, target, mask = random_pairs()
    with pytest.raises(InputError, match=r"METRICS\['own'\] .* shape \(\) .* one number an image"):
        pixel.score(("own",), {PLAIN: generated}, target, mask)
