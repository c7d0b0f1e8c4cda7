"""A folder of pictures that some system generated: which pair each shows, and where in the picture.

A picture is the generated image alone, or a strip of panels side by side (reference fact 6.6):

    3 panels   source | target | generated                                   (Siarohin et al.)
    5 panels   source | its pose | target | its pose | generated             (Zhu et al.)

Its name tells the pair, with or without the extensions of the photos' names:

    SOURCE_TARGET.png   SOURCE___TARGET_vis.png   SOURCE___TARGET.png   SOURCE_to_TARGET.png
"""

import collections
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pgjax.errors import InputError
from pgjax.photo import EXTENSIONS, Size, read_photo

PANELS = {1: (None, 0), 3: (1, 2), 5: (2, 4)}
"""By their number: which panel is the target, and which the generated image."""
THREADS = min(8, os.cpu_count() or 1)
_INNER = re.compile(rf"\.(?:{'|'.join(e[1:] for e in EXTENSIONS)})(?=_|$)", re.IGNORECASE)


class Panels(NamedTuple):
    """A picture, cut: the generated image, and the target as the strip shows it (None: no strip)."""

    generated: np.ndarray
    target: np.ndarray | None


class Outputs:
    """The pictures of a list of pairs, in its order; decoded when asked for.

    Attributes:
      paths: of the P pairs.
      extensions: how many pictures have which, such as {".png": 12000}: JPEG changes scores.
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        pairs: Sequence[tuple[str, str]],
        sizes: Sequence[Size],
        listed: Iterable[tuple[str, str]] = (),
        watch: Callable[[Iterable], Iterable] = iter,
        conventions: Callable[[str], Sequence[str]] = lambda name: (name,),
    ):
        """Finds the picture of every pair and decodes each once, to find all faults before any work.

        Args:
          folder: of pictures; what lies in its folders, and files that are no pictures, do not count.
          pairs: P names of photos, source and target.
          sizes: that a panel may have, (height, width) in pixels.
          listed: further pairs, whose pictures may be there but are not wanted.
          watch: wraps the paths while they are checked, such as tqdm.
          conventions: what a photo may be called in a picture's name; both of a pair in the same one.

        Raises:
          FileNotFoundError: there is no such folder.
          InputError: one message that names a picture of every kind of fault: pairs without a picture,
            pictures of no pair, of any of several, two pictures of one pair, pictures of a wrong
            size, damaged ones.
        """
        self._folder, self._sizes = Path(folder), tuple(sizes)
        if not self._folder.is_dir():
            raise FileNotFoundError(f"{folder}: no such folder of pictures")
        files = sorted(p for p in self._folder.iterdir() if p.suffix.lower() in EXTENSIONS)
        files = [path for path in files if path.is_file() and not path.name.startswith(".")]
        if not files:
            raise InputError(f"{folder}: no picture in it; expected {', '.join(EXTENSIONS)}")
        names = _names([*pairs, *listed], conventions)
        wanted = list(dict.fromkeys(_plain(pair) for pair in pairs))
        if len(wanted) < len(set(pairs)):
            raise InputError(
                f"{folder}: photos of several folders have one name, so that no picture's name tells "
                "which pair it shows"
            )
        found, faults = {}, collections.defaultdict(list)
        for path in files:
            named = _INNER.sub("", path.stem)
            key = named if named in names else named.removesuffix("_vis")
            pair = names.get(key)
            if pair is None and key in names:
                faults["ambiguous"].append(f"{path.name} may be of several pairs in the list")
            elif pair is None:
                faults["extra"].append(f"{path.name} is of no pair in the list")
            elif pair in found:
                faults["double"].append(f"{path.name} is of the same pair as {found[pair].name}")
            else:
                found[pair] = path
        for pair in wanted:
            if pair not in found:
                faults["missing"].append(f"no picture of {' to '.join(pair)}")
        there = [found[pair] for pair in wanted if pair in found]
        digest = hashlib.sha256()
        with ThreadPoolExecutor(THREADS) as pool:
            for kind, told, content in watch(pool.map(self._check, there)):
                if kind is not None:
                    faults[kind].append(told)
                digest.update(content)
        if faults:
            raise InputError(_told(self._folder, faults))
        self.sha256 = digest.hexdigest()
        self.paths = [found[_plain(pair)] for pair in pairs]
        self.extensions = dict(collections.Counter(p.suffix.lower() for p in self.paths))

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, start: int, stop: int) -> list[Panels]:
        """The pictures of pairs start .. stop."""
        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(self._cut, self.paths[start:stop]))

    def _cut(self, path: Path) -> Panels:
        picture = read_photo(path)
        for count, (target, generated) in PANELS.items():
            height, width = picture.shape[0], picture.shape[1] // count
            if (height, width) in self._sizes and width * count == picture.shape[1]:
                panels = np.split(picture, count, axis=1)
                return Panels(panels[generated], None if target is None else panels[target])
        allowed = (f"{h}x{w * n}" for n in PANELS for h, w in self._sizes)
        raise _SizeError(
            f"{path.name} has {picture.shape[0]}x{picture.shape[1]} pixels; expected "
            f"{' or '.join(allowed)} (height x width of 1, 3 or 5 panels)"
        )

    def _check(self, path: Path) -> tuple[str | None, str, bytes]:
        """The fault of a picture, if any, what to say of it, and a digest of its name and bytes."""
        try:
            content = hashlib.sha256(path.name.encode() + b"\0" + path.read_bytes()).digest()
            self._cut(path)
        except _SizeError as error:
            return "size", str(error), b""
        except (InputError, OSError) as error:
            return "damaged", f"{path.name} cannot be read: {error}", b""
        return None, "", content


class _SizeError(InputError):
    pass


_KINDS = {
    "missing": "without a picture",
    "extra": "of no pair",
    "ambiguous": "whose names tell no pair apart",
    "double": "of a pair that has one",
    "size": "of a wrong size",
    "damaged": "damaged",
}


def _told(folder: Path, faults: dict[str, list[str]]) -> str:
    lines = []
    for kind, what in _KINDS.items():
        if faults[kind]:
            others = len(faults[kind]) - 1
            more = f" (and {others} more {what})" if others else ""
            lines.append(f"{kind}: {faults[kind][0]}{more}")
    return f"{folder}: {'; '.join(lines)}"


def _bare(name: str) -> str:
    """A photo's name without folders and extension."""
    path = Path(name)
    return path.stem if path.suffix.lower() in EXTENSIONS else path.name


def _plain(pair: tuple[str, str]) -> tuple[str, str]:
    return _bare(pair[0]), _bare(pair[1])


def _names(
    pairs: Iterable[tuple[str, str]], conventions: Callable[[str], Sequence[str]]
) -> dict[str, tuple[str, str] | None]:
    """Every way to name the picture of a pair; None where it would be the name of several."""
    names = {}
    for pair in dict.fromkeys(map(_plain, pairs)):
        for called in zip(*map(conventions, pair), strict=True):
            for between in ("_", "___", "_to_"):
                key = between.join(map(_bare, called))
                names[key] = pair if names.get(key, pair) == pair else None
    return names
