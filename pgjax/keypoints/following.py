"""Follows a person from photo to photo of a sequence, in whatever order the people are listed.

Estimators number the people of each photo anew. All people are tracked, not only the chosen one: then a
person who stays is not confused with a person who has left. Distances are in heights of the person.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from pgjax.keypoints.pose import Pose

REACH = 0.5  # how far a person may be from where he is expected
GROWTH, FARTHEST = 0.1, 1.0  # what is added to it by each photo without the person, and its end
STEPS = 3  # photos that a person is thought to go on moving unseen
NEWEST = 0.5  # weight of the last move in a person's pace, which noise would make too rash

# What else speaks against a person, as a distance.
DIFFERING = 0.25  # no joint in common: half a person is not the whole one
RESIZED = 0.25  # twice or half as large
UNSEEN = 0.1  # he was not in the photo before, where others were
STOPPED = 0.1  # he does not go on as before


class _Track(NamedTuple):
    """Somebody: the last pose, the pace in (y, x) a photo, the height, and for how many photos unseen."""

    pose: Pose
    pace: np.ndarray | None
    height: float
    missing: int


def follow(
    photos: Sequence[Sequence[Pose]], first: Callable[[Sequence[Pose]], int]
) -> list[int | None]:
    """The number of a person among the people of each photo; None where the person is not there.

    Where a person is expected follows from the last two photos that show him: so two who cross each other
    keep their ways. Pairs of people and detections are taken by rising distance.

    Args:
      photos: the people of each photo, in order.
      first: who is followed, of the people of the first photo that shows any.
    """
    places: list[int | None] = []
    tracks: list[_Track] = []  # the first is who is followed
    for people in photos:
        if not tracks and people:
            place = first(people)
            order = [place, *(i for i in range(len(people)) if i != place)]
            tracks = [_begun(people[i]) for i in order]
            places.append(place)
            continue
        owned = _matched(tracks, people)
        tracks = [
            _seen(track, people[owned[i]]) if i in owned else _unseen(track)
            for i, track in enumerate(tracks)
        ]
        # While the person is missing, whoever is new may be the person.
        if 0 in owned:
            taken = set(owned.values())
            tracks += [_begun(pose) for i, pose in enumerate(people) if i not in taken]
        places.append(owned.get(0))
    return places


def _begun(pose: Pose) -> _Track:
    return _Track(pose, None, _extent(pose), 0)


def _seen(track: _Track, pose: Pose) -> _Track:
    pace = _way(track.pose, pose) / (track.missing + 1)
    if track.pace is not None:
        pace = NEWEST * pace + (1 - NEWEST) * track.pace
    return _Track(pose, pace, max(track.height, _extent(pose)), 0)


def _unseen(track: _Track) -> _Track:
    return track._replace(missing=track.missing + 1)


def _matched(tracks: Sequence[_Track], people: Sequence[Pose]) -> dict[int, int]:
    """By track's number the detection's."""
    pairs = sorted(
        (_distance(track, pose), i, j)
        for i, track in enumerate(tracks)
        for j, pose in enumerate(people)
    )
    owned: dict[int, int] = {}
    for distance, i, j in pairs:
        reach = min(REACH + GROWTH * tracks[i].missing, FARTHEST)
        if distance <= reach and i not in owned and j not in owned.values():
            owned[i] = j
    return owned


def _distance(track: _Track, pose: Pose) -> float:
    both, either = track.pose.visible & pose.visible, track.pose.visible | pose.visible
    against = DIFFERING * (1 - both.sum() / either.sum()) + UNSEEN * (track.missing > 0)
    if both.any():
        before, after = track.pose.keypoints[both], pose.keypoints[both]
        ways = after - before
        sizes = [np.std(points, axis=0).max() + 1 for points in (before, after)]
        against += RESIZED * abs(np.log2(sizes[1] / sizes[0]))
    else:
        ways = _way(track.pose, pose)[None]
    height = max(track.height, _extent(pose))
    away = np.linalg.norm(ways, axis=1).mean() / height
    if track.pace is not None:
        onward = ways - track.pace * min(track.missing + 1, STEPS)
        away = min(np.linalg.norm(onward, axis=1).mean() / height, away + STOPPED)
    return float(away + against)


def _way(before: Pose, after: Pose) -> np.ndarray:
    """(y, x) from one pose to another: of the joints that both show, else of their middles."""
    both = before.visible & after.visible
    if both.any():
        return (after.keypoints - before.keypoints)[both].mean(axis=0)
    return _points(after).mean(axis=0) - _points(before).mean(axis=0)


def _extent(pose: Pose) -> float:
    """The longer side of the box around the joints, a pixel at least."""
    return max(float(np.ptp(_points(pose), axis=0).max()), 1.0)


def _points(pose: Pose) -> np.ndarray:
    return pose.keypoints[pose.visible]
