"""DeepFashion's In-shop photos as a tfds data set, with the published pose annotations.

Photos keep their bytes where they need no change. Splits: `train` and `test`, in the order of their
annotation files; one whose annotations are missing is left out. Annotated photos without a file are
left out too, with their pairs, and counted: `metadata["excluded"]`.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import tensorflow_datasets as tfds

from pgjax.data import annotations, fashion_files, fashion_names, records
from pgjax.data.annotations import Annotations
from pgjax.data.fashion_files import FashionFiles
from pgjax.errors import InputError

SIZE = (256, 256)
CROP = (256, 176)
MARGIN = 40  # columns that the crop lacks on either side (reference facts 4 and 5.4)


@dataclasses.dataclass(kw_only=True)
class FashionConfig(tfds.core.BuilderConfig):
    """A size of the data set: whole photos, or their middle columns."""

    size: tuple[int, int]


class Part(NamedTuple):
    """The photos of a split that are there: their files, and their annotations in the same order."""

    files: tuple[str, ...]
    poses: Annotations


class DeepFashion(tfds.core.GeneratorBasedBuilder):
    """Photos of models in a shop's clothes, with 18 joints; an identity is one person in one outfit."""

    name = "deepfashion"  # tfds would make deep_fashion of the class's
    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = f"Expected {fashion_files.EXPECTED}"
    BUILDER_CONFIGS: ClassVar = [
        FashionConfig(name="256x256", size=SIZE),
        FashionConfig(name="256x176", size=CROP),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description="DeepFashion In-shop with OpenPose's joints, in a published split.",
            features=records.features(self.builder_config.size, None),
            metadata=tfds.core.MetadataDict(),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager):
        files = fashion_files.find(Path(dl_manager.manual_dir))
        notes, excluded = [f"annotations of the split {files.split!r}"], {}
        annotated = {}
        for split in ("train", "test"):
            if ("annotation", split) in files.texts:
                annotated[split] = annotations.read_annotations(files.texts["annotation", split])
            else:
                notes.append(f"{files.lacking('annotation', split)}; there is no split {split}")
        moved = _margin(annotated.values())
        if moved:
            notes.append(f"the joints are those of the 256 x 176 crop: moved by {moved} columns")
        parts = {}
        for split, poses in annotated.items():
            path = files.texts["annotation", split]
            posed = _placed(poses, moved, self.builder_config.size, path)
            parts[split] = _present(files, posed, path)
            absent = len(poses.names) - len(parts[split].files)
            if absent:
                excluded[f"{split} photos"] = {"no file": absent}
                first = next(n for n in poses.names if n not in set(parts[split].poses.names))
                notes.append(
                    f"{split}: {absent} of {len(poses.names)} annotated photos have no file, such as "
                    f"{fashion_names.parse(first).path()} or {first}; they come from "
                    f"{fashion_files.PHOTOS_FROM} and go into {files.photos.root}"
                )
        if not any(part.files for part in parts.values()):
            raise FileNotFoundError(
                f"{files.photos.root}: none of the annotated photos is among {len(files.names)} "
                f"photos here. Expected {fashion_files.PHOTOS}"
            )
        if "test" in parts:
            if ("pairs", "test") in files.texts:
                path = files.texts["pairs", "test"]
                kept, reasons = _pairs(path, annotated["test"].names, parts["test"].poses.names)
                self.info.metadata["test_pairs"] = kept
                if reasons:
                    excluded["test pairs"] = reasons
            else:
                notes.append(
                    f"{files.lacking('pairs', 'test')}; pairs are drawn by the rule instead"
                )
        self.info.metadata["published_split"] = files.split
        self.info.metadata["excluded"] = excluded
        self.info.metadata["notes"] = notes
        return {split: self._generate_examples(files, part) for split, part in parts.items()}

    def _generate_examples(
        self, files: FashionFiles, part: Part
    ) -> Iterator[tuple[int, dict[str, object]]]:
        poses = part.poses
        for order, (file, name) in enumerate(zip(part.files, poses.names, strict=True)):
            data = files.photos.read(file)
            yield (
                order,
                {
                    "image": _cut(data, self.builder_config.size, files.photos.where(file)),
                    "name": name,
                    "identity": fashion_names.identity(name),
                    "keypoints": poses.keypoints[order],
                    "visible": poses.visible[order],
                    "order": order,
                },
            )


def _margin(annotated) -> int:
    """Columns by which the annotated joints lie left of where they are in the whole photo: 0 or 40.

    Both kinds of files are in circulation under the same names. Persons stand in the middle, and joints
    of a crop end before its 176th column.
    """
    x = np.concatenate([poses.keypoints[..., 1][poses.visible] for poses in annotated])
    middle = (SIZE[1] + CROP[1]) / 4
    return MARGIN if len(x) and x.max() < CROP[1] and x.mean() < middle else 0


def _placed(poses: Annotations, moved: int, size: tuple[int, int], path: Path) -> Annotations:
    """Joints in the coordinates of a photo of `size`; those that a crop cuts off are missing.

    Raises:
      InputError: joints lie outside the whole photo.
    """
    keypoints, visible = poses.keypoints.copy(), poses.visible
    keypoints[..., 1] += moved
    outside = visible[..., None] & (keypoints >= SIZE)
    if outside.any():
        first = int(np.argmax(outside.any(axis=(1, 2))))
        y, x = keypoints[first][visible[first]].max(axis=0).astype(int)
        raise InputError(
            f"{path}: image {poses.names[first]} has joints as far as y {y}, x {x}, outside its "
            f"{SIZE[0]} x {SIZE[1]} pixels"
        )
    keypoints[..., 1] -= (SIZE[1] - size[1]) // 2
    visible = visible & (keypoints >= 0).all(axis=-1) & (keypoints < size).all(axis=-1)
    keypoints[~visible] = -1
    return Annotations(poses.names, keypoints, visible)


def _present(files: FashionFiles, poses: Annotations, path: Path) -> Part:
    """The annotated photos that have a file.

    Raises:
      InputError: an annotated name is none of DeepFashion's.
    """
    found, kept = [], []
    for position, name in enumerate(poses.names):
        parsed = fashion_names.parse(name)
        if parsed is None:
            raise InputError(
                f"{path}: {name} is no name of a DeepFashion photo, such as "
                "fashionWOMENDressesid0000000102_1front.jpg"
            )
        if parsed in files.names:
            found.append(files.names[parsed])
            kept.append(position)
    names = tuple(poses.names[position] for position in kept)
    return Part(tuple(found), Annotations(names, poses.keypoints[kept], poses.visible[kept]))


def _pairs(path: Path, annotated, present) -> tuple[list[list[str]], dict[str, int]]:
    """The published pairs whose photos are both there, and how many are not, by what is missing."""
    pairs = annotations.read_pairs(path, annotated)
    here = np.isin(np.array(annotated), np.array(present, dtype=str))[pairs]
    reasons = {
        "neither photo": int((~here).all(axis=1).sum()),
        "no source photo": int((~here[:, 0] & here[:, 1]).sum()),
        "no target photo": int((here[:, 0] & ~here[:, 1]).sum()),
    }
    kept = [[annotated[a], annotated[b]] for a, b in pairs[here.all(axis=1)]]
    return kept, {reason: count for reason, count in reasons.items() if count}


def _cut(data: bytes, size: tuple[int, int], where: str) -> bytes:
    """A photo file's bytes, as they are if it has that size, else its middle columns as PNG.

    Raises:
      InputError: not a photo, or of a size that is neither the whole nor that crop.
    """
    image = records.decode(data, ("jpeg", "png"), where)
    found = image.height, image.width
    if found == size and image.mode == "RGB":
        return data
    if found not in (SIZE, size):
        hint = "; this is the crop: build deepfashion_256x176" if found == CROP else ""
        raise InputError(
            f"{where}: expected a photo {SIZE[0]} high and {SIZE[1]} wide, as in img.zip; found "
            f"{image.height} high and {image.width} wide{hint}"
        )
    left = (image.width - size[1]) // 2
    cut = image.convert("RGB").crop((left, 0, left + size[1], size[0]))
    return records.encode(np.asarray(cut))
