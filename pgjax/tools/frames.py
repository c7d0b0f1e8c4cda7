"""The files of the images of a sequence: they have the names of the poses, and sort in the same order."""

import re
from collections.abc import Sequence
from pathlib import Path

from pgjax.errors import InputError
from pgjax.images.photo_names import bare

DIGITS = 3  # at least, of a number that is put before names


def frames(out: Path, poses: Sequence[str], beside: Path | None = None) -> list[Path]:
    """The files of a sequence, in its order.

    Args:
      poses: the names of the poses, in their order.
      beside: a file that may lie in the folder too.

    Raises:
      InputError: the folder holds images that would not be overwritten: two sequences would mix.
    """
    places = [out / f"{name}.png" for name in names(poses)]
    held = {path for path in out.glob("*.png") if not path.name.startswith(".")}
    others = sorted(held - {*places, beside})
    if others:
        raise InputError(
            f"--out: {out} holds {len(others)} frames of another sequence, such as {others[0].name}; "
            "name another folder, or remove them"
        )
    return places


def names(poses: Sequence[str]) -> list[str]:
    """Names of files, without extension, that sort in the order of the poses.

    They are the poses' own, with zeros before numbers of fewer digits. Where those sort otherwise, or two
    are alike, the place in the sequence stands before each.
    """
    plain = [_plain(bare(pose)) for pose in poses]
    if not _distinct(plain):
        plain = [_plain(f"{_folders(pose)}/{bare(pose)}") for pose in poses]
    padded = _padded(plain)
    if _distinct(padded) and sorted(padded) == padded and all(padded):
        return padded
    digits = max(DIGITS, len(str(len(poses) - 1)))
    return [f"{i:0{digits}d}_{name}".rstrip("_") for i, name in enumerate(plain)]


def _distinct(found: Sequence[str]) -> bool:
    """On any file system."""
    return len({name.casefold() for name in found}) == len(found)


def _folders(pose: str) -> str:
    return pose.replace("\\", "/").rpartition("/")[0]


def _plain(name: str) -> str:
    """What file systems forbid, and folders, as "_"."""
    return re.sub(r"[^\w.\- ]+", "_", name).strip("._ ")


def _padded(found: Sequence[str]) -> list[str]:
    """With numbers of one width, where the names are alike but for their numbers."""
    split = [re.split(r"([0-9]+)", name) for name in found]
    if len({tuple(parts[::2]) for parts in split}) != 1:
        return list(found)
    widths = [max(map(len, column)) for column in zip(*split, strict=True)]
    return [
        "".join(
            part.zfill(width) if i % 2 else part
            for i, (part, width) in enumerate(zip(parts, widths, strict=True))
        )
        for parts in split
    ]
