"""A folder of pictures that some system generated: which pair each shows, and where in the picture.

A picture is the generated image alone, or a strip of panels side by side (docs/reference_facts.md, 6.6). Its
name tells the pair, and which panel is which: pgjax.images.result_names.
"""

import collections
import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pgjax.errors import InputError
from pgjax.files import folders, paths
from pgjax.images.photo import Size, read_photo
from pgjax.images.photo_names import bare
from pgjax.images.result_names import ENDINGS, Pair, ResultNames

THREADS = min(8, os.cpu_count() or 1)


class Panels(NamedTuple):
    """A picture, cut: the generated image, and the target as the strip shows it (None: it does not)."""

    generated: np.ndarray
    target: np.ndarray | None
    strip: bool = False


class Picture(NamedTuple):
    """Where a picture is, its name below the folder, and its name's ending."""

    path: Path
    name: str
    ending: str


class Outputs:
    """The pictures of a list of pairs, in its order; decoded when asked for.

    Attributes:
      paths: of the P pairs.
      extensions: how many pictures have which, such as {".png": 12000}: JPEG changes scores.
      notes: a line for every kind of pictures that were passed over.
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        pairs: Sequence[Pair],
        sizes: Sequence[Size],
        listed: Iterable[Pair] = (),
        watch: Callable[[Iterable], Iterable] = iter,
    ):
        """Finds the picture of every pair and decodes each once, to find all faults before any work.

        Args:
          folder: of pictures; of those in its folders where it holds none itself. What is no picture does
            not count.
          pairs: P names of photos, source and target.
          sizes: that a panel may have, (height, width) in pixels.
          listed: further pairs, whose pictures may be there but are not wanted.
          watch: wraps the paths while they are checked, such as tqdm.

        Raises:
          FileNotFoundError: there is no such folder.
          InputError: one message that names a picture of every kind of fault: pairs without a picture,
            pictures of no pair, of any of several, two pictures of one pair, pictures of a wrong
            size, damaged ones.
        """
        self._folder, self._sizes = paths.local(folder), tuple(sizes)
        listing = _listing(self._folder)
        faults: dict[str, list[str]] = collections.defaultdict(list)
        names = ResultNames([*pairs, *listed])
        pictures, passed = _by_pair(listing.found, names, faults)
        for name, reason in listing.unreadable.items():
            if names.pairs(name):
                faults["damaged"].append(f"{name} cannot be read: {reason}")
        wanted = list(dict.fromkeys(pairs))
        for pair in wanted:
            if pair not in pictures:
                faults["missing"].append(f"no picture of {' to '.join(map(bare, pair))}")
        there = [pictures[pair] for pair in wanted if pair in pictures]
        digest = hashlib.sha256()
        with ThreadPoolExecutor(THREADS) as pool:
            for kind, told, content in watch(pool.map(self._check, there)):
                if kind is not None:
                    faults[kind].append(told)
                digest.update(content)
        if any(faults.values()):
            pair = None if pictures else (bare(wanted[0][0]), bare(wanted[0][1]))
            raise InputError(_told(self._folder, faults, pair))
        self.sha256 = digest.hexdigest()
        self._pictures = [pictures[pair] for pair in pairs]
        self.paths = [picture.path for picture in self._pictures]
        self.extensions = dict(collections.Counter(p.suffix.lower() for p in self.paths))
        self.notes = [*folders.lines(listing), *passed]

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, start: int, stop: int) -> list[Panels]:
        """The pictures of pairs start .. stop."""
        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(self._cut, self._pictures[start:stop]))

    def _cut(self, which: Picture) -> Panels:
        picture, panels = read_photo(which.path), ENDINGS[which.ending].panels
        for count, (target, generated) in panels.items():
            height, width = picture.shape[0], picture.shape[1] // count
            if (height, width) in self._sizes and width * count == picture.shape[1]:
                cut = np.split(picture, count, axis=1)
                return Panels(cut[generated], None if target is None else cut[target], count > 1)
        sizes = " or ".join(f"{h}x{w}" for h, w in self._sizes)
        counts = f"{min(panels)} to {max(panels)}" if len(panels) > 1 else str(*panels)
        raise _SizeError(
            f"{which.name} has {picture.shape[0]}x{picture.shape[1]} pixels; expected {counts} panels "
            f"of {sizes} (height x width) side by side"
        )

    def _check(self, which: Picture) -> tuple[str | None, str, bytes]:
        """The fault of a picture, if any, what to say of it, and a digest of its name and bytes."""
        try:
            content = which.name.encode() + b"\0" + which.path.read_bytes()
            self._cut(which)
        except _SizeError as error:
            return "size", str(error), b""
        except (InputError, OSError) as error:
            return "damaged", f"{which.name} cannot be read: {error}", b""
        return None, "", hashlib.sha256(content).digest()


class _SizeError(InputError):
    pass


def _listing(folder: Path) -> folders.Listing:
    """The pictures of a folder, or of the folders in it."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder of pictures")
    listing = folders.photos(folder, below=False)
    listing = listing if listing.found else folders.photos(folder)
    folders.some(folder, listing, "picture")
    return listing


def _by_pair(
    files: Mapping[str, Path], names: ResultNames, faults: dict[str, list[str]]
) -> tuple[dict[Pair, Picture], list[str]]:
    """The picture of each pair, and a line for each ending of those passed over.

    Faults of names are added to `faults`.
    """
    found: dict[Pair, Picture] = {}
    others: list[tuple[Pair, Picture]] = []
    for name, path in files.items():
        told = names.pairs(name)
        if len(told) != 1:
            kind, what = (
                ("ambiguous", "may be of several pairs") if told else ("extra", "is of no pair")
            )
            faults[kind].append(f"{name} {what} in the list")
            continue
        ((pair, ending),) = told.items()
        picture = Picture(path, name, ending)
        if not ENDINGS[ending].counts:
            others.append((pair, picture))
        elif pair in found:
            faults["double"].append(f"{name} is of the same pair as {found[pair].name}")
        else:
            found[pair] = picture
    passed: dict[str, list[str]] = {}
    for pair, picture in others:
        if pair in found or not ENDINGS[picture.ending].panels:
            passed.setdefault(picture.ending, []).append(picture.name)
        else:
            found[pair] = picture
    return found, [
        f"{len(some)} passed over ({some[0]}): {ending} ends names of what is no result"
        for ending, some in passed.items()
    ]


_KINDS = {
    "missing": "without a picture",
    "extra": "of no pair",
    "ambiguous": "whose names tell no pair apart",
    "double": "of a pair that has one",
    "size": "of a wrong size",
    "damaged": "damaged",
}


def _told(folder: Path, faults: dict[str, list[str]], pair: Pair | None) -> str:
    """A line for all faults, with the name that a pair's picture could have."""
    lines = []
    for kind, what in _KINDS.items():
        if faults[kind]:
            others = len(faults[kind]) - 1
            more = f" (and {others} more {what})" if others else ""
            lines.append(f"{kind}: {faults[kind][0]}{more}")
    if pair is not None:
        lines.append(f"a picture is named after its photos, such as {'_2_'.join(pair)}_vis.png")
    return f"{folder}: {'; '.join(lines)}"
