"""Anyone's photos as a tfds data set: a folder of them, and keypoints in any format that pgjax reads.

An identity is one person in one set of clothes: its photos lie in a folder of its name
(`anna/beach.jpg`), or are named after it (`anna_1.jpg`: up to the first "_"). Identities, not photos,
are dealt to `train` and `test`, from a seed: more photos leave most of them where they were.
Photos are turned upright, laid into the data set's size and stored as PNG, joints with them.
"""

import dataclasses
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
import tensorflow_datasets as tfds

from pgjax import folders, keypoints, photo
from pgjax.data import pairs, records
from pgjax.errors import InputError
from pgjax.keypoints import Pose, files
from pgjax.keypoints.photos import matched, unused
from pgjax.photo import Placement

KEYPOINTS = ("keypoints.json", "keypoints.csv", "keypoints.npy", "keypoints")
EXPECTED = (
    "photos, in a folder for each person (anna/beach.jpg) or named after the person (anna_1.jpg), and "
    f"their keypoints as one of {', '.join(KEYPOINTS)} (a folder), which "
    "python -m pgjax.tools.keypoints makes, or wherever --keypoints says"
)


@dataclasses.dataclass(kw_only=True)
class PhotosConfig(tfds.core.BuilderConfig):
    """How photos become a data set.

    size: (height, width) of its pictures. keypoints: their file or folder, None for one of KEYPOINTS
    beside the photos. threshold: of a joint's confidence. fit: a mode of photo.fit. test_share: of
    the identities. seed: deals them.
    """

    size: tuple[int, int]
    threshold: float = keypoints.THRESHOLD
    keypoints: str | None = None
    fit: str = "letterbox"
    test_share: float = 0.2
    seed: int = 0

    def options(self) -> dict[str, object]:
        """What a user can choose beside the size, by name."""
        names = ("keypoints", "threshold", "fit", "test_share", "seed")
        return {name: getattr(self, name) for name in names}


class Shown(NamedTuple):
    """A photo that is used: where it is, its name in the data set, who is on it, how it is laid."""

    path: Path
    name: str
    identity: str
    pose: Pose
    placement: Placement


class Custom(tfds.core.GeneratorBasedBuilder):
    """Anyone's photos with 18 joints."""

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = f"Expected {EXPECTED}"

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
        if not 0 < config.test_share < 1:
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
        paths = list(listing.found)
        if not paths:
            told = "".join(f"; {line}" for line in folders.lines(listing))
            raise FileNotFoundError(f"{raw}: no photo here{told}. Expected {EXPECTED}")
        names = _names(paths)
        source = _keypoints_of(raw, config.keypoints)
        read = keypoints.read(source, threshold=config.threshold)
        with files.naming(source):
            poses = matched(read, paths)
        shown, several = [], 0
        excluded = defaultdict(list)
        for path, (name, identity) in names.items():
            people = poses.get(path)
            if not people:
                excluded["no keypoints" if people is None else "nobody found"].append(path)
                continue
            several += len(people) > 1
            size = photo.read_size(raw / path)
            placement = photo.fit(size, config.size, config.fit)
            pose = keypoints.in_photo(_prominent(people), size, raw / path)
            laid = keypoints.moved(pose, placement.points, placement.into)
            if not keypoints.inside(laid).visible.any():
                excluded["no joint in the picture"].append(path)
                continue
            shown.append(Shown(raw / path, name, identity, pose, placement))
        if not shown:
            raise InputError(
                f"{source}: no keypoints of the {len(paths)} photos in {raw}, such as {paths[0]} "
                f"({', '.join(f'{len(some)} {reason}' for reason, some in excluded.items())})"
            )
        tested = _tested({one.identity for one in shown}, config.test_share, config.seed)
        notes = [f"keypoints: {line}" for line in keypoints.summary((s.pose, None) for s in shown)]
        if several:
            notes.append(f"{several} photos show several people: the one with most room was taken")
        notes += folders.lines(listing)
        notes += [f"photos with {why}: {folders.few(some)}" for why, some in excluded.items()]
        told = {
            "people of whom no photo is used": _people(names, listing.unreadable)
            - {one.identity for one in shown},
            "names in the keypoints that are no photo's": unused(read, poses),
            "photos that make no pairs, named as Market-1501's junk and distractors": {
                one.name for one in shown if pairs.junk([one.name])[0]
            },
        }
        notes += [
            f"{len(some)} {w}: {folders.few(sorted(some))}" for w, some in told.items() if some
        ]
        if listing.unreadable:
            excluded["unreadable"] = listing.unreadable
        self.info.metadata["options"] = config.options()
        self.info.metadata["notes"] = notes
        counts = {reason: len(some) for reason, some in excluded.items()}
        self.info.metadata["excluded"] = {"photos": counts} if counts else {}
        return {
            split: self._generate_examples([s for s in shown if (s.identity in tested) is test])
            for split, test in (("train", False), ("test", True))
        }

    def _generate_examples(self, shown: list[Shown]) -> Iterator[tuple[int, dict[str, object]]]:
        for order, one in enumerate(shown):
            pose = keypoints.moved(one.pose, one.placement.points, one.placement.into)
            visible = keypoints.inside(pose).visible
            yield (
                order,
                {
                    "image": records.encode(one.placement.image(photo.read_photo(one.path))),
                    "name": one.name,
                    "identity": one.identity,
                    "keypoints": np.where(visible[:, None], pose.keypoints, np.float32(-1)),
                    "visible": visible,
                    "order": order,
                },
            )


def _names(paths: list[str]) -> dict[str, tuple[str, str]]:
    """By photo its name in the data set, where folders are no more, and its identity.

    Folders that hold everything tell nobody apart and do not count.

    Raises:
      InputError: a photo tells no identity, or two would have one name.
    """
    above = _above(paths)
    names, taken = {}, {}
    for path in paths:
        first, *rest = PurePosixPath(path).parts[above:]
        identity = first if rest else first.partition("_")[0]
        if not rest and "_" not in first:
            raise InputError(
                f"photo {path}: whose? Expected a folder of the person's photos, or a name that "
                f"starts with the person's and '_', such as anna_{first}"
            )
        name = "_".join((first, *rest))
        # Pictures made of a photo are named after it without its extension.
        other = taken.setdefault(PurePosixPath(name).stem, path)
        if other != path:
            raise InputError(f"photos {other} and {path}: give one of them another name")
        names[path] = name, identity
    return names


def _above(paths: list[str]) -> int:
    """How many folders hold all photos, and so tell nobody apart."""
    parts = [PurePosixPath(path).parts for path in paths]
    above = 0
    while len({p[above] for p in parts}) == 1 and all(len(p) > above + 2 for p in parts):
        above += 1
    return above


def _people(names: dict[str, tuple[str, str]], unreadable: Iterable[str]) -> set[str]:
    """Whose photos there are, those that cannot be read among them."""
    above = _above(list(names))
    found = {identity for _, identity in names.values()}
    for path in unreadable:
        first, *rest = PurePosixPath(path).parts[above:] or (path,)
        found.add(first if rest else first.partition("_")[0])
    return found


def _keypoints_of(raw: Path, given: str | None) -> Path:
    if given is not None:
        return Path(given).expanduser()
    found = [raw / name for name in KEYPOINTS if (raw / name).exists()]
    if len(found) != 1:
        what = "no keypoints" if not found else f"both {found[0].name} and {found[1].name}"
        raise FileNotFoundError(
            f"{raw}: {what} here; expected one of {', '.join(KEYPOINTS)} (a folder), which python -m "
            "pgjax.tools.keypoints makes of the photos, or say with --keypoints where they are"
        )
    return found[0]


def _prominent(people: list[Pose]) -> Pose:
    """The person whose joints span the largest box."""

    def area(pose: Pose) -> float:
        points = pose.keypoints[pose.visible]
        return float(np.prod(np.ptp(points, axis=0) + 1))

    return max(people, key=area)


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
