"""Finds DeepFashion's files: photos in any published layout, and the text files of one split.

What is missing is said at once: which files, where they come from, where they go. Lists of photos
(train.lst, test.lst) come with the text files of PATN, GFLA, DPTN and PIDM.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from pgjax.data import annotations, lists
from pgjax.data.raw_photos import PhotoFiles
from pgjax.errors import InputError
from pgjax.files import text_files
from pgjax.images import fashion_names
from pgjax.images.fashion_names import FashionName

PHOTOS_FROM = "http://mmlab.ie.cuhk.edu.hk/projects/DeepFashion/InShopRetrieval.html"
PATN_FROM = "https://drive.google.com/open?id=1YMsYXc41dR3k8YroXeWGh9zweNUQmZBw"
GFLA_FROM = "https://drive.google.com/open?id=1BX3Bxh8KG01yKWViRY0WTyDWbJHju-SL"
SIAROHIN_FROM = "https://yadi.sk/d/suymftBy3S7oKD"


class Published(NamedTuple):
    """Text files as somebody gives them out. text: their names. split: in SPLITS. source: where."""

    text: str
    split: str
    source: str

    def file(self, kind: str, split: str) -> str:
        return self.text.format(kind=kind, split=split)


# The splits disagree: photos that one tests on, another trains on (docs/reference_facts.md, 5.5).
SPLITS = ("patn", "siarohin", "siarohin_new")
GIVEN_OUT = (
    Published("fasion-resize-{kind}-{split}.csv", "patn", PATN_FROM),
    # GFLA and PISE give PATN's split under Siarohin's names.
    Published("fasion-{kind}-{split}.csv", "patn", GFLA_FROM),
    Published("fasion-{kind}-{split}.csv", "siarohin", SIAROHIN_FROM),
    Published("fasion-{kind}-{split}_new_split.csv", "siarohin_new", SIAROHIN_FROM),
)
_TEXT = re.compile(
    r"(?P<root>fash?ion)(?P<resized>-resize)?-(?P<kind>annotation|pairs)-(?P<split>train|test)"
    r"(?P<new>_new_split)?\.csv"
)
# Besides: the lists of PATN, GFLA and PIDM, and the pairs of NTED and PIDM.
_OTHERS = {
    "list": re.compile(r"(train|test)\.lst"),
    "pairs": re.compile(r"(train|test)[-_]pairs?\.(?:csv|txt)"),
}
PHOTOS = (
    "the photos of the In-shop Clothes Retrieval Benchmark, as img.zip (256 x 256), as its unpacked "
    "folder img (img/WOMEN/Dresses/id_00000001/02_1_front.jpg) or flattened "
    "(fashionWOMENDressesid0000000102_1front.jpg), JPEG or PNG, in any subfolder; they come from "
    f"{PHOTOS_FROM} (an agreement gives the password); or those of img_highres.zip (750 x 1101), of "
    "which deepfashion_256x176 and deepfashion_512x352 are made"
)
NO_NAME = "is no name of a DeepFashion photo, such as fashionWOMENDressesid0000000102_1front.jpg"
EXPECTED = f"{PHOTOS}; and the annotations of one published split, either " + " or ".join(
    f"{given.file('annotation', 'train')}, {given.file('annotation', 'test')} and "
    f"{given.file('pairs', 'test')} from {given.source}"
    for given in GIVEN_OUT
)


class FashionFiles(NamedTuple):
    """What lies in a folder.

    photos: photo files, and `names` which of them shows what. again: files of photos that are among
    `names` already, each with the one that is. aside: photos of the other resolution. strange: photos whose
    names are none of DeepFashion's. split: a name in SPLITS. text: how its files are called here. texts:
    them by ("annotation", "pairs" or "list", "train" or "test"). unused: lists that are not, and why.
    """

    photos: PhotoFiles
    names: dict[FashionName, str]
    again: list[tuple[str, str]]
    aside: list[str]
    strange: list[str]
    split: str
    text: str
    texts: dict[tuple[str, str], Path]
    unused: dict[Path, str]

    def lacking(self, kind: str, split: str) -> str:
        """What to say where a text file is missing: its name, where it is from and where it goes."""
        sources = [given for given in GIVEN_OUT if given.split == self.split]
        alike = [given for given in sources if given.text == self.text.replace("fashion", "fasion")]
        given = (alike or sources)[0]
        file = (self.text if alike else given.text).format(kind=kind, split=split)
        return (
            f"no {file}: it comes from {given.source} (the split {self.split!r}) and goes into "
            f"{self.photos.root}"
        )


class Listed(NamedTuple):
    """A list of a split's photos: its file, and the names there by what they say."""

    path: Path
    names: dict[FashionName, str]


def find(raw: Path, highres: bool = False) -> FashionFiles:
    """Looks through a folder, its subfolders and zips.

    Args:
      highres: where photos of both resolutions are there, takes those whose path has "highres" in it;
        else the other ones.

    Raises:
      FileNotFoundError: all photos or all annotations are missing; says what is expected.
      InputError: a zip is damaged, a text file is there twice, or there are several splits.
    """
    photos = PhotoFiles(raw)
    names, again, aside, strange = _photos(photos.names, highres)
    matches = [(path, _TEXT.fullmatch(path.name)) for path in photos.texts]
    files = [(path, match) for path, match in matches if match is not None]
    splits = {path: _split(path) for path, match in files if match["kind"] == "annotation"}
    keys = [(path, (match["kind"], match["split"])) for path, match in files]
    for kind, pattern in _OTHERS.items():
        others = [(path, pattern.fullmatch(path.name)) for path in photos.texts]
        keys += [(path, (kind, match[1])) for path, match in others if match is not None]
    missing = []
    if not names:
        missing.append(PHOTOS)
    if not splits:
        missing.append(EXPECTED.removeprefix(f"{PHOTOS}; and "))
    if missing:
        raise FileNotFoundError(f"{raw} lacks {'; and '.join(missing)}. Put them into {raw}")
    if len(set(splits.values())) > 1:
        one = {split: path for path, split in sorted(splits.items(), reverse=True)}
        raise InputError(
            f"{raw}: annotations of several published splits "
            f"({', '.join(f'{path}: {split}' for split, path in sorted(one.items()))}), which must "
            "not be mixed: one trains on photos that another tests on; leave those of one"
        )
    split = min(splits.values())
    texts: dict[tuple[str, str], Path] = {}
    unused: dict[Path, str] = {}
    for path, key in keys:
        why = None if key[0] == "annotation" else _not_of(path, split, key[0])
        if why is not None:
            unused[path] = why
        elif key in texts:
            raise InputError(f"{path}: also in {texts[key]}; leave one of them")
        else:
            texts[key] = path
    first = next(match for path, match in files if path == min(splits))
    text = "{root}{resized}-{{kind}}-{{split}}{new}.csv".format(**first.groupdict(default=""))
    return FashionFiles(photos, names, again, aside, strange, split, text, texts, unused)


def _photos(
    files: Iterable[str], highres: bool
) -> tuple[dict[FashionName, str], list[tuple[str, str]], list[str], list[str]]:
    """Which file shows what; `again`, `aside` and `strange` of FashionFiles.

    JPEG counts before PNG, as which label maps of the same names are given out.
    """
    every = [(fashion_names.parse(file), file) for file in files]
    strange = [file for name, file in every if name is None]
    parsed = [(name, file) for name, file in every if name is not None]
    kinds = [
        [(name, file) for name, file in parsed if ("highres" in file) is kind]
        for kind in (highres, not highres)
    ]
    taken, other = kinds if kinds[0] else reversed(kinds)
    names, again = {}, []
    for name, file in sorted(taken, key=lambda one: one[1].lower().endswith(".png")):
        if names.setdefault(name, file) != file:
            again.append((names[name], file))
    return names, again, [file for _, file in other], strange


def read_list(path: Path) -> Listed:
    """Reads a list of photos, one a line, by any of their names.

    Raises:
      InputError: there is none, or a line is no name of DeepFashion's; names file and line.
    """
    names: dict[FashionName, str] = {}
    for number, name in lists.list_lines(path):
        parsed = fashion_names.parse(name)
        if parsed is None:
            raise InputError(f"{lists.Line(path, number)}: {name} {NO_NAME}")
        names.setdefault(parsed, name)
    return Listed(path, names)


def _split(path: Path) -> str:
    """The published split of an annotation file, told by the photos' names in it.

    `fashion...` is PATN's, `fasion...` Siarohin's (docs/reference_facts.md, 5.4), whatever the file's
    name is.

    Raises:
      InputError: both are in it; or as the reader of annotations, for its first fault.
    """
    roots: dict[str, str] = {}
    for name in annotations.read_annotations(path).names:
        root = fashion_names.root(name)
        if root is not None:
            roots.setdefault(root, name)
    if len(roots) > 1:
        raise InputError(
            f"{path}: names of PATN's split, such as {roots['fashion']}, and of Siarohin's, such as "
            f"{roots['fasion']}; expected those of one"
        )
    # Paths such as WOMEN/Dresses/id_00000001/02_1_front.jpg leave it to the file's name.
    by_file = "fashion" if "-resize" in path.name else "fasion"
    return _split_of(next(iter(roots), by_file), path)


def _not_of(path: Path, split: str, kind: str) -> str | None:
    """Why a list of pairs or photos is none of that split, by the names in it; None where it is."""
    text = text_files.decoded(path.read_bytes(), errors="replace")
    roots = set(re.findall(r"(fash?ion)(?=WOMEN|MEN)", text))
    if roots and split not in {_split_of(root, path) for root in roots}:
        return f"its {'pairs' if kind == 'pairs' else 'photos'} are of another split"
    # Files of other data sets may lie in the same folder.
    if text.strip() and _TEXT.fullmatch(path.name) is None and not re.search(r"MEN\W?[A-Z]", text):
        return "no name of a DeepFashion photo is in it"
    return None


def _split_of(root: str, path: Path) -> str:
    """The split of flattened names that begin so, in that file."""
    theirs = "siarohin_new" if "_new_split" in path.name else "siarohin"
    return {"fashion": "patn", "fasion": theirs}[root]
