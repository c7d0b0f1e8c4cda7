"""Videos, frame by frame: read upright with their times, and written as H.264 in MP4.

Neither holds more than a few frames at once, however long the video is. Both need PyAV (pgjax[video]), which
brings FFmpeg's libraries with it.

Times are whole numbers of a video's own unit, its time base, in seconds: so nothing is rounded.
"""

import contextlib
import os
import uuid
from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from pgjax.errors import InputError
from pgjax.files import paths
from pgjax.files.file_types import HEAD, KINDS, kind_of

SUFFIX = ".mp4"
ENCODER = "libx264"
# crf 18: hardly told from the original, says FFmpeg's guide to H.264 (trac.ffmpeg.org/wiki/Encode/H.264).
# Without B-frames the order of the file is the order of time, and the last image keeps its duration.
OPTIONS = {"crf": "18", "preset": "medium", "bf": "0"}
BT709 = 1  # of ITU-T H.273: primaries, transfer and matrix; range 1 is limited


class Frame(NamedTuple):
    """number: from 1 on. start, end: when it is shown. image: uint8 (H, W, 3), upright, of square pixels."""

    number: int
    start: int
    end: int
    image: np.ndarray


class Reader:
    """The frames of a video, once and in their order; the first begins at 0.

    Attributes:
      unit: of times, in seconds. rate: frames a second, as the file says. count: how many frames the head of
        the file tells of, 0 where it does not. about: how many there may be, of its duration if need be.
      sound: whether it has any.
    """

    def __init__(self, path: Path, container: Any, stream: Any):
        """For `opened`."""
        self._path, self._container, self._stream = path, container, stream
        self.unit = Fraction(stream.time_base)
        self.rate = Fraction(stream.average_rate or stream.guessed_rate or 25)
        self.count = int(stream.frames or 0)
        seconds = Fraction(container.duration or 0, library().time_base)
        self.about = self.count or round(seconds * self.rate)
        self.sound = bool(container.streams.audio)
        self._matrices: dict[int, np.ndarray | None] = {}

    def __iter__(self) -> Iterator[Frame]:
        """Raises InputError: a frame cannot be decoded, or there is none."""
        step = max(1, round(1 / self.rate / self.unit))
        first, last, number = None, -step, 0
        decoded = self._container.decode(self._stream)
        while True:
            try:
                frame = next(decoded, None)
                if frame is None:
                    break
                image = self._upright(frame)
            except library().FFmpegError as error:
                raise InputError(
                    f"{self._path}: frame {number + 1} cannot be decoded ({_reason(error)}); mend the file, "
                    "as by 'ffmpeg -i FILE NEW.mp4'"
                ) from error
            start = last + step
            if frame.pts is not None:
                first = frame.pts - start if first is None else first
                start = max(frame.pts - first, last + 1)  # some files go back in time
            last, number = start, number + 1
            yield Frame(number, start, start + int(frame.duration or step), image)
        if not number:
            raise InputError(f"{self._path}: no frame in it")

    def _upright(self, frame: Any) -> np.ndarray:
        """uint8 (H, W, 3) of a decoded frame, turned as the file says, its pixels made square."""
        pixel, turn = self._stream.sample_aspect_ratio, frame.rotation
        if turn not in self._matrices:
            # Once asked for, a frame and its side data hold each other until Python looks for such circles.
            kind = library().sidedata.sidedata.Type.DISPLAYMATRIX
            found = frame.side_data.get(kind)
            self._matrices[turn] = None if found is None else np.frombuffer(bytes(found), np.int32)
        width = round(frame.width * pixel) if pixel else frame.width
        image = frame.to_ndarray(format="rgb24", width=width)
        matrix = self._matrices[turn]
        return image if matrix is None else turned(image, matrix)


@contextlib.contextmanager
def opened(path: str | os.PathLike) -> Generator[Reader]:
    """A video to read; of several pictures in a file the one that players show.

    Raises:
      FileNotFoundError: there is no such file.
      InputError: PyAV is missing, the file is none that it reads, or has no moving picture.
    """
    av, path = library(), paths.local(path)
    if path.is_dir():
        raise InputError(f"{path}: is a folder; expected a video")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such video")
    with path.open("rb") as file:
        head = file.read(HEAD)
    kind = kind_of(path.name, head)
    if not head:
        raise InputError(f"{path}: is empty (0 bytes); expected a video")
    if kind is not None and kind.photo and kind is not KINDS["gif"]:
        raise InputError(f"{path}: is a photo ({kind.name}); expected a video")
    with contextlib.ExitStack() as stack:
        try:
            # A playlist would name other files, and hosts.
            only = {"protocol_whitelist": "file"}
            container = stack.enter_context(av.open(str(path.absolute()), options=only))
            stream = container.streams.best("video")
        except av.FFmpegError as error:
            raise InputError(f"{path}: a damaged file, or no video ({_reason(error)})") from error
        if stream is None or stream.disposition & av.stream.Disposition.attached_pic:
            what = "sound only" if container.streams.audio else "no moving picture"
            raise InputError(f"{path}: {what}; expected a video")
        if stream.codec_context is None:
            raise InputError(f"{path}: its pictures are coded in a way that cannot be read")
        yield Reader(path, container, stream)


class Writer:
    """An MP4 file that grows image by image; it appears under its name when it is complete.

    As a context: an error or Ctrl-C within leaves no file.
    """

    def __init__(self, path: str | os.PathLike, size: tuple[int, int], unit: Fraction):
        """size: (height, width) of the images. unit: of times, in seconds."""
        self._path, self._size, self._unit = paths.local(path), size, unit
        name = f".{self._path.name}.{uuid.uuid4().hex}.partial"
        self._temporary = self._path.with_name(name)
        self._durations: dict[int, int] = {}

    @property
    def padded(self) -> tuple[int, int] | None:
        """(height, width) of the video where a side is odd; H.264 stores colours at half of both sides."""
        height, width = self._size
        even = height + height % 2, width + width % 2
        return even if even != self._size else None

    def __enter__(self) -> "Writer":
        """Raises InputError: PyAV or its encoder is missing, or the file cannot be written."""
        av = library()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._told():
            # The index stands first, so that browsers begin before they have all of it.
            options = {"movflags": "+faststart"}
            self._file = av.open(str(self._temporary), "w", format="mp4", options=options)
        try:
            self._stream = self._file.add_stream(ENCODER, options=OPTIONS)
        except ValueError as error:
            self._end()
            raise InputError(
                f"{self._path}: this PyAV has no encoder {ENCODER}; the one of 'pip install av' has it"
            ) from error
        height, width = self.padded or self._size
        context = self._stream.codec_context
        context.height, context.width, context.pix_fmt = height, width, "yuv420p"
        context.time_base = self._stream.time_base = self._unit
        context.color_primaries = context.color_trc = context.colorspace = BT709
        context.color_range = 1
        return self

    def write(self, image: np.ndarray, start: int, end: int) -> None:
        """Adds uint8 (H, W, 3), which is shown from one time to another."""
        sides = [(0, side % 2) for side in image.shape[:2]]
        if self.padded:
            image = np.pad(image, (*sides, (0, 0)), mode="edge")
        with self._told():
            frame = library().VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame = frame.reformat(
                format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG"
            )
        frame.pts, frame.time_base = start, self._unit
        self._durations[start] = end - start
        self._encode(frame)

    def __exit__(self, kind: type | None, *_) -> None:
        try:
            if kind is None:
                self._encode(None)
                with self._told():
                    self._file.close()
                os.replace(self._temporary, self._path)
        finally:
            self._end()

    def _encode(self, frame: Any) -> None:
        with self._told():
            for packet in self._stream.encode(frame):
                packet.duration = self._durations.pop(
                    packet.pts
                )  # libx264's wrapper drops a frame's own
                self._file.mux(packet)

    @contextlib.contextmanager
    def _told(self) -> Generator[None]:
        try:
            yield
        except library().FFmpegError as error:
            height, width = self._size
            raise InputError(
                f"{self._path}: a video {height} high and {width} wide cannot be written ({_reason(error)})"
            ) from error

    def _end(self) -> None:
        with contextlib.suppress(library().FFmpegError):  # of a disk that is full, once more
            self._file.close()
        self._temporary.unlink(missing_ok=True)


def turned(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """An image as players show it.

    Args:
      image: (H, W, ...), as stored.
      matrix: (9,), {a, b, u, c, d, v, x, y, w} of ISO/IEC 14496-12, 6.2.2: (p, q) is shown at (ap + cq + x,
        bp + dq + y). Quarter turns and mirrorings are applied, of other angles the nearest.
    """
    (a, b, _), (c, d, _) = np.asarray(matrix)[:6].reshape(2, 3).tolist()
    across, down = a, d
    if abs(b) + abs(c) > abs(a) + abs(d):
        image, across, down = image.swapaxes(0, 1), c, b
    return np.ascontiguousarray(image[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1])


def library() -> ModuleType:
    """PyAV. Raises InputError: it is not installed."""
    try:
        import av
    except ImportError as error:
        raise InputError(f"videos: need PyAV ({error}); pip install 'pgjax[video]'") from error
    return av


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
