"""Draws keypoints on their photos: python -m pgjax.tools.overlay KEYPOINTS --photos DIR --out FILE

KEYPOINTS is a file or folder in any format of pgjax.keypoints. The person's right arm is red, the right leg
orange, the left arm blue, and the left leg cyan. The text under each photo says what looks wrong, for example
that left and right are swapped. Standard error gets these lines for all photos, and what was left out.
Standard output gets the counts as one line of JSON. "unreadable" counts the photos that cannot be read.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pgjax import keypoints
from pgjax.errors import InputError
from pgjax.files import folders
from pgjax.images.photo import fit, read_photo, read_size
from pgjax.images.pixels import format_of, grid, write_image
from pgjax.keypoints import Pose, files
from pgjax.keypoints.matching import unused
from pgjax.pose.drawing import draw_skeleton
from pgjax.tools import cli, keypoint_flags

HEIGHT = 320
LINE = 14  # pixels of a line of text
LINES = 4
T = TypeVar("T")


class Drawn(NamedTuple):
    """A photo to draw: its name, uint8 (H, W, 3), and the people in it."""

    name: str
    photo: np.ndarray
    people: Sequence[Pose]


def draw(items: Sequence[Drawn], columns: int = 6) -> np.ndarray:
    """A grid of photos with their people's poses and what looks wrong, uint8 (height, width, 3)."""
    shapes = np.array([item.photo.shape[:2] for item in items])
    width = round(HEIGHT * float(np.median(shapes[:, 1] / shapes[:, 0])))
    size = HEIGHT, min(max(width, HEIGHT // 2), 2 * HEIGHT)
    cells = [_cell(item, size) for item in items]
    columns = min(columns, len(cells))
    cells += [np.full_like(cells[0], 255)] * (-len(cells) % columns)
    return grid([cells[i : i + columns] for i in range(0, len(cells), columns)])


def _cell(item: Drawn, size: tuple[int, int]) -> np.ndarray:
    placement = fit(item.photo.shape[:2], size)
    image = placement.image(item.photo, fill=255)
    doubts = []
    for pose in item.people:
        there = keypoints.moved(pose, placement.points, size)
        image = draw_skeleton(image, there.keypoints, there.visible)
        doubts += keypoints.suspicions(pose, item.photo.shape[:2])
    counts = ", ".join(str(pose.visible.sum()) for pose in item.people)
    found = f"{counts} of 18 joints" if item.people else "nobody"
    font = ImageFont.load_default(11)
    cell = Image.fromarray(np.pad(image, ((0, LINES * LINE), (0, 0), (0, 0)), constant_values=255))
    pen = ImageDraw.Draw(cell)
    lines = [(_shortened(item.name, font, size[1]), (0, 0, 0)), (found, (90, 90, 90))]
    lines += [(line, (200, 0, 0)) for line in _wrapped("; ".join(doubts), font, size[1])]
    for number, (text, colour) in enumerate(lines[:LINES]):
        pen.text((1, size[0] + number * LINE), text, font=font, fill=colour)
    return np.array(cell)


def _shortened(text: str, font, width: int) -> str:
    """The end of a name tells more than its start."""
    start = 0
    while font.getlength(shown := ("..." if start else "") + text[start:]) > width - 2:
        start += 1
    return shown


def _wrapped(text: str, font, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        lines = [*lines[:-1], longer] if font.getlength(longer) < width else [*lines, word]
    return lines


def _photos(path: str) -> tuple[list[str], int]:
    """The photos of a folder and those below it, or the one; and how many more cannot be read."""
    if os.path.isfile(path):
        return [path], 0
    if not os.path.isdir(path):
        raise FileNotFoundError(f"--photos: {path}: no such folder or photo")
    listing = folders.photos(path)
    found = folders.some(path, listing)
    folders.tell(path, listing)
    return [str(p) for p in found.values()], len(listing.unreadable)


def _each(read: Callable[[str], T], photos: Iterable[str]) -> dict[str, T]:
    """What is read of each photo; those that cannot be read are told and left out.

    Raises:
      InputError: none can be read.
    """
    found, faults = {}, []
    for photo in photos:
        try:
            found[photo] = read(photo)
        except (InputError, OSError) as error:
            faults.append(str(error))
    if not found:
        raise InputError(f"none of {len(faults)} photos can be read; the first: {faults[0]}")
    for fault in faults:
        print(f"left out: {fault}", file=sys.stderr)
    return found


def _tell_unmatched(
    poses: Mapping[str, list[Pose]], photos: Sequence[str], people: Mapping[str, list[Pose]]
) -> None:
    """Which photos have no keypoints, and which keypoints no photo."""
    for names, what in (
        ([photo for photo in photos if photo not in people], "photos have no keypoints"),
        (unused(poses, people), "keypoints have no photo"),
    ):
        if names:
            print(f"{len(names)} {what}: {folders.few(names)}", file=sys.stderr)


def _placed(pose: Pose, size: tuple[int, int], photo: str) -> Pose:
    """As other commands take it; keypoints of a photo of another shape, which they refuse, as they are."""
    try:
        return keypoints.in_photo(pose, size, photo)
    except InputError:
        return pose


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = cli.ArgumentParser(
        prog="python -m pgjax.tools.overlay",
        description="Draw keypoints on their photos, and report what looks wrong. The colours: right "
        "arm red, right leg orange, left arm blue, left leg cyan.",
        epilog=keypoints.FORMAT_IS,
    )
    parser.add_argument("keypoints", metavar="KEYPOINTS", help="file or folder of keypoints")
    parser.add_argument(
        "--photos", metavar="DIR", required=True, help="a photo, or a folder of photos"
    )
    parser.add_argument(
        "--out", metavar="FILE", required=True, help="the image to write: .png, .jpg, ..."
    )
    keypoint_flags.add_format(parser)
    keypoint_flags.add_threshold(parser)
    parser.add_argument(
        "--count", type=int, default=12, help="number of photos to draw (default: 12)"
    )
    parser.add_argument(
        "--suspicious",
        action="store_true",
        help="draw only photos in which something looks wrong",
    )
    arguments = parser.parse_args(argv)
    if arguments.count < 1:
        raise InputError("--count: expected a positive number")
    if os.path.isdir(arguments.out):
        raise InputError(f"--out: {arguments.out} is a folder; expected the name of a picture")
    with files.naming("--out"):
        format_of(arguments.out)
    return arguments


def main(argv: list[str] | None = None) -> None:
    arguments = _arguments(argv)
    poses = keypoints.read(arguments.keypoints, arguments.format, arguments.threshold)
    photos, unknown = _photos(arguments.photos)
    people = keypoints.for_photos(poses, photos)
    if not poses:
        raise InputError(f"{arguments.keypoints}: names no photo and no person; expected keypoints")
    if not people:
        raise InputError(
            f"no photo of {arguments.photos} (such as {photos[0]}) is named in "
            f"{arguments.keypoints} (such as {next(iter(poses))!r})"
        )
    folder = arguments.photos if os.path.isdir(arguments.photos) else None
    if folder:
        _tell_unmatched(poses, photos, people)
    sized = _each(read_size, people)
    unreadable = unknown + len(people) - len(sized)
    people = {
        photo: [_placed(pose, sized[photo], photo) for pose in people[photo]] for photo in sized
    }
    doubtful = [
        photo
        for photo in people
        if any(keypoints.suspicions(pose, sized[photo]) for pose in people[photo])
    ]
    for line in keypoints.summary((p, sized[photo]) for photo in people for p in people[photo]):
        print(f"warning: {line}", file=sys.stderr)
    counts = {
        "photos": len(photos) + unknown,
        "with_keypoints": len(people),
        "people": sum(map(len, people.values())),
        "joints": sum(int(pose.visible.sum()) for some in people.values() for pose in some),
        "suspicious_photos": len(doubtful),
    }
    print(json.dumps(counts | ({"unreadable": unreadable} if unreadable else {})))
    shown = doubtful if arguments.suspicious else sorted(people)
    if not shown:
        print("nothing looks wrong, so nothing is drawn", file=sys.stderr)
        return
    every = np.linspace(0, len(shown) - 1, min(arguments.count, len(shown))).round().astype(int)
    chosen = [shown[i] for i in every]
    items = [
        Drawn(os.path.relpath(photo, folder) if folder else photo, pixels, people[photo])
        for photo, pixels in _each(read_photo, chosen).items()
    ]
    write_image(arguments.out, draw(items))
    print(f"{len(items)} photos in {arguments.out}", file=sys.stderr)


if __name__ == "__main__":
    cli.run(main)
