import jax.numpy as jnp
import numpy as np
import pytest

from pgjax.pose import skeleton

# Copied from the reference (docs/reference_facts.md, 2.6), numbered from 1.
PG2_LIMBS = (
    (2, 3), (2, 6), (3, 4), (4, 5), (6, 7), (7, 8), (2, 9), (9, 10), (10, 11), (2, 12), (12, 13),
    (13, 14), (2, 1), (1, 15), (15, 17), (1, 16), (16, 18), (2, 17), (2, 18), (9, 12), (12, 6),
    (9, 3), (17, 18),
)  # fmt: skip


def test_limbs_are_those_of_pg2():
    assert tuple((a + 1, b + 1) for a, b in skeleton.LIMBS) == PG2_LIMBS


def test_tree_reaches_every_joint_once():
    assert len(skeleton.TREE) == len(skeleton.JOINTS) - 1
    assert {joint for limb in skeleton.TREE for joint in limb} == set(range(18))


def test_mirror_exchanges_the_sides():
    assert len(skeleton.JOINTS) == 18
    for joint, mirrored in enumerate(skeleton.MIRROR):
        assert skeleton.MIRROR[mirrored] == joint
        names = {skeleton.JOINTS[joint], skeleton.JOINTS[mirrored]}
        assert len({name.removeprefix("right_").removeprefix("left_") for name in names}) == 1
    alone = [skeleton.JOINTS[i] for i, j in enumerate(skeleton.MIRROR) if i == j]
    assert alone == ["nose", "neck"]


def test_limbs_are_symmetric():
    limbs = {frozenset(limb) for limb in skeleton.LIMBS}
    assert {frozenset(skeleton.MIRROR[joint] for joint in limb) for limb in limbs} == limbs


def test_parts_name_joints_in_the_reference_order():
    assert len(skeleton.PARTS) == 10
    assert all(name in skeleton.JOINTS for part in skeleton.PARTS.values() for name in part)
    limbs = [tuple(skeleton.INDEX[n] for n in part) for part in list(skeleton.PARTS.values())[2:]]
    expected = [(8, 9), (11, 12), (9, 10), (12, 13), (2, 3), (5, 6), (3, 4), (6, 7)]
    assert limbs == expected


@pytest.mark.parametrize("xp", [np, jnp])
def test_flip(xp):
    keypoints = np.arange(2 * 18 * 2, dtype=np.float32).reshape(2, 18, 2)
    visible = np.arange(36).reshape(2, 18) % 3 > 0
    flipped, flipped_visible = skeleton.flip(xp.asarray(keypoints), xp.asarray(visible), 64)
    assert isinstance(flipped, type(xp.asarray(keypoints)))
    assert flipped.dtype == np.float32
    for name, mirrored in (
        ("nose", "nose"),
        ("right_wrist", "left_wrist"),
        ("left_ear", "right_ear"),
    ):
        i, j = skeleton.INDEX[name], skeleton.INDEX[mirrored]
        np.testing.assert_array_equal(flipped[:, i, 0], keypoints[:, j, 0])
        np.testing.assert_array_equal(flipped[:, i, 1], 63 - keypoints[:, j, 1])
        np.testing.assert_array_equal(flipped_visible[:, i], visible[:, j])
    again, again_visible = skeleton.flip(flipped, flipped_visible, 64)
    np.testing.assert_array_equal(again, keypoints)
    np.testing.assert_array_equal(again_visible, visible)


def test_flip_takes_one_pose():
    flipped, _ = skeleton.flip(np.zeros((18, 2), np.float32), np.ones(18, bool), 10)
    np.testing.assert_array_equal(flipped, np.tile([0.0, 9.0], (18, 1)))
