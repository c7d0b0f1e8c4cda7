"""Market-1501 as a tfds data set: the official photos with the published pose annotations.

The photos' JPEG bytes are stored verbatim. Splits: `train` and `test` in the order of their
annotation files, `query` in the order of file names, without poses; it is left out where its folder is.
"""

from collections.abc import Container, Iterator
from pathlib import Path, PurePosixPath

import numpy as np
import tensorflow_datasets as tfds

from pgjax.data import annotations, records
from pgjax.data.annotations import Annotations
from pgjax.data.raw_photos import PhotoFiles
from pgjax.errors import InputError
from pgjax.files import folders
from pgjax.files.file_types import KINDS, extension
from pgjax.images.photo_names import Names

SIZE = (128, 64)
ARCHIVE = "Market-1501-v15.09.15"
# The official folder, then what the field calls it: PATN, GFLA and DPTN rename both to train and test,
# layumi's prepare.py gives each person a folder in train (or train and val, train_all) and gallery.
FOLDERS = {
    "train": ("bounding_box_train", "train", "train_all", "val"),
    "test": ("bounding_box_test", "test", "gallery"),
    "query": ("query",),
}
ANNOTATIONS = {"train": "market-annotation-train.csv", "test": "market-annotation-test.csv"}
PAIRS = "market-pairs-test.csv"
EXPECTED = (
    f"{ARCHIVE}.zip or its unpacked folder, of any name, with bounding_box_train, bounding_box_test and, "
    "if at hand, query (or train and test, as they are often renamed), and beside it "
    f"{' and '.join(ANNOTATIONS.values())}"
)


class Photos:
    """The photos' names and bytes, from folders of splits below a folder, or in a zip there.

    Attributes:
      path: the folder.
      texts: the text files in it.
      notes: lines about what lies among the photos and is none of them, and on what is not there.
    """

    def __init__(self, raw: Path):
        """Finds the splits' folders, at any depth; unpacked photos count before those in zips.

        Raises:
          FileNotFoundError: there is none.
          InputError: a zip is damaged, or the photos of a split that has poses are missing.
        """
        self.path, self._files = raw, PhotoFiles(raw)
        self.texts = self._files.texts
        found: dict[str, dict[str, str]] = {split: {} for split in FOLDERS}
        others: dict[str, list[str]] = {}
        for name in self._files.names:
            *above, file = PurePosixPath(name).parts
            split, folder = _split(above)
            if split is not None and _is_jpeg(file):
                found[split].setdefault(file, name)
            elif split is not None:
                others.setdefault(folder, []).append(file)
        self._members = {
            split: {_named(file, members): members[file] for file in sorted(members)}
            for split, members in found.items()
        }
        if not any(found.values()):
            raise FileNotFoundError(f"{raw}: no Market-1501 here; expected {EXPECTED}")
        for split in ANNOTATIONS:
            if not found[split]:
                raise InputError(
                    f"{raw}: no JPEG files of the split {split}; expected them in a folder "
                    f"{' or '.join(FOLDERS[split])}"
                )
        self.notes = [
            f"{folder}: {len(names)} pictures are left out, such as {min(names)}: all of Market-1501 "
            "are JPEG"
            for folder, names in others.items()
        ]
        self.notes += folders.lines(self._files.listing)
        if not found["query"]:
            self.notes.append(f"no folder query with photos in {raw}; there is no split query")

    def names(self, split: str) -> tuple[str, ...]:
        """File names of the JPEGs of a split, sorted."""
        return tuple(self._members[split])

    def where(self, split: str, name: str) -> str:
        """A photo's path, for messages."""
        return self._files.where(self._members[split][name])

    def read(self, split: str, name: str) -> bytes:
        """The bytes of a file, checked as far as a zip can.

        Raises:
          InputError: the zip is damaged there.
        """
        return self._files.read(self._members[split][name])


class Market1501(tfds.core.GeneratorBasedBuilder):
    """Photos of pedestrians, 128 × 64, with 18 joints."""

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = f"Expected {EXPECTED}"

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description="Market-1501 with OpenPose's joints, as in Siarohin et al. 2018.",
            features=records.features(SIZE, "jpeg"),
            metadata=tfds.core.MetadataDict(),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager):
        raw = Path(dl_manager.manual_dir)
        photos = Photos(raw)
        self.info.metadata["notes"] = photos.notes
        paths = {split: _text(photos, file) for split, file in ANNOTATIONS.items()}
        poses = {
            split: _of_photos(annotations.read_annotations(path), path, photos, split)
            for split, path in paths.items()
        }
        if photos.names("query"):
            poses["query"] = _missing(photos.names("query"))
        if (path := _text(photos, PAIRS)).exists():
            names = poses["test"].names
            pairs = annotations.read_pairs(path, names)
            self.info.metadata["test_pairs"] = [[names[a], names[b]] for a, b in pairs]
        return {
            split: self._generate_examples(photos, split, found) for split, found in poses.items()
        }

    def _generate_examples(
        self, photos: Photos, split: str, poses: Annotations
    ) -> Iterator[tuple[int, dict]]:
        for order, name in enumerate(poses.names):
            data = photos.read(split, name)
            records.check_image(data, SIZE, "jpeg", photos.where(split, name))
            yield (
                order,
                {
                    "image": data,
                    "name": name,
                    "identity": name.split("_")[0],
                    "keypoints": poses.keypoints[order],
                    "visible": poses.visible[order],
                    "order": order,
                },
            )


def _split(above: list[str]) -> tuple[str | None, str]:
    """The split that the folders above a photo name, the nearest first, and the folder."""
    for folder in reversed(above):
        for split, names in FOLDERS.items():
            if folder.lower() in names:
                return split, folder
    return None, ""


def _text(photos: Photos, file: str) -> Path:
    """Where a text file is: anywhere among the photos, or beside the folder; else where it belongs.

    Raises:
      InputError: it is there twice.
    """
    found = [path for path in photos.texts if path.name == file]
    if len(found) > 1:
        raise InputError(f"{found[1]}: also in {found[0]}; leave one of them")
    beside = photos.path.parent / file
    return found[0] if found else beside if beside.exists() else photos.path / file


def _is_jpeg(name: str) -> bool:
    return extension(name) in KINDS["jpeg"].extensions


def _named(name: str, others: Container[str]) -> str:
    """As the annotations call a photo, whatever a copy has made of its extension."""
    usual = f"{name[: -len(extension(name))]}.jpg"
    return name if usual in others else usual


def _missing(names: tuple[str, ...]) -> Annotations:
    shape = (len(names), records.JOINTS)
    return Annotations(names, np.full((*shape, 2), -1, np.float32), np.zeros(shape, bool))


def _of_photos(annotated: Annotations, path: Path, photos: Photos, split: str) -> Annotations:
    """The annotations under the names of their photos, one each, with joints that lie inside them."""
    present = Names(photos.names(split))
    names: dict[str, str] = {}
    for name, keypoints in zip(annotated.names, annotated.keypoints, strict=True):
        closest = present.closest(name)
        if not closest:
            raise InputError(
                f"{path}: image {name} is annotated but not among the {len(photos.names(split))} photos "
                f"of the split {split} in {photos.path}"
            )
        if len(closest) > 1:
            raise InputError(f"{path}: image {name} may be {' or '.join(closest[:2])}")
        other = names.setdefault(closest[0], name)
        if other != name:
            raise InputError(f"{path}: images {other} and {name} are both {closest[0]}")
        if (keypoints >= SIZE).any():
            y, x = keypoints.max(axis=0).astype(int)
            raise InputError(
                f"{path}: image {name} has joints as far as y {y}, x {x}, outside its "
                f"{SIZE[0]} x {SIZE[1]} pixels"
            )
    lacking = set(photos.names(split)).difference(names)
    if lacking:
        raise InputError(
            f"image {photos.where(split, min(lacking))} has no line in {path} (as have "
            f"{len(lacking) - 1} others)"
        )
    return annotated._replace(names=tuple(names))
