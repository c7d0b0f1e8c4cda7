"""Finds DeepFashion's files: photos in any published layout, and the text files of one split.

What is missing is said at once: which files, where they come from, where they go.
"""

import re
from pathlib import Path
from typing import NamedTuple

from pgjax.data import fashion_names
from pgjax.data.fashion_names import FashionName
from pgjax.data.photo_files import PhotoFiles
from pgjax.errors import InputError

PHOTOS_FROM = "http://mmlab.ie.cuhk.edu.hk/projects/DeepFashion/InShopRetrieval.html"
PATN_FROM = "https://drive.google.com/open?id=1YMsYXc41dR3k8YroXeWGh9zweNUQmZBw"
SIAROHIN_FROM = "https://yadi.sk/d/suymftBy3S7oKD"


class Published(NamedTuple):
    """A published split. text: its files' names. source: where its authors give them out."""

    text: str
    source: str

    def file(self, kind: str, split: str) -> str:
        return self.text.format(kind=kind, split=split)


# The splits disagree: photos that one tests on, another trains on (reference fact 5.5).
SPLITS = {
    "patn": Published("fasion-resize-{kind}-{split}.csv", PATN_FROM),
    "siarohin": Published("fasion-{kind}-{split}.csv", SIAROHIN_FROM),
    "siarohin_new": Published("fasion-{kind}-{split}_new_split.csv", SIAROHIN_FROM),
}
_TEXT = re.compile(r"fash?ion(-resize)?-(annotation|pairs)-(train|test)(_new_split)?\.csv")
PHOTOS = (
    "the 256 x 256 photos of the In-shop Clothes Retrieval Benchmark, as img.zip, as its unpacked "
    "folder img (img/WOMEN/Dresses/id_00000001/02_1_front.jpg) or flattened "
    "(fashionWOMENDressesid0000000102_1front.jpg), JPEG or PNG, in any subfolder; they come from "
    f"{PHOTOS_FROM} (an agreement gives the password; img_highres.zip is not it)"
)
EXPECTED = f"{PHOTOS}; and the annotations of one published split, either " + " or ".join(
    f"{split.file('annotation', 'train')}, {split.file('annotation', 'test')} and "
    f"{split.file('pairs', 'test')} from {split.source}"
    for split in SPLITS.values()
)


class FashionFiles(NamedTuple):
    """What lies in a folder.

    photos: photo files, and `names` which of them shows what. split: a name in SPLITS. texts: its files
    by ("annotation" or "pairs", "train" or "test").
    """

    photos: PhotoFiles
    names: dict[FashionName, str]
    split: str
    texts: dict[tuple[str, str], Path]

    def lacking(self, kind: str, split: str) -> str:
        """What to say where a text file is missing: its name, where it is from and where it goes."""
        published = SPLITS[self.split]
        file = published.file(kind, split)
        return f"no {file}: it comes from {published.source} and goes into {self.photos.root}"


def find(raw: Path) -> FashionFiles:
    """Looks through a folder, its subfolders and zips.

    Raises:
      FileNotFoundError: all photos or all annotations are missing; says what is expected.
      InputError: a zip is damaged, a text file is there twice, or there are several splits.
    """
    photos = PhotoFiles(raw)
    names: dict[FashionName, str] = {}
    for name in photos.names:
        parsed = None if "highres" in name else fashion_names.parse(name)
        if parsed is not None:
            names.setdefault(parsed, name)
    found: dict[str, dict[tuple[str, str], Path]] = {}
    for path in photos.texts:
        match = _TEXT.fullmatch(path.name)
        if match is None:
            continue
        resized, kind, split, new = match.groups()
        published = "patn" if resized else "siarohin_new" if new else "siarohin"
        files = found.setdefault(published, {})
        if (kind, split) in files:
            raise InputError(f"{path}: also in {files[kind, split]}; leave one of them")
        files[kind, split] = path
    found = {
        name: files
        for name, files in found.items()
        if any(kind == "annotation" for kind, _ in files)
    }
    missing = []
    if not names:
        missing.append(PHOTOS)
    if not found:
        missing.append(EXPECTED.removeprefix(f"{PHOTOS}; and "))
    if missing:
        raise FileNotFoundError(f"{raw} lacks {'; and '.join(missing)}. Put them into {raw}")
    if len(found) > 1:
        one = [str(min(files.values())) for files in found.values()]
        raise InputError(
            f"{raw}: annotations of several published splits ({', '.join(one)}), which must not be "
            "mixed; leave those of one"
        )
    ((split, texts),) = found.items()
    return FashionFiles(photos, names, split, texts)
