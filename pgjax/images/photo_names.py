"""Which photo a name means: one set of rules for files of keypoints, lists of pairs and results.

A name fits a photo whose folders and name end as the name's do, or the other way round:

    anna/1  photos/anna/1.jpg  anna\\1.PNG  anna_1.jpg     all fit the photo anna/1.png
    7                                                     fits 0007.jpg (the number of a photo)
    WOMEN/Denim/id_00000080/01_1_front.jpg                fits fashionWOMENDenimid0000008001_1front.png

`docs/names.md` has every rule with an example.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from pgjax.files.file_types import PHOTOS
from pgjax.images import fashion_names
from pgjax.images.fashion_names import FashionName

# How tools call the key of a photo's name. Paths come first: they tell photos of two folders apart.
KEYS = (
    *("image_path", "img_path", "file_name", "filename"),
    *("image_name", "img_name", "imgname", "image"),
)
JOINED = ("_", "-", "__")  # between a folder and what is in it, where folders became part of a name
_DEPTH = 4  # parts of a name that may have been joined
# The number of a photo, as JSON and pandas write it: 7, and 7.0 where others of a column are missing.
_NUMBER = re.compile(r"(0|[1-9][0-9]*)(?:\.0)?", re.ASCII)
_DIGITS = re.compile(r"([0-9]+)(?:\.0)?", re.ASCII)

_Key = str | FashionName


class Rank(NamedTuple):
    """How well two names fit; the larger, the better.

    spelled: they have one spelling, folders and extension aside. parts: that both end with. extension: 2
    the same, 1 one is the beginning of the other (.jpg, .jpg.jpg), 0 others or none. same: all is.
    """

    spelled: bool
    parts: int
    extension: int
    same: bool


class _Name(NamedTuple):
    """A name, taken apart.

    folders: above it. stem: without an image's extensions. extension: those, in lower case. key: what
    names have in common that may mean one photo: its stem, its number or what DeepFashion says in it.
    """

    folders: tuple[str, ...]
    stem: str
    extension: str
    key: _Key

    def forms(self) -> list[tuple[_Key, tuple[str, ...], int]]:
        """Its key, with 0, 1, ... folders joined to it: key, folders above, parts in the key."""
        forms = [(self.key, self.folders, 1)]
        for count in range(1, min(len(self.folders), _DEPTH - 1) + 1):
            above, joined = self.folders[:-count], (*self.folders[-count:], self.stem)
            forms += [(between.join(joined), above, count + 1) for between in JOINED]
        return forms


class Names:
    """Names to find photos by, or photos to find by names."""

    def __init__(self, names: Iterable[str]):
        self._apart = {name: _apart(name) for name in names}
        # Thousands of persons may have a photo 1.jpg each: names are also found by the folder above.
        self._by_key: dict[_Key, dict[str, None]] = {}
        self._by_folder: dict[tuple[_Key, str], dict[str, None]] = {}
        for name, apart in self._apart.items():
            for key, above, _ in apart.forms():
                self._by_key.setdefault(key, {})[name] = None
                self._by_folder.setdefault((key, _last(above)), {})[name] = None
        self._found: dict[str, tuple[str, ...]] = {}

    def ranked(self, text: str) -> list[tuple[Rank, str]]:
        """The names that fit a text, the best first."""
        apart = _apart(text)
        some: dict[str, None] = {}
        for key, above, _ in apart.forms():
            if above:
                some |= self._by_folder.get((key, _last(above)), {})
                some |= self._by_folder.get((key, ""), {})
            else:
                some |= self._by_key.get(key, {})
        ranks = ((_fit(apart, self._apart[name], text == name), name) for name in some)
        return sorted(((rank, name) for rank, name in ranks if rank is not None), reverse=True)

    def closest(self, text: str) -> tuple[str, ...]:
        """The name that fits best; none, or several that fit equally well."""
        if text in self._apart:
            return (text,)
        if text not in self._found:
            ranked = self.ranked(text)
            self._found[text] = tuple(name for rank, name in ranked if rank == ranked[0][0])
        return self._found[text]

    def elsewhere(self, text: str) -> list[tuple[int, str]]:
        """The names that are one but for their folders, as after a move: parts that both end with."""
        apart = _apart(text)
        near = self._by_folder.get((apart.key, _last(apart.folders)), {}) if apart.folders else {}
        some = [(name, self._apart[name]) for name in near or self._by_key.get(apart.key, ())]
        return [
            (_common(apart.folders, other.folders), name)
            for name, other in some
            if other.key == apart.key
            and (other.stem == apart.stem or not isinstance(apart.key, str))
        ]


def bare(name: str) -> str:
    """A photo's name without folders and an image's extensions."""
    return _apart(name).stem


def _apart(name: str) -> _Name:
    # Thousands of pictures' names are cut in two at every place, hence no pathlib here.
    if not name.isascii():
        name = unicodedata.normalize("NFC", name)
    name = name.replace("\\", "/")
    parts = [part for part in name.split("/") if part not in ("", ".")] or [""]
    *above, stem = parts
    if ".." in above:  # which folder it stands for the name does not tell
        above = above[len(above) - above[::-1].index("..") :]
    elif name.startswith("/"):
        above.insert(0, "/")
    stem, extension = _without_extensions(stem)
    if "MEN" in name:
        fashion = fashion_names.parse("/".join((*parts[:-1], stem)))
        if fashion is not None:
            if fashion_names.parse(stem) is None:
                above = []  # its folders tell the photo, not where it lies
            return _Name(tuple(above), stem, extension, fashion)
    key: str = stem
    if (number := _DIGITS.fullmatch(stem)) is not None:
        key = number[1].lstrip("0") or "0"
    return _Name(tuple(above), stem, extension, key)


def _without_extensions(name: str) -> tuple[str, str]:
    """A name without all of an image's extensions at its end, and those in lower case."""
    stem, extension = name, ""
    while True:
        rest, dot, suffix = stem.rpartition(".")
        if not rest or f"{dot}{suffix.lower()}" not in PHOTOS:
            return stem, extension
        stem, extension = rest, f"{dot}{suffix.lower()}{extension}"


def _fit(one: _Name, other: _Name, same: bool) -> Rank | None:
    """None where they mean different photos."""
    parts = max(_agreeing(one, other), _agreeing(other, one))
    spelled = one.stem == other.stem
    if not parts or not (spelled or one.key != other.key or _may_differ(one, other)):
        return None
    if one.extension == other.extension:
        extension = 2
    else:
        short, long = sorted((one.extension, other.extension), key=len)
        extension = int(short != "" and long.startswith(short))
    return Rank(spelled, parts, extension, same)


def _agreeing(one: _Name, other: _Name) -> int:
    """The parts that both end with, folders of the first joined if need be; 0 where they disagree."""
    for key, above, count in one.forms():
        if key == other.key and _common(above, other.folders) == min(
            len(above), len(other.folders)
        ):
            return count + _common(above, other.folders)
    return 0


def _may_differ(one: _Name, other: _Name) -> bool:
    """Whether names of one key and two spellings may mean one photo: DeepFashion's, or a number."""
    return isinstance(one.key, FashionName) or any(
        not name.folders and not name.extension and _NUMBER.fullmatch(name.stem)
        for name in (one, other)
    )


def _last(folders: tuple[str, ...]) -> str:
    return folders[-1] if folders else ""


def _common(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """How many parts both end with."""
    count = 0
    for a, b in zip(reversed(one), reversed(other), strict=False):
        if a != b:
            break
        count += 1
    return count
