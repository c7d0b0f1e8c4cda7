"""Anyone's photos as a tfds data set: a folder of them, and keypoints in any format that pgjax reads.

An identity is one person in one set of clothes: its photos lie in a folder of its name
(`anna/beach.jpg`), or are named after it (`anna_1.jpg`: up to the first "_"). Splits are those of folders
train/ and test/, or of lists (pgjax.data.own says what is understood); else identities, not photos, are
dealt to `train` and `test`, from a seed: more photos leave most of them where they were.
Photos are turned upright, laid into the data set's size and stored as PNG, joints with them.
"""

import dataclasses
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

from pgjax import keypoints
from pgjax.data import beside, lists, own, pairs, records, split_folders
from pgjax.data.own import Meant
from pgjax.data.shown import Shown, choose
from pgjax.errors import InputError
from pgjax.files import folders
from pgjax.images import photo
from pgjax.keypoints import files
from pgjax.keypoints.matching import near

EXPECTED = (
    "photos, in a folder for each person (anna/beach.jpg) or named after the person (anna_1.jpg), all "
    "together or in folders train and test, and their keypoints as one of "
    f"{', '.join(beside.USUAL)} (a folder), which python -m pgjax.tools.keypoints makes, or wherever "
    "--keypoints says"
)
TEST_SHARE, SEED = 0.2, 0


@dataclasses.dataclass(kw_only=True)
class PhotosConfig(tfds.core.BuilderConfig):
    """How photos become a data set.

    size: (height, width) of its pictures. keypoints: their file or folder, None for those beside the
    photos. format: theirs, None: found out. threshold: of a joint's confidence, in the file's own unit,
    None: 0.1 of the whole. fit: a mode of photo.fit. splits: a way of
    split_folders.WAYS, None: told. persons: as layout.understand takes it. train_list, ...: files of
    lists.OPTIONS. test_share: of the identities, where they are dealt, by default TEST_SHARE. seed:
    deals them, by default SEED.
    """

    size: tuple[int, int]
    threshold: float | None = None
    keypoints: str | None = None
    format: str | None = None
    fit: str = "letterbox"
    splits: str | None = None
    persons: str | None = None
    train_list: str | None = None
    test_list: str | None = None
    train_pairs: str | None = None
    test_pairs: str | None = None
    test_share: float | None = None
    seed: int | None = None

    @staticmethod
    def names() -> set[str]:
        """What a user can choose beside the size."""
        names = {field.name for field in dataclasses.fields(PhotosConfig)}
        return (
            names - {field.name for field in dataclasses.fields(tfds.core.BuilderConfig)} - {"size"}
        )

    def options(self) -> dict[str, object]:
        """What a user can choose beside the size, by name."""
        return {name: getattr(self, name) for name in sorted(self.names())}

    def lists(self) -> dict[str, str]:
        """The lists that are given."""
        given = {option: getattr(self, option) for option in lists.OPTIONS}
        return {option: path for option, path in given.items() if path is not None}


class Custom(tfds.core.GeneratorBasedBuilder):
    """Anyone's photos with 18 joints."""

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = f"Expected {EXPECTED}"

    OPTIONS = tuple(sorted(PhotosConfig.names()))

    @classmethod
    def configured(cls, name: str, **options) -> PhotosConfig:
        """The configuration "HEIGHTxWIDTH", with fields of PhotosConfig.

        Raises:
          InputError: a value that can't be.
        """
        height, _, width = name.partition("x")
        config = PhotosConfig(name=name, size=(int(height), int(width)), **options)
        if config.fit not in photo.MODES:
            raise InputError(f"--fit {config.fit}: expected one of {', '.join(photo.MODES)}")
        if config.splits not in (None, *split_folders.WAYS):
            ways = ", ".join(split_folders.WAYS)
            raise InputError(f"--splits {config.splits}: expected one of {ways}")
        if config.test_share is not None and not 0 < config.test_share < 1:
            raise InputError(f"--test_share {config.test_share}: expected a share above 0, below 1")
        return config

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description="Photos of one's own, with joints.",
            features=records.features(self.builder_config.size, "png"),
            metadata=tfds.core.MetadataDict(),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager):
        config, raw = self.builder_config, Path(dl_manager.manual_dir)
        listing = folders.photos(raw)
        if not listing.found:
            told = "".join(f"; {line}" for line in folders.lines(listing))
            raise FileNotFoundError(f"{raw}: no photo here{told}. Expected {EXPECTED}")
        sources = beside.find(raw, config.keypoints)
        paths, drawn = beside.apart(listing.found, sources)
        unreadable = list(listing.unreadable)
        meant = own.read(
            raw, paths, unreadable, config.lists(), config.splits, config.persons, sources
        )
        read = beside.read(sources, config.format, config.threshold)
        with files.naming(sources[0]):
            poses = near(read, {photo.path: photo.path for photo in meant.layout.photos})
        shown, several, excluded = choose(raw, meant.layout.photos, poses, config.size, config.fit)
        if not shown:
            raise InputError(
                f"{sources[0]}: no keypoints of the {len(paths)} photos in {raw}, such as {paths[0]} "
                f"({', '.join(f'{len(some)} {reason}' for reason, some in excluded.items())}); "
                f"the names in the keypoints: {folders.few(sorted(filter(None, read))) or 'none'}"
            )
        shown, dealt = _dealt(shown, meant, config)
        used = {one.told.path: one.told for one in shown}
        notes = [f"keypoints: {line}" for line in keypoints.summary((s.pose, None) for s in shown)]
        if several:
            notes.append(f"{several} photos show several people: the most prominent one was taken")
        notes += folders.lines(listing)
        notes += [f"photos with {why}: {folders.few(some)}" for why, some in excluded.items()]
        people = own.people(paths, unreadable, config.persons)
        told = {
            "people of whom no photo is used": people - {one.person for one in used.values()},
            "names in the keypoints that are no photo's": beside.left_over(
                read, poses, [*paths, *unreadable]
            ),
            "photos that make no pairs, named as Market-1501's junk and distractors": {
                one.name for one in used.values() if pairs.junk([one.name])[0]
            },
        }
        notes += [
            f"{len(some)} {what}: {folders.few(sorted(some))}"
            for what, some in told.items()
            if some
        ]
        if listing.unreadable:
            excluded["unreadable"] = list(listing.unreadable)
        metadata = self.info.metadata
        metadata["options"] = config.options() | dealt
        metadata["notes"] = notes
        counts = {reason: len(some) for reason, some in excluded.items()}
        metadata["excluded"] = {"photos": counts} if counts else {}
        for split, found in meant.pairs.items():
            kept = [pair for pair in found if used.keys() >= set(pair)]
            if not kept:
                raise InputError(
                    f"{meant.lists[f'{split}_pairs']}: no pair whose photos are both used"
                )
            metadata[f"{split}_pairs"] = [[used[photo].name for photo in pair] for pair in kept]
            if len(kept) < len(found):
                lacking = {"a photo that is not used": len(found) - len(kept)}
                metadata["excluded"][f"{split} pairs"] = lacking
        lines = [f"  {split_folders.some(drawn)}: among the keypoints"] if drawn else []
        metadata["layout"] = own.table(raw, meant, tuple(used.values())) + lines
        print("\n".join(metadata["layout"]), file=sys.stderr)
        splits = dict.fromkeys(
            split for split in own.ORDER if split in {t.split for t in used.values()}
        )
        return {
            split: self._generate_examples(raw, [s for s in shown if s.told.split == split])
            for split in splits
        }

    def _generate_examples(
        self, raw: Path, shown: list[Shown]
    ) -> Iterator[tuple[int, dict[str, object]]]:
        for order, one in enumerate(shown):
            pose = keypoints.moved(one.pose, one.placement.points, one.placement.into)
            visible = keypoints.inside(pose).visible
            image = one.placement.image(photo.read_photo(raw / one.told.path))
            yield (
                order,
                {
                    "image": records.encode(image),
                    "name": one.told.name,
                    "identity": one.told.person,
                    "keypoints": np.where(visible[:, None], pose.keypoints, np.float32(-1)),
                    "visible": visible,
                    "order": order,
                },
            )


def _dealt(
    shown: list[Shown], meant: Meant, config: PhotosConfig
) -> tuple[list[Shown], dict[str, object]]:
    """The photos with their splits, and the options that dealt them.

    Raises:
      InputError: there are no people for a split, or an option without effect.
    """
    options = {"test_share": config.test_share, "seed": config.seed}
    if meant.dealt:
        share = TEST_SHARE if config.test_share is None else config.test_share
        seed = SEED if config.seed is None else config.seed
        tested = _tested({one.told.person for one in shown}, share, seed)
        splits = ["test" if one.told.person in tested else "train" for one in shown]
        shown = [
            one._replace(told=one.told._replace(split=split))
            for one, split in zip(shown, splits, strict=True)
        ]
        return shown, {"test_share": share, "seed": seed}
    for option, value in options.items():
        if value is not None:
            raise InputError(
                f"--{option} {value}: deals people to splits, but folders or lists tell them; "
                "--splits=dealt deals people whatever these say"
            )
    for split in ("train", "test"):
        if not any(one.told.split == split for one in shown):
            raise InputError(
                f"no photo of the split {split} is used; it needs photos with keypoints"
            )
    return shown, options


def _tested(identities: set[str], share: float, seed: int) -> set[str]:
    """The identities for the test: their share, but one at least, and one left for training.

    Raises:
      InputError: there are not two.
    """
    if len(identities) < 2:
        raise InputError(
            f"one person ({min(identities)}) in all photos: training and test need people of their "
            "own; give folders or names that tell persons apart"
        )
    dealt = sorted(identities, key=lambda who: hashlib.sha256(f"{seed}/{who}".encode()).digest())
    return set(dealt[: min(max(1, round(share * len(dealt))), len(dealt) - 1)])
