"""The person of each photo, from the names of folders and files. A person has one set of clothes."""

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from pgjax.errors import InputError
from pgjax.images import fashion_names

FOLDER, SUBFOLDER, NAME, PATTERN = "folder", "subfolder", 'name before "_"', "pattern"
FASHION, CUHK = "DeepFashion's name", "CUHK03's name"
WAYS = ("folder", "subfolder", "name")
_MARKET = re.compile(r"-?\d{1,5}_c\d")
# CUHK03's pair of cameras, person in it, camera and photo: 1_001_1_01.png.
_CUHK = re.compile(r"(\d_\d{3,4})_[12]_\d{2}\.")
# What cameras, phones and views put before "_": no person.
_NOBODY = re.compile(
    r"(?:19|20)\d\d[01]\d[0-3]\d|[a-z]?dsc[fn]?|img|image|photo|picture|pic|pxl|vid|mvimg|p|pano|burst|snap|frame|scan"
    r"|screenshot|gopr|dji|win|front|back|side|full|additional|flat",
    re.IGNORECASE,
)


class Seen(NamedTuple):
    """A photo: its path, its file's name, the folders that may tell a person, the folder of a split that
    was among them, its split or None."""

    path: str
    file: str
    folders: tuple[str, ...]
    cut: tuple[str, ...] = ()
    split: str | None = None

    @property
    def beginning(self) -> str:
        """The file's name up to the first "_"; "" where it has none."""
        before, separator, _ = os.path.splitext(self.file)[0].partition("_")
        return before if separator else ""

    @property
    def prefix(self) -> str:
        """The same; "" too where it is what cameras write."""
        return "" if _NOBODY.fullmatch(self.beginning) else self.beginning


Found = tuple[str, str]


def tell(photos: Sequence[Seen], way: str | None) -> list[tuple[Seen, Found]]:
    """The person of each photo, and how that was told.

    Args:
      way: one of WAYS, or a regular expression: its group 1 in the photo's path is the person. None:
        told.

    Raises:
      InputError: a photo tells nobody, or two persons.
    """
    one = _way(photos, way)
    return [(photo, one(photo)) for photo in photos]


def _way(photos: Sequence[Seen], way: str | None) -> Callable[[Seen], Found]:
    if way in WAYS:
        return {"folder": _folder, "subfolder": _subfolder, "name": _name_as_said}[way]
    if way is not None:
        return _pattern(way)
    if all(_MARKET.match(photo.file) for photo in photos):
        return _name
    if all(_CUHK.match(photo.file) for photo in photos):
        return _cuhk
    if all(fashion_names.parse(photo.path) for photo in photos):
        return _outfit
    inside = [photo for photo in photos if photo.folders]
    _check_one_level(inside)
    _check_no_names(inside)
    return lambda photo: _folder(photo) if photo.folders else _name(photo)


def _folder(photo: Seen) -> Found:
    if not photo.folders:
        raise InputError(f"--persons=folder: photo {photo.path} lies in no folder of a person")
    return photo.folders[0], FOLDER


def _subfolder(photo: Seen) -> Found:
    return _folder(photo) and "_".join(photo.folders), SUBFOLDER


def _name(photo: Seen) -> Found:
    if not photo.prefix:
        raise InputError(
            f"photo {photo.path}: which person? Expected a folder of the person's photos, or a name that "
            f"starts with the person's and '_', such as anna_{photo.file}; or --persons=REGEX, whose "
            "group 1 is the person in a photo's path"
        )
    return photo.prefix, NAME


def _name_as_said(photo: Seen) -> Found:
    return (photo.beginning, NAME) if photo.beginning else _name(photo)


def _cuhk(photo: Seen) -> Found:
    match = _CUHK.match(photo.file)
    assert match is not None  # all of the photos match
    return match[1], CUHK


def _outfit(photo: Seen) -> Found:
    name = fashion_names.parse(photo.path)
    assert name is not None  # all of the photos have such names
    return fashion_names.identity(name.siarohin()), FASHION


def _pattern(text: str) -> Callable[[Seen], Found]:
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise InputError(f"--persons={text}: no regular expression ({error})") from None
    if pattern.groups < 1:
        raise InputError(
            f"--persons={text}: expected one of {', '.join(WAYS)}, or a regular expression with a "
            r"group, which is the person in a photo's path, such as 'id_(\d+)/'"
        )

    def found(photo: Seen) -> Found:
        match = pattern.search(photo.path)
        if match is None or not match[1]:
            raise InputError(f"--persons={text}: finds no person in {photo.path}")
        return match[1], PATTERN

    return found


def _check_one_level(photos: Sequence[Seen]) -> None:
    """The folder of a person holds no folders that may be persons instead.

    Raises:
      InputError: one does.
    """
    deeper: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for photo in photos:
        deeper[photo.folders[0]].add(photo.folders)
    for photo in photos:
        if len(photo.folders) > 1 and len(deeper[photo.folders[0]]) > 1:
            one, other = _folder(photo)[0], _subfolder(photo)[0]
            raise InputError(
                f"photo {photo.path}: is the person {one} or {other}? Say --persons=folder for {one}, "
                f"--persons=subfolder for {other}"
            )


def _check_no_names(photos: Sequence[Seen]) -> None:
    """Names of photos in folders don't tell other persons than the folders do.

    Raises:
      InputError: they may: each begins with something and "_" that several of them have, and some have
        not.
    """
    names = _groups(photos, lambda photo: photo.prefix)
    folders = _groups(photos, lambda photo: photo.folders[0])
    if "" in names or not 1 < len(names) < len(photos):
        return
    if set(names.values()) != set(folders.values()):
        photo = next(photo for photo in photos if names[photo.prefix] != folders[photo.folders[0]])
        one, other = photo.folders[0], photo.prefix
        raise InputError(
            f"photo {photo.path}: is the person {one} (its folder) or {other} (its name)? Say "
            f"--persons=folder or --persons=name"
        )


def _groups(photos: Iterable[Seen], key: Callable[[Seen], str]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for photo in photos:
        found[key(photo)].add(photo.path)
    return {name: frozenset(paths) for name, paths in found.items()}
