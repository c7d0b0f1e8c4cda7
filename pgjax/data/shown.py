"""Which own photos are used: those with a joint inside the image that is made of them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pgjax import keypoints
from pgjax.data.layout import Told
from pgjax.images import photo
from pgjax.images.photo import Placement
from pgjax.keypoints import Pose


class Shown(NamedTuple):
    """A photo that is used: what it is, who is on it and where, how it is laid."""

    told: Told
    pose: Pose
    placement: Placement


def choose(
    raw: Path,
    photos: Sequence[Told],
    poses: Mapping[str, list[Pose]],
    into: tuple[int, int],
    fit: str,
) -> tuple[list[Shown], int, defaultdict[str, list[str]]]:
    """The photos that are used, how many of them show several people, and the others by reason.

    Args:
      poses: by path.
      into: the pictures' (height, width).
      fit: a mode of photo.fit.

    Raises:
      InputError: a photo cannot be read, or its keypoints are of a photo of another shape.
    """
    shown, several, excluded = [], 0, defaultdict(list)
    for told in photos:
        people = poses.get(told.path)
        if not people:
            excluded["no keypoints" if people is None else "nobody found"].append(told.path)
            continue
        path = raw / told.path
        size = photo.read_size(path)
        placement = photo.fit(size, into, fit)
        pose = keypoints.in_photo(keypoints.by_prominence(people)[0], size, path)
        laid = keypoints.moved(pose, placement.points, placement.into)
        if not keypoints.inside(laid).visible.any():
            excluded["no joint in the picture"].append(told.path)
            continue
        several += len(people) > 1
        shown.append(Shown(told, pose, placement))
    return shown, several, excluded
