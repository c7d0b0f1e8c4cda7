"""Photos of every kind, damaged ones among them, and where their pixels and points go."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import poses as examples
from pgjax import keypoints
from pgjax.errors import InputError
from pgjax.images import photo
from pgjax.pose import skeleton


def _scene(height=40, width=24):
    """Smooth, and different in every corner and channel."""
    y, x = np.mgrid[:height, :width]
    red, green = 255 * y / max(height - 1, 1), 255 * x / max(width - 1, 1)
    return np.stack([red, green, 255 - (red + green) / 2], axis=-1).astype(np.uint8)


def _encoded(image, format="PNG", **options):
    file = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(
        file, format, **options
    )
    return file.getvalue()


def _close(found, expected, most):
    assert found.dtype == np.uint8
    assert found.shape == expected.shape
    assert abs(found.astype(int) - expected).max() <= most


def test_paths_bytes_images_and_arrays_are_alike(tmp_path):
    scene = _scene()
    path = tmp_path / "a.png"
    path.write_bytes(_encoded(scene))
    for given_as in (path, str(path), path.read_bytes(), Image.open(path), scene):
        np.testing.assert_array_equal(photo.read_photo(given_as), scene)
    assert photo.read_size(path) == (40, 24)


# What EXIF's orientation says: where row 0 and column 0 of the stored photo are, seen upright.
STORED = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.swapaxes(0, 1),
    6: lambda upright: upright[:, ::-1].swapaxes(0, 1),
    7: lambda upright: upright[::-1, ::-1].swapaxes(0, 1),
    8: lambda upright: upright[::-1].swapaxes(0, 1),
}


@pytest.mark.parametrize("orientation", STORED)
def test_cameras_orientation_is_applied(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "a.png"
    path.write_bytes(_encoded(np.ascontiguousarray(STORED[orientation](_scene())), exif=exif))
    np.testing.assert_array_equal(photo.read_photo(path), _scene())
    assert photo.read_size(path) == (40, 24)


def test_colours_of_every_kind():
    scene = _scene()
    rgb = Image.fromarray(scene)
    _close(photo.read_photo(_encoded(rgb.convert("CMYK"), "TIFF")), scene, 1)
    _close(
        photo.read_photo(_encoded(rgb.convert("CMYK"), "JPEG", quality=100, subsampling=0)),
        scene,
        12,
    )
    _close(
        photo.read_photo(_encoded(rgb.convert("YCbCr"), "JPEG", quality=100, subsampling=0)),
        scene,
        12,
    )
    few = (scene // 128) * 128
    _close(photo.read_photo(_encoded(Image.fromarray(few).quantize(8))), few, 0)
    _close(photo.read_photo(_encoded(Image.fromarray(few).quantize(8), "GIF")), few, 0)


def test_grey_of_every_depth():
    grey = _scene()[..., :1]
    expected = np.repeat(grey, 3, axis=-1)
    deep = grey[..., 0].astype(np.uint16) * 257
    for content in (
        _encoded(grey[..., 0]),
        _encoded(deep),
        _encoded(deep, "TIFF"),
        _encoded(deep.astype(">u2"), "TIFF"),
        _encoded(deep.astype(np.int32), "TIFF"),
    ):
        np.testing.assert_array_equal(photo.read_photo(content), expected)
    for array in (grey, grey[..., 0], deep, deep[..., None], np.repeat(deep[..., None], 3, -1)):
        np.testing.assert_array_equal(photo.read_photo(array), expected)
    bits = grey[..., 0] > 100
    bilevel = np.repeat(bits[..., None], 3, -1) * np.uint8(255)
    np.testing.assert_array_equal(photo.read_photo(bits), bilevel)
    np.testing.assert_array_equal(photo.read_photo(_encoded(Image.fromarray(bits))), bilevel)


def test_what_is_transparent_is_white():
    alpha = np.zeros((40, 24, 1), np.uint8)
    alpha[10:20], alpha[20:] = 128, 255
    scene = np.concatenate([_scene(), alpha], axis=-1)
    share = alpha / 255
    expected = _scene() * share + 255 * (1 - share)
    for given_as in (scene, _encoded(scene), _encoded(scene, "WEBP", lossless=True, exact=True)):
        _close(photo.read_photo(given_as), expected, 1)
    palette = Image.fromarray(scene[..., :3] // 128 * 128).quantize(8)
    index = palette.getpixel((0, 0))
    found = photo.read_photo(_encoded(palette, transparency=index))
    assert (found[np.array(palette) == index] == 255).all()
    assert (found[np.array(palette) != index] < 255).any()
    grey = Image.fromarray(scene[..., 0])
    grey.putalpha(Image.fromarray(alpha[..., 0]))
    _close(photo.read_photo(_encoded(grey)), np.repeat(expected[..., :1], 3, axis=-1), 1)


def test_one_pixel():
    for content in (_encoded(_scene(1, 1)), _encoded(_scene(1, 1), "GIF")):
        assert photo.read_photo(content).shape == (1, 1, 3)
    placement = photo.fit((1, 1), (8, 6))
    assert placement.image(np.full((1, 1, 3), 9, np.uint8), fill=0).sum() == 9 * 3 * 36
    assert placement.back(np.full((8, 6, 3), 7, np.uint8)).tolist() == [[[7, 7, 7]]]


def test_what_is_no_photo_is_named(tmp_path):
    (tmp_path / "zero.jpg").touch()
    (tmp_path / "text.jpg").write_text("not a photo at all")
    (tmp_path / "half.jpg").write_bytes(_encoded(_scene(200, 200), "JPEG")[:1500])
    for name, fault in (
        ("zero.jpg", r"zero\.jpg: is empty \(0 bytes\)"),
        ("text.jpg", r"text\.jpg: not an image of a kind that can be read"),
        ("half.jpg", r"half\.jpg: a damaged or unusable image"),
        (".", "is a folder; expected a photo"),
    ):
        with pytest.raises(InputError, match=fault):
            photo.read_photo(tmp_path / name)
    with pytest.raises(FileNotFoundError, match=r"nowhere\.jpg: no such photo"):
        photo.read_photo(tmp_path / "nowhere.jpg")
    with pytest.raises(InputError, match="bytes: is empty"):
        photo.read_photo(b"")
    with pytest.raises(InputError, match="is empty"):
        photo.read_size(tmp_path / "zero.jpg")
    floating = _encoded(Image.fromarray(_scene()[..., 0].astype(np.float32)), "TIFF")
    with pytest.raises(InputError, match="floating point"):
        photo.read_photo(floating)
    for array in (
        _scene().astype(np.float32) / 255,
        _scene()[None],
        _scene()[..., :2],
        np.zeros((0, 4, 3), np.uint8),
    ):
        with pytest.raises(InputError, match="a photo"):
            photo.read_photo(array)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC; convert it to JPEG, by 'sips"),
        ("a.jpg", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC; convert it to JPEG"),
        ("a.mp4", b"\0\0\0\x14ftypisom\0\0\0\0mp41", "video; take frames out of it"),
        ("a.jxl", b"\xff\x0a\0\0", "JPEG XL; convert it by 'djxl"),
        ("a.zip", b"PK\x03\x04", "archive; unpack it here"),
        (
            "a.jpg",
            b"version https://git-lfs.github.com/spec/v1",
            "Git LFS; fetch what it points to",
        ),
    ],
)
def test_what_cannot_be_read_says_what_to_do(tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content)
    for read in (photo.read_photo, photo.read_size):
        with pytest.raises(InputError, match=f"{name}: .*{told}"):
            read(tmp_path / name)


def test_camera_raw_is_not_taken_for_the_small_picture_in_it(tmp_path):
    Image.new("RGB", (8, 4)).save(tmp_path / "a.tif")
    assert photo.read_size(tmp_path / "a.tif") == (4, 8)
    (tmp_path / "a.tif").rename(tmp_path / "a.NEF")
    for read in (photo.read_photo, photo.read_size):
        with pytest.raises(InputError, match=r"a\.NEF: camera RAW; develop it to JPEG"):
            read(tmp_path / "a.NEF")


def test_animated_avif_is_its_first_frame(tmp_path):
    frames = [Image.new("RGB", (32, 64), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.heic", "AVIF", save_all=True, append_images=frames[1:])
    red, _, blue = photo.read_photo(tmp_path / "a.heic").mean(axis=(0, 1))
    assert red > 200 and blue < 50
    assert photo.read_size(tmp_path / "a.heic") == (64, 32)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # of what it repairs
@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
@given(data=st.data())
def test_damaged_bytes_are_a_photo_or_one_clear_error(format, data):
    exif = Image.Exif()
    exif[0x0112] = 6
    content = bytearray(
        _encoded(_scene(12, 10), format, **({} if format in "BMP GIF" else {"exif": exif}))
    )
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(1, len(content)))]
    try:
        found = photo.read_photo(bytes(content))
    except InputError as error:
        assert str(error).startswith("the photo's bytes: ")
        assert "\n" not in str(error)
    else:
        assert found.dtype == np.uint8
        assert found.ndim == 3


@given(size=examples.SIZES, into=examples.SIZES, mode=st.sampled_from(photo.MODES))
def test_points_go_where_pixels_go(size, into, mode):
    """A soft spot is painted; where its centre lies in the picture is measured."""
    placement = photo.fit(size, into, mode)
    (top, left, bottom, right), (height, width) = placement.box, size
    point = np.array([(top + bottom) / 2 + 0.1, (left + right) / 2 - 1.3])
    spread = max((bottom - top) / into[0], (right - left) / into[1], 1) * 1.5
    y, x = np.mgrid[:height, :width]
    spot = np.exp(-((y - point[0]) ** 2 + (x - point[1]) ** 2) / (2 * spread**2))
    if min(bottom - top, right - left) < 8 * spread or min(into) < 8:
        return  # the spot would be cut
    picture = placement.image(
        np.repeat((255 * spot).round().astype(np.uint8)[..., None], 3, axis=-1), fill=0
    )
    assert picture.shape == (*into, 3)
    weight = picture[..., 0].astype(float)
    rows, columns = np.mgrid[: into[0], : into[1]]
    centre = (weight * rows).sum() / weight.sum(), (weight * columns).sum() / weight.sum()
    np.testing.assert_allclose(placement.points(point), centre, atol=0.25)
    np.testing.assert_allclose(placement.points_back(placement.points(point)), point, atol=1e-6)


@given(size=examples.SIZES, into=examples.SIZES, mode=st.sampled_from(photo.MODES))
def test_pictures_come_back_at_the_photos_size(size, into, mode):
    placement = photo.fit(size, into, mode)
    scene = _scene(*size)
    back = placement.back(placement.image(scene), around=scene)
    shape = np.array(placement.region[2:]) - placement.region[:2]
    _close(back, scene, 6 + 0.6 * 255 / min(shape))  # a slope loses its ends, half a pixel wide
    assert abs((back.astype(int) - scene).mean(axis=(0, 1))).max() < 2  # and is not shifted
    if mode == "letterbox":
        assert placement.box == (0, 0, *size)
        assert (shape == into).any()
    if mode == "crop":
        assert placement.region == (0, 0, *into)


def test_crop_leaves_what_is_around():
    placement = photo.fit((10, 30), (20, 20), "crop")
    assert placement.box == (0, 10, 10, 20)
    around = np.full((10, 30, 3), 50, np.uint8)
    back = placement.back(np.full((20, 20, 3), 200, np.uint8), around)
    assert (back[:, 10:20] == 200).all()
    assert (np.delete(back, range(10, 20), axis=1) == 50).all()
    assert (around == 50).all()


def test_a_flipped_photo_takes_its_pose_along():
    """Each joint is painted in its own grey; the mirrored photo shows it where the flipped pose says."""
    pose = examples.standing()
    image = np.zeros((128, 64), np.uint8)
    for joint, (y, x) in enumerate(pose.keypoints.astype(int)):
        image[y, x] = joint + 1
    y, x = keypoints.flipped(pose, 64).keypoints.astype(int).T
    assert (image[:, ::-1][y, x] == np.array(skeleton.MIRROR) + 1).all()


def test_bad_sizes_and_modes_are_named():
    with pytest.raises(InputError, match="mode 'fill': expected one of letterbox, crop, stretch"):
        photo.fit((4, 4), (4, 4), "fill")
    with pytest.raises(InputError, match="sizes must be positive"):
        photo.fit((4, 0), (4, 4))
    placement = photo.fit((4, 4), (8, 8))
    with pytest.raises(
        InputError, match=r"the photo is uint8 \(5, 4, 3\); expected uint8 \(4, 4, 3\)"
    ):
        placement.image(np.zeros((5, 4, 3), np.uint8))
    with pytest.raises(InputError, match="the picture is float32"):
        placement.back(np.zeros((8, 8, 3), np.float32))
