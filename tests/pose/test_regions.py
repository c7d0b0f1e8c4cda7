"""PDIG's regions: the reference's numbers, and loops of NumPy (docs/reference_facts.md, 3.1)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from golden import poses
from pgjax.pose import regions, skeleton

MARGINS = {"market1501": ((6, 10, 0), (6, 10, 0)), "deepfashion": ((10, 20, 10), (20, 40, 25))}
SIZES = {"market1501": (128, 64), "deepfashion": (256, 256)}
MEMBERS = (
    (0, 1, 2, 5, 14, 15, 16, 17),
    (2, 3, 4, 5, 6, 7, 8, 11),
    (8, 9, 10, 11, 12, 13),
    (5, 6, 7),
    (2, 3, 4),
    (11, 12, 13),
    (8, 9, 10),
)
rules = pytest.mark.parametrize("rule", MARGINS)


@pytest.fixture(scope="module")
def found(shared):
    with np.load(shared / "golden" / "dpig_dev.npz") as file:
        names = ("image", "keypoints_yx", "visible", "part_boxes_y1x1y2x2", "part_visible")
        fashion = [name for name in file if name.startswith("deepfashion")]
        return {name: file[name] for name in (*names, *fashion, "expected/crops")}


@rules
def test_boxes_equal_golden(found, rule):
    prefix, boxes = {
        "market1501": ("", "part_boxes_y1x1y2x2"),
        "deepfashion": ("deepfashion_", "deepfashion_part_boxes"),
    }[rule]
    keypoints = found[f"{prefix}keypoints_yx"].astype(np.float32)
    made, seen = regions.boxes(keypoints, found["visible"] > 0, SIZES[rule], rule)
    np.testing.assert_array_equal(made, found[boxes])
    np.testing.assert_array_equal(seen, found[f"{prefix}part_visible"])
    assert not np.all(seen)


def test_crops_are_golden(found):
    image, boxes = (found[name][2:] for name in ("image", "part_boxes_y1x1y2x2"))
    crops = regions.crops(image, boxes.astype(np.float32), 48)
    np.testing.assert_allclose(crops, found["expected/crops"], rtol=0, atol=2e-5)


def expected_box(points, seen, members, size, rule):
    legs = seen[[9, 10]].any() and seen[[12, 13]].any()
    several, single, raised = MARGINS[rule][0 if legs else 1]
    there = [i for i in members if seen[i]]
    if not there:
        return (0, 0, 1, 1)
    ys = [max(0, int(points[i][0]) - raised) if i == 0 else int(points[i][0]) for i in there]
    xs = [int(points[i][1]) for i in there]
    grow = single if len(there) == 1 else several
    low = max(0, min(ys) - grow), max(0, min(xs) - grow)
    return *low, min(size[0] - 1, max(ys) + grow), min(size[1] - 1, max(xs) + grow)


@rules
def test_boxes_are_what_a_loop_finds(rule):
    size = SIZES[rule]
    keypoints, visible = poses(60, size, missing=0.5)
    keypoints += np.float32(0.7)
    made, seen = regions.boxes(keypoints, visible, size, rule)
    for person, (points, there) in enumerate(zip(keypoints, visible, strict=True)):
        for region, members in enumerate(MEMBERS):
            box = expected_box(points, there, members, size, rule)
            np.testing.assert_array_equal(made[person, region], box)
            assert seen[person, region] == there[list(members)].any()


def test_regions_are_the_references():
    named = [tuple(sorted(skeleton.INDEX[n] for n in names)) for names in regions.REGIONS.values()]
    assert named == list(MEMBERS)


@pytest.mark.parametrize("junk", [np.nan, np.inf, -1e30])
def test_missing_joints_do_not_matter(junk):
    keypoints, visible = poses(4, (128, 64), missing=0.4)
    broken = np.where(visible[..., None], keypoints, np.float32(junk))
    for ours, other in zip(
        *(regions.boxes(points, visible, (128, 64)) for points in (keypoints, broken)), strict=True
    ):
        np.testing.assert_array_equal(ours, other)


def test_joints_outside_leave_a_box_inside():
    keypoints, visible = poses(8, (64, 32), margin=200)
    made, _ = regions.boxes(keypoints, visible, (64, 32))
    assert (made >= 0).all() and (made[..., ::2] <= 63).all() and (made[..., 1::2] <= 31).all()


def test_margins_follow_the_height():
    keypoints = np.full((1, 18, 2), 30, np.float32)
    visible = np.zeros((1, 18), bool)
    visible[0, [3, 4, 13]] = True
    boxes, _ = regions.boxes(keypoints, visible, (64, 64))
    np.testing.assert_array_equal(boxes[0, 4], (27, 27, 33, 33))  # half of 6
    np.testing.assert_array_equal(boxes[0, 5], (25, 25, 35, 35))  # half of 10


def test_crops_are_bilinear_and_so_is_their_gradient():
    """NumPy reads the four pixels around every sample."""
    random = np.random.default_rng(0)
    image = random.normal(size=(2, 12, 8, 3))
    boxes = np.array([[[0, 0, 11, 7], [3, 2, 9, 5]], [[4, 4, 4, 4], [0, 0, 1, 1]]])
    side = 5
    expected = np.zeros((2, 2, side, side, 3))
    weights = random.normal(size=expected.shape)
    gradient = np.zeros(image.shape)
    for b, r, i, j in np.ndindex(expected.shape[:4]):
        y1, x1, y2, x2 = boxes[b, r]
        y = (y1 + i * (y2 - y1) / (side - 1)) * 11 / 12
        x = (x1 + j * (x2 - x1) / (side - 1)) * 7 / 8
        for row, down in ((int(y), 1 - y % 1), (int(y) + 1, y % 1)):
            for column, right in ((int(x), 1 - x % 1), (int(x) + 1, x % 1)):
                expected[b, r, i, j] += down * right * image[b, row, column]
                gradient[b, row, column] += down * right * weights[b, r, i, j]
    given = jnp.float32(image), jnp.float32(boxes)
    np.testing.assert_allclose(regions.crops(*given, side), expected, atol=1e-5)
    found = jax.grad(lambda image: jnp.sum(regions.crops(image, given[1], side) * weights))
    np.testing.assert_allclose(found(given[0]), gradient, atol=1e-5)
