"""Animations: how long they last, and that their images are as good as single ones."""

import io

import numpy as np
import pytest
from PIL import Image

from pgjax.errors import InputError
from pgjax.images import animation
from pgjax.images.pixels import QUALITY

RATES = (0.1, 0.7, 7, 12, 15, 23.976, 24, 25, 29.97, 30, 48, 50, 59.94, 60, 90, 100)


def moving(count, size=(48, 64)):
    """Smooth colours and a sharp edge that move."""
    y, x = np.mgrid[: size[0], : size[1]]
    return [
        np.stack(
            [127 + 120 * np.sin((x + 3 * i) / 9), 2.5 * (y + x), 255 * ((x - 5 * i) % 30 < 9)],
            axis=-1,
        )
        .clip(0, 255)
        .astype(np.uint8)
        for i in range(count)
    ]


def read(path):
    images, times = [], []
    with Image.open(path) as file:
        for i in range(file.n_frames):
            file.seek(i)
            images.append(np.asarray(file.convert("RGB")).astype(int))
            times.append(file.info["duration"])
    return images, times


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("suffix", animation.KINDS)
def test_times_are_spread_and_no_viewer_slows_them(suffix, fps):
    kind = animation.KINDS[suffix]
    for count in (1, 2, 3, 10, 97):
        shown, times = animation.timing(count, fps, kind)
        shortest = {".gif": 20}.get(suffix, 11)
        unit = {".gif": 10}.get(suffix, 1)
        wanted = max(count * 1000 / fps, shortest)
        assert abs(sum(times) - wanted) <= unit / 2 + 1e-6
        assert min(times) >= shortest and max(times) - min(times) <= unit
        assert not np.mod(times, unit).any() and len(shown) == len(times)
        assert shown == sorted(set(shown)) and shown[0] == 0
        if 1000 / fps >= shortest:
            assert shown == list(range(count))
        elif len(shown) > 1:
            assert shown[-1] == count - 1 and max(np.diff(shown)) <= 3


@pytest.mark.parametrize(
    ("suffix", "fps", "count", "total"),
    [
        *((".gif", 15, 10, 670), (".gif", 60, 8, 170), (".gif", 12, 10, 830)),
        *((".webp", 15, 10, 667), (".webp", 60, 10, 167), (".png", 60, 10, 167)),
    ],
)
def test_ten_images_in_a_file(tmp_path, suffix, fps, count, total):
    path = tmp_path / "new" / f"moving{suffix.upper()}"
    made = moving(10)
    assert animation.write(path, made, fps) == (count, total / 1000)
    images, times = read(path)
    assert (len(images), sum(times)) == (count, total)
    with Image.open(path) as file:
        assert file.info["loop"] == 0
    shown = animation.timing(10, fps, animation.KINDS[suffix]).shown
    for image, i in zip(images, shown, strict=True):
        assert np.abs(image - made[i]).mean() < 8 < np.abs(image - made[i - 1]).mean()


def test_webp_has_the_quality_of_single_pictures(tmp_path):
    made = moving(6, (64, 64))
    animation.write(tmp_path / "moving.webp", made, 12)
    for image, frame in zip(read(tmp_path / "moving.webp")[0], made, strict=True):
        file = io.BytesIO()
        Image.fromarray(frame).save(file, "WEBP", quality=QUALITY)
        alone = np.asarray(Image.open(file)).astype(int)
        assert np.abs(image - frame).mean() <= 1.1 * np.abs(alone - frame).mean()


def test_png_is_exact(tmp_path):
    made = moving(4)
    for suffix in (".png", ".apng"):
        animation.write(tmp_path / f"moving{suffix}", made, 12)
        np.testing.assert_array_equal(read(tmp_path / f"moving{suffix}")[0], made)


@pytest.mark.parametrize("suffix", animation.KINDS)
def test_images_that_stay_alike_keep_their_time(tmp_path, suffix):
    """Writers make one image of equal ones."""
    first, second = moving(2)
    animation.write(tmp_path / f"m{suffix}", [first, first, first, second, second, first], 15)
    assert sum(read(tmp_path / f"m{suffix}")[1]) == 400


@pytest.mark.parametrize("suffix", animation.KINDS)
def test_one_image(tmp_path, suffix):
    (made,) = moving(1)
    assert animation.write(tmp_path / f"m{suffix}", [made], 15)[0] == 1
    with Image.open(tmp_path / f"m{suffix}") as file:
        assert np.abs(np.asarray(file.convert("RGB")).astype(int) - made).mean() < 8


def test_what_stays_longer_than_a_gif_can_say(tmp_path):
    still = moving(1, (8, 8)) * 70
    with pytest.raises(InputError, match=r"m\.gif: images that stay alike for more than 655 s"):
        animation.write(tmp_path / "m.gif", still, 0.1)
    assert not (tmp_path / "m.gif").exists()
    animation.write(tmp_path / "m.webp", [*still, *moving(2, (8, 8))], 0.1)
    assert sum(read(tmp_path / "m.webp")[1]) == 720_000
