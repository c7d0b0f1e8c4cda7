"""Joints that were found in a photo, put together to people (Cao 2017, OpenPose, section 2.4).

Peaks of the joints' maps are candidates; a limb's field says how well two of them belong together. Limb
by limb the best pairs are taken, no candidate twice, and pairs that share a candidate are one person.
"""

from typing import NamedTuple

import numpy as np

from pgjax.frozen.openpose_mobilenet import LIMBS
from pgjax.pose import skeleton

JOINTS = len(skeleton.JOINTS)
FEWEST = 4  # joints of a person that counts, as in the published annotations (docs/reference_facts.md, 5.1)
ABSENT = -1


class Candidates(NamedTuple):
    """Up to K candidates of every joint in one photo.

    places: (18, K, 2), (y, x). scores: (18, K), 0 where there are no more. limbs: (19, K, K), how well
    candidate i of a limb's first joint belongs to j of its second; not above 0 where not at all.
    """

    places: np.ndarray
    scores: np.ndarray
    limbs: np.ndarray


def group(found: Candidates) -> list[np.ndarray]:
    """The people, most prominent (largest sum of scores) first.

    Returns:
      For each person the numbers of the candidates (18,), ABSENT where there is none; FEWEST at least.
    """
    people: list[np.ndarray] = []
    for limb, (a, b) in enumerate(LIMBS):
        for i, j in _matched(found.limbs[limb], found.scores[a] > 0, found.scores[b] > 0):
            owners = [k for k, person in enumerate(people) if person[a] == i or person[b] == j]
            if not owners:
                # The last limbs, shoulder to ear, only tie together what others have found.
                if limb < len(skeleton.TREE):
                    people.append(np.full(JOINTS, ABSENT))
                    people[-1][[a, b]] = i, j
            elif len(owners) == 1:
                _join(people[owners[0]], a, i)
                _join(people[owners[0]], b, j)
            elif not ((people[owners[0]] >= 0) & (people[owners[1]] >= 0)).any():
                other = people.pop(owners[1])
                people[owners[0]] = np.maximum(people[owners[0]], other)
    people = [person for person in people if (person >= 0).sum() >= FEWEST]
    return sorted(people, key=lambda person: -scores(found, person).sum())


def scores(found: Candidates, person: np.ndarray) -> np.ndarray:
    """The scores (18,) of a person's joints, 0 where there is none."""
    return np.where(person >= 0, found.scores[np.arange(JOINTS), person], 0)


def places(found: Candidates, person: np.ndarray) -> np.ndarray:
    """The places (18, 2) of a person's joints; anything where there is none."""
    return found.places[np.arange(JOINTS), person]


def completed(found: Candidates, people: list[np.ndarray]) -> np.ndarray:
    """The most prominent person, with the best candidates that are nobody's.

    Limbs of small or blurred people are often too faint to be matched; where there is nobody, all
    joints are taken to be one person's.
    """
    person = people[0].copy() if people else np.full(JOINTS, ABSENT)
    for joint in np.flatnonzero(person < 0):
        left = found.scores[joint].copy()
        left[[other[joint] for other in people if other[joint] >= 0]] = 0
        if left.max() > 0:
            person[joint] = left.argmax()
    return person


def _join(person: np.ndarray, joint: int, candidate: int) -> None:
    if person[joint] < 0:
        person[joint] = candidate


def _matched(limb: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> list[tuple[int, int]]:
    """Pairs by falling score, no candidate twice."""
    values = np.where(starts[:, None] & ends[None, :], limb, 0)
    pairs = []
    while values.max() > 0:
        i, j = np.unravel_index(values.argmax(), values.shape)
        pairs.append((int(i), int(j)))
        values[i, :] = values[:, j] = 0
    return pairs
