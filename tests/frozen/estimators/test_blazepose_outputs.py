"""What BlazePose's networks say, on answers made by hand."""

import numpy as np

from pgjax.frozen.estimators import blazepose_outputs as outputs
from pgjax.frozen.estimators.regions import around

MIDDLE = (
    1568 + 14 * 7 * 2 + 7 * 2
)  # an answer of the second layer, cell (7, 7): at 7.5 / 14 both ways


def _detector(*answers):
    """Outputs with (index, score before the sigmoid, hips (y, x), end (y, x)); boxes of 40 pixels."""
    values, scores = np.zeros((1, 2254, 12), np.float32), np.full((1, 2254, 1), -9, np.float32)
    for index, score, hips, end in answers:
        values[0, index] = [*hips[::-1], 40, 40, *hips[::-1], *end[::-1], 0, 0, 0, 0]
        scores[0, index] = score
    return values, scores


def test_a_square_around_who_is_found():
    found = outputs.people(_detector((MIDDLE, 3, (0, 0), (-56, 0))), around((224, 224)))
    (region,) = found
    np.testing.assert_allclose(region.center, [120, 120])
    assert region.side == 2 * 56 * 1.25
    assert region.angle == 0


def test_it_turns_with_the_person():
    """The head to the right: the square's top is there."""
    (region,) = outputs.people(_detector((MIDDLE, 3, (0, 0), (0, 56))), around((224, 224)))
    np.testing.assert_allclose(region.points(np.array([0.0, 0.5])), [120, 120 + 70])


def test_it_is_in_the_pixels_of_a_wide_photo():
    (region,) = outputs.people(_detector((MIDDLE, 3, (0, 0), (-56, 0))), around((224, 448)))
    np.testing.assert_allclose(region.center, [2 * 120 - 112, 240])
    assert region.side == 4 * 56 * 1.25


def test_nobody():
    assert outputs.people(_detector(), around((224, 224))) == []
    assert outputs.people(_detector((MIDDLE, -0.01, (0, 0), (-9, 0))), around((224, 224))) == []


def test_boxes_of_one_person_are_averaged_by_their_scores():
    """Both answers of one cell, and one far from it."""
    answers = (
        (MIDDLE, 9, (0, 0), (-56, 0)),
        (MIDDLE + 1, 0, (9, 3), (-56, 0)),
        (3, 1, (0, 0), (-10, 0)),
    )
    first, second = outputs.people(_detector(*answers), around((224, 224)))
    weight = 0.5 / (0.5 + 1 / (1 + np.exp(-9)))
    np.testing.assert_allclose(first.center, [120 + 9 * weight, 120 + 3 * weight], rtol=1e-6)
    np.testing.assert_allclose(second.center, [4, 12])


def test_boxes_without_an_area_are_people_of_their_own():
    values, scores = _detector((MIDDLE, 3, (0, 0), (-56, 0)), (MIDDLE + 1, 2, (0, 0), (-56, 0)))
    values[..., 2:4] = 0
    assert len(outputs.people((values, scores), around((224, 224)))) == 2


def _landmarks(shares, visibility=0.0):
    table = np.zeros((39, 5), np.float32)
    table[:33, :2] = np.asarray(shares)[:, ::-1] * 256
    table[:33, 3] = visibility
    maps = np.full((1, 64, 64, 39), -9, np.float32)
    return [table.reshape(1, -1), np.array([[0.75]], np.float32), None, maps, None]


def test_landmarks_and_what_is_sure_of_them():
    shares = np.linspace([0.1, 0.9], [0.8, 0.2], 33)
    found, visibility, presence = outputs.landmarks(_landmarks(shares, visibility=np.arange(33)))
    np.testing.assert_allclose(found, shares, atol=1e-6)
    np.testing.assert_allclose(visibility, 1 / (1 + np.exp(-np.arange(33.0))), rtol=1e-6)
    assert presence == 0.75


def test_a_map_with_a_peak_says_it_better():
    given = _landmarks(np.full((33, 2), 0.5))
    given[3][0, 34, 30, 5] = 9
    given[3][0, 34, 30, 6] = -0.01  # not certain
    given[3][0, 36, 32, 7] = 9  # farther than three cells
    found = outputs.landmarks(given)[0]
    peak, rest = 1 / (1 + np.exp(-9)), 48 / (1 + np.exp(9))
    mean = (np.array([34, 30]) * peak + (32 * 49 - np.array([34, 30])) / 48 * rest) / (peak + rest)
    np.testing.assert_allclose(found[5], mean / 64, rtol=1e-6)
    np.testing.assert_array_equal(found[[6, 7]], 0.5)


def test_maps_say_nothing_of_what_lies_outside():
    shares = np.array([[-0.1, 0.5], [0.5, 1.0], [0.99, 0.0]])
    maps = np.full((64, 64, 3), 9, np.float32)
    found = outputs.refined(shares, maps)
    np.testing.assert_array_equal(found[:2], shares[:2])
    np.testing.assert_allclose(found[2], [61.5 / 64, 1.5 / 64])  # of rows 60 to 63, columns 0 to 3


def test_where_the_detectors_answers_count_from():
    assert outputs._cells().shape == (2254, 2)
    assert outputs._cells()[MIDDLE].tolist() == [7.5 / 14] * 2
