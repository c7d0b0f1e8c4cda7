"""Who is followed, on people whose ways are known and who are listed in any order."""

import numpy as np
import pytest

import poses as examples
from pgjax.keypoints import make_pose
from pgjax.keypoints.following import follow

LENGTH = 13
HALF = np.arange(18) < 6


def person(x, y=0.0, scale=1.0, rng=None, visible=None):
    """Standing, a hundred pixels high at scale 1; with the errors of an estimator."""
    points = examples.STANDING * scale + [y, x]
    if rng is not None:
        points = points + rng.normal(0, 1.5, points.shape)
    return make_pose(points, visible)


def followed(ways, seed):
    """Who of each photo is followed by name; ways: by name the pose in each photo, or None.

    The first of the ways is to be followed.
    """
    rng = np.random.default_rng(seed)
    frames = []
    for shown in zip(*ways.values(), strict=True):
        there = [(name, pose) for name, pose in zip(ways, shown, strict=True) if pose is not None]
        frames.append([there[i] for i in rng.permutation(len(there))])
    names = [[name for name, _ in frame] for frame in frames]
    first = next(frame.index(next(iter(ways))) for frame in names if frame)
    places = follow([[pose for _, pose in frame] for frame in frames], lambda people: first)
    return [
        None if place is None else frame[place] for frame, place in zip(names, places, strict=True)
    ]


def walk(start, step, rng=None, gone=(), **more):
    return [None if i in gone else person(start + step * i, rng=rng, **more) for i in range(LENGTH)]


SEEDS = pytest.mark.parametrize("seed", range(6))


@SEEDS
@pytest.mark.parametrize("noise", [False, True])
@pytest.mark.parametrize("step", [3, 10, 24])
def test_two_who_cross_keep_their_ways(seed, noise, step):
    """They are alike in all but their ways: who is nearest to the photo before is the other one."""
    rng = np.random.default_rng(seed) if noise else None
    ways = {"a": walk(0, step, rng), "b": walk((LENGTH - 1) * step + step / 2, -step, rng)}
    found = followed(ways, seed)
    # Noise hides who is who where they are at one place.
    sure = [i for i in range(LENGTH) if not noise or abs((LENGTH - 0.5 - 2 * i) * step) > 4]
    assert [found[i] for i in sure] == ["a"] * len(sure)


@SEEDS
def test_who_is_missing_is_not_the_one_who_stays(seed):
    rng = np.random.default_rng(seed)
    gone = {3, 6, 7, 8}
    ways = {"a": walk(0, 4, rng, gone), "b": walk(60, 0, rng), "c": walk(-60, 0, rng)}
    assert followed(ways, seed) == [None if i in gone else "a" for i in range(LENGTH)]


@SEEDS
def test_hidden_while_they_cross(seed):
    rng = np.random.default_rng(seed)
    gone = {5, 6, 7}
    ways = {"a": walk(0, 10, rng, gone), "b": walk(120, -10, rng)}
    assert followed(ways, seed) == [None if i in gone else "a" for i in range(LENGTH)]


@SEEDS
def test_half_a_person_at_the_same_place_is_not_the_whole_one(seed):
    rng = np.random.default_rng(seed)
    ways = {"a": walk(0, 6, rng), "half": walk(3, 6, rng, visible=HALF), "b": walk(90, 0, rng)}
    assert followed(ways, seed) == ["a"] * LENGTH


def test_half_hidden_is_the_same_person():
    way = [person(5 * i, visible=None if i % 3 else HALF) for i in range(LENGTH)]
    assert followed({"a": way, "b": walk(95, 0)}, 0) == ["a"] * LENGTH


def test_who_is_far_away_is_somebody_else():
    """The person leaves, and somebody comes whom nobody has seen."""
    ways = {"a": walk(0, 2, gone={4, 5}), "b": walk(90, 0, gone=set(range(LENGTH)) - {4, 5})}
    assert followed(ways, 0) == [None if i in (4, 5) else "a" for i in range(LENGTH)]
    small = [None, person(20, 30, 0.4), None]
    assert followed({"a": [person(0), None, person(0)], "b": small}, 0) == ["a", None, "a"]


def test_a_cut_loses_a_few_photos_alone():
    way = [person(0), person(1), *(person(80 + i) for i in range(8))]
    found = followed({"a": way}, 0)
    assert found[:2] == ["a", "a"] and found[-4:] == ["a"] * 4 and found[2] is None


def test_nobody_at_first_and_nobody_ever():
    assert followed({"a": [None, None, person(0), None, person(1)]}, 0) == [
        None,
        None,
        "a",
        None,
        "a",
    ]
    assert follow([[], []], lambda people: 0) == [None, None]
    assert follow([], lambda people: 0) == []
