"""The embedded default data set as a tfds builder: people rendered from a seed, nothing to download.

Splits: `train` holds identities 1..n, `test` the next ones; every identity is photographed by all six
cameras. Names follow Market-1501's, so that its pair rules apply.
"""

import dataclasses
import re
from collections.abc import Iterator
from typing import ClassVar

import tensorflow_datasets as tfds

from pgjax.data import people, records

SEED = 0


@dataclasses.dataclass(kw_only=True)
class PeopleConfig(tfds.core.BuilderConfig):
    """A size of the data set; `train` and `test` are (identities, photos of each)."""

    size: tuple[int, int]
    train: tuple[int, int]
    test: tuple[int, int]

    def photos(self, split: str) -> Iterator[tuple[int, int]]:
        """(identity, index) of every photo of a split, in order. Identities count from 1."""
        identities, count = {"train": self.train, "test": self.test}[split]
        first = 1 + (self.train[0] if split == "test" else 0)
        for identity in range(first, first + identities):
            for index in range(count):
                yield identity, index


def photo_name(identity: int, camera: int, index: int) -> str:
    """A name as Market-1501's: identity, camera and sequence, frame, box."""
    return f"{identity:04d}_c{camera}s1_{index:06d}_00.png"


_NAME = re.compile(r"(\d+)_c\ds1_(\d+)_00\.png")


class SyntheticPeople(tfds.core.GeneratorBasedBuilder):
    """Rendered people in changing poses, views and places, with exact joints and backgrounds."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS: ClassVar = [
        PeopleConfig(name="64x32", size=(64, 32), train=(200, 10), test=(40, 8)),
        PeopleConfig(name="128x64", size=(128, 64), train=(200, 10), test=(40, 8)),
        PeopleConfig(name="256x256", size=(256, 256), train=(60, 6), test=(12, 6)),
    ]

    @staticmethod
    def view_of(name: str) -> str | None:
        """From where a photo of that name shows its person, which is drawn from the seed."""
        match = _NAME.fullmatch(name)
        return None if match is None else people.facing(SEED, int(match[1]), int(match[2]))

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=f"Synthetic people, seed {SEED}.",
            features=records.features(self.builder_config.size, "png", background=True),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager):
        return {split: self._generate_examples(split) for split in ("train", "test")}

    def _generate_examples(self, split: str) -> Iterator[tuple[int, dict]]:
        config = self.builder_config
        for order, (identity, index) in enumerate(config.photos(split)):
            photo = people.photo(SEED, identity, index, config.size)
            name = photo_name(identity, photo["camera"], index)
            yield (
                order,
                {
                    "image": records.encode(photo["image"]),
                    "background": records.encode(photo["background"]),
                    "name": name,
                    "identity": name.split("_")[0],
                    "keypoints": photo["keypoints"],
                    "visible": photo["visible"],
                    "order": order,
                },
            )
