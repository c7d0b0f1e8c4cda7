"""From the numbers in a file to poses: one way for all formats.

A reader returns the people of each photo as tables of x, y, confidence. This module decides, for the whole
file, the layout of the joints, whether coordinates are pixels or shares of the photo's size, and the unit of
the confidences. Then it marks as missing: joints without confidence, joints at one of pose.MARKS, and joints
outside the photo.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from pgjax.errors import InputError
from pgjax.keypoints import layouts
from pgjax.keypoints.files import naming
from pgjax.keypoints.placing import within
from pgjax.keypoints.pose import SHARES, Pose, from_table, marked
from pgjax.keypoints.suspicion import MARKED, ORDER, SCALE
from pgjax.pose import skeleton

THRESHOLD = 0.1
# What a confidence is a share of, by the largest of a file: some networks' go beyond 1.
UNITS = {20: 1, 100: 100}
LARGEST_UNIT = 255
Size = tuple[int, int] | None


class Person(NamedTuple):
    """A person in a file.

    where: what errors call it. table: float (J, 3), x, y, confidence. joints: their names, None where the
    file has none. graded: whether the third number is a confidence, not a mark of what is missing.
    """

    where: str
    table: np.ndarray
    joints: Sequence[str] | None = None
    graded: bool = True


class Photo(NamedTuple):
    """A photo in a file: its name ("" where it has none), people, and (height, width) if told.

    shares: whether its coordinates are shares of its size; None where that is to be found out.
    """

    name: str
    people: list[Person]
    size: Size = None
    shares: bool | None = None


def poses(
    photos: Sequence[Photo], threshold: float | None, among: Sequence[str] = ()
) -> dict[str, list[Pose]]:
    """The poses by photo's name; people of whom no joint is visible are nobody.

    Args:
      threshold: a joint is visible whose confidence is larger, in the file's own unit; None for
        THRESHOLD of the unit.
      among: the layouts that are expected, all where empty.

    Raises:
      InputError: a number of joints that no layout has, or coordinates that are none.
    """
    everyone = [person for photo in photos for person in photo.people]
    graded = [person.table[:, 2] for person in everyone if person.graded]
    largest = max((np.nanmax(confidence, initial=0) for confidence in graded), default=0)
    unit = next((unit for most, unit in UNITS.items() if largest <= most), LARGEST_UNIT)
    limit = THRESHOLD * unit if threshold is None else threshold
    if graded and limit >= max(unit, largest):
        raise InputError(
            f"threshold {limit:g}: expected less, as the confidences of this file go to {largest:g}"
        )
    chosen, doubts = _layouts(everyone, among)
    scale = _Scale.of(photos, limit)
    found: dict[str, list[Pose]] = {}
    for photo in photos:
        there = found.setdefault(photo.name, [])
        for person in photo.people:
            with naming(person.where):
                joints = person.joints or chosen[len(person.table)]
                pose = _pose(person, joints, photo, scale, limit, unit)
            if pose.visible.any():
                more = doubts.get(len(person.table), ()) if person.joints is None else ()
                there.append(within(pose._replace(doubts=(*more, *scale.doubts, *pose.doubts))))
    return found


def _pose(person: Person, joints, photo: Photo, scale: "_Scale", limit: float, unit: int) -> Pose:
    table = person.table[: len(joints)].copy()
    seen = ~(table[:, 2] <= (limit if person.graded else 0))
    absent = seen & marked(table[:, :2])
    table[~seen | absent, 2] = 0
    if person.graded:
        table[:, 2] /= unit
    size = photo.size
    if photo.shares or (photo.shares is None and scale.shares):
        table[:, :2] = scale.zero_to_one(table[:, :2])
        size = size or SHARES
        table[:, :2] *= size[::-1]
    pose = from_table(table, joints, 0.0, size)
    names = [name for name, gone in zip(joints, absent, strict=True) if gone]
    return pose._replace(doubts=at_marks(names))


def at_marks(names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The doubt about joints that are given as found, but lie where missing ones are written."""
    told = [name for name in names if name in skeleton.INDEX]
    if not told:
        return ()
    words = (
        "joints at exactly 0, 0 or -1, -1 have a confidence, and count as missing: "
        f"{', '.join(told)}"
    )
    return ((MARKED, words),)


def _layouts(
    people: Sequence[Person], among: Sequence[str]
) -> tuple[Mapping[int, Sequence[str]], Mapping[int, tuple]]:
    """By number of joints the names of the layout, and doubts about it."""
    chosen, doubts = {}, {}
    for person in people:
        count = len(person.table)
        if person.joints is not None or count in chosen:
            continue
        names = layouts.counted(count, among)
        if not names:
            with naming(person.where):
                raise InputError(f"{count} joints; expected {layouts.known(among)}")
        plain, name = True, names[0]
        if len(names) > 1:
            same = [p.table for p in people if p.joints is None and len(p.table) == count]
            name, plain = layouts.choose(same, names)
        chosen[count] = layouts.LAYOUTS[name].joints
        if not plain:
            others = " or ".join(names)
            words = f"{count} joints are {others}, and the pose does not show which: read as {name}"
            doubts[count] = ((ORDER, f"{words}; name the format"),)
    return chosen, doubts


class _Scale(NamedTuple):
    """Whether coordinates of which a file does not say it are shares, from -1 on or from 0 on."""

    shares: bool
    signed: bool = False
    doubts: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, photos: Sequence[Photo], limit: float) -> "_Scale":
        """No photo has a person in its first two pixels, so coordinates that small are shares.

        A joint beyond the photo's edge is beyond 1 there, so the median counts, not the largest.

        Raises:
          InputError: some look like pixels and most like shares, or shares from 0 and from -1 on.
        """
        people = [p for photo in photos if photo.shares is None for p in photo.people]
        seen = [p.table[(p.table[:, 2] > limit) & ~marked(p.table[:, :2]), :2] for p in people]
        points = np.concatenate([np.zeros((0, 2)), *seen])
        points = points[np.isfinite(points).all(axis=1)]
        if len(points) < 2:
            return cls(False)
        largest = abs(points).max(axis=1)
        if largest.max() > 1:
            if np.median(largest) > 1 and largest.max() > 2:
                return cls(False)
            if len(points) < 3:
                words = (
                    "coordinates of 2 pixels at most may be shares of the photo's size: read as "
                    "pixels; if they are shares, multiply them by the photo's width and height"
                )
                return cls(False, doubts=((SCALE, words),))
            if largest.max() > 4:
                raise InputError(
                    f"most coordinates are at most 1, as shares of the photo's size, but some go to "
                    f"{largest.max():g}, as pixels; expected all in one unit: pixels, or shares"
                )
        negative = float((points < 0).any(axis=1).mean())
        if negative > 0.5:
            return cls(True, signed=True)
        if points.min() < -0.25 and negative > 0.25:
            raise InputError(
                "coordinates are shares of the photo's size, but they do not show whether from 0 to 1 "
                "or from -1 to 1; expected pixels (OpenPose --keypoint_scale 0)"
            )
        return cls(True)

    def zero_to_one(self, points: np.ndarray) -> np.ndarray:
        return (points + 1) / 2 if self.signed else points
