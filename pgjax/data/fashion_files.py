"""Finds DeepFashion's files: photos in any published layout, and the text files of one split.

What is missing is said at once: which files, where they come from, where they go.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from pgjax.data import annotations
from pgjax.data.raw_photos import PhotoFiles
from pgjax.errors import InputError
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
PHOTOS = (
    "the photos of the In-shop Clothes Retrieval Benchmark, as img.zip (256 x 256), as its unpacked "
    "folder img (img/WOMEN/Dresses/id_00000001/02_1_front.jpg) or flattened "
    "(fashionWOMENDressesid0000000102_1front.jpg), JPEG or PNG, in any subfolder; they come from "
    f"{PHOTOS_FROM} (an agreement gives the password; of img_highres.zip only deepfashion_256x176 is "
    "built)"
)
EXPECTED = f"{PHOTOS}; and the annotations of one published split, either " + " or ".join(
    f"{given.file('annotation', 'train')}, {given.file('annotation', 'test')} and "
    f"{given.file('pairs', 'test')} from {given.source}"
    for given in GIVEN_OUT
)


class FashionFiles(NamedTuple):
    """What lies in a folder.

    photos: photo files, and `names` which of them shows what. again: files of photos that are among
    `names` already, each with the one that is. split: a name in SPLITS. text: how its files are called
    here. texts: them by ("annotation" or "pairs", "train" or "test"). unused: pairs of another split.
    """

    photos: PhotoFiles
    names: dict[FashionName, str]
    again: list[tuple[str, str]]
    split: str
    text: str
    texts: dict[tuple[str, str], Path]
    unused: list[Path]

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


def find(raw: Path) -> FashionFiles:
    """Looks through a folder, its subfolders and zips.

    Raises:
      FileNotFoundError: all photos or all annotations are missing; says what is expected.
      InputError: a zip is damaged, a text file is there twice, or there are several splits.
    """
    photos = PhotoFiles(raw)
    names, again = _photos(photos.names)
    matches = [(path, _TEXT.fullmatch(path.name)) for path in photos.texts]
    files = [(path, match) for path, match in matches if match is not None]
    splits = {path: _split(path) for path, match in files if match["kind"] == "annotation"}
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
    unused = []
    for path, match in files:
        key = match["kind"], match["split"]
        if match["kind"] == "pairs" and not _pairs_of(path, split):
            unused.append(path)
        elif key in texts:
            raise InputError(f"{path}: also in {texts[key]}; leave one of them")
        else:
            texts[key] = path
    first = next(match for path, match in files if path == min(splits))
    text = "{root}{resized}-{{kind}}-{{split}}{new}.csv".format(**first.groupdict(default=""))
    return FashionFiles(photos, names, again, split, text, texts, unused)


def _photos(files: Iterable[str]) -> tuple[dict[FashionName, str], list[tuple[str, str]]]:
    """Which file shows what, and the files that show what another one does.

    Photos of img_highres count where there are no others, and JPEG before PNG, as which label maps of
    the same names are given out.
    """
    parsed = [(fashion_names.parse(file), file) for file in files]
    parsed = [(name, file) for name, file in parsed if name is not None]
    small = [(name, file) for name, file in parsed if "highres" not in file]
    names, again = {}, []
    for name, file in sorted(small or parsed, key=lambda one: one[1].lower().endswith(".png")):
        if names.setdefault(name, file) != file:
            again.append((names[name], file))
    return names, again


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


def _pairs_of(path: Path, split: str) -> bool:
    """Whether a list of pairs is of that split, by the photos' names in it."""
    roots = set(re.findall(r"(fash?ion)(?=WOMEN|MEN)", path.read_text("utf-8", "replace")))
    return not roots or split in {_split_of(root, path) for root in roots}


def _split_of(root: str, path: Path) -> str:
    """The split of flattened names that begin so, in that file."""
    theirs = "siarohin_new" if "_new_split" in path.name else "siarohin"
    return {"fashion": "patn", "fasion": theirs}[root]
