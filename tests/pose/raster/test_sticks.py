import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt
from skimage import draw

import tiny
from golden import load, overlap, poses
from pgjax.pose import geometry, raster, skeleton

SIZE = (64, 32)
TORSO = ("right_hip", "left_hip", "left_shoulder", "right_shoulder")
CHAIN = ("ankle", "knee", "hip", "shoulder", "elbow", "wrist")
RIGHT, LEFT, BODY = range(3)


def pose(**places):
    """One person with the joints named, at (y, x); NaN elsewhere."""
    keypoints = np.full((1, 18, 2), np.nan, np.float32)
    for name, place in places.items():
        keypoints[0, skeleton.INDEX[name]] = place
    return keypoints, np.isfinite(keypoints).all(axis=-1)


def mark_line(channel, start, end, radius, value):
    """A rectangle and a disc at either end, with scikit-image's rasteriser."""
    along = end - start
    for place in (start, end):
        channel[draw.disk(place, radius + 1e-6, shape=channel.shape)] = value
    if along.any():
        aside = radius * np.array([-along[1], along[0]]) / np.linalg.norm(along)
        corners = [start + aside, start - aside, end - aside, end + aside]
        channel[draw.polygon(*np.transpose(corners), shape=channel.shape)] = value


def reference_sticks(keypoints, visible, size):
    picture = np.zeros((*size, 3))
    points = keypoints.astype(np.float64)
    radius = max(3 * size[1] // 128, 1) / 2
    for channel, side in enumerate(("right", "left")):
        limbs = [f"{side}_{name}" for name in CHAIN]
        head = ["neck", "nose", f"{side}_eye", f"{side}_ear"]
        for names, value in ((limbs, 1.0), (head, 0.5)):
            for a, b in itertools.pairwise(geometry.joints(*names)):
                if visible[a] and visible[b]:
                    mark_line(picture[..., channel], points[a], points[b], radius, value)
    corners = geometry.joints(*TORSO)
    if visible[corners].all():
        picture[*draw.polygon(*points[corners].T, shape=size), BODY] = 1
    return picture


def compare(keypoints, visible, size):
    """Overlaps (B, 4) of both sides' limbs and heads, and of the torso (B,)."""
    drawn = np.asarray(raster.sticks(keypoints, visible, size))
    people = zip(keypoints, visible, strict=True)
    expected = np.stack([reference_sticks(*person, size) for person in people])
    sides, other = drawn[..., :2], expected[..., :2]
    overlaps = [overlap(sides[..., i] == v, other[..., i] == v) for i in (0, 1) for v in (1, 0.5)]
    return np.stack(overlaps, axis=1), overlap(drawn[..., BODY], expected[..., BODY])


@pytest.mark.parametrize("size", [SIZE, (128, 176)])
def test_sticks_equal_scikit_image(size):
    lines, torsos = compare(*poses(8, size, margin=6), size)
    assert lines.min() > 0.98
    assert torsos.min() == 1


@pytest.mark.parametrize("dataset", ["market1501", "deepfashion"])
def test_sticks_of_real_poses_equal_scikit_image(shared, dataset):
    found = load(shared, dataset)
    lines, torsos = compare(*(array[:10] for array in found.target), found.size)
    # Measured: 0.994 at worst.
    assert lines.min() > 0.98
    assert torsos.min() == 1


def test_line_holds_the_pixels_of_scikit_image():
    """Of thickness one: all of them, and no pixel that isn't next to one."""
    keypoints, _ = poses(30)
    visible = np.zeros((30, 18), bool)
    visible[:, geometry.joints("left_knee", "left_ankle")] = True
    drawn = np.asarray(raster.sticks(keypoints, visible, SIZE))
    assert not drawn[..., [RIGHT, BODY]].any()
    for picture, points in zip(drawn[..., LEFT], keypoints, strict=True):
        ends = points[geometry.joints("left_knee", "left_ankle")].astype(int)
        line = np.zeros(SIZE, bool)
        line[draw.line(*ends.ravel())] = True
        assert picture[line].all()
        assert distance_transform_edt(~line)[picture > 0].max() <= 1


def test_thickness_follows_the_width():
    line = pose(right_hip=(5, 10), right_knee=(20, 10))
    for width, columns in ((32, [10]), (64, [10]), (128, [9, 10, 11]), (256, range(7, 14))):
        drawn = raster.sticks(*line, (32, width))[0, 12, :, RIGHT]
        np.testing.assert_array_equal(np.flatnonzero(drawn), columns)


def test_what_is_drawn_in_which_channel():
    places = {name: (3 * number, 16) for number, name in enumerate(skeleton.JOINTS)}
    lines = {
        (f"{side}_{a}", f"{side}_{b}"): {channel: 1.0}
        for channel, side in enumerate(("right", "left"))
        for a, b in itertools.pairwise(CHAIN)
    }
    lines[("neck", "nose")] = {RIGHT: 0.5, LEFT: 0.5}
    for channel, side in enumerate(("right", "left")):
        lines[("nose", f"{side}_eye")] = {channel: 0.5}
        lines[(f"{side}_eye", f"{side}_ear")] = {channel: 0.5}
    people = [
        pose(**{name: places[name] for name in pair})
        for pair in itertools.combinations(skeleton.JOINTS, 2)
    ]
    keypoints, visible = (np.concatenate(arrays) for arrays in zip(*people, strict=True))
    largest = np.asarray(raster.sticks(keypoints, visible, SIZE)).max(axis=(1, 2))
    for pair, found in zip(itertools.combinations(skeleton.JOINTS, 2), largest, strict=True):
        values = lines.get(pair, lines.get(pair[::-1], {}))
        assert found.tolist() == [values.get(channel, 0.0) for channel in range(3)], pair


def test_head_lies_over_the_limbs():
    crossing = pose(neck=(30, 16), nose=(10, 16), right_elbow=(20, 6), right_wrist=(20, 26))
    drawn = np.asarray(raster.sticks(*crossing, SIZE))[0]
    assert drawn[20, 15:18, RIGHT].tolist() == [1.0, 0.5, 1.0]
    assert drawn[20, 15:18, LEFT].tolist() == [0.0, 0.5, 0.0]


@pytest.mark.parametrize("joint", TORSO)
def test_incomplete_torso_is_not_drawn(joint):
    keypoints, visible = poses(3)
    visible[:, geometry.joints(*TORSO)] = True
    before = np.asarray(raster.sticks(keypoints, visible, SIZE))
    assert before[..., BODY].any(axis=(1, 2)).all()
    visible[:, skeleton.INDEX[joint]] = False
    after = np.asarray(raster.sticks(keypoints, visible, SIZE))
    assert not after[..., BODY].any()
    other = LEFT if joint.startswith("right") else RIGHT
    np.testing.assert_array_equal(after[..., other], before[..., other])


def test_torso_seen_from_the_side_crosses_itself():
    places = {"right_hip": (50, 8), "left_hip": (50, 24)}
    crossed = pose(**places, left_shoulder=(9, 8), right_shoulder=(9, 24))
    drawn = np.asarray(raster.sticks(*crossed, SIZE))[0, ..., BODY]
    expected = np.zeros(SIZE)
    expected[draw.polygon([50, 50, 9, 9], [8, 24, 8, 24])] = 1
    np.testing.assert_array_equal(drawn, expected)
    assert drawn[15, 16] == drawn[45, 16] == 1
    assert drawn[30, 10] == 0


def test_coinciding_joints_give_a_dot():
    drawn = np.asarray(raster.sticks(*pose(left_elbow=(20, 9), left_wrist=(20, 9)), SIZE))
    assert np.argwhere(drawn).tolist() == [[0, 20, 9, LEFT]]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e9, 3e38, -1.0, 10.0])
def test_missing_joints_have_no_influence(value):
    keypoints, visible = poses(3)
    changed = np.where(visible[..., None], keypoints, np.float32(value))
    expected = raster.sticks(keypoints, visible, SIZE)
    np.testing.assert_array_equal(raster.sticks(changed, visible, SIZE), expected)
    assert not raster.sticks(changed, np.zeros_like(visible), SIZE).any()


@pytest.mark.parametrize("value", [-200.0, 1e4, -3e38, np.inf])
def test_visible_joints_far_outside_are_harmless(value):
    keypoints = np.full((3, 18, 2), value, np.float32)
    visible = np.ones((3, 18), bool)
    assert not raster.sticks(keypoints, visible, SIZE).any()
    keypoints[:, ::2] = 16
    assert np.isin(raster.sticks(keypoints, visible, SIZE), (0, 0.5, 1)).all()


def test_mirrored_pose_draws_the_mirrored_picture():
    keypoints, visible = poses(20, margin=4)
    drawn = np.asarray(raster.sticks(keypoints, visible, SIZE))
    flipped = raster.sticks(*skeleton.flip(keypoints, visible, SIZE[1]), SIZE)
    expected = drawn[:, :, ::-1][..., [LEFT, RIGHT, BODY]]
    np.testing.assert_array_equal(flipped[..., BODY], expected[..., BODY])
    # Rounding decides on pixels exactly half the thickness away.
    assert (flipped != expected).mean() < 1e-3


def test_vmap_and_jit_change_nothing():
    keypoints, visible = poses(4)
    expected = raster.sticks(keypoints, visible, SIZE)
    mapped = jax.jit(jax.vmap(lambda k, v: raster.sticks(k, v, SIZE)))(
        keypoints.reshape(2, 2, 18, 2), visible.reshape(2, 2, 18)
    )
    np.testing.assert_array_equal(mapped.reshape(expected.shape), expected)
    assert expected.shape == (4, *SIZE, 3)
    assert expected.dtype == jnp.float32


def test_memory_stays_near_the_result():
    """No temporary of lines times pixels."""
    keypoints, visible = poses(4)
    compiled = raster.sticks.lower(keypoints, visible, (128, 64)).compile(tiny.USERS_FUSIONS)
    assert compiled.memory_analysis().temp_size_in_bytes < 40 * 4 * 128 * 64
