"""The split of each photo and the person in it, from the names of folders and files alone.

    train/  test/  (val/)               splits of pose-gan, PATN, GFLA, DPTN, PISE; persons inside as below
    train/  val/  query/  gallery/      splits of re-identification; query and gallery are the test
    anna/beach.jpg  ben/sea.jpg         the folder is the person
    anna_1.jpg  ben_7.jpg               the name up to the first "_" is the person
    0002_c1s1_000451_03.jpg             Market-1501's names contain the person, in any folder

Folders that contain all photos are ignored. So are those called img, images, photos and the like. If the
names can be understood in two ways, the error names the option that decides.
"""

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pgjax.data import persons, split_folders
from pgjax.data.persons import Seen
from pgjax.errors import InputError

CONTAINERS = frozenset(
    {
        *("img", "imgs", "image", "images", "photo", "photos", "picture", "pictures", "pics"),
        *("jpg", "jpeg", "jpegs", "png", "data", "raw"),
    }
)


class Told(NamedTuple):
    """A photo: its path below the folder, its name in the data set, where folders are no more, its
    split, None where people are dealt, its person, and how that was told."""

    path: str
    name: str
    split: str | None
    person: str
    how: str


class Layout(NamedTuple):
    """photos: those that are used. passed: lines on the others, and on folders."""

    photos: tuple[Told, ...]
    passed: tuple[str, ...]


def understand(
    paths: Sequence[str],
    splits: str | None = None,
    who: str | None = None,
    listed: Mapping[str, str] | None = None,
) -> Layout:
    """Tells split and person of photos.

    Args:
      paths: below the folder, with "/".
      splits: one of split_folders.WAYS; None: told.
      who: one of persons.WAYS, or a regular expression; None: told.
      listed: by path the split, of those photos that are used; then folders tell no split.

    Raises:
      InputError: what can't be told, or in two ways; says which option settles it.
    """
    photos = _without_containers(_seen(paths))
    if listed is None:
        photos, passed = split_folders.split(photos, splits)
    else:
        lacking = [photo.path for photo in photos if photo.path not in listed]
        passed = [f"{split_folders.some(lacking)}: in no list"] if lacking else []
        photos = [
            photo._replace(split=listed[photo.path])
            for photo in split_folders.cut(photos)
            if photo.path in listed
        ]
    photos = _without_common(photos)
    told = _named([(photo, *found) for photo, found in persons.tell(photos, who)])
    _check_apart(told)
    return Layout(told, tuple(passed))


def has_splits(paths: Sequence[str]) -> bool:
    """Whether folders tell the splits."""
    return split_folders.there(_without_containers(_seen(paths)))


def _seen(paths: Sequence[str]) -> list[Seen]:
    parts = [tuple(path.split("/")) for path in paths]
    return [Seen(path, part[-1], part[:-1]) for path, part in zip(paths, parts, strict=True)]


def _without_containers(photos: list[Seen]) -> list[Seen]:
    """Without folders that are called as containers are, and without those around all photos."""
    return _without_common(
        [
            photo._replace(folders=tuple(f for f in photo.folders if f.lower() not in CONTAINERS))
            for photo in photos
        ]
    )


def _without_common(photos: list[Seen]) -> list[Seen]:
    """Without folders around all photos, where folders below or names still tell a person."""
    while (
        len({photo.folders[:1] for photo in photos}) == 1
        and photos[0].folders
        and not split_folders.is_one(photos[0].folders[0])
        and all(len(photo.folders) > 1 or photo.prefix for photo in photos)
    ):
        photos = [photo._replace(folders=photo.folders[1:]) for photo in photos]
    return photos


def _named(found: Sequence[tuple[Seen, str, str]]) -> tuple[Told, ...]:
    """With names of the data set: the file's, where it tells the person, else with what does before it.

    Raises:
      InputError: two photos would have one name.
    """
    told, taken = [], {}
    for photo, person, how in found:
        # Photos of one name may lie in a person's folders train and test, which are dealt anew.
        before = (*photo.folders, *(photo.cut if photo.split is None else ()))
        before = (person.replace("/", "_"),) if how == persons.PATTERN else before
        alone = how == persons.NAME or photo.file.startswith(f"{person}_") or not before
        alone = alone or (how == persons.PATTERN and person in photo.file)
        name = photo.file if alone else "_".join((*before, photo.file))
        # Pictures made of a photo are named after it without its extension.
        other = taken.setdefault(os.path.splitext(name)[0], photo.path)
        if other != photo.path:
            raise InputError(
                f"photos {other} and {photo.path}: give one of them another name, or say with --raw "
                "which folder is meant, or with --persons how to tell their people apart"
            )
        told.append(Told(photo.path, name, photo.split, person, how))
    return tuple(told)


def _check_apart(photos: Sequence[Told]) -> None:
    """Nobody is in training and test both.

    Raises:
      InputError: somebody is; names both photos.
    """
    first: dict[tuple[str, str | None], str] = {}
    for photo in photos:
        first.setdefault((photo.person, photo.split), photo.path)
    both = sorted(who for who, split in first if split == "train" and (who, "test") in first)
    if both:
        who = both[0]
        raise InputError(
            f"people in training and test both: {len(both)}, such as {who} ({first[who, 'train']}, "
            f"{first[who, 'test']}): expected people of their own in each; --splits=dealt divides "
            "them at random, --persons sets how the person of a photo is found"
        )
