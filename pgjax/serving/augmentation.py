"""New poses for the people of a re-identification data set: what to draw, and drawing it.

File names are Market-1501's, 0002_c1s1_000451_03.jpg: identity, camera and sequence, frame, detection; the
photos may lie in folders of persons. A generated image has its source's name, without folders, but for
the frame, FIRST_FRAME and above.
"""

import csv
import io
import os
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pgjax import keypoints
from pgjax.errors import InputError
from pgjax.files import folders, paths
from pgjax.images.photo import fit, read_photo
from pgjax.images.pixels import format_of, write_image
from pgjax.keypoints import Pose, inside, limbs, moved
from pgjax.progress import Progress, announce
from pgjax.serving.reid_photos import JUNK, apart, bare, is_junk, usable, who
from pgjax.serving.transfer import PoseTransfer

__all__ = ["Augmentation", "Item", "plan", "usable"]

FIRST_FRAME = 900_000  # Market-1501's frames end below 200,000
MANIFEST, POSES = "manifest.csv", "keypoints.csv"
HEADER = ("name", "source", "pose", "model", "seed", "batch_size")


class Item(NamedTuple):
    """An image to draw: its name, whose photo, and which photo's pose."""

    name: str
    source: str
    pose: str


def plan(poses: Mapping[str, Pose], targets: Sequence[str], count: int, seed: int) -> list[Item]:
    """Draws sources and target poses: a pure function of its arguments.

    For each identity `count` times one of its photos, and the pose of another identity's; a pose comes
    again only after all others.

    Args:
      poses: by photo name (with its folders below that of the photos), those with hips and shoulders;
        junk (`is_junk`) is left out.
      targets: names of photos whose poses are drawn from; such of other identities.
      count: images an identity.
      seed: of the draw.

    Raises:
      InputError: a name is not like Market-1501's, or there is no photo or no pose to draw.
    """
    photos: dict[str, list[str]] = {}
    for name in sorted(poses):
        if not is_junk(name):
            photos.setdefault(apart(name)[0], []).append(name)
    if not photos:
        raise InputError(
            f"none of {len(poses)} photos shows an identity other than {' and '.join(JUNK)}"
        )
    targets = sorted(targets)
    items = []
    for identity, own in photos.items():
        others = [name for name in targets if who(name) != identity]
        if not others:
            raise InputError(f"no pose for identity {identity}: only its own photos have any")
        random = np.random.default_rng([seed, zlib.crc32(identity.encode())])
        sources = random.choice(len(own), count, replace=True)
        chosen = random.permutation(len(others))
        for i, source in enumerate(sources):
            _, camera, _, rest = apart(own[source])
            name = _written(f"{identity}_{camera}_{FIRST_FRAME + i:06d}_{rest}")
            items.append(Item(name, own[source], others[chosen[i % len(others)]]))
    taken = set(map(bare, poses)) & {item.name for item in items}
    if taken:
        raise InputError(
            f"{min(taken)}: a generated image would have the name of a photo that is there"
        )
    return items


def _written(name: str) -> str:
    """An image's name, with an extension of a format that can be written."""
    try:
        format_of(name)
    except InputError:
        return f"{os.path.splitext(name)[0]}.jpg"
    return name


class Augmentation:
    """A plan and its folder of images: drawn once, gone on with where it was stopped.

    The folder holds the images, MANIFEST (one line an image: HEADER; the model is the sha256 of its
    weights) and POSES (each image's joints, in the published CSV).
    """

    def __init__(
        self,
        photos: str | os.PathLike,
        poses: Mapping[str, Pose],
        items: Sequence[Item],
        *,
        target_poses: Mapping[str, Pose] | None = None,
        refit: bool = False,
    ):
        """Moves every pose into its photo.

        Args:
          photos: the folder of the source photos.
          poses: theirs, by name (`usable`): their path below it.
          items: what to draw (`plan`).
          target_poses: by name those of the items' poses, where they are not the sources'.
          refit: give each pose the source person's limb lengths.
        """
        self._photos, self._poses, self._items = paths.local(photos), poses, items
        targets = poses if target_poses is None else target_poses
        self.wanted = {}
        for item in items:
            into, target = poses[item.source].size, targets[item.pose]
            assert into is not None and target.size is not None  # reid_photos.usable sees to it
            pose = moved(target, fit(target.size, into).points, into)
            if refit:
                (pose,) = limbs.refit(poses[item.source], [pose])
            self.wanted[item.name] = inside(pose)  # no data set has joints outside

    def write(
        self, out: str | os.PathLike, transfer: PoseTransfer, digest: str, seed: int, batch: int = 8
    ) -> int:
        """Draws what is not there yet, or is there damaged.

        Args:
          out: the folder.
          transfer: the model, its batch size `batch` or larger.
          digest: of the model.
          seed: of the plan.
          batch: images that are drawn together; always the same ones, so that the bits do not depend on
            where a run was stopped.

        Returns:
          How many images were drawn now.

        Raises:
          InputError: `out` holds something else than a part of this very augmentation.
        """
        out = paths.local(out)
        out.mkdir(parents=True, exist_ok=True)
        # A run that was killed while it wrote the manifest leaves a part of it, which is nothing yet.
        others = (
            path
            for path in out.iterdir()
            if not path.match(f".{MANIFEST}.*") and not folders.is_of_system(path.name)
        )
        if any(others) and not (out / MANIFEST).exists():
            raise InputError(f"{out}: not empty, and holds no augmentation; name another folder")
        _same(out / MANIFEST, self._manifest(digest, seed, batch))
        _same(out / POSES, self._joints())
        drawn = 0
        announce(f"augmenting: {len(self._items)} images; compiling for the first batch")
        with Progress(len(self._items), "augmenting", "image") as bar:
            for start in range(0, len(self._items), batch):
                chunk = self._items[start : start + batch]
                missing = {item.name for item in chunk if not _is_whole(out / item.name)}
                if missing:
                    images = transfer.each(
                        [self._photos / item.source for item in chunk],
                        [self._poses[item.source] for item in chunk],
                        [self.wanted[item.name] for item in chunk],
                    )
                    for item, image in zip(chunk, images, strict=True):
                        if item.name in missing:
                            write_image(out / item.name, image)
                drawn += len(missing)
                bar.update(len(chunk))
        return drawn

    def _joints(self) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, POSES)
            keypoints.write(path, {name: [pose] for name, pose in self.wanted.items()}, "csv")
            return path.read_bytes()

    def _manifest(self, digest: str, seed: int, batch: int) -> bytes:
        text = io.StringIO()
        lines = csv.writer(text, lineterminator="\n")
        lines.writerow(HEADER)
        lines.writerows((*item, digest, seed, batch) for item in self._items)
        return text.getvalue().encode()


def _is_whole(path: Path) -> bool:
    """Whether an image is there; a machine that lost its power leaves empty and damaged ones."""
    try:
        read_photo(path)
    except (FileNotFoundError, InputError):
        return False
    return True


def _same(path: Path, content: bytes) -> None:
    """Writes the file whole, or finds it there already as it is to be."""
    if not path.exists():
        paths.write_bytes(path, content)
    elif path.read_bytes() != content:
        raise InputError(
            f"{path}: of another augmentation (other photos, poses, model, seed, batch size or number); name "
            "another folder, or remove that one"
        )
