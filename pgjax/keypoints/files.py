"""What the formats share: JSON, lists of numbers, whole files, and errors that say where."""

import contextlib
import itertools
import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from pgjax.errors import InputError
from pgjax.files import paths, text_files
from pgjax.keypoints.pose import FARTHEST, Pose, marked


@contextlib.contextmanager
def naming(where: object) -> Generator[None]:
    """Puts where a fault is before what an InputError says."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def load_json(path: Path):
    """What a JSON file holds.

    Raises:
      InputError: the file is empty, not text or not JSON.
    """
    text = text_files.read(path)
    if not text.strip():
        raise InputError("is empty; expected JSON")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: also an integer of 5,000 digits
        raise InputError(f"not JSON: {error}") from None


def numbers(value, what: str) -> np.ndarray:
    """A JSON list of numbers as float64 (n,)."""
    if not isinstance(value, list):
        raise InputError(f"{what} is {_short(value)}; expected a list of numbers")
    for item in value:
        if isinstance(item, bool) or not isinstance(item, int | float):
            raise InputError(f"{what} holds {_short(item)}; expected numbers only")
    try:
        return np.array(value, float)
    except OverflowError:
        raise InputError(f"{what} holds an integer too large for a number of pixels") from None


def lines(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Of each line of a text file what errors call it, and its numbers, float64 (n,).

    Raises:
      InputError: the file is not text, or holds something that is no number.
    """
    for number, text in enumerate(text_files.read(path).splitlines(), start=1):
        if text.strip():
            try:
                values = [float(item) for item in text.replace(",", " ").split()]
            except ValueError as error:
                raise InputError(f"line {number}: {error}; expected numbers only") from None
            yield f"line {number}", np.array(values)


def table(value, what: str) -> np.ndarray:
    """Joints x, y, confidence (J, 3), from one list or from a list for each joint.

    Of a list for each joint two numbers are x and y, without confidence: a joint is then there that is
    not at one of pose.MARKS; a fourth number is left out.
    """
    width = 3
    if isinstance(value, list) and value and all(isinstance(joint, list) for joint in value):
        widths = {len(joint) for joint in value}
        if len(widths) != 1 or not widths <= {2, 3, 4}:
            raise InputError(f"{what} holds joints of {sorted(widths)} numbers; expected 2, 3 or 4")
        (width,) = widths
        value = list(itertools.chain.from_iterable(value))
    found = numbers(value, what)
    if found.size % width:
        raise InputError(
            f"{what} holds {found.size} numbers; expected x, y and a third for each of the joints"
        )
    found = found.reshape(-1, width)
    return found[:, :3] if width > 2 else with_confidence(found)


def with_confidence(points: np.ndarray) -> np.ndarray:
    """Points (J, 2) of a file without confidence, with 1, or 0 where a joint is marked as missing."""
    return np.column_stack([points, ~marked(points)])


def size(content: dict, prefix: str = "") -> tuple[int, int]:
    """(height, width) in pixels, of a JSON object's keys of these names after the prefix.

    Raises:
      InputError: they are none.
    """
    found = tuple(content.get(f"{prefix}{side}") for side in ("height", "width"))
    height, width = (
        int(s)
        if isinstance(s, int | float) and not isinstance(s, bool) and 1 <= s < FARTHEST
        else None
        for s in found
    )
    if height is None or width is None:
        raise InputError(f'"{prefix}height" and "{prefix}width" are {found}; expected pixels')
    return height, width


def typed(value, kind: type, what: str):
    """The value, which must be of that kind: dict or list."""
    if not isinstance(value, kind):
        words = "an object {...}" if kind is dict else "a list [...]"
        raise InputError(f"{what} is {_short(value)}; expected {words}")
    return value


def _short(value) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:40]}..."


def write_json(path: Path, content) -> None:
    paths.write_bytes(path, (json.dumps(content) + "\n").encode())


def stem(photo: str) -> str:
    """A photo's name without its extension, folders kept.

    Raises:
      InputError: the name is none, or leads out of its folder.
    """
    path = PurePosixPath(photo)
    if not path.name or path.is_absolute() or ".." in path.parts:
        raise InputError(f"photo {photo!r}: not a name that a file in a folder can have")
    return str(path.with_suffix(""))


def targets(
    path: Path, poses: Mapping[str, Sequence[Pose]], ending: str
) -> list[tuple[Path, str, Sequence[Pose]]]:
    """The files of a format with one file a photo: the path itself, or NAME + ending in the folder.

    The path is a file where it has the ending's extension, and then holds one photo.

    Raises:
      InputError: several photos for one file, or of one name but for the extension.
    """
    extension = ending[ending.rindex(".") :]
    if path.suffix.lower() == extension:
        if len(poses) != 1:
            raise InputError(
                f"{path}: poses of {len(poses)} photos for a file that holds those of one; "
                "give the name of a folder"
            )
        ((name, people),) = poses.items()
        return [(path, name, people)]
    found: dict[str, str] = {}
    for name in poses:
        other = found.setdefault(stem(name), name)
        if other != name:
            raise InputError(f"{path}: photos {other} and {name} would share one file")
    return [(path / f"{key}{ending}", name, poses[name]) for key, name in found.items()]


def rounded(table: np.ndarray) -> list[float]:
    """x, y, confidence (J, 3) as one list, to a thousandth of a pixel."""
    table = table.copy()
    # A joint that was found keeps some confidence and lies at none of MARKS, or it would be read as missing.
    table[:, 2] = np.where(table[:, 2] > 0, table[:, 2].clip(1e-3), 0)
    table[(table[:, 2] > 0) & marked(table[:, :2].round(3)), :2] += 2e-3
    return [round(float(value), 3) for value in table.ravel()]


def at_most_one(name: str, people: Sequence[Pose], path: Path) -> Pose | None:
    """The person in a photo, for formats that hold no more.

    Raises:
      InputError: there are several.
    """
    if len(people) > 1:
        raise InputError(
            f"{path}: photo {name!r} has {len(people)} people, and this format holds one a photo; "
            "choose one, or a format for several (openpose, coco17)"
        )
    return people[0] if people else None
