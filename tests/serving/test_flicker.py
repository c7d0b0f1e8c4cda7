"""Flicker against a hand calculation, and against VBench's score of the same frames."""

import numpy as np
import pytest

from pgjax.keypoints import make_pose
from pgjax.serving.flicker import Flicker

JOINTS = np.stack([np.linspace(10, 110, 18), np.full(18, 30.0)], axis=1)  # 100 high


def grey(level):
    return np.full((4, 6, 3), level, np.uint8)


def measured(images, poses):
    flicker = Flicker()
    for image, pose in zip(images, poses, strict=True):
        flicker.add(image, pose)
    return flicker


def test_by_hand():
    """Of three pairs the second moves by 1 % of the height; the others differ by 3 and by half of 200."""
    half = np.concatenate([grey(213)[:2], grey(13)[:2]])
    poses = [make_pose(JOINTS + way) for way in ([0, 0], [0, 0.4], [0, 1.4], [0, 1.4])]
    found = measured([grey(10), grey(13), grey(13), half], poses)
    assert (found.pairs, found.still) == (3, 2)
    assert found.mean == pytest.approx((3 + 100) / 2)


def test_of_a_still_person_it_is_that_of_vbench():
    """Score = (255 - mean absolute difference) / 255, of all pairs."""
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), np.uint8)
    found = measured(images, [make_pose(JOINTS)] * 5)
    score = (255 - np.abs(np.diff(images.astype(float), axis=0)).mean()) / 255
    assert (255 - found.mean) / 255 == pytest.approx(score)


def test_only_joints_that_both_show_move():
    """A foot that vanishes is no movement; two halves of a person have none that is known."""
    upper, lower = np.arange(18) < 9, np.arange(18) >= 9
    whole = make_pose(JOINTS)
    assert measured([grey(0), grey(2)], [whole, make_pose(JOINTS, upper)]).mean == 2
    halves = measured([grey(0), grey(2)], [make_pose(JOINTS, upper), make_pose(JOINTS, lower)])
    assert (halves.pairs, halves.still, halves.mean) == (1, 0, None)
