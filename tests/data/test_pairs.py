"""Pair rules against a plain double loop, and against the published lists."""

import itertools

import numpy as np
import pytest

from pgjax.data import pairs
from pgjax.data.annotations import read_annotations, read_pairs


def identities(names):
    return [name.split("_")[0] for name in names]


def as_the_reference(names, valid):
    """As docs/reference_facts.md, 5.3: people in order of appearance, permutations of their images."""
    people = {}
    for index, name in enumerate(names):
        if valid[index] and name.partition("_")[0] not in ("-1", "0000"):
            people.setdefault(name.split("_")[0], []).append(index)
    return [pair for images in people.values() for pair in itertools.permutations(images, 2)]


@pytest.fixture
def split():
    random = np.random.default_rng(0)
    people = random.choice(["0012", "0002", "0100", "-1", "0000", "0055"], 60)
    names = [f"{person}_c1s1_{index:06d}_00.jpg" for index, person in enumerate(people)]
    visible = random.random((60, 18)) < 0.85
    visible[::7] = False
    return names, identities(names), visible


def test_rules_equal_a_plain_loop(split):
    names, people, visible = split
    torso = visible[:, 2] & visible[:, 5] & visible[:, 8] & visible[:, 11]
    for rule, valid in (("deformable", torso), ("pg2", visible.any(axis=1))):
        expected = as_the_reference(names, valid)
        found = pairs.RULES[rule](names, people, visible)
        assert found.dtype == np.int32
        assert len(expected) > 50
        np.testing.assert_array_equal(found, expected)


def test_no_pair(split):
    names, people, visible = split
    for rule in pairs.RULES.values():
        assert rule(names, people, np.zeros_like(visible)).shape == (0, 2)
        assert rule(names[:1], people[:1], np.ones_like(visible[:1])).shape == (0, 2)
        assert rule([], [], visible[:0]).shape == (0, 2)


def test_a_sample_of_more_than_all_is_all():
    everything = np.arange(10).reshape(5, 2)
    drawn = pairs.sample(everything)
    assert sorted(map(tuple, drawn)) == list(map(tuple, everything))
    assert len(pairs.sample(everything, count=3)) == 3


def test_market_pairs_are_the_published_ones(shared):
    folder = shared / "data/market1501"
    train = read_annotations(folder / "market-annotation-train.csv")
    test = read_annotations(folder / "market-annotation-test.csv")
    train_people = np.array(identities(train.names))
    train_pairs = pairs.deformable(train.names, train_people, train.visible)
    assert len(train_pairs) == 263_632
    np.testing.assert_array_equal(train_people[train_pairs[:, 0]], train_people[train_pairs[:, 1]])

    test_people = np.array(identities(test.names))
    candidates = pairs.deformable(test.names, test_people, test.visible)
    assert len(candidates) == 257_198
    published = read_pairs(folder / "market-pairs-test.csv", test.names)
    np.testing.assert_array_equal(pairs.sample(candidates), published)

    tested = set(test_people[published.ravel()])
    assert tested and tested.isdisjoint(train_people[train_pairs.ravel()])
