"""Market-1501 as a tfds data set: the official photos with the published pose annotations.

The photos' JPEG bytes are stored verbatim. Splits: `train` and `test` in the order of their
annotation files, `query` in the order of file names, without poses.
"""

import zipfile
import zlib
from collections.abc import Container, Iterator
from pathlib import Path, PurePosixPath

import numpy as np
import tensorflow_datasets as tfds

from pgjax import folders
from pgjax.data import annotations, records
from pgjax.data.annotations import Annotations
from pgjax.errors import InputError
from pgjax.filetypes import KINDS, PHOTOS, extension

SIZE = (128, 64)
ARCHIVE = "Market-1501-v15.09.15"
FOLDERS = {"train": "bounding_box_train", "test": "bounding_box_test", "query": "query"}
ANNOTATIONS = {"train": "market-annotation-train.csv", "test": "market-annotation-test.csv"}
PAIRS = "market-pairs-test.csv"
EXPECTED = (
    f"{ARCHIVE}.zip or its unpacked folder {ARCHIVE} (with {', '.join(FOLDERS.values())}), and "
    f"beside it {' and '.join(ANNOTATIONS.values())}"
)


class Photos:
    """The photos' names and bytes, from the official zip or from its unpacked folder.

    Attributes:
      path: the zip or the folder.
      notes: lines about what lies among the photos and is none of them.
    """

    def __init__(self, raw: Path):
        """Finds the zip, else the folder, in `raw`; `raw` may be the unpacked folder itself.

        Raises:
          FileNotFoundError: neither is there.
          InputError: the zip is damaged, or a folder of photos is missing or empty.
        """
        self._zip = None
        found = {folder: {} for folder in FOLDERS.values()}
        if (raw / f"{ARCHIVE}.zip").is_file():
            self.path = raw / f"{ARCHIVE}.zip"
            self._zip = self._open()
            for member in folders.members(self._zip):
                folder, name = PurePosixPath(member).parent.name, PurePosixPath(member).name
                if folder in found:
                    found[folder][name] = member
        else:
            self.path = raw if raw.name == ARCHIVE else raw / ARCHIVE
            if (raw / FOLDERS["train"]).is_dir():
                self.path = raw
            if not self.path.is_dir():
                raise FileNotFoundError(f"{raw}: no Market-1501 here; expected {EXPECTED}")
            for folder in found:
                if (self.path / folder).is_dir():
                    found[folder] = folders.files(self.path / folder, below=False).found
        self._members, self.notes = {}, []
        for folder, members in found.items():
            named = {_named(name, members): name for name in members if _is_jpeg(name)}
            here = {name: members[named[name]] for name in sorted(named)}
            self._members[folder] = here
            others = sorted(n for n in members if extension(n) in PHOTOS and not _is_jpeg(n))
            if others:
                self.notes.append(
                    f"{folder}: {len(others)} pictures are left out, such as {others[0]}: all of Market-1501 "
                    "are JPEG"
                )
            if not here:
                raise InputError(
                    f"{self.path}: no JPEG files in {folder}; expected the official layout with "
                    f"folders {', '.join(FOLDERS.values())}"
                )

    def _open(self) -> zipfile.ZipFile:
        try:
            return zipfile.ZipFile(self.path)
        except zipfile.BadZipFile as error:
            raise InputError(
                f"{self.path}: a truncated or damaged zip ({error}); fetch it again"
            ) from error

    def names(self, folder: str) -> tuple[str, ...]:
        """File names of the JPEGs in a folder, sorted."""
        return tuple(self._members[folder])

    def read(self, folder: str, name: str) -> bytes:
        """The bytes of a file, checked as far as the zip can.

        Raises:
          InputError: the zip is damaged there.
        """
        member = self._members[folder][name]
        if self._zip is None:
            return member.read_bytes()
        try:
            return self._zip.read(member)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            raise InputError(
                f"{self.path}: a truncated or damaged zip, at {member} ({error}); fetch it again"
            ) from error


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
        # Beside the zip or folder, which `raw` itself may be.
        beside = raw if (raw / ANNOTATIONS["train"]).exists() else photos.path.parent
        poses = {
            split: annotations.read_annotations(beside / file)
            for split, file in ANNOTATIONS.items()
        }
        for split, annotated in poses.items():
            _check(annotated, beside / ANNOTATIONS[split], photos, FOLDERS[split])
        poses["query"] = _missing(photos.names(FOLDERS["query"]))
        if (beside / PAIRS).exists():
            names = poses["test"].names
            pairs = annotations.read_pairs(beside / PAIRS, names)
            self.info.metadata["test_pairs"] = [[names[a], names[b]] for a, b in pairs]
        return {
            split: self._generate_examples(photos, folder, poses[split])
            for split, folder in FOLDERS.items()
        }

    def _generate_examples(
        self, photos: Photos, folder: str, poses: Annotations
    ) -> Iterator[tuple[int, dict]]:
        for order, name in enumerate(poses.names):
            data = photos.read(folder, name)
            records.check_image(data, SIZE, "jpeg", f"{photos.path}, {folder}/{name}")
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


def _is_jpeg(name: str) -> bool:
    return extension(name) in KINDS["jpeg"].extensions


def _named(name: str, others: Container[str]) -> str:
    """As the annotations call a photo, whatever a copy has made of its extension."""
    usual = f"{name[: -len(extension(name))]}.jpg"
    return name if usual in others else usual


def _missing(names: tuple[str, ...]) -> Annotations:
    shape = (len(names), records.JOINTS)
    return Annotations(names, np.full((*shape, 2), -1, np.float32), np.zeros(shape, bool))


def _check(annotated: Annotations, path: Path, photos: Photos, folder: str) -> None:
    """Annotations and photos are of the same images, and joints lie inside them."""
    present = set(photos.names(folder))
    for name, keypoints in zip(annotated.names, annotated.keypoints, strict=True):
        if name not in present:
            raise InputError(
                f"{path}: image {name} is annotated but not in {photos.path}, {folder}"
            )
        if (keypoints >= SIZE).any():
            y, x = keypoints.max(axis=0).astype(int)
            raise InputError(
                f"{path}: image {name} has joints as far as y {y}, x {x}, outside its "
                f"{SIZE[0]} x {SIZE[1]} pixels"
            )
    lacking = present.difference(annotated.names)
    if lacking:
        raise InputError(
            f"{photos.path}: image {folder}/{min(lacking)} has no line in {path} (as have "
            f"{len(lacking) - 1} others)"
        )
