"""The page in a browser: joints are dragged, and the person is drawn as pgjax generate draws it."""

import contextlib
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import places
import tiny
from pgjax import keypoints
from pgjax.errors import InputError
from pgjax.frozen import openpose_mobilenet
from pgjax.frozen.estimators import openpose
from pgjax.images.photo import fit
from pgjax.pose import skeleton
from pgjax.serving.page import onnxruntime_web, site
from pgjax.serving.transfer import PoseTransfer
from pgjax.training import model_folder

IDLE = "#target_drop[aria-busy=false]"


@contextlib.contextmanager
def _serving(folder):
    """The address of `pgjax page --serve`, a process of its own."""
    command = [sys.executable, "-m", "pgjax.tools.page", f"--out={folder}", "--serve", "--port=0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=places.environment())
    try:
        assert process.stdout.readline().strip() == str(folder / "index.html")
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def made(tmp_path):
    """A page of a tiny model, and the model's folder."""
    pytest.importorskip("onnx", reason="needs the extra pgjax[onnx]")
    if onnxruntime_web.npm() is None:
        pytest.skip("needs npm, which fetches ONNX Runtime for browsers")
    model_folder.write(tmp_path / "model", tiny.model(tiny.generator_config()), "card")
    try:
        onnxruntime_web.obtain(tmp_path / "data")
    except InputError as error:
        pytest.skip(f"npm has no network: {error}")
    site.write(tmp_path / "page", tmp_path / "model", tmp_path / "data", weights=_sees_everything())
    return tmp_path / "page", tmp_path / "model"


def _sees_everything():
    """Weights of an estimator for whom every joint is everywhere, and no limb is anywhere."""
    weights = {
        layer: {part: np.zeros(of.shape, np.float32) for part, of in parts.items()}
        for layer, parts in openpose_mobilenet.shapes().items()
    }
    weights[f"stage{openpose_mobilenet.STAGES}/joints5"]["bias"][:] = 0.5
    return weights


def _photo(path, times):
    """A file of 56 times 32 pixels, enlarged."""
    photo = tiny.SPLITS["test"].store.images[0][8:]
    Image.fromarray(np.kron(photo, np.ones((times, times, 1), np.uint8))).save(path)
    return path


def _saved(page, button, folder):
    with page.expect_download() as download:
        page.get_by_role("button", name=button, exact=True).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def _pixels(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.slow
def test_a_person_is_moved_and_drawn_as_generate_draws_it(page, made, tmp_path):
    folder, model = made
    told, asked = [], []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    transfer = PoseTransfer.load(model)
    wrist = page.locator("#target_svg").get_by_label("left wrist")
    joint = skeleton.INDEX["left_wrist"]

    def compared(name):
        """The new pose and the picture; this is what generate draws from the files that are saved."""
        page.locator(IDLE).wait_for()
        picture = _pixels(_saved(page, "Picture as PNG", tmp_path))
        (new,) = keypoints.read(_saved(page, "New pose as JSON", tmp_path)).values()
        (own,) = keypoints.read(_saved(page, "Photo's pose as JSON", tmp_path)).values()
        drawn = transfer(name, own[0], new[0])
        assert picture.shape == drawn.shape
        levels = np.abs(picture.astype(int) - drawn)
        assert (levels <= 1).mean() >= 0.999
        return new[0], picture

    with _serving(folder) as url:
        page.goto(url)
        first, before = compared(folder / "example.png")
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        wrist.scroll_into_view_if_needed()
        box = wrist.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] - 20, box["y"] - 80, steps=8)
        page.mouse.up()
        dragged, after = compared(folder / "example.png")
        moved = np.abs(dragged.keypoints - first.keypoints).max(axis=1)
        assert moved[joint] > 4 and np.delete(moved, joint).max() == 0
        assert (after != before).any()

        # By keys alone: two steps of a pixel, and the joint is made missing and placed again.
        wrist.focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        stepped, _ = compared(folder / "example.png")
        np.testing.assert_allclose(
            stepped.keypoints[joint] - dragged.keypoints[joint], (2, 0), atol=2e-3
        )
        wrist.focus()
        page.keyboard.press("Delete")
        assert not compared(folder / "example.png")[0].visible[joint]
        page.get_by_role("button", name="Place: left wrist").press("Enter")
        placed, _ = compared(folder / "example.png")
        assert placed.visible[joint]

        # Undo goes back to before the last change, which a joint that is only touched is not.
        wrist.press("ArrowDown")
        box = wrist.bounding_box()
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.get_by_role("button", name="Undo").click()
        undone, _ = compared(folder / "example.png")
        np.testing.assert_array_equal(undone.keypoints, placed.keypoints)

        # A larger photo of another shape with its own pose, in a pose of the list.
        photo = _photo(tmp_path / "anna.png", 3)
        pose = keypoints.moved(tiny.pose(2, 0), lambda points: 3 * (points - (8, 0)), (168, 96))
        keypoints.write(tmp_path / "anna.json", {"anna.png": [keypoints.within(pose)]}, "openpose")
        page.locator("#photo_file").set_input_files([photo, tmp_path / "anna.json"])
        page.get_by_text("The pose of the photo has").wait_for()
        page.get_by_role("checkbox").check()
        page.get_by_role("button", name="Walking", exact=True).click()
        compared(photo)
        webp = _pixels(_saved(page, "Picture as WebP", tmp_path))
        np.testing.assert_array_equal(webp, _pixels(tmp_path / "anna_posed.png"))

        # The estimator: of equals it takes the first, whose middle is that of 8 by 8 pixels.
        page.locator("#photo_file").set_input_files([_photo(tmp_path / "large.png", 9)])
        page.get_by_text("18 of 18 joints were found").wait_for()
        (own,) = keypoints.read(_saved(page, "Photo's pose as JSON", tmp_path)).values()
        there = fit(own[0].size, openpose.network_size(own[0].size), "stretch")
        expected = there.points_back(np.full((18, 2), 3.5))
        np.testing.assert_allclose(own[0].keypoints, expected, atol=1e-3)
    assert told == []
    assert all(link.removeprefix("blob:").startswith(url) for link in asked)
