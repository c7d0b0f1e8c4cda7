"""Splits from folders: train/, test/, and the other names that are usual in the field."""

import re
from collections.abc import Iterable, Sequence

from pgjax.data.persons import Seen
from pgjax.errors import InputError

WAYS = ("folders", "dealt")
SPLIT_OF = {
    **dict.fromkeys(("train", "training", "trainset", "train_set", "bounding_box_train"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "valset", "val_set"), "val"),
    **dict.fromkeys(("test", "testing", "testset", "test_set", "bounding_box_test"), "test"),
    **dict.fromkeys(("query", "gallery"), "test"),
}
# train_all, test_256, trainK, testSPL8: a split's photos once more, or what was made of them.
_VARIANT = re.compile(r"([Tt]rain|[Vv]al|[Tt]est)(?:ing|id|idation)?(?:[_-].+|\d.*|[A-Z].*)")
_COPIES = frozenset({"multi-query", "multi_query", "gt_bbox"})  # layumi's, Market-1501's own
_DEALT = "--splits=dealt ignores these folders and divides the people at random"


def is_one(folder: str) -> bool:
    """Whether a folder is called as that of a split."""
    return folder.lower() in SPLIT_OF


def there(photos: Sequence[Seen]) -> bool:
    """Whether there are folders of training and of test or validation."""
    return bool(_level(photos)[1])


def split(photos: list[Seen], way: str | None) -> tuple[list[Seen], list[str]]:
    """Photos with their splits, None where people are to be dealt, and lines on those passed over.

    Args:
      way: one of WAYS; None: folders, where there are those of training and of test or validation.

    Raises:
      InputError: folders that may be splits or not; says which option settles it.
    """
    level, found = _level(photos)
    if way == "dealt":
        copies = _copies(photos, level, found)
        return cut([photo for photo in photos if photo not in copies]), _lines(copies, level)
    if not found:
        if way == "folders":
            names = sorted({f"{photo.folders[0]}/" for photo in photos if photo.folders})
            raise InputError(
                f"--splits=folders: expected folders of photos train/ and test/; there are "
                f"{', '.join(names[:5]) or 'none'}"
            )
        _check_no_split(photos)
        return cut(photos), []
    above = sorted({"/".join(photo.folders[:level]) for photo in photos})
    if len(above) > 1:
        raise InputError(
            f"folders {' and '.join(f'{name}/' for name in found)} lie in several folders "
            f"({', '.join(above[:3])}): expected them once, side by side, or one of these as --raw; "
            f"{_DEALT}"
        )
    copies = _copies(photos, level, found)
    outside = [p for p in photos if _at(p, level) not in found and p not in copies]
    if outside:
        raise InputError(
            f"{some(p.path for p in outside)}: beside the folders "
            f"{', '.join(f'{name}/' for name in found)}, and in none of them; move them; {_DEALT}"
        )
    lines = _lines(copies, level)
    if "test" not in found.values():
        lines += [
            f"{name}/ is the test: there is no test/" for name in found if found[name] == "val"
        ]
        found = {name: "train" if s == "train" else "test" for name, s in found.items()}
    elif "val" in found.values():
        lines.append("val is kept apart: nothing is trained or tested on it")
    inside = [photo for photo in photos if photo not in copies]
    return [_without(photo, level, found[photo.folders[level]]) for photo in inside], lines


def cut(photos: list[Seen]) -> list[Seen]:
    """Photos without their folders of splits, where these are."""
    level, found = _level(photos)
    if found:
        return [_without(p, level, None) if _at(p, level) in found else p for p in photos]
    # query/ or gallery/ around all photos.
    around = {_at(photo, 0) for photo in photos}
    if len(around) == 1 and is_one(min(around, key=str) or ""):
        return [_without(photo, 0, None) for photo in photos]
    return photos


def some(names: Iterable[str]) -> str:
    """ "12 photos, such as a.jpg"."""
    names = sorted(names)
    return f"{len(names)} photo{'s' if len(names) > 1 else ''}, such as {names[0]}"


def _level(photos: Sequence[Seen]) -> tuple[int, dict[str, str]]:
    """The first level of folders with training and test (or validation), and its splits by folder."""
    for level in range(max((len(photo.folders) for photo in photos), default=0)):
        names = sorted({_at(photo, level) for photo in photos} - {""})
        found = {name: SPLIT_OF[name.lower()] for name in names if is_one(name)}
        for name in names:
            match = _VARIANT.fullmatch(name)
            lacking = match and not is_one(name) and match[1].lower() not in found.values()
            if lacking and sum(_is_variant(n, match[1]) for n in names) == 1:
                found[name] = match[1].lower()
        if "train" in found.values() and {"test", "val"} & set(found.values()):
            return level, found
    return 0, {}


def _is_variant(name: str, split: str) -> bool:
    match = _VARIANT.fullmatch(name)
    return match is not None and match[1] == split and not is_one(name)


def _check_no_split(photos: Sequence[Seen]) -> None:
    """No folder beside others, or around them, that may be a split and may be a person.

    Raises:
      InputError: one may.
    """
    names = sorted({_at(photo, 0) for photo in photos})
    single = [name for name in names if SPLIT_OF.get(name.lower()) and not _searched(name, names)]
    if single:
        others = [f"{name}/" for name in names if name not in single and name]
        beside = f"beside {', '.join(others[:3])}" if others else "alone"
        raise InputError(
            f"folder {single[0]}/ {beside}: a split, or a name? Expected train/ and test/ for splits; "
            f"{_DEALT}"
        )


def _searched(name: str, names: Sequence[str]) -> bool:
    """query/ or gallery/ around all photos: nobody trains on one, so it is a folder like others."""
    return len(names) == 1 and name.lower() in ("query", "gallery")


def _copies(photos: Sequence[Seen], level: int, found: dict[str, str]) -> set[Seen]:
    """Photos in folders that hold a split once more, or what was made of it."""
    if not found:
        return set()
    folders = {_at(photo, level) for photo in photos} - set(found)
    copies = {name for name in folders if _VARIANT.fullmatch(name) or name.lower() in _COPIES}
    return {photo for photo in photos if _at(photo, level) in copies}


def _lines(copies: Iterable[Seen], level: int) -> list[str]:
    folders = sorted({_at(photo, level) for photo in copies})
    return [
        f"{some(p.path for p in copies if _at(p, level) == folder)}: a copy of a split, by its name"
        for folder in folders
    ]


def _at(photo: Seen, level: int) -> str:
    return photo.folders[level] if len(photo.folders) > level else ""


def _without(photo: Seen, level: int, split: str | None) -> Seen:
    folders = (*photo.folders[:level], *photo.folders[level + 1 :])
    return photo._replace(folders=folders, cut=photo.folders[level : level + 1], split=split)
