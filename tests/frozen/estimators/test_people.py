"""Candidates of made-up people put together again."""

import numpy as np
import pytest

from pgjax.frozen.estimators import people
from pgjax.frozen.openpose_mobilenet import LIMBS
from pgjax.pose import skeleton

MOST = 4


def _candidates(persons, rng):
    """Of people given as {joint: score}: candidates in any order, limbs that fit their own best."""
    scores = np.zeros((18, MOST), np.float32)
    owner = np.full((18, MOST), -1)
    for joint in range(18):
        having = [k for k, person in enumerate(persons) if joint in person]
        slots = rng.permutation(MOST)[: len(having)]
        for slot, k in zip(slots, having, strict=True):
            scores[joint, slot], owner[joint, slot] = persons[k][joint], k
    limbs = np.zeros((len(LIMBS), MOST, MOST), np.float32)
    for limb, (a, b) in enumerate(LIMBS):
        same = (owner[a][:, None] == owner[b]) & (owner[a][:, None] >= 0)
        limbs[limb] = np.where(same, 0.9, rng.uniform(0, 0.5, same.shape))
    places = rng.uniform(0, 300, (18, MOST, 2)).astype(np.float32)
    return people.Candidates(places, scores, limbs), owner


def _joints(person, owner):
    found = np.flatnonzero(person >= 0)
    return {int(joint): int(owner[joint, person[joint]]) for joint in found}


@pytest.mark.parametrize("seed", range(20))
def test_people_are_kept_apart_and_the_most_prominent_is_first(seed):
    rng = np.random.default_rng(seed)
    whole = [dict.fromkeys(range(18), score) for score in (0.4, 0.9, 0.6)]
    found, owner = _candidates(whole, rng)
    persons = people.group(found)
    assert [set(_joints(person, owner).values()) for person in persons] == [{1}, {2}, {0}]
    assert all((person >= 0).all() for person in persons)
    np.testing.assert_allclose(people.scores(found, persons[0]), 0.9)
    nose = skeleton.INDEX["nose"]
    expected = found.places[nose, persons[0][nose]]
    np.testing.assert_array_equal(people.places(found, persons[0])[nose], expected)


def test_a_few_joints_are_nobody():
    arm = [skeleton.INDEX[f"left_{part}"] for part in ("shoulder", "elbow", "wrist")]
    found, owner = _candidates([dict.fromkeys(arm, 0.9)], np.random.default_rng(0))
    assert people.group(found) == []
    assert _joints(people.completed(found, []), owner) == dict.fromkeys(arm, 0)


def test_shoulder_to_ear_ties_arms_to_heads():
    # Without neck and nose the sides fall apart; a leg by itself is three joints, too few.
    without = [j for j in range(18) if j not in (skeleton.INDEX["neck"], skeleton.INDEX["nose"])]
    found, _ = _candidates([dict.fromkeys(without, 0.5)], np.random.default_rng(1))
    sides = [
        {skeleton.JOINTS[joint] for joint in np.flatnonzero(person >= 0)}
        for person in people.group(found)
    ]
    parts = ("shoulder", "elbow", "wrist", "ear", "eye")
    expected = [{f"{side}_{part}" for part in parts} for side in ("left", "right")]
    assert sorted(sides, key=min) == expected


def test_the_most_prominent_takes_what_is_nobodys_and_nothing_of_others():
    rng = np.random.default_rng(2)
    wrist, ankle = skeleton.INDEX["right_wrist"], skeleton.INDEX["left_ankle"]
    first = {joint: 0.9 for joint in range(18) if joint not in (wrist, ankle)}
    second = {joint: 0.8 for joint in range(18) if joint != wrist}
    found, owner = _candidates([first, second], rng)
    loose = int(np.flatnonzero(owner[wrist] < 0)[0])
    found.scores[wrist, loose] = 0.3
    found.limbs[...] = np.where(found.limbs == np.float32(0.9), found.limbs, 0)
    persons = people.group(found)
    completed = people.completed(found, persons)
    assert persons[0][wrist] == people.ABSENT  # completing leaves the others alone
    assert completed[wrist] == loose
    assert completed[ankle] == people.ABSENT


def test_nobody():
    empty = people.Candidates(np.zeros((18, 3, 2)), np.zeros((18, 3)), np.zeros((19, 3, 3)))
    assert people.group(empty) == []
    assert (people.completed(empty, []) == people.ABSENT).all()
