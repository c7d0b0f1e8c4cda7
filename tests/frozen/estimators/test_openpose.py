"""The built-in estimator on real photos, against the published keypoints."""

import numpy as np
import pytest

from benchmarks import keypoints as agreement
from pgjax.errors import InputError
from pgjax.frozen import estimators
from pgjax.frozen.estimators.openpose import network_size
from pgjax.images.photo import read_photo
from pgjax.keypoints import flipped


@pytest.fixture(scope="module")
def estimator(shared):
    return estimators.load("openpose", shared / "weights")


@pytest.fixture(scope="module")
def market1501(shared):
    photos = dict(agreement.chosen(agreement.market1501(shared / "data"), 60))
    return [(read_photo(source()), pose) for source, pose in photos.values()]


@pytest.fixture(scope="module")
def found(estimator, market1501):
    return [estimator(picture) for picture, _ in market1501]


@pytest.mark.slow
def test_agrees_with_the_published_keypoints(found, market1501):
    triples = [(*pair, people) for pair, people in zip(market1501, found, strict=True)]
    figures = agreement.figures(triples)
    # Of 500 photos benchmarks/keypoints.py finds 72 % within.
    assert figures["within"] > 0.65
    assert figures["not_found"] < 0.2
    assert figures["false"] < 0.15
    assert figures["median_px"] < 3.2


@pytest.mark.slow
def test_poses_obey_the_rules(found, market1501):
    assert sum(map(len, found)) > 50
    for (picture, _), people in zip(market1501, found, strict=True):
        assert len(people) <= 1
        for pose in people:
            assert pose.size == picture.shape[:2] == (128, 64)
            assert (pose.confidence[pose.visible] > 0.1).all()
            assert (pose.keypoints >= 0).all()
            assert (pose.keypoints <= [127, 63]).all()
            assert not pose.keypoints[~pose.visible].any()


@pytest.mark.slow
def test_left_stays_left(estimator, found, market1501):
    gaps = []
    for (picture, _), people in zip(market1501, found, strict=True):
        mirrored = estimator(np.ascontiguousarray(picture[:, ::-1]))
        if people and mirrored:
            back = flipped(mirrored[0], picture.shape[1])
            both = back.visible & people[0].visible
            gaps += np.linalg.norm(back.keypoints - people[0].keypoints, axis=1)[both].tolist()
    assert len(gaps) > 500
    assert np.median(gaps) < 2


@pytest.mark.slow
def test_several_people(estimator, market1501, found):
    """The two photos whose people are surest, beside each other."""
    sure = sorted(range(len(found)), key=lambda i: -sum(p.confidence.sum() for p in found[i]))[:2]
    picture = np.concatenate([market1501[i][0] for i in sure], axis=1)
    everyone = estimator(picture, everyone=True)
    assert len(everyone) >= 2
    assert len(estimator(picture)) == 1
    for pose, i in zip(everyone[:2], _sides(everyone[:2], sure), strict=True):
        left = 64 * sure.index(i)
        inside = pose.keypoints[pose.visible][:, 1] - left
        assert ((inside > -3) & (inside < 67)).all()
    assert {_side(pose) for pose in everyone[:2]} == {0, 1}


def _side(pose):
    return int(pose.keypoints[pose.visible][:, 1].mean() > 63.5)


def _sides(poses, sure):
    return [sure[_side(pose)] for pose in poses]


@pytest.mark.parametrize("size", [(128, 64), (1, 1)])
def test_nobody_in_a_photo_of_nothing(estimator, size):
    assert estimator(np.full((*size, 3), 128, np.uint8), everyone=True) == []


@pytest.mark.slow
def test_a_threshold_leaves_joints_out(shared, found, market1501):
    strict = estimators.load("openpose", shared / "weights", threshold=0.5)
    picture, people = next((p, f) for (p, _), f in zip(market1501, found, strict=True) if f)
    assert (people[0].confidence[people[0].visible] < 0.5).any()
    assert all((pose.confidence[pose.visible] > 0.5).all() for pose in strict(picture))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((256, 256), (368, 368)),
        ((128, 64), (256, 128)),  # not enlarged more than twice
        ((3000, 2000), (368, 240)),
        ((1000, 4000), (160, 656)),  # not wider than this
        ((1, 1), (16, 16)),
    ],
)
def test_the_size_that_the_network_sees(size, expected):
    assert network_size(size) == expected


def test_unknown_estimators_and_thresholds_are_told(tmp_path):
    with pytest.raises(
        InputError, match="unknown estimator 'posenet'; there are openpose, blazepose, rtmo"
    ):
        estimators.load("posenet")
    with pytest.raises(InputError, match="threshold 1: expected"):
        estimators.load("openpose", tmp_path, threshold=1)
