"""Own splits and own pairs: text files with names of photos, given by an option or found by their names.

    train.lst  test.lst                              one photo in each line (PATN, GFLA)
    NAME-pairs-train.csv  NAME-pairs-test.csv        lines SOURCE,TARGET, header from,to (pose-gan, PATN)
    train_pairs.txt  test_pairs.txt                  the same (PIDM, NTED), but users must add the header:
                                                     the code of these systems reads TARGET,SOURCE

The rules of pgjax.images.photo_names apply to the names of photos.
"""

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pgjax.data.annotations import PAIRS_COLUMNS, PAIRS_HEADER, PAIRS_HINT
from pgjax.data.layout import Layout, Told
from pgjax.errors import InputError
from pgjax.files import csv_table, text_files
from pgjax.images.photo_names import Names

SPLITS = ("train", "test")
OPTIONS = ("train_list", "test_list", "train_pairs", "test_pairs")
_FOUND = (
    (re.compile(r"(?:.+[-_])?pairs?[-_](train|test)\.(?:csv|txt)"), "{}_pairs"),
    (re.compile(r"(train|test)[-_]pairs?\.(?:csv|txt)"), "{}_pairs"),
    (re.compile(r"(train|test)(?:[-_]list)?\.(?:lst|txt)"), "{}_list"),
)
Pair = tuple[str, str]


class Line(NamedTuple):
    """Where a list says something: the file, and the line's number."""

    path: Path
    number: int

    def __str__(self) -> str:
        return f"{self.path}, line {self.number}"


def found(files: Iterable[Path]) -> dict[str, list[Path]]:
    """Lists among files, by the option that would give them."""
    there: dict[str, list[Path]] = {}
    for path in files:
        for pattern, option in _FOUND:
            if (match := pattern.fullmatch(path.name)) is not None:
                there.setdefault(option.format(match[1]), []).append(path)
    return there


def list_lines(path: Path) -> list[tuple[int, str]]:
    """The names in a list of photos, each with its line's number.

    Raises:
      InputError: there is none, or it is no text.
    """
    lines = enumerate(map(str.strip, _text(path).splitlines()), 1)
    if not (found := [(number, line) for number, line in lines if line]):
        raise InputError(f"{path}: no photo in it; expected one a line")
    return found


def read_splits(lists: Mapping[str, Path], paths: Sequence[str]) -> dict[str, str] | None:
    """The split of each photo that a list names; of all others too, where one list alone is there.

    Returns:
      By photo; None where there is no list.

    Raises:
      InputError: a photo that is none, or in both; names file and line.
    """
    names, splits, where = Names(paths), {}, {}
    given = [split for split in SPLITS if f"{split}_list" in lists]
    for split in given:
        path = lists[f"{split}_list"]
        for number, name in list_lines(path):
            photo = _photo(names, name, Line(path, number), paths)
            if splits.get(photo, split) != split:
                raise InputError(f"{Line(path, number)}: {photo} is in {where[photo]} too")
            splits[photo], where[photo] = split, Line(path, number)
    if not given:
        return None
    if len(given) == 1:
        (other,) = set(SPLITS) - set(given)
        splits = {photo: splits.get(photo, other) for photo in paths}
    return splits


def read_pairs(lists: Mapping[str, Path], paths: Sequence[str]) -> dict[str, dict[Pair, Line]]:
    """Pairs of source and target by split, each with the line that has it, in their order.

    Raises:
      InputError: a line that is no pair, or names a photo that is none; names file and line.
    """
    names, pairs = Names(paths), {}
    for split in SPLITS:
        path = lists.get(f"{split}_pairs")
        if path is None:
            continue
        pairs[split] = {}
        for number, fields in csv_table.read(
            path, PAIRS_HEADER, ",", PAIRS_COLUMNS, hint=PAIRS_HINT
        ):
            where = Line(path, number)
            source, target = (_photo(names, name, where, paths) for name in fields)
            if source == target:
                raise InputError(f"{where}: {source} is source and target both")
            pairs[split].setdefault((source, target), where)
    return pairs


def splits_of_pairs(
    pairs: Mapping[str, Mapping[Pair, Line]], photos: Sequence[Told]
) -> dict[str, str]:
    """The split of each photo of the people in pairs; of all others too, where one list alone is there.

    Raises:
      InputError: somebody is in pairs of both.
    """
    person = {photo.path: photo.person for photo in photos}
    splits: dict[str, tuple[str, Line]] = {}
    for split, found in pairs.items():
        for pair, where in found.items():
            for who in dict.fromkeys(person[photo] for photo in pair if photo in person):
                other, there = splits.setdefault(who, (split, where))
                if other != split:
                    raise InputError(
                        f"{where}: {who} is in training and test both ({there}); expected people of "
                        "their own in each"
                    )
    told = {photo.path: splits[photo.person][0] for photo in photos if photo.person in splits}
    if len(pairs) == 1:
        (other,) = set(SPLITS) - set(pairs)
        told = {photo.path: told.get(photo.path, other) for photo in photos}
    return told


def check_pairs(
    pairs: Mapping[str, Mapping[Pair, Line]], layout: Layout, unreadable: Container[str]
) -> None:
    """Each pair is of one person, in its list's split, but for photos that cannot be read.

    Raises:
      InputError: one is not; names file and line.
    """
    told = {photo.path: photo for photo in layout.photos}
    for split, found in pairs.items():
        for pair, where in found.items():
            lacking = [p for p in pair if p not in told and p not in unreadable]
            if lacking:
                raise InputError(f"{where}: {lacking[0]} is in no split")
            there = [told[photo] for photo in pair if photo in told]
            for one in there:
                if one.split != split:
                    raise InputError(
                        f"{where}: {one.path} is in the split {one.split}, not {split}"
                    )
            if len({one.person for one in there}) > 1:
                raise InputError(
                    f"{where}: {' and '.join(f'{one.path} shows {one.person}' for one in there)}: "
                    "expected one person; --persons sets how the person of a photo is found"
                )


def _photo(names: Names, name: str, where: Line, paths: Sequence[str]) -> str:
    closest = names.closest(name)
    if not closest:
        raise InputError(
            f"{where}: unknown photo {name}; there are {len(paths)}, such as {paths[0]}"
        )
    if len(closest) > 1:
        raise InputError(f"{where}: photo {name} may be {' or '.join(closest[:2])}")
    return closest[0]


def _text(path: Path) -> str:
    try:
        return text_files.read(path)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder; expected a text file") from None
