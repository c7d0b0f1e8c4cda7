"""pgjax generate from videos and to videos, by an estimator whose people are known."""

import functools
import gc
import weakref
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

import generating
import tiny
from generating import PHOTOS, call, pixels
from pgjax import keypoints
from pgjax.frozen import estimators
from pgjax.images import video
from pgjax.serving.transfer import PoseTransfer
from pgjax.tools import moving

av = pytest.importorskip("av", reason="needs pgjax[video]")
THIRTIETH = Fraction(1, 30)
NOBODY = 9
ALONE = {"source_pose": None, "target_pose": None}


def frame(number: int) -> np.ndarray:
    """A frame that says its number by its grey, which survives coding."""
    return np.full((64, 32, 3), 20 * number + 10, np.uint8)


def number_of(image: np.ndarray) -> int:
    return round((image.mean() - 10) / 20)


def write(path, numbers, unit=THIRTIETH, starts=None):
    starts = [*(starts or range(len(numbers)))]
    with video.Writer(path, (64, 32), unit) as writer:
        for number, start, end in zip(numbers, starts, [*starts[1:], starts[-1] + 1], strict=True):
            writer.write(frame(number), start, end)
    return path


@functools.cache
def pose_of(number: int) -> keypoints.Pose:
    return tiny.pose(2, number, (64, 32))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = generating.write_files(tmp_path_factory.mktemp("files"))
    write(folder / "eight.mp4", range(8))
    return folder


@pytest.fixture(autouse=True)
def looked_at(monkeypatch):
    """The numbers of the frames that the estimator looked at; it finds nobody in those of NOBODY."""
    seen = []

    def find(photo, everyone):
        assert everyone
        if photo.shape != (64, 32, 3):  # the source
            return [tiny.pose(2, 0, photo.shape[:2])]
        seen.append(number_of(photo))
        return [] if seen[-1] == NOBODY else [pose_of(seen[-1])]

    entry = estimators.Entry(lambda *place: find, "known people")
    monkeypatch.setitem(estimators.ESTIMATORS, "openpose", entry)
    generating.prepare(monkeypatch)
    return seen


def read(path):
    with video.opened(path) as clip:
        frames = list(clip)
    return [float(frame.start * clip.unit) for frame in frames], frames


def expected(files, poses):
    source = keypoints.one_pose(files / "photo.json")
    return PoseTransfer.load(files / "model")(PHOTOS[0], source, list(poses))


def test_a_video_becomes_a_video_of_the_same_times(files, tmp_path, capsys, looked_at):
    call(files, target_pose=None, target_video=files / "eight.mp4", out=tmp_path / "a.mp4")
    written = capsys.readouterr()
    assert written.out == f"{tmp_path / 'a.mp4'}\n" and looked_at == list(range(8))
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    times, frames = read(tmp_path / "a.mp4")
    np.testing.assert_allclose(times, np.arange(8) / 30)
    wanted = expected(files, map(pose_of, range(8)))
    apart = np.array([[np.abs(f.image - w.astype(int)).mean() for w in wanted] for f in frames])
    assert (
        apart.argmin(axis=1) == range(8)
    ).all()  # noise is not coded well, and is told apart all the same
    assert f"{tmp_path / 'a.mp4'}: 0.2667 s, 8 images\n" in written.err
    assert "flicker: unknown; in none of 7 pairs of successive images joints move" in written.err
    assert "padded" not in written.err and "variable" not in written.err


def test_an_odd_size_a_still_person_and_a_folder_beside(files, tmp_path, capsys):
    """The same pose twice, of which the flicker follows from the folder's images."""
    Image.fromarray(PHOTOS[0][:63, :31]).save(tmp_path / "odd.png")
    clip = write(tmp_path / "clip.mp4", [1, 1, 4, 5, 6])
    flags = {"target_video": clip, "out": tmp_path / "out", "animation": tmp_path / "a.mp4"}
    call(files, source=tmp_path / "odd.png", **flags | ALONE)
    told = capsys.readouterr().err
    names = [f"frame_0000{i}.png" for i in range(1, 6)]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    first, second, *_ = (pixels(tmp_path / "out" / name).astype(float) for name in names)
    assert first.shape == (63, 31, 3)
    flicker = np.abs(first - second).mean()
    assert f"flicker: {flicker:.3g} grey levels between successive images, of the 1 of 4" in told
    assert "a.mp4: 63x31 is padded to 64x32: the sides of a video are even" in told
    _, frames = read(tmp_path / "a.mp4")
    assert len(frames) == 5 and frames[0].image.shape == (64, 32, 3)


def test_frames_without_anybody_keep_their_time(files, tmp_path, capsys):
    clip = write(tmp_path / "clip.mp4", [NOBODY, 1, NOBODY, 2, 3, 4, 5, NOBODY])
    call(files, target_pose=None, target_video=clip, out=tmp_path / "a.mp4")
    told = capsys.readouterr().err
    assert "nobody in 3 of 8, left out: frame_00001, frame_00003, frame_00008\n" in told
    assert "a.mp4: 3 of 8 frames have no pose; the image before stays in their time" in told
    times, frames = read(tmp_path / "a.mp4")
    np.testing.assert_allclose(times, np.array([0, 3, 4, 5, 6]) / 30)
    assert 3 * frames[-1].end == 4 * frames[-1].start


def test_gaps_are_filled_and_joints_smoothed_when_asked(files, tmp_path, capsys, monkeypatch):
    clip = write(tmp_path / "clip.mp4", [1, NOBODY, 2, 3, 4, 5])
    drawn = []
    monkeypatch.setattr(moving.Flicker, "add", lambda self, image, pose: drawn.append(pose))
    flags = {"target_pose": None, "target_video": clip, "out": tmp_path / "a.mp4", "fill": 1}
    call(files, **flags)
    told = capsys.readouterr().err
    ends = [pose_of(1), pose_of(2)]
    shown = ends[0].visible & ends[1].visible
    middle = (ends[0].keypoints + ends[1].keypoints)[shown] / 2
    np.testing.assert_allclose(drawn[1].keypoints[shown], middle, rtol=1e-5)
    assert "--fill: right_shoulder: frame_00002\n" in told and "have no pose" not in told
    del drawn[:]
    call(files, smooth="gaussian:0.05", **flags)
    assert "--smooth: gaussian over 2 frames to either side, at 30 frames a second\n" in (
        capsys.readouterr().err
    )
    shoulder = np.array([pose.keypoints[2] for pose in drawn])
    weights = np.exp(-0.5 * np.arange(-2, 3) ** 2)
    raw = np.array([pose_of(i).keypoints[2] for i in (1, 1, 2, 3, 4, 5)])
    raw[1] = (raw[0] + raw[2]) / 2
    np.testing.assert_allclose(shoulder[2], weights @ raw[:5] / weights.sum(), rtol=1e-5)


def test_fewer_frames_a_second(files, tmp_path, looked_at):
    """Thirty become twenty, whose times are even: of each twentieth of a second the first is looked at."""
    flags = {"target_pose": None, "target_video": files / "eight.mp4", "out": tmp_path / "a.mp4"}
    call(files, fps=20, **flags)
    assert looked_at == [0, 2, 3, 5, 6]
    times, frames = read(tmp_path / "a.mp4")
    np.testing.assert_allclose(times, np.arange(5) / 20)
    assert 4 * frames[-1].end == 6 * frames[-1].start  # 8/30 s are begun twentieths: six


def test_sound_and_times_in_milliseconds(files, tmp_path, capsys, looked_at):
    """As Matroska has them: 33 ms are the second thirtieth of a second all the same."""
    with av.open(str(tmp_path / "a.mkv"), "w") as file:
        pictures, sound = file.add_stream("libx264", rate=30), file.add_stream("pcm_s16le", 8000)
        pictures.width, pictures.height, pictures.pix_fmt = 32, 64, "yuv420p"
        for number in range(8):
            shown = av.VideoFrame.from_ndarray(frame(number), format="rgb24")
            file.mux(pictures.encode(shown))
        heard = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        heard.rate = 8000
        file.mux([*pictures.encode(None), *sound.encode(heard), *sound.encode(None)])
    flags = {"target_video": tmp_path / "a.mkv", "out": tmp_path / "a.mp4", "fps": 30}
    call(files, target_pose=None, **flags)
    assert looked_at == list(range(8))
    assert "a.mkv: its sound is not taken over\n" in capsys.readouterr().err


def test_a_file_that_is_cut_off_between_two_frames_is_told(files, tmp_path, capsys):
    with av.open(str(files / "eight.mp4")) as file:
        place = [packet.pos for packet in file.demux(video=0)][6]
    clip = tmp_path / "cut.mp4"
    clip.write_bytes((files / "eight.mp4").read_bytes()[:place])
    call(files, target_pose=None, target_video=clip, out=tmp_path / "a.mp4")
    assert (
        "cut.mp4: 6 frames, of 8 that its head tells; it was trimmed, or" in capsys.readouterr().err
    )


def test_a_variable_rate_is_told_and_kept(files, tmp_path, capsys):
    clip = write(tmp_path / "clip.mp4", [1, 2, 3, 4, 5], Fraction(1, 1000), [0, 50, 250, 300, 350])
    call(files, target_pose=None, target_video=clip, out=tmp_path / "a.mp4")
    assert "a variable frame rate, 5 to 20 frames a second; a .mp4 keeps" in capsys.readouterr().err
    np.testing.assert_allclose(read(tmp_path / "a.mp4")[0], [0, 0.05, 0.25, 0.3, 0.35])


def test_a_sequence_of_files_becomes_a_video(files, tmp_path):
    """At twelve frames a second, or at --fps."""
    call(files, target_pose=files / "sequence", out=tmp_path / "a.mp4")
    np.testing.assert_allclose(read(tmp_path / "a.mp4")[0], np.arange(11) / 12)
    call(files, target_pose=files / "sequence", out=tmp_path / "a.mp4", fps=29.97)
    np.testing.assert_allclose(read(tmp_path / "a.mp4")[0], np.arange(11) / 29.97)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"target_video": "none.mp4"}, "none.mp4: no such video"),
        ({"target_video": "photo.png"}, "photo.png: is a photo (PNG); expected a video"),
        ({"target_video": "nobody.mp4"}, "nobody.mp4: the estimator found nobody; give the"),
        ({"target_photo": "photo.png"}, "--target_video: goes without --target_photo"),
        (
            {"target_video": None, "target_photo": "eight.mp4"},
            "is a video; --target_video takes it",
        ),
        ({"animation": "b.gif"}, "--animation: --out is"),
        ({"out": "out.png"}, "expected the name of a folder or of a .mp4"),
        ({"smooth": "median"}, "expected savitzky_golay or gaussian, or NAME:SECONDS, such as"),
        ({"smooth": "gaussian:-1"}, "such as gaussian:0.2, got 'gaussian:-1'"),
        ({"fill": "0"}, "--fill: expected a number of frames from 1 on, got '0'"),
        ({"target_video": None, "target_pose": "target.json", "fill": "2"}, "--fill: goes with a"),
        ({"target_video": None, "target_pose": "target.json"}, "shows a sequence of poses, and"),
    ],
)
def test_faults_are_one_line_and_leave_no_file(files, tmp_path, capsys, flags, message):
    write(files / "nobody.mp4", [NOBODY] * 2)
    given = {"target_video": "eight.mp4", "target_pose": None} | flags
    places = ("target_video", "target_pose", "target_photo")
    given = {k: files / v if k in places and v else v for k, v in given.items()}
    for place in ("out", "animation"):
        if place in given or place == "out":
            given[place] = tmp_path / given.get(place, "a.mp4")
    with pytest.raises(SystemExit) as ended:
        call(files, **given)
    written = capsys.readouterr()
    errors = [line for line in written.err.splitlines() if line.startswith("error: ")]
    assert (ended.value.code, written.out, len(errors)) == (2, "", 1)
    assert message in errors[0] and list(tmp_path.iterdir()) == []


def test_smoothing_without_scipy_is_told_before_any_file_is_read(files, monkeypatch, capsys):
    """ONNX files are drawn with by what pip install --no-deps leaves out."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SystemExit):
        call(files, smooth="gaussian", target_pose="none.json", out="a")
    assert capsys.readouterr().err == "error: --smooth: scipy is not installed; pip install scipy\n"


def test_ctrl_c_leaves_no_file(files, tmp_path, monkeypatch):
    """While an image is drawn, after more than the encoder looks ahead."""

    def stopped(self, *given, **options):
        yield from [PHOTOS[0]] * 50
        assert [path.name[:7] for path in tmp_path.iterdir()] == [".a.mp4."]
        raise KeyboardInterrupt

    monkeypatch.setattr(PoseTransfer, "each", stopped)
    np.save(files / "long.npy", np.tile(pose_of(1).keypoints, (60, 1, 1)))
    with pytest.raises(KeyboardInterrupt):
        call(files, target_pose=files / "long.npy", out=tmp_path / "a.mp4")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_pictures_of_a_long_video_are_not_held(files, tmp_path, monkeypatch):
    """Frames that were read, and images that were drawn, which are alive at once: as many of 120 as of 40."""
    alive, most = set(), {}

    def counted(images, kind):
        for image in images:
            held = image.image if isinstance(image, video.Frame) else image
            alive.add(key := (kind, id(held)))
            weakref.finalize(held, alive.discard, key)
            del held
            gc.collect(0)
            most[kind] = max(most.get(kind, 0), sum(k == kind for k, _ in alive))
            yield image
            del image

    frames, drawn = video.Reader.__iter__, PoseTransfer.each
    monkeypatch.setattr(video.Reader, "__iter__", lambda self: counted(frames(self), "read"))
    monkeypatch.setattr(
        PoseTransfer, "each", lambda *given, **more: counted(drawn(*given, **more), "drawn")
    )
    found = []
    for count in (40, 120):
        most.clear()
        clip = write(tmp_path / f"{count}.mp4", [i % 8 for i in range(count)])
        flags = {"target_video": clip, "fill": 2, "smooth": "savitzky_golay", **ALONE}
        call(files, out=tmp_path / "a.mp4", **flags | {"source_pose": files / "photo.json"})
        found.append(dict(most))
        assert len(read(tmp_path / "a.mp4")[1]) == count
    assert found[0] == found[1] and max(found[1].values()) <= 4
