"""Which of several people is meant."""

import numpy as np
import pytest

import poses as examples
from pgjax import keypoints
from pgjax.errors import InputError
from pgjax.keypoints import by_prominence, choose, make_pose

FULL = examples.standing()


def part(count, confidence=1.0, scale=1.0, x=0.0):
    seen = np.arange(18) < count
    return make_pose(FULL.keypoints * scale + [0, x], seen, np.full(18, confidence))


SMALL, CUT = part(18, scale=0.3), part(12, scale=1.5)
GHOSTS = {
    "of two joints": make_pose(FULL.keypoints, np.arange(18) < 2, np.full(18, 0.9)),
    "of three joints far apart": make_pose(
        np.linspace(0, 900, 36).reshape(18, 2), np.arange(18) < 3
    ),
    "faint": part(14, 0.2, scale=2),
    "of four joints": part(4, scale=3),
}


def test_the_most_prominent_takes_most_room_among_those_who_are_well_seen():
    assert by_prominence([SMALL, CUT]) == [CUT, SMALL]
    assert by_prominence([SMALL, FULL, CUT])[0] is CUT  # cut off at the knees, and near
    for ghost in GHOSTS.values():
        assert by_prominence([ghost, SMALL])[0] is SMALL
    assert by_prominence([]) == []


@pytest.mark.parametrize("person", [None, 0, "prominent"])
@pytest.mark.parametrize("ghost", GHOSTS)
def test_ghosts_are_left_out_and_told(ghost, person):
    choice = choose({"": [GHOSTS[ghost], FULL]}, person, "t.json")
    assert choice.poses == {"": FULL} and choice.absent == []
    assert choice.notes == ["1 detection of a few joints left out"]


def test_ghosts_alone_in_a_photo_of_a_sequence_and_alone_at_all():
    ghost = GHOSTS["faint"]
    photos = {"a": [FULL], "b": [ghost, ghost], "c": [], "d": [ghost, FULL]}
    choice = choose(photos, None, "poses")
    assert choice.poses == {"a": FULL, "d": FULL} and choice.absent == ["b", "c"]
    assert choice.notes == [
        "3 detections of a few joints left out, in 2 of 4: b, d",
        "nobody in 2 of 4, left out: b, c",
    ]
    few = part(3)
    assert choose({"": [few]}, None, "t.json") == ({"": few}, [], [])


def test_a_number_counts_people_alone():
    photos = {"a": [GHOSTS["of two joints"], SMALL, FULL], "b": [FULL, SMALL]}
    assert choose(photos, 1, "").poses == {"a": FULL, "b": SMALL}


def test_followed():
    other = part(18, scale=0.9, x=70)
    photos = {"a": [other, FULL], "b": [FULL, other], "c": [other], "d": [], "e": [other, FULL]}
    choice = choose(photos, "followed", "poses", "target_person", ("prominent", "followed"))
    assert choice.poses == {"a": FULL, "b": FULL, "e": FULL}
    assert choice.notes == [
        "nobody in 1 of 5, left out: d",
        "the person who is followed is not in 1 of 5, left out: c",
    ]


@pytest.mark.parametrize(
    ("photos", "person", "fault"),
    [
        ({"": [FULL, SMALL]}, None, "t: 2 people; choose one by person 0 to 1 or prominent"),
        (
            {"a": [FULL], "b": [FULL, CUT, SMALL]},
            None,
            "t, b: 3 people; choose one by person 0 to 2",
        ),
        ({"": [FULL, SMALL]}, 2, "person: 2, but t has 2, counted from 0"),
        ({"a": [FULL, SMALL], "b": [FULL]}, 1, "person: 1, but t, b has 1"),
        ({"": [FULL]}, -1, "person -1: expected a number from 0 on or prominent"),
        ({"": [FULL]}, True, "person True: expected a number"),
        ({"": [FULL]}, "followed", "person 'followed': expected a number from 0 on or prominent"),
        ({"": [FULL]}, "prominant", "person 'prominant': expected"),
        ({"": []}, None, "t: nobody in it has a visible joint"),
        ({"a": []}, "prominent", "t, a: nobody in it has a visible joint"),
        ({"a": [], "b": []}, None, "t: nobody in it has a visible joint"),
    ],
)
def test_faults(photos, person, fault):
    with pytest.raises(InputError) as error:
        choose(photos, person, "t")
    assert str(error.value).startswith(fault)


def test_one_pose_takes_the_most_prominent(tmp_path):
    path = tmp_path / "t.json"
    keypoints.write(path, {"t": [SMALL, CUT]}, "openpose")
    found = keypoints.one_pose(path, person="prominent")
    np.testing.assert_allclose(found.keypoints, CUT.keypoints, atol=1e-3)
    keypoints.write(path, {"t": [GHOSTS["of two joints"], FULL]}, "openpose")
    with pytest.warns(UserWarning, match=r"t\.json: 1 detection of a few joints left out"):
        assert keypoints.one_pose(path).visible.all()


def test_what_is_typed():
    assert [keypoints.parse_person(text) for text in ("0", "12", "prominent", "-1", "1.5")] == [
        *(0, 12),
        *("prominent", "-1", "1.5"),
    ]
