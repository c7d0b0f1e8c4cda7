"""Pose vectors against the reference's numbers (docs/reference_facts.md, 3.5)."""

import numpy as np
import pytest

from golden import poses
from pgjax.pose import coordinates, raster

SIZE = (128, 64)


@pytest.fixture(scope="module")
def found(shared):
    with np.load(shared / "golden" / "dpig_dev.npz") as file:
        return {name: file[name] for name in file if not name.startswith("params")}


def test_vectors_equal_golden(found):
    visible = found["visible"] > 0
    assert not visible.all()
    junk = np.where(visible[..., None], found["keypoints_yx"], np.nan).astype(np.float32)
    vectors = coordinates.encode(junk, visible, SIZE)
    np.testing.assert_array_equal(vectors, found["expected/pose_normalised"])


def test_discs_of_a_decoded_vector_equal_golden(found):
    vector = np.concatenate(
        [
            found["expected/pose_coordinates"].reshape(3, 18, 2),
            found["expected/pose_visible"][..., None],
        ],
        axis=-1,
    )
    discs = raster.discs(*coordinates.decode(vector, SIZE), SIZE)
    packed = found["expected/pose_decoded_discs"]
    np.testing.assert_array_equal(discs, np.unpackbits(packed, axis=2, count=SIZE[1]))
    assert np.any(discs)


def test_decoding_undoes_encoding():
    keypoints, visible = poses(8, SIZE)
    # Half a pixel more: the truncation then cannot fall on the pixel before.
    vectors = coordinates.encode(keypoints + np.float32(0.5), visible, SIZE)
    points, seen = coordinates.decode(vectors, SIZE)
    np.testing.assert_array_equal(seen, visible)
    np.testing.assert_array_equal(np.asarray(points)[visible], keypoints[visible])


def test_what_lies_outside_is_moved_to_the_border():
    vector = np.float32([[[-3, 5, 1], [5, -3, 0.4]]])
    points, seen = coordinates.decode(vector, SIZE)
    np.testing.assert_array_equal(points[0], [(0, 63), (127, 0)])
    np.testing.assert_array_equal(seen[0], [True, False])
