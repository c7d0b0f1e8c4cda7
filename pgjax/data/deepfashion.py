"""DeepFashion's In-shop photos as a tfds data set, with the published pose annotations.

Photos keep their bytes where they need no change; joints are laid on them as they are, with the plain
bands of img.zip or stretched (fashion_frames). Splits: `train` and `test`, in the order of their
annotation files; one whose annotations are missing is left out. Annotated photos without a file are
left out too, with their pairs, and counted: `metadata["excluded"]`.
"""

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from pgjax.data import annotations, fashion_files, fashion_frames, records
from pgjax.data.annotations import Annotations
from pgjax.data.fashion_files import FashionFiles
from pgjax.data.fashion_frames import CROP, MARGIN, WHOLE
from pgjax.errors import InputError
from pgjax.files import folders
from pgjax.images import fashion_names
from pgjax.pose.skeleton import VIEWS

SAMPLE = 512  # photos that tell whether all are stretched
SAME_SHAPE = 0.02  # how far the sides' ratio may be from the crop's; that of 750 x 1101 is 0.01 off


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
        FashionConfig(name="256x256", size=WHOLE),
        FashionConfig(name="256x176", size=CROP),
    ]

    @staticmethod
    def view_of(name: str) -> str | None:
        """The view that a photo's name says; None where it says no view of a person, such as "full"."""
        parsed = fashion_names.parse(name)
        return parsed.view[1] if parsed is not None and parsed.view[1] in VIEWS else None

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
        if files.again:
            notes.append(
                f"{len(files.again)} photos are there twice, such as {files.again[0][0]}, which is used, "
                f"and {files.again[0][1]}, which is not"
            )
        notes += [f"{path}: not used: its pairs are of another split" for path in files.unused]
        notes += folders.lines(files.photos.listing)
        annotated = {}
        for split in ("train", "test"):
            if ("annotation", split) in files.texts:
                annotated[split] = annotations.read_annotations(files.texts["annotation", split])
            else:
                notes.append(f"{files.lacking('annotation', split)}; there is no split {split}")
        moved = fashion_frames.margin(annotated.values())
        crop, present = {}, {}
        for split, poses in annotated.items():
            path = files.texts["annotation", split]
            crop[split] = fashion_frames.in_crop(poses, moved, path)
            present[split] = _present(files, crop[split], path)
            absent = len(poses.names) - len(present[split].files)
            if absent:
                excluded[f"{split} photos"] = {"no file": absent}
                first = next(n for n in poses.names if n not in set(present[split].poses.names))
                where = fashion_names.parse(first)
                assert where is not None  # annotations are read by these names
                notes.append(
                    f"{split}: {absent} of {len(poses.names)} annotated photos have no file, such as "
                    f"{where.path()} or {first}; they come from "
                    f"{fashion_files.PHOTOS_FROM} and go into {files.photos.root}"
                )
        if not any(part.files for part in present.values()):
            raise FileNotFoundError(
                f"{files.photos.root}: none of the annotated photos is among {len(files.names)} "
                f"photos here. Expected {fashion_files.PHOTOS}"
            )
        size = self.builder_config.size
        stretched, told = _stretched(files, present.values(), size)
        if fashion_frames.made_on_stretched(crop.values(), stretched):
            notes.append("the joints are those of photos stretched to 256 x 256")
            present = {
                split: part._replace(poses=fashion_frames.narrowed(part.poses))
                for split, part in present.items()
            }
        if moved and not stretched:
            notes.append(f"the joints are those of the 256 x 176 crop: moved by {moved} columns")
        notes.extend(told)
        parts = {
            split: part._replace(poses=fashion_frames.placed(part.poses, size, stretched))
            for split, part in present.items()
        }
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
        return {
            split: self._generate_examples(files, part, stretched) for split, part in parts.items()
        }

    def _generate_examples(
        self, files: FashionFiles, part: Part, stretched: bool
    ) -> Iterator[tuple[int, dict[str, object]]]:
        poses = part.poses
        for order, (file, name) in enumerate(zip(part.files, poses.names, strict=True)):
            data = files.photos.read(file)
            yield (
                order,
                {
                    "image": _shaped(
                        data, self.builder_config.size, stretched, files.photos.where(file)
                    ),
                    "name": name,
                    "identity": fashion_names.identity(name),
                    "keypoints": poses.keypoints[order],
                    "visible": poses.visible[order],
                    "order": order,
                },
            )


def _stretched(
    files: FashionFiles, parts: Iterable[Part], size: tuple[int, int]
) -> tuple[bool, list[str]]:
    """Whether the photos of 256 x 256 are stretched, as some of them tell, and what to say of it.

    Raises:
      InputError: some are stretched, some are not.
    """
    every = [
        (file, keypoints, visible)
        for part in parts
        for file, keypoints, visible in zip(
            part.files, part.poses.keypoints, part.poses.visible, strict=True
        )
    ]
    chosen = np.unique(np.linspace(0, len(every) - 1, SAMPLE).astype(int))

    def photos():
        for file, keypoints, visible in (every[i] for i in chosen):
            image = records.decode(
                files.photos.read(file), ("jpeg", "png"), files.photos.where(file)
            )
            if image.size == WHOLE[::-1]:
                yield file, np.asarray(image.convert("RGB")), keypoints, visible

    found = fashion_frames.evidence(photos())
    stretched = found.decided(files.photos.root)
    done = (
        "x of the crop's joints is scaled by 256/176" if size == WHOLE else "resized to 256 x 176"
    )
    told = f"the photos are stretched to 256 x 256, without the plain bands of img.zip: {done}"
    if stretched or any(found):
        return stretched, [told] if stretched else []
    return stretched, ["no photo shows whether the photos are stretched: read as those of img.zip"]


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


def _shaped(data: bytes, size: tuple[int, int], stretched: bool, where: str) -> bytes:
    """A photo file's bytes, as they are if it has that size, else the crop of it as PNG.

    Raises:
      InputError: not a photo, or of a size of which the photo of that size cannot be made.
    """
    image = records.decode(data, ("jpeg", "png"), where)
    found = image.height, image.width
    whole = found == WHOLE and not stretched
    alike = abs(found[1] / found[0] / (CROP[1] / CROP[0]) - 1) < SAME_SHAPE
    if found == size and image.mode == "RGB":
        return data
    rgb = image.convert("RGB")
    if found == size:
        shaped = rgb
    elif size == CROP and whole:
        shaped = rgb.crop((MARGIN, 0, MARGIN + CROP[1], CROP[0]))
    elif size == CROP and (found == WHOLE or (alike and found > CROP)):
        shaped = rgb.resize(CROP[::-1], Image.Resampling.BICUBIC)
    else:
        hint = "; this is the crop" if found == CROP else "; this has the shape of the crop"
        hint = f"{hint}: build deepfashion_256x176" if alike else ""
        raise InputError(
            f"{where}: expected a photo {WHOLE[0]} high and {WHOLE[1]} wide, as in img.zip; found "
            f"{found[0]} high and {found[1]} wide{hint}"
        )
    return records.encode(np.asarray(shaped))
