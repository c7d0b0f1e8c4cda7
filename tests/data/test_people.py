"""Rendered people: repeatable, the joints where the body is, and no use copying the source."""

import itertools

import numpy as np
import pytest

from pgjax.data import people
from pgjax.data.people import body, pose, solids
from pgjax.data.people.chance import Chance
from pgjax.pose.skeleton import INDEX, JOINTS

SMALL = (64, 32)
# Missing among images with any joint, from the published Market-1501 training annotation.
MARKET = {
    **{"nose": 0.387, "neck": 0.001, "shoulder": 0.009, "elbow": 0.216, "wrist": 0.411},
    **{"hip": 0.016, "knee": 0.081, "ankle": 0.212, "eye": 0.495, "ear": 0.452},
}


@pytest.fixture(scope="module")
def photos():
    """[identity][index] photos of 90 identities, 5 each."""
    return [[people.photo(0, i, k, SMALL) for k in range(5)] for i in range(1, 91)]


def stack(photos, key):
    return np.array([[photo[key] for photo in row] for row in photos])


def person_pixels(photo):
    """bool (H, W): where something is in front of the background, the shadow left out."""
    difference = photo["image"].astype(int) - photo["background"]
    return np.abs(difference).max(-1) > 8


def test_a_photo_depends_on_its_numbers_alone():
    first = people.photo(3, 5, 2, SMALL)
    for other in [(3, 5, 3), (3, 9, 2), (4, 5, 2)]:
        assert not np.array_equal(people.photo(*other, SMALL)["image"], first["image"])
    people.background.panorama.cache_clear()
    people.appearance.person.cache_clear()
    again = people.photo(3, 5, 2, SMALL)
    for key, value in first.items():
        np.testing.assert_array_equal(again[key], value)


def test_types_and_shapes(photos):
    photo = photos[0][0]
    assert photo["image"].shape == photo["background"].shape == (64, 32, 3)
    assert photo["image"].dtype == photo["background"].dtype == np.uint8
    assert photo["keypoints"].dtype == np.float32 and photo["keypoints"].shape == (18, 2)
    assert photo["visible"].dtype == bool
    assert (photo["keypoints"][~photo["visible"]] == -1).all()


def test_the_same_scene_at_every_size():
    agreements = []
    for index in range(6):
        small, medium, large = (people.photo(1, 2, index, size) for size in people.SIZES)
        np.testing.assert_allclose(
            medium["joints"] + 0.5, (small["joints"] + 0.5) * 2, atol=1e-4, rtol=0
        )
        # The square shows more at both sides.
        inner = (large["joints"] + 0.5 - np.float32((0, 64))[None]) / 2
        np.testing.assert_allclose(inner, medium["joints"] + 0.5, atol=1e-4, rtol=0)
        halved = medium["image"].reshape(64, 2, 32, 2, 3).mean((1, 3))
        quartered = large["image"][:, 64:192].reshape(64, 4, 32, 4, 3).mean((1, 3))
        for image in (halved, quartered):
            assert np.abs(image - small["image"]).mean() < 4
        agreements.append(small["visible"] == medium["visible"])
    assert np.mean(agreements) > 0.95


def test_visible_joints_lie_on_the_person(photos):
    on = []
    for photo in itertools.chain.from_iterable(photos):
        inside = photo["keypoints"][photo["visible"]]
        assert (inside > -0.5).all() and (inside < np.array(SMALL)[None] - 0.5).all()
        y, x = np.clip(np.rint(inside).astype(int), 0, np.array(SMALL)[None] - 1).T
        on.extend(person_pixels(photo)[y, x])
    assert np.mean(on) > 0.97


def test_joints_out_of_frame_are_missing(photos):
    joints, visible = stack(photos, "joints"), stack(photos, "visible")
    outside = ((joints < -0.5) | (joints > np.array(SMALL) - 0.5)).any(-1)
    assert outside.any()
    assert not visible[outside].any()


def test_background_is_the_image_without_the_person(photos):
    for row in photos[:20]:
        for photo in row:
            bare = ~person_pixels(photo)
            assert bare.mean() > 0.15
            # What is left of a difference is the edge of the soft shadow.
            np.testing.assert_array_less(
                np.abs(photo["image"].astype(int) - photo["background"])[bare], 9
            )
            top = photo["image"][0] == photo["background"][0]
            assert top.mean() > 0.2


def test_missing_rates_are_near_market(photos):
    visible = stack(photos, "visible").reshape(-1, 18)
    found = visible.any(1)
    assert 0.01 < 1 - found.mean() < 0.06
    for kind, rate in MARKET.items():
        columns = [index for name, index in INDEX.items() if name.rpartition("_")[2] == kind]
        missing = 1 - visible[found][:, columns].mean()
        assert abs(missing - rate) < 0.02 + 0.15 * rate, (kind, missing)
    torso = [
        INDEX[f"{side}_{joint}"] for side in ("right", "left") for joint in ("hip", "shoulder")
    ]
    assert abs(visible[:, torso].all(1).mean() - 12116 / 12936) < 0.03


def test_faces_are_missing_in_back_views(photos):
    joints, visible = stack(photos, "joints"), stack(photos, "visible")
    left, right = (joints[..., INDEX[f"{side}_shoulder"], 1] for side in ("left", "right"))
    found = visible.any(-1)
    for view, low, high in ((left - right > 3, 0.0, 0.3), (right - left > 3, 0.75, 1.0)):
        nose = visible[view & found][:, INDEX["nose"]]
        assert len(nose) > 80
        assert low <= 1 - nose.mean() <= high


def render(yaw):
    """Joints (18, 3) in the scene of a still figure, and its canvas."""
    still = pose.Arm(0.0, 10.0, 10.0, (0, 0, 1))
    legs = (pose.Leg(0.0, 3.0, 5.0),) * 2
    someone = people.person(0, 1)
    figure = pose.skeleton(pose.Pose(0.0, 0.0, 0.0, 0.0, (still, still), legs), someone)
    canvas = solids.Canvas((128, 64), 2)
    joints = body.draw(canvas, someone, figure, body.View(yaw, 5.0, 0.88, 0.0, 0.95))
    return dict(zip(JOINTS, joints, strict=True)), canvas


@pytest.mark.parametrize(("yaw", "order"), [(0, 1), (40, 1), (180, -1), (220, -1)])
def test_right_is_the_persons_right(yaw, order):
    joints, canvas = render(yaw)
    for joint in ("shoulder", "elbow", "wrist", "hip", "eye", "ear"):
        assert order * (joints[f"left_{joint}"][0] - joints[f"right_{joint}"][0]) > 0
    for side in ("right", "left"):  # the arms are drawn at their own joints
        columns = np.nonzero(canvas.part == body.PART[f"{side}_fore"])[1]
        centre = (columns.mean() - canvas.middle) / canvas.scale
        middle = (joints[f"{side}_elbow"][0] + joints[f"{side}_wrist"][0]) / 2
        assert abs(centre - middle) < 0.02


def test_the_head_shows_its_face_only_from_the_front():
    front, canvas = render(0)
    assert front["nose"][2] > front["neck"][2]
    depth, _ = canvas.at(np.array([front["right_eye"], front["left_eye"]]))
    np.testing.assert_allclose(depth, [front["right_eye"][2], front["left_eye"][2]], atol=0.02)
    back, canvas = render(180)
    depth, _ = canvas.at(np.array([back["right_eye"], back["left_eye"]]))
    assert (depth > np.array([back["right_eye"][2], back["left_eye"][2]]) + 0.05).all()


def test_side_views_face_where_they_turn():
    right, _ = render(90)
    assert right["nose"][0] > right["neck"][0]
    assert right["right_shoulder"][2] > right["left_shoulder"][2]  # the near arm
    left, _ = render(-90)
    assert left["nose"][0] < left["neck"][0]


def test_copying_another_photo_of_the_person_scores_badly(photos):
    images = stack(photos, "image").astype(np.float32) / 127.5 - 1
    copied, flat, stranger = [], [], []
    for i, row in enumerate(photos):
        for k, photo in enumerate(row):
            mask, target = person_pixels(photo), images[i, k]
            for scores, guess in (
                (copied, images[i, (k + 1) % 5]),
                (flat, np.broadcast_to(np.median(target[mask], 0), target.shape)),
                (stranger, images[(i + 1) % 90, k]),
            ):
                scores.append(np.abs(guess - target)[mask].mean())
    # One flat colour over the whole person is nearer than a copy...
    assert np.mean(copied) > np.mean(flat)
    assert np.mean(copied) > 0.25
    # ...and still the person matters: a stranger's photo is much further.
    assert np.mean(stranger) > 1.25 * np.mean(copied)


def test_photos_of_a_person_differ_in_pose_and_place(photos):
    joints, cameras = stack(photos, "joints"), stack(photos, "camera")
    assert all(len(set(row)) == 5 for row in cameras.tolist())
    spread = joints - joints.mean(1, keepdims=True)
    wrists = spread[:, :, [INDEX["right_wrist"], INDEX["left_wrist"]]]
    assert np.sqrt((wrists**2).sum(-1).mean()) > 5  # pixels of 64


@pytest.mark.parametrize("along", [(0.0, 1.0), (1.0, 0.0), (-0.6, 0.8), (0.0, -1.0)])
def test_surface_coordinates_turn_with_the_limb(along):
    """v runs from start to end; u grows towards the right of a limb that hangs down."""
    along = np.array(along)
    start, length, radius = np.array((0.0, 0.5)), 0.2, 0.05
    canvas = solids.Canvas((128, 64), 2)
    profile = np.full(solids.STEPS, radius, np.float32)
    canvas.tube(1, (*start, 0.0), (*(start + length * along), 0.0), profile)
    across = np.array((along[1], -along[0]))
    for v, u in [(0.5, 0.0), (0.2, 0.6), (0.9, -0.6)]:
        x, y = start + v * length * along + u * radius * across
        row, column = int(y * canvas.scale), int(x * canvas.scale + canvas.middle)
        assert canvas.part[row, column] == 1
        np.testing.assert_allclose(canvas.v[row, column], v, atol=0.5 / canvas.scale / length * 2)
        np.testing.assert_allclose(canvas.u[row, column], u, atol=0.5 / canvas.scale / radius * 2)
        depth = radius * np.sqrt(1 - canvas.u[row, column] ** 2)
        np.testing.assert_allclose(canvas.depth[row, column], depth, rtol=1e-4)
    end = start - 0.8 * radius * along
    row, column = int(end[1] * canvas.scale), int(end[0] * canvas.scale + canvas.middle)
    assert canvas.part[row, column] == 1  # the round end


def test_angles_turn_with_the_body():
    u = np.float32([-0.9, -0.3, 0.0, 0.9, 1.0])
    for yaw in (0, 30, 90, 170, -120):
        angle = people.garments.angle_around(u, np.float32(np.radians(yaw)))
        expected = np.angle(np.exp(1j * (np.arcsin(u.astype(float)) - np.radians(yaw))))
        np.testing.assert_allclose(angle, expected, atol=2e-4)


def test_draws_are_uniform_and_repeatable():
    chance = Chance(0, 1)
    draws = [chance.below(6) for _ in range(6000)]
    counts = np.bincount(draws, minlength=6)
    assert counts.min() > 850 and counts.max() < 1150
    assert draws[:50] == [Chance(0, 1).below(6), *draws[1:50]]
    assert sorted(chance.order(6)) == list(range(6))


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="expected one of"):
        people.photo(0, 1, 0, (128, 128))
    with pytest.raises(ValueError, match="identity 0"):
        people.photo(0, 0, 0, SMALL)
    with pytest.raises(ValueError, match="seed -1"):
        people.photo(-1, 1, 0, SMALL)
