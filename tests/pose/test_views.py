"""The view of a person: by the shoulders, or as it was told."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pgjax.data import annotations
from pgjax.data.deepfashion import DeepFashion
from pgjax.pose import skeleton, views
from pgjax.pose.skeleton import INDEX, VIEWS

WIDTH = 100


def people(apart, torso=40.0):
    """(keypoints, visible) of people whose left shoulder is `apart` torsos to the right of the other."""
    points = np.random.default_rng(0).uniform(0, WIDTH, (len(apart), 18, 2)).astype(np.float32)
    for i, share in enumerate(apart):
        half = share * torso / 2
        for side, x in (("right", 50 - half), ("left", 50 + half)):
            points[i, INDEX[f"{side}_shoulder"]] = (20, x)
            # One side is a fifth longer, the other shorter: their mean is the torso.
            length = torso * (1.2 if side == "left" else 0.8)
            points[i, INDEX[f"{side}_hip"]] = (20 + length, x)
    return points, np.ones((len(apart), 18), bool)


SHARES = (1.2, 0.47, 0.45, 0.0, -0.27, -0.29, -0.9)
EXPECTED = ("front", "front", "side", "side", "side", "back", "back")


def named(numbers):
    return tuple(VIEWS[number] for number in np.asarray(numbers))


@pytest.mark.parametrize("torso", [7.0, 40.0, 300.0])
def test_the_shoulders_tell_the_view_at_any_size(torso):
    joints = people(SHARES, torso)
    assert named(views.by_shoulders(*joints)) == EXPECTED


def test_a_mirrored_person_has_the_same_view():
    points, visible = people(SHARES)
    assert named(views.by_shoulders(*skeleton.flip(points, visible, WIDTH))) == EXPECTED


@pytest.mark.parametrize("joint", ["right_shoulder", "left_shoulder", "right_hip", "left_hip"])
def test_without_a_whole_torso_it_is_the_side(joint):
    points, visible = people((1.0, -1.0))
    visible[:, INDEX[joint]] = False
    for held in (points[:, INDEX[joint]].copy(), np.nan, 1e30):
        points[:, INDEX[joint]] = held
        assert named(views.by_shoulders(points, visible)) == ("side", "side")


def test_a_torso_of_no_length_is_seen_from_the_side():
    points, visible = people((0.5, -0.5))
    points[:, INDEX["right_hip"]] = points[:, INDEX["right_shoulder"]]
    points[:, INDEX["left_hip"]] = points[:, INDEX["left_shoulder"]]
    assert named(views.by_shoulders(points, visible)) == ("side", "side")


def test_what_is_told_goes_before_the_rule():
    points, visible = people((1.0, 1.0, -1.0, -1.0))
    told = np.array(
        [
            skeleton.view_number("back"),
            skeleton.UNKNOWN_VIEW,
            skeleton.view_number("side"),
            skeleton.view_number(None),
        ]
    )
    found = jax.jit(views.one_hot)(points, visible, jnp.asarray(told, jnp.int8))
    np.testing.assert_array_equal(found, np.eye(3)[[2, 0, 1, 2]])
    assert found.dtype == jnp.float32
    np.testing.assert_array_equal(views.one_hot(points, visible), np.eye(3)[[0, 0, 2, 2]])


def test_the_rule_agrees_with_nine_in_ten_of_deepfashions_names(shared):
    """On the photos of PATN's test list with a whole torso (docs/reference_facts.md, 8.2)."""
    found = annotations.read_annotations(
        shared / "data" / "deepfashion" / "fasion-resize-annotation-test.csv"
    )
    told = np.array([skeleton.view_number(DeepFashion.view_of(name)) for name in found.names])
    torso = [INDEX[f"{side}_{part}"] for side in ("left", "right") for part in ("hip", "shoulder")]
    used = found.visible[:, torso].all(axis=1) & (told != skeleton.UNKNOWN_VIEW)
    ruled = np.asarray(views.by_shoulders(found.keypoints, found.visible))
    assert used.sum() == 2_236
    assert round((ruled == told)[used].mean(), 3) == 0.907
