"""Photos with plain bands and stretched ones are told apart, and joints lie on what they show in both."""

import numpy as np
import pytest
from PIL import Image

from fashion import NAMES
from pgjax import data
from pgjax.data import annotations, fashion_frames, store
from pgjax.errors import InputError

COLOURS = np.random.default_rng(1).integers(0, 150, (18, 3))
TEST = NAMES["test"]


def studio(seed, background):
    """A photo of 1101 x 750, and its 18 squares' middles in pixels of the crop, (y, x) integers."""
    random = np.random.default_rng(seed)
    image = np.empty((1101, 750, 3), np.uint8)
    shade = {"plain": 0, "lit": 40}[background] * np.linspace(0, 1, 750)[:, None] ** 2
    image[:] = 250 - shade
    rows, columns = np.divmod(random.permutation(18), 3)
    points = np.stack([24 + 40 * rows, 24 + 64 * columns], 1) + random.integers(-6, 7, (18, 2))
    for (y, x), colour in zip(points * (1101 / 256, 750 / 176), COLOURS, strict=True):
        y, x = int(y), int(x)
        image[y - 20 : y + 21, x - 20 : x + 21] = colour
    return Image.fromarray(image), points


def banded(photo):
    """As in img.zip."""
    whole = Image.new("RGB", (256, 256), photo.getpixel((2, 2)))
    whole.paste(photo.resize((176, 256), Image.Resampling.BICUBIC), (40, 0))
    return whole


SHAPES = {
    "banded": banded,
    "stretched": lambda photo: photo.resize((256, 256), Image.Resampling.BILINEAR),
    "crop": lambda photo: photo.resize((176, 256), Image.Resampling.BICUBIC),
    "512 x 352": lambda photo: photo.resize((352, 512), Image.Resampling.BICUBIC),
    "1101 x 750": lambda photo: photo,
}


def write(raw, shapes, background="lit", columns="crop", folder="test"):
    """The test photos in those shapes, in turns, with joints in columns of the crop or of the whole."""
    raw.joinpath(folder).mkdir(parents=True)
    lines = ["name:keypoints_y:keypoints_x"]
    for number, name in enumerate(TEST):
        photo, points = studio(number, background)
        SHAPES[shapes[number % len(shapes)]](photo).save(raw / folder / name, quality=95)
        x = points[:, 1]
        points[:, 1] = {"crop": x, "whole": x + 40, "stretched": np.rint(x * 256 / 176)}[columns]
        lines.append(f"{name}: {points[:, 0].tolist()}: {points[:, 1].tolist()}")
    (raw / "fasion-annotation-test.csv").write_text("\n".join(lines) + "\n")
    pairs = [f"{TEST[0]},{TEST[1]}", f"{TEST[3]},{TEST[4]}"]
    (raw / "fasion-pairs-test.csv").write_text("\n".join(["from,to", *pairs]) + "\n")
    return raw


def shown(split):
    """The share of joints at which the photo shows their colour."""
    right = []
    for image, points in zip(split.store.images, split.store.keypoints, strict=True):
        y, x = np.rint(points).astype(int).T
        off = np.abs(image[y, x].astype(int) - COLOURS).max(axis=1)
        right.extend(off < 12)
    return np.mean(right)


@pytest.mark.parametrize("name", ["deepfashion", "deepfashion_256x176"])
@pytest.mark.parametrize("background", ["plain", "lit"])
@pytest.mark.parametrize(
    ("shape", "columns"),
    [
        ("banded", "crop"),
        ("banded", "whole"),
        ("stretched", "crop"),
        ("stretched", "whole"),
        ("stretched", "stretched"),
    ],
)
def test_joints_lie_on_what_they_show(tmp_path, shape, background, name, columns):
    raw = write(tmp_path / "raw", [shape], background, columns)
    builder = data.build(name, tmp_path / "built", raw)
    split = store.load_split(name, "test", tmp_path / "built")
    assert split.store.visible.all()
    assert shown(split) > 0.95
    notes = "\n".join(builder.info.metadata["notes"])
    assert ("stretched to 256 x 256, without the plain bands" in notes) == (shape == "stretched")
    if shape == "stretched" and name == "deepfashion":
        _, points = studio(0, background)
        x = split.store.keypoints[0, :, 1]
        np.testing.assert_allclose(x, (points[:, 1] + 0.5) * 256 / 176 - 0.5, atol=1)


@pytest.mark.parametrize("shape", ["crop", "512 x 352", "1101 x 750"])
@pytest.mark.parametrize("folder", ["test", "img_highres"])
def test_the_crop_is_made_of_photos_of_its_shape(tmp_path, shape, folder):
    raw = write(tmp_path / "raw", [shape], folder=folder)
    data.build("deepfashion_256x176", tmp_path / "built", raw)
    split = store.load_split("deepfashion_256x176", "test", tmp_path / "built")
    assert split.store.images.shape[1:] == (256, 176, 3)
    assert shown(split) > 0.95
    with pytest.raises(InputError, match=r"as in img.zip; found .*: build deepfashion_256x176$"):
        data.build("deepfashion", tmp_path / "built", raw)


@pytest.mark.parametrize("shape", ["512 x 352", "1101 x 750"])
@pytest.mark.parametrize("columns", ["crop", "whole"])
def test_the_large_crop_has_its_joints_where_they_belong(tmp_path, shape, columns):
    raw = write(tmp_path / "raw", [shape], columns=columns, folder="img_highres")
    data.build("deepfashion_512x352", tmp_path / "built", raw)
    split = store.load_split("deepfashion_512x352", "test", tmp_path / "built")
    assert split.store.images.shape[1:] == (512, 352, 3)
    assert shown(split) > 0.95
    _, points = studio(0, "lit")
    np.testing.assert_array_equal(split.store.keypoints[0], 2 * points + 0.5)


@pytest.mark.parametrize("shape", ["banded", "stretched", "crop"])
def test_the_large_crop_is_made_of_no_smaller_photos(tmp_path, shape):
    raw = write(tmp_path / "raw", [shape])
    with pytest.raises(InputError, match=r"expected a photo 1101 high and 750 wide.*; build deepf"):
        data.build("deepfashion_512x352", tmp_path / "built", raw)


def test_photos_of_img_highres_count_where_there_are_no_others(tmp_path):
    raw = write(tmp_path / "raw", ["banded"])
    (raw / "img_highres").mkdir()
    for name in TEST:
        Image.new("RGB", (750, 1101)).save(raw / "img_highres" / name)
    notes = data.build("deepfashion", tmp_path / "built", raw).info.metadata["notes"]
    assert shown(store.load_split("deepfashion", "test", tmp_path / "built")) > 0.95
    assert not any("twice" in note for note in notes)
    (told,) = (note for note in notes if "another resolution" in note)
    assert told.startswith("5 photos of another resolution are not used, such as img_highres/fas")
    assert "--resize" not in told


def test_label_maps_of_the_same_names_are_told_and_not_used(tmp_path):
    raw = write(tmp_path / "raw", ["banded"])
    (raw / "parsing").mkdir()
    for name in TEST:
        Image.new("L", (256, 256), 7).save((raw / "parsing" / name).with_suffix(".png"))
    notes = data.build("deepfashion", tmp_path / "built", raw).info.metadata["notes"]
    assert shown(store.load_split("deepfashion", "test", tmp_path / "built")) > 0.95
    assert any(
        "5 photos are there twice, such as test/" in note and "parsing/" in note for note in notes
    )


def test_a_mixture_is_refused(tmp_path):
    raw = write(tmp_path / "raw", ["banded", "stretched"])
    with pytest.raises(InputError, match=r"2 of 5 photos are stretched .* and 3 have the plain ba"):
        data.build("deepfashion", tmp_path / "built", raw)
    assert not data.is_built("deepfashion", tmp_path / "built")


@pytest.mark.parametrize("size", [(300, 300), (128, 88), (256, 200)])
@pytest.mark.parametrize("name", ["deepfashion", "deepfashion_256x176"])
def test_other_shapes_are_refused(tmp_path, size, name):
    raw = write(tmp_path / "raw", ["banded"])
    Image.new("RGB", size[::-1]).save(raw / "test" / TEST[2])
    with pytest.raises(InputError, match=f"found {size[0]} high and {size[1]} wide"):
        data.build(name, tmp_path / "built", raw)


def test_joints_of_smaller_copies_are_refused(tmp_path):
    raw = write(tmp_path / "raw", ["banded"])
    path = raw / "fasion-annotation-test.csv"
    lines = [f"{name}: {[100] * 18}: {[40] * 18}" for name in TEST]
    path.write_text("\n".join(["name:keypoints_y:keypoints_x", *lines]) + "\n")
    with pytest.raises(
        InputError, match=r"above y 101 and left of x 41, as those of copies of 128"
    ):
        data.build("deepfashion", tmp_path / "built", raw)


def test_many_joints_in_the_bands():
    """Found on stretched photos, joints lie in all 256 columns."""
    spread = np.random.default_rng(0).normal(128, 44, (100, 18)).clip(1, 254)
    visible = np.ones((100, 18), bool)

    def poses(x, count):
        keypoints = np.stack([np.full_like(x, 99), x], -1)[:count]
        names = tuple(map(str, range(count)))
        return fashion_frames.in_crop(
            annotations.Annotations(names, keypoints, visible[:count]), 0, "f"
        )

    wide, whole = poses(spread, 100), poses(128 + (spread - 128).clip(-120, 120) * 176 / 256, 100)
    assert fashion_frames.made_on_stretched([wide], stretched=False)
    assert not fashion_frames.made_on_stretched([whole], stretched=False)
    assert not fashion_frames.made_on_stretched([poses(spread, 10)], stretched=False)
    assert fashion_frames.made_on_stretched([poses(spread, 10)], stretched=True)
    back = fashion_frames.widened(fashion_frames.narrowed(wide).keypoints[..., 1])
    np.testing.assert_allclose(back, spread, atol=1e-3)


def _evidence(images, points=None):
    points = np.full((len(images), 18, 2), 80.0) if points is None else points
    visible = np.ones(18, bool)
    return fashion_frames.evidence(
        (str(i), np.asarray(image), joints, visible)
        for i, (image, joints) in enumerate(zip(images, points, strict=True))
    )


def test_photos_that_tell_nothing_are_taken_as_they_are():
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    grey = np.full((256, 256, 3), 200, np.uint8)
    found = _evidence([noise, grey])
    assert found == ((), ())
    assert found.decided("raw") is False


def test_a_hundredth_of_the_photos_may_tell_the_other_thing():
    few, many = ("a",), tuple(map(str, range(99)))
    assert fashion_frames.Evidence(few, many).decided("raw")
    assert not fashion_frames.Evidence(many, few).decided("raw")


def test_a_figure_wider_than_its_joints_is_stretched():
    """On a plain background: a box with the joints of the crop inside, at either place."""
    y = [28, 48, 50, 84, 116, 50, 84, 116, 124, 176, 228, 124, 176, 228, 24, 24, 26, 26]
    x = [84, 84, 64, 56, 52, 104, 112, 116, 72, 70, 70, 96, 98, 98, 80, 88, 74, 94]
    points = np.stack([y, x], -1).astype(float)[None]
    wide, narrow = (np.full((256, 256, 3), 255, np.uint8) for _ in range(2))
    wide[14:244, 68:192] = 90
    narrow[14:244, 87:172] = 90
    assert _evidence([wide], points) == ((), ("0",))
    assert _evidence([narrow], points) == (("0",), ())
    mixed = _evidence([wide, narrow], np.repeat(points, 2, axis=0))
    with pytest.raises(
        InputError, match="1 of 2 photos are stretched to 256 x 256, such as 0, and 1"
    ):
        mixed.decided("raw")
    many = _evidence([wide] * 9 + [narrow], np.repeat(points, 10, axis=0))
    assert many.decided("raw")


@pytest.mark.parametrize("form", ["as they are", "stretched"])
def test_published_photos(shared, form):
    folder = shared / "data/deepfashion"
    poses = annotations.read_annotations(folder / "fasion-resize-annotation-test.csv")
    poses = fashion_frames.in_crop(poses, fashion_frames.margin([poses]), "the file")
    place = {name.removesuffix(".jpg"): i for i, name in enumerate(poses.names)}

    def photos():
        for path in sorted((folder / "images").glob("*.png"))[::3]:
            image = Image.open(path).convert("RGB")
            if form == "stretched":
                image = image.crop((41, 0, 215, 256)).resize((256, 256), Image.Resampling.BICUBIC)
            i = place[path.stem]
            yield path.name, np.asarray(image), poses.keypoints[i], poses.visible[i]

    found = fashion_frames.evidence(photos())
    assert found.decided(folder) is (form == "stretched")
    assert len(found.stretched if form == "stretched" else found.banded) > 70
    assert not (found.banded if form == "stretched" else found.stretched)
