"""DeepFashion's In-shop photos as a tfds data set, with the published pose annotations.

Photos keep their bytes where they need no change; joints are laid on them as they are, with the plain
bands of img.zip or stretched (fashion_frames). Splits: `train` and `test`, in the order of their
annotation files; one whose annotations or photos are missing is left out. Annotated photos without a file,
or in no list of photos where there is one, are left out too, with their pairs, and counted:
`metadata["excluded"]`.
"""

import collections
import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

from pgjax.data import annotations, fashion_files, fashion_frames, fashion_selection, records
from pgjax.data.fashion_files import FashionFiles
from pgjax.data.fashion_frames import CROP, DEFAULT_RESIZE, LARGE, MARGIN, RESIZES, WHOLE
from pgjax.data.fashion_selection import SPLITS, Part
from pgjax.errors import InputError
from pgjax.files import folders
from pgjax.images import fashion_names
from pgjax.pose.skeleton import VIEWS

KEPT = "none"  # in place of a filter: no photo was resized
FAULTS = 20  # photos that cannot be used, after which no more are looked at
SAMPLE = 512  # photos that tell whether all are stretched
SAME_SHAPE = 0.02  # how far the sides' ratio may be from the crop's; that of 750 x 1101 is 0.01 off


@dataclasses.dataclass(kw_only=True)
class FashionConfig(tfds.core.BuilderConfig):
    """A size of the data set: whole photos, or their middle columns, at one of two sizes.

    resize: a filter of RESIZES, with which the photos of img_highres.zip are made smaller, even where
    smaller photos are there too; None: DEFAULT_RESIZE, for photos that must be resized.
    """

    size: tuple[int, int]
    resize: str | None = None

    def options(self) -> dict[str, object]:
        """What a user can choose, by name; the built data set records what was done."""
        return {"resize": self.resize or KEPT}


class DeepFashion(tfds.core.GeneratorBasedBuilder):
    """Photos of models in a shop's clothes, with 18 joints; an identity is one person in one outfit."""

    name = "deepfashion"  # tfds would make deep_fashion of the class's
    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = f"Expected {fashion_files.EXPECTED}"
    OPTIONS = ("resize",)

    @classmethod
    def configured(cls, name: str, resize: str | None = None) -> FashionConfig:
        """The configuration "HEIGHTxWIDTH".

        Raises:
          InputError: an unknown filter, or photos of that size are not resized.
        """
        height, _, width = name.partition("x")
        config = FashionConfig(name=name, size=(int(height), int(width)), resize=resize)
        if resize is not None and resize not in RESIZES:
            raise InputError(f"--resize {resize}: expected one of {', '.join(RESIZES)}")
        if resize is not None and config.size == WHOLE:
            raise InputError(
                f"--resize {resize}: photos of {name} are kept as they are; deepfashion_256x176 and "
                "deepfashion_512x352 are made of img_highres.zip"
            )
        return config

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
        size, resize = self.builder_config.size, self.builder_config.resize
        files = fashion_files.find(
            Path(dl_manager.manual_dir), highres=resize is not None or size == LARGE
        )
        notes, excluded = [f"annotations of the split {files.split!r}"], {}
        if files.again:
            notes.append(
                f"{len(files.again)} photos are there twice, such as {files.again[0][0]}, which is used, "
                f"and {files.again[0][1]}, which is not"
            )
        notes += [f"{path}: not used: {why}" for path, why in files.unused.items()]
        notes += folders.lines(files.photos.listing)
        notes += fashion_selection.passed_over(files, size)
        annotated = {}
        for split in SPLITS:
            if ("annotation", split) in files.texts:
                annotated[split] = annotations.read_annotations(files.texts["annotation", split])
            else:
                notes.append(f"{files.lacking('annotation', split)}; there is no split {split}")
        listed = {
            split: fashion_files.read_list(files.texts["list", split])
            for split in SPLITS
            if ("list", split) in files.texts
        }
        notes += fashion_selection.unused_names(files, annotated, listed)
        moved = fashion_frames.margin(annotated.values())
        crop, present = {}, {}
        for split, poses in annotated.items():
            path = files.texts["annotation", split]
            crop[split] = fashion_frames.in_crop(poses, moved, path)
            present[split], absent, unlisted = fashion_selection.present(
                files, crop[split], path, listed.get(split)
            )
            reasons = {"no file": len(absent), "in no list": len(unlisted)}
            if any(reasons.values()):
                excluded[f"{split} photos"] = {
                    why: count for why, count in reasons.items() if count
                }
            if absent:
                where = fashion_names.parse(absent[0])
                assert where is not None  # annotations are read by these names
                notes.append(
                    f"{split}: {len(absent)} of {len(poses.names)} annotated photos have no file, such as "
                    f"{where.path()} or {absent[0]}; they come from "
                    f"{fashion_files.PHOTOS_FROM} and go into {files.photos.root}"
                )
            if unlisted:
                notes.append(
                    f"{split}: {len(unlisted)} annotated photos are not in {listed[split].path}, such as "
                    f"{unlisted[0]}: not used"
                )
        if not any(part.files for part in present.values()):
            raise FileNotFoundError(
                f"{files.photos.root}: none of the annotated photos is among {len(files.names)} "
                f"photos here. Expected {fashion_files.PHOTOS}"
            )
        for split in [split for split, part in present.items() if not part.files]:
            # tfds writes no empty split.
            del present[split]
            notes.append(f"{split}: no annotated photo is left; there is no split {split}")
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
        for split in SPLITS:
            path = files.texts.get(("pairs", split))
            if path is None:
                if split == "test" and split in parts:
                    notes.append(
                        f"{files.lacking('pairs', split)}; pairs are drawn by the rule instead"
                    )
                continue
            if split not in parts:
                notes.append(f"{path}: not used: there is no split {split}")
                continue
            kept, reasons = fashion_selection.published_pairs(
                path, annotated[split].names, parts[split].poses.names
            )
            if reasons:
                excluded[f"{split} pairs"] = reasons
            if split == "test":
                self.info.metadata["test_pairs"] = kept
            elif differing := fashion_selection.differing(path, kept, parts[split].poses):
                notes.append(differing)
                if kept:
                    self.info.metadata["published_train_pairs"] = kept
        self.info.metadata["published_split"] = files.split
        self.info.metadata["excluded"] = excluded
        self.info.metadata["notes"] = notes
        self.info.metadata["options"] = self.builder_config.options()
        return {
            split: self._generate_examples(files, split, part, stretched)
            for split, part in parts.items()
        }

    def _generate_examples(
        self, files: FashionFiles, split: str, part: Part, stretched: bool
    ) -> Iterator[tuple[int, dict[str, object]]]:
        config, poses = self.builder_config, part.poses
        resize = config.resize or DEFAULT_RESIZE
        faults: dict[str, InputError] = {}
        resized: collections.Counter[tuple[int, int]] = collections.Counter()
        for order, (file, name) in enumerate(zip(part.files, poses.names, strict=True)):
            data, where = files.photos.read(file), files.photos.where(file)
            try:
                image, found = _shaped(data, config.size, stretched, where, resize)
            except InputError as error:
                faults[file] = error
                if len(faults) == FAULTS:
                    break
                continue
            if found is not None:
                resized[found] += 1
            yield (
                order,
                {
                    "image": image,
                    "name": name,
                    "identity": fashion_names.identity(name),
                    "keypoints": poses.keypoints[order],
                    "visible": poses.visible[order],
                    "order": order,
                },
            )
        if faults:
            raise _counted(faults)
        if resized:
            self.info.metadata["options"] = {"resize": resize}
            shapes = ", ".join(
                f"{n} of {high} x {wide}" for (high, wide), n in resized.most_common(folders.SHOWN)
            )
            more = ", ..." if len(resized) > folders.SHOWN else ""
            self.info.metadata["notes"].append(
                f"{split}: {resized.total()} photos resized to {config.size[0]} x {config.size[1]} "
                f"by {resize}: {shapes}{more} (height x width)"
            )
        elif config.resize is not None:
            self.info.metadata["notes"].append(
                f"{split}: no photo is larger than needed, so --resize {resize} had no effect"
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
    asked = []

    def photos():
        for file, keypoints, visible in (every[i] for i in chosen):
            data = files.photos.read(file)
            if records.shape(data) == WHOLE:
                image = records.decode(data, ("jpeg", "png"), files.photos.where(file))
                asked.append(file)
                yield file, np.asarray(image.convert("RGB")), keypoints, visible

    found = fashion_frames.evidence(photos())
    stretched = found.decided(files.photos.root)
    done = (
        "x of the crop's joints is scaled by 256/176" if size == WHOLE else "resized to 256 x 176"
    )
    told = f"the photos are stretched to 256 x 256, without the plain bands of img.zip: {done}"
    if stretched or any(found):
        return stretched, [told] if stretched else []
    if not asked:
        return stretched, []
    return stretched, ["no photo shows whether the photos are stretched: read as those of img.zip"]


def _counted(faults: Mapping[str, InputError]) -> InputError:
    """One line on photos that cannot be used: how many, some of them, and the first one's fault."""
    first = next(iter(faults.values()))
    if len(faults) == 1:
        return first
    count = f"{len(faults)} photos{' or more' if len(faults) == FAULTS else ''}"
    return InputError(f"{count} cannot be used: {folders.few(list(faults))}; {first}")


def _shaped(
    data: bytes, size: tuple[int, int], stretched: bool, where: str, resize: str
) -> tuple[bytes, tuple[int, int] | None]:
    """A photo of that size: the file's bytes if it has it, else a part of it or all of it resized, as PNG.

    Args:
      resize: of RESIZES.

    Returns:
      The photo, and its file's (height, width) where it was resized.

    Raises:
      InputError: not a photo, or of a size of which the photo of that size cannot be made.
    """
    image = records.decode(data, ("jpeg", "png"), where)
    found = image.height, image.width
    whole = found == WHOLE and not stretched
    alike = abs(found[1] / found[0] / (CROP[1] / CROP[0]) - 1) < SAME_SHAPE
    if found == size and image.mode == "RGB":
        return data, None
    rgb = image.convert("RGB")
    if found == size:
        return records.encode(np.asarray(rgb)), None
    if size == CROP and whole:
        crop = rgb.crop((MARGIN, 0, MARGIN + CROP[1], CROP[0]))
        return records.encode(np.asarray(crop)), None
    larger = alike and size != WHOLE and found[0] > size[0] and found[1] > size[1]
    if larger or (size == CROP and found == WHOLE):
        return records.encode(np.asarray(rgb.resize(size[::-1], RESIZES[resize]))), found
    if size == LARGE:
        expected = "1101 high and 750 wide, as in img_highres.zip"
        hint = "; build deepfashion_256x176 of smaller photos"
    else:
        expected = f"{WHOLE[0]} high and {WHOLE[1]} wide, as in img.zip"
        hint = "; this is the crop" if found == CROP else "; this has the shape of the crop"
        hint = f"{hint}: build deepfashion_256x176" if alike else ""
    raise InputError(
        f"{where}: expected a photo {expected}; found {found[0]} high and {found[1]} wide{hint}"
    )
