"""Videos written and read: against OpenCV, which decodes by an FFmpeg of its own, and what is at fault."""

import gc
import itertools
import sys
import wave
from fractions import Fraction
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image

from pgjax.errors import InputError
from pgjax.images import video
from pgjax.images.video import Reader, Writer, opened, turned

av = pytest.importorskip("av", reason="needs pgjax[video]")
EVEN = Fraction(1, 30)


def scene(step: int, size=(64, 48)) -> np.ndarray:
    """Red above, blue below and green at the left of it; brighter with each step."""
    image = np.zeros((*size, 3), np.uint8)
    image[: size[0] // 2] = 200 + 5 * step, 20, 20
    image[size[0] // 2 :] = 20, 20, 200
    image[size[0] // 2 :, : size[1] // 2] = 20, 180, 20
    return image


def write(path, images, unit=EVEN, starts=None, end=None):
    starts = [*(starts or range(len(images))), end or len(images)]
    with Writer(path, images[0].shape[:2], unit) as writer:
        for image, start, until in zip(images, starts, starts[1:], strict=False):
            writer.write(image, start, until)
    return path


def read(path) -> tuple[Reader, list]:
    with opened(path) as clip:
        return clip, list(clip)


def of_opencv(path):
    clip = cv2.VideoCapture(str(path))
    frames = []
    while (got := clip.read())[0]:
        frames.append(got[1][..., ::-1])
    return clip.get(cv2.CAP_PROP_FPS), frames


def differ(found, expected) -> float:
    """Colours are stored at half the size, so edges blur: of half the pixels the largest difference."""
    return float(np.median(np.abs(found.astype(int) - expected).max(axis=-1)))


def test_opencv_reads_what_is_written(tmp_path):
    images = [scene(i) for i in range(8)]
    rate, frames = of_opencv(write(tmp_path / "new" / "a.mp4", images))
    assert (rate, len(frames), frames[0].shape) == (30, 8, (64, 48, 3))
    assert max(map(differ, frames, images)) <= 4
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.mp4"]


def test_odd_sides_are_padded_by_their_edge(tmp_path):
    images = [scene(0, (65, 47))]
    assert Writer("a.mp4", (65, 47), EVEN).padded == (66, 48)
    assert Writer("a.mp4", (64, 48), EVEN).padded is None
    _, (frame,) = read(write(tmp_path / "a.mp4", images))
    assert frame.image.shape == (66, 48, 3)
    assert differ(frame.image, np.pad(images[0], ((0, 1), (0, 1), (0, 0)), mode="edge")) <= 4
    assert differ(frame.image[-1:], images[0][-1, [*range(47), 46]][None]) <= 4


def test_times_stay_what_they_are(tmp_path):
    """A variable frame rate, to the millisecond, and how long the last image stays."""
    starts = [0, 33, 100, 133, 400, 433, 466, 500]
    images = [scene(i) for i in range(8)]
    clip, frames = read(write(tmp_path / "a.mp4", images, Fraction(1, 1000), starts, end=900))
    assert [frame.start * clip.unit * 1000 for frame in frames] == starts
    assert frames[-1].end * clip.unit * 1000 == 900
    assert [frame.number for frame in frames] == list(range(1, 9))
    assert (clip.count, clip.about, clip.sound) == (8, 8, False)
    clip, _ = read(write(tmp_path / "b.mp4", images, Fraction(100, 2997)))
    assert clip.rate == Fraction(2997, 100)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_phones_turn_their_videos_by_a_note(tmp_path, degrees):
    """OpenCV heeds it too."""
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 48, 64, "yuv420p"
        stream.set_display_rotation(degrees)
        file.mux(stream.encode(av.VideoFrame.from_ndarray(scene(0), format="rgb24")))
        file.mux(stream.encode(None))
    _, (frame,) = read(path)
    _, (expected,) = of_opencv(path)
    assert frame.image.shape == expected.shape == ((64, 48, 3) if degrees == 180 else (48, 64, 3))
    assert differ(frame.image, expected) <= 6
    assert differ(frame.image, np.rot90(scene(0), -degrees // 90)) > 100 or degrees == 180


@pytest.mark.parametrize("sides", list(itertools.product((1, -1), repeat=2)))
@pytest.mark.parametrize("across", [True, False])
def test_turns_and_mirrorings_move_pixels_as_the_standard_says(sides, across):
    (a, d), (b, c) = (sides, (0, 0)) if across else ((0, 0), sides)
    image = np.arange(6).reshape(3, 2)
    q, p = np.indices(image.shape)
    x, y = a * p + c * q, b * p + d * q
    expected = np.zeros((np.ptp(y) + 1, np.ptp(x) + 1), int)
    expected[y - y.min(), x - x.min()] = image
    found = turned(image, np.array([a, b, 0, c, d, 0, 7, 9, 1]) * 65536)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("told", "starts"),
    [
        ([5000, 5040, None, 5120], [0, 40, 80, 120]),
        ([None, 7, 47], [0, 40, 80]),
        ([300, 200, 340], [0, 1, 40]),
    ],
)
def test_frames_without_a_time_come_one_step_later(tmp_path, told, starts):
    """As those of bare streams; a time that goes back is taken as the least one that does not."""
    stream = SimpleNamespace(time_base=Fraction(1, 1000), average_rate=25, frames=0)
    stream.sample_aspect_ratio = None
    frames = [
        SimpleNamespace(
            pts=time,
            duration=None,
            rotation=0,
            side_data={},
            width=2,
            to_ndarray=lambda **_: scene(0),
        )
        for time in told
    ]
    container = SimpleNamespace(duration=None, streams=SimpleNamespace(audio=[]))
    container.decode = lambda _: iter(frames)
    assert [frame.start for frame in Reader(tmp_path, container, stream)] == starts


def test_of_matroska_the_duration_tells_how_many_frames_there_may_be(tmp_path):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 48, 64, "yuv420p"
        for i in range(8):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(scene(i), format="rgb24")))
        file.mux(stream.encode(None))
    clip, frames = read(path)
    assert (clip.count, clip.about, len(frames)) == (0, 8, 8)


def test_oblong_pixels_are_made_square(tmp_path):
    with av.open(str(tmp_path / "a.mp4"), "w") as file:
        stream = file.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 48, 64, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        file.mux(stream.encode(av.VideoFrame.from_ndarray(scene(0), format="rgb24")))
        file.mux(stream.encode(None))
    _, (frame,) = read(tmp_path / "a.mp4")
    assert frame.image.shape == (64, 64, 3)
    assert (frame.image[48:, 34:, 2] > 150).all() and (frame.image[48:, :30, 1] > 150).all()


def test_frames_that_were_read_are_freed_at_once(tmp_path):
    """Without the search for circles of references, which comes late, and large frames are not few then."""
    path = write(tmp_path / "a.mp4", [scene(i) for i in range(8)])
    gc.collect()
    gc.disable()
    try:
        with opened(path) as clip:
            frames = iter(clip)
            for _ in range(8):
                next(frames)
            alive = sum(isinstance(o, av.VideoFrame) for o in gc.get_objects())
    finally:
        gc.enable()
    assert alive <= 6


def _fault(path, kind: str):
    whole = write(path / "whole.mp4", [scene(i) for i in range(8)]).read_bytes()
    place = path / f"{kind}.mp4"
    if kind == "folder":
        place.mkdir()
    elif kind == "photo":
        Image.fromarray(scene(0)).save(place, "png")
    elif kind == "sound":
        with wave.open(str(place), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(bytes(1600))
    elif kind == "no frames":
        place = place.with_suffix(".avi")
        with av.open(str(place), "w") as file:
            stream = file.add_stream("mpeg4", rate=30)
            stream.width, stream.height, stream.pix_fmt = 48, 64, "yuv420p"
            file.start_encoding()
    elif kind == "playlist":
        place = place.with_suffix(".m3u8")
        place.write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    elif kind != "missing":
        middle = whole.index(b"mdat") + 500
        data = {"empty": b"", "text": b"hello\n" * 99, "cut": whole[: len(whole) * 3 // 4]}
        data["scratched"] = whole[:middle] + bytes(len(whole) - middle)
        place.write_bytes(data[kind])
    return place


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "missing.mp4: no such video"),
        ("folder", "folder.mp4: is a folder; expected a video"),
        ("empty", "empty.mp4: is empty (0 bytes); expected a video"),
        ("photo", "photo.mp4: is a photo (PNG); expected a video"),
        ("text", "text.mp4: a damaged file, or no video (Invalid data"),
        ("playlist", "playlist.m3u8: a damaged file, or no video"),
        ("sound", "sound.mp4: sound only; expected a video"),
        ("no frames", "no frames.avi: no frame in it"),
        ("cut", "cannot be decoded (Invalid data"),
        ("scratched", "cannot be decoded (Invalid data"),
    ],
)
def test_what_is_no_video_is_one_line(tmp_path, kind, message, capfd):
    with pytest.raises((InputError, FileNotFoundError)) as fault:
        read(_fault(tmp_path, kind))
    assert message in str(fault.value) and "\n" not in str(fault.value)
    assert capfd.readouterr() == ("", "")  # nothing by FFmpeg itself


@pytest.mark.parametrize("stop", [KeyboardInterrupt, InputError])
def test_a_video_that_is_broken_off_leaves_no_file(tmp_path, stop):
    with pytest.raises(stop), Writer(tmp_path / "a.mp4", (64, 48), EVEN) as writer:
        for i in range(60):  # the encoder looks 40 ahead
            writer.write(scene(i % 8), i, i + 1)
        assert [path.name[:7] for path in tmp_path.iterdir()] == [".a.mp4."]
        raise stop
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError), Writer(tmp_path / "file" / "a.mp4", (64, 48), EVEN):
        pass
    large = np.broadcast_to(np.uint8(0), (4, 200_000, 3))
    with (
        pytest.raises(InputError, match="a video 4 high and 200000 wide cannot be written"),
        Writer(tmp_path / "a.mp4", large.shape[:2], EVEN) as writer,
    ):
        writer.write(large, 0, 1)
    monkeypatch.setattr(video, "ENCODER", "no encoder")
    with (
        pytest.raises(InputError, match="has no encoder no encoder"),
        Writer(tmp_path / "a.mp4", (64, 48), EVEN),
    ):
        pass
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(InputError, match=r"need PyAV .*; pip install 'pgjax\[video\]'"):
        read(tmp_path / "a.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
