"""A folder of pictures that some system generated: which pair each shows, and where in the picture.

A picture is the generated image alone, or a strip of panels side by side (docs/reference_facts.md, 6.6). Its
name tells the pair, and which panel is which: pgjax.images.result_names.

DeepFashion's photos are 256x176. Systems whose networks take squares pad them, or stretch them, to 256x256.
Names and sizes do not tell which: who has the photos compares them (pgjax.scoring.picture_judging).
"""

import collections
import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pgjax.errors import InputError
from pgjax.files import folders, paths
from pgjax.images.photo import Size, fit, read_photo
from pgjax.images.photo_names import bare
from pgjax.images.result_names import (
    ENDINGS,
    NAMINGS,
    PADDED,
    STRETCHED,
    Naming,
    Pair,
    ResultNames,
    Spelling,
    find,
    pattern,
)

THREADS = min(8, os.cpu_count() or 1)
_FITS = {PADDED: "crop", STRETCHED: "stretch"}  # pgjax.images.photo.MODES


class Panels(NamedTuple):
    """A picture, cut: the generated image, and the target as the strip shows it (None: it does not)."""

    generated: np.ndarray
    target: np.ndarray | None
    strip: bool = False


class Picture(NamedTuple):
    """Where a picture is, its name below the folder, and how the name tells the pair."""

    path: Path
    name: str
    spelling: Spelling


class Layout(NamedTuple):
    """How many panels of which size a picture has; which of them is the target, which was generated."""

    count: int
    size: Size
    target: int | None
    generated: int


class Square(NamedTuple):
    """Photos of the size `crop` are also made `whole`, padded or stretched."""

    whole: Size
    crop: Size


class Outputs:
    """The pictures of a list of pairs, in its order; decoded when asked for.

    Attributes:
      paths: of the P pairs.
      layouts: of the P pairs.
      extensions: how many pictures have which, such as {".png": 12000}: JPEG changes scores.
      notes: a line for every kind of pictures that were passed over.
      passed: how many those are.
      made: how panels of the whole were, PADDED or STRETCHED; set by who knows, and what `read` undoes,
        unless it is `photos`. None: nothing is undone.
      photos: how photos of the whole were made, where the whole is one of `sizes`: PADDED, unless who knows
        sets it; None elsewhere.
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        pairs: Sequence[Pair],
        sizes: Sequence[Size],
        listed: Iterable[Pair] = (),
        watch: Callable[[Iterable], Iterable] = iter,
        naming: str | None = None,
        square: Square | None = None,
    ):
        """Finds the picture of every pair and decodes each once, to find all faults before any work.

        Args:
          folder: of pictures; of those in its folders where it holds none itself. What is no picture does
            not count.
          pairs: P names of photos, source and target.
          sizes: that a panel may have, (height, width) in pixels.
          listed: further pairs, whose pictures may be there but are not wanted.
          watch: wraps the paths while they are checked, such as tqdm.
          naming: whose pictures they are, a name in NAMINGS; told by the pictures unless given.
          square: the whole is one more size that a panel may have.

        Raises:
          FileNotFoundError: there is no such folder.
          InputError: pictures are not named as `naming` says; otherwise one message that names a picture
            of every kind of fault: pairs without a picture, pictures of no pair, of any of several, two
            pictures of one pair, pictures of a wrong size, damaged ones.
        """
        self._folder, self._naming, self._square = paths.local(folder), naming, square
        known = find(naming)
        self._endings = ENDINGS if known is None else known.endings
        whole = () if square is None or square.whole in sizes else (square.whole,)
        self._sizes = (*sizes, *whole)
        self.made: str | None = None
        self.photos = None if square is None or whole else PADDED
        listing = _listing(self._folder)
        faults: dict[str, list[str]] = collections.defaultdict(list)
        names = ResultNames([*pairs, *listed])
        pictures, passed = _by_pair(self._folder, listing.found, names, naming, faults)
        for name, reason in listing.unreadable.items():
            if names.pairs(name):
                faults["damaged"].append(f"{name} cannot be read: {reason}")
        wanted = list(dict.fromkeys(pairs))
        for pair in wanted:
            if pair not in pictures:
                faults["missing"].append(f"no picture of {' to '.join(map(bare, pair))}")
        there = [pair for pair in wanted if pair in pictures]
        digest = hashlib.sha256()
        layouts: dict[Pair, Layout] = {}
        with ThreadPoolExecutor(THREADS) as pool:
            checked = watch(pool.map(self._check, [pictures[pair] for pair in there]))
            for pair, (layout, content, kind, told) in zip(there, checked, strict=True):
                digest.update(content)
                if layout is None:
                    faults[kind].append(told)
                else:
                    layouts[pair] = layout
        if any(faults.values()):
            pair = None if pictures else (bare(wanted[0][0]), bare(wanted[0][1]))
            raise InputError(_told(self._folder, faults, pair))
        self.sha256 = digest.hexdigest()
        self._judged = [pictures[pair] for pair in wanted]
        self._pictures = [pictures[pair] for pair in pairs]
        self.paths = [picture.path for picture in self._pictures]
        self.layouts = [layouts[pair] for pair in pairs]
        self._counted = list(layouts.values())
        self.extensions = dict(collections.Counter(p.suffix.lower() for p in self.paths))
        unwanted = [picture.name for pair, picture in pictures.items() if pair not in layouts]
        if unwanted:
            passed[unwanted[0]] = (
                len(unwanted),
                "the list has their pairs, but they are not asked for",
            )
        self.passed = sum(count for count, _ in passed.values())
        self.notes = [
            *folders.lines(listing),
            *(f"{count} passed over ({name}): {why}" for name, (count, why) in passed.items()),
        ]

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, start: int, stop: int) -> list[Panels]:
        """The pictures of pairs start .. stop."""
        with ThreadPoolExecutor(THREADS) as pool:
            chosen = self._pictures[start:stop], self.layouts[start:stop]
            return list(pool.map(self._cut, *chosen))

    def whole(self, index: int) -> bool:
        """Whether the panels of that pair are of the square's whole."""
        return self._square is not None and self.layouts[index].size == self._square.whole

    def record(self) -> dict[str, Any]:
        """What was understood, as JSON knows it (docs/metrics_json.md)."""
        count = collections.Counter
        return {
            "naming": self._naming,
            "systems": list(self.systems()),
            "pictures": len(self._judged),
            "names": dict(count(_pattern(picture) for picture in self._judged)),
            "columns": dict(count(f"{x.generated + 1}_of_{x.count}" for x in self._counted)),
            "sizes": dict(count(_size(x.size) for x in self._counted)),
            "made": self.made,
            "passed_over": self.passed,
        }

    def understood(self) -> str:
        """The same in a line."""
        found = self.record()
        names = _listed(found["names"], len(self._judged))
        systems = " or ".join(found["systems"])
        if self._naming is not None:
            by = f" (--naming={self._naming})"
        else:
            by = f" (as {systems} writes them)" if systems else ""
        columns = {
            "the generated image alone"
            if key == "1_of_1"
            else f"column {key.replace('_of_', ' of ')} of a strip": number
            for key, number in found["columns"].items()
        }
        line = (
            f"{len(self._judged)} pictures named {names}{by}; judged is "
            f"{_listed(columns, len(self._judged))}, {_listed(found['sizes'], len(self._judged))} pixels"
        )
        if self._square is None or self.made is None or self.made == self.photos:
            return line
        crop = _size(self._square.crop)
        if self.made == STRETCHED:
            return f"{line}, stretched: resized to {crop}"
        return f"{line}, padded: the middle {crop} of it"

    def systems(self) -> list[str]:
        """The systems that name and make pictures as these are; none if they do not agree."""
        return [
            name
            for name, naming in NAMINGS.items()
            if naming.own
            and all(
                naming.fits(picture.spelling)
                and picture.path.suffix.lower() in naming.extensions
                and naming.endings[picture.spelling.ending].panels.get(layout.count)
                == (layout.target, layout.generated)
                and (self._square is None or naming.square == self._made(layout))
                for picture, layout in zip(self._judged, self._counted, strict=True)
            )
        ]

    def _made(self, layout: Layout) -> str | None:
        return self.made if self._square and layout.size == self._square.whole else None

    def _cut(self, which: Picture, layout: Layout) -> Panels:
        panels = np.split(read_photo(which.path), layout.count, axis=1)
        made = self._made(layout)
        if self._square is not None and made is not None and made != self.photos:
            laid = fit(*self._square, _FITS[made])
            panels = [laid.image(np.ascontiguousarray(panel)) for panel in panels]
        target = None if layout.target is None else panels[layout.target]
        return Panels(panels[layout.generated], target, layout.count > 1)

    def _layout(self, which: Picture, size: Size) -> Layout:
        panels = self._endings[which.spelling.ending].panels
        for count, (target, generated) in panels.items():
            panel = size[0], size[1] // count
            if panel in self._sizes and panel[1] * count == size[1]:
                return Layout(count, panel, target, generated)
        sizes = " or ".join(map(_size, self._sizes))
        counts = f"{min(panels)} to {max(panels)}" if len(panels) > 1 else str(*panels)
        by = "" if self._naming is None else f", as --naming={self._naming} says"
        what, how = ("one panel", "") if counts == "1" else (f"{counts} panels", " side by side")
        raise _SizeError(
            f"{which.name} has {_size(size)} pixels; expected {what} of {sizes} (height x width){how}{by}"
        )

    def _check(self, which: Picture) -> tuple[Layout | None, bytes, str, str]:
        """The layout, and a digest of name and bytes; or None, b"", and a fault and its kind."""
        try:
            content = which.name.encode() + b"\0" + which.path.read_bytes()
            layout = self._layout(which, read_photo(which.path).shape[:2])
        except _SizeError as error:
            return None, b"", "size", str(error)
        except (InputError, OSError) as error:
            return None, b"", "damaged", f"{which.name} cannot be read: {error}"
        return layout, hashlib.sha256(content).digest(), "", ""


class _SizeError(InputError):
    pass


def _size(size: Size) -> str:
    return f"{size[0]}x{size[1]}"


def _pattern(picture: Picture) -> str:
    return pattern(picture.spelling, picture.path.suffix.lower())


def _listed(counted: Mapping[str, int], all_of: int) -> str:
    """Names, with their counts where they are several."""
    if list(counted.values()) == [all_of]:
        return next(iter(counted))
    return ", ".join(f"{name} ({count})" for name, count in counted.items())


def _listing(folder: Path) -> folders.Listing:
    """The pictures of a folder, or of the folders in it."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder of pictures")
    listing = folders.photos(folder, below=False)
    listing = listing if listing.found else folders.photos(folder)
    folders.some(folder, listing, "picture")
    return listing


def _by_pair(
    folder: Path,
    files: Mapping[str, Path],
    names: ResultNames,
    naming: str | None,
    faults: dict[str, list[str]],
) -> tuple[dict[Pair, Picture], dict[str, tuple[int, str]]]:
    """The picture of each pair; and by the first of those passed over for one reason: how many, and why.

    Faults of names are added to `faults`.

    Raises:
      InputError: pictures are named otherwise than `naming` says.
    """
    known = find(naming)
    endings = ENDINGS if known is None else known.endings
    found: dict[Pair, Picture] = {}
    others: list[tuple[Pair, Picture]] = []
    several: dict[str, dict[Pair, Spelling]] = {}
    otherwise: dict[str, Spelling] = {}
    spellings: set[Spelling] = set()
    for name, path in files.items():
        told = names.pairs(name)
        fitting = {p: s for p, s in told.items() if known is None or known.fits(s)}
        if told and not fitting:
            otherwise[name] = next(iter(told.values()))
        elif not told:
            faults["extra"].append(f"{name} is of no pair in the list")
        elif len(fitting) > 1:
            several[name] = fitting
        else:
            ((pair, spelling),) = fitting.items()
            spellings.add(spelling)
            picture = Picture(path, name, spelling)
            if not endings[spelling.ending].counts:
                others.append((pair, picture))
            elif pair in found:
                faults["double"].append(f"{name} is of the same pair as {found[pair].name}")
            else:
                found[pair] = picture
    if otherwise and known is not None:
        first, seen = next(iter(otherwise)), spellings.union(otherwise.values())
        raise InputError(
            f"{folder}: --naming={naming} does not fit: {len(otherwise)} of {len(files)} pictures are not "
            f"named {known.example()}, such as {first}; leave --naming out"
            + _or_options(", or try ", lambda other: all(map(other.fits, seen)))
        )
    for name, pairs in several.items():
        settled = _or_options(
            ": settled by ",
            lambda other, pairs=pairs: (
                all(map(other.fits, spellings)) and sum(map(other.fits, pairs.values())) == 1
            ),
        )
        faults["ambiguous"].append(f"{name} may be of several pairs in the list{settled}")
    passed: dict[str, list[str]] = {}
    for pair, picture in others:
        if pair in found or not endings[picture.spelling.ending].panels:
            passed.setdefault(picture.spelling.ending, []).append(picture.name)
        else:
            found[pair] = picture
    return found, {
        some[0]: (len(some), f"names that end in {ending} are no results")
        for ending, some in passed.items()
    }


def _or_options(before: str, fits: Callable[[Naming], bool]) -> str:
    """The options that name a system, of those that fit; "" if none does."""
    options = [
        f"--naming={name}" for name, naming in NAMINGS.items() if naming.own and fits(naming)
    ]
    return before + " or ".join(options) if options else ""


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
