import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from pgjax.images import pixels

GREY = np.full((128, 64, 3), 128, np.uint8)


@pytest.mark.parametrize("xp", [np, jnp])
def test_bytes_survive_the_way_to_floats_and_back(xp):
    values = xp.arange(256).astype(np.uint8).reshape(16, 16)
    floats = pixels.to_float(values)
    assert floats.dtype == np.float32
    np.testing.assert_allclose(floats, (np.arange(256).reshape(16, 16) / 255 - 0.5) * 2, atol=1e-6)
    np.testing.assert_array_equal(pixels.to_uint8(floats), values)


def test_to_uint8_clips_and_rounds():
    values = np.array([-7.0, -1.0, 0.0039, 0.9999, 1.0, 3.0], np.float32)
    expected = np.array([0, 0, 128, 255, 255, 255], np.uint8)
    np.testing.assert_array_equal(pixels.to_uint8(values), expected)
    np.testing.assert_array_equal(jax.jit(pixels.to_uint8)(values), expected)


def test_png_is_read_back(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    path = tmp_path / "new" / "folder" / "picture.png"
    pixels.write_png(path, picture)
    np.testing.assert_array_equal(pixels.read_image(path), picture)
    assert [file.name for file in path.parent.iterdir()] == ["picture.png"]


def test_grey_files_are_read_as_rgb(tmp_path):
    pixels.write_png(tmp_path / "grey.png", np.full((4, 6), 77, np.uint8))
    read = pixels.read_image(tmp_path / "grey.png")
    np.testing.assert_array_equal(read, np.full((4, 6, 3), 77, np.uint8))


def test_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "picture.png"
    pixels.write_png(path, GREY)
    before = path.read_bytes()

    def fail(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        pixels.write_png(path, GREY + 1)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("bad", [np.zeros((4, 4, 3), np.float32), np.zeros((4, 4, 4), np.uint8)])
def test_only_bytes_are_written(tmp_path, bad):
    with pytest.raises(ValueError, match=r"bad\.png: a PNG needs uint8"):
        pixels.write_png(tmp_path / "bad.png", bad)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.png: no such image file"):
        pixels.read_image(tmp_path / "absent.png")


@pytest.mark.parametrize("kept", [0, 20, 400])
def test_broken_file_is_named(tmp_path, kept):
    path = tmp_path / "broken.png"
    pixels.write_png(path, np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"broken\.png: not a readable image"):
        pixels.read_image(path)


def test_grid_lays_out_rows():
    cells = [[np.full((3, 2, 3), 10 * i + j, np.uint8) for j in range(3)] for i in range(2)]
    sheet = pixels.grid(cells, padding=1, scale=2)
    assert sheet.shape == (1 + 2 * 7, 1 + 3 * 5, 3)
    for i in range(2):
        for j in range(3):
            block = sheet[1 + 7 * i : 7 + 7 * i, 1 + 5 * j : 5 + 5 * j]
            np.testing.assert_array_equal(block, np.full((6, 4, 3), 10 * i + j, np.uint8))
    assert (sheet[:, 5] == 255).all()
    assert (sheet[7] == 255).all()


def test_grid_writes_titles_above_wide_enough_columns():
    cells = np.zeros((1, 2, 8, 4, 3), np.uint8)
    plain = pixels.grid(cells)
    titled = pixels.grid(cells, titles=["a rather long title", "b"])
    assert titled.shape[0] > plain.shape[0]
    assert titled.shape[1] > plain.shape[1] + 60
    header = titled[: titled.shape[0] - plain.shape[0]]
    assert (header < 128).any()


@pytest.mark.parametrize(
    ("rows", "titles", "message"),
    [
        ([], None, "rows of one length"),
        ([[GREY], [GREY, GREY]], None, "rows of one length"),
        ([[GREY, GREY[:, :32]]], None, "images of one size"),
        ([[GREY.astype(np.float32)]], None, "uint8"),
        ([[GREY]], ["a", "b"], "1 columns got 2 titles"),
    ],
)
def test_grid_refuses(rows, titles, message):
    with pytest.raises(ValueError, match=message):
        pixels.grid(rows, titles=titles)
