"""PoseTransfer against what scores models, on photos and poses of any kind."""

import io
import itertools
import subprocess
import sys

import jax
import numpy as np
import pytest
from PIL import Image

import tiny
from configs import varigan
from pgjax import keypoints
from pgjax.errors import InputError, NonFiniteLossError
from pgjax.images.photo import fit
from pgjax.keypoints import limbs, make_pose, moved
from pgjax.pose.batch import Store
from pgjax.pose.skeleton import INDEX, VIEWS
from pgjax.serving import export
from pgjax.serving.transfer import PoseTransfer
from pgjax.training import model_folder
from pgjax.training.generation import Predictor
from pgjax.training.recipe import build
from pgjax.training.state import init_state

PHOTOS, SEEN = tiny.SPLITS["test"].store.images, tiny.SPLITS["test"].store
PAIRS = np.array([[0, 1], [0, 2], [3, 4], [4, 5], [8, 7]], np.int32)


@pytest.fixture(scope="module")
def transfer():
    return PoseTransfer(tiny.model(tiny.deformable_config("dsc")), batch_size=4)


def predicted(made, store=SEEN):
    """What evaluation makes of PAIRS."""
    recipe = build(made)
    state = init_state(recipe)
    predictions = list(Predictor(recipe, "stage1")(state, store, PAIRS))
    return np.concatenate([p.images["g"] for p in predictions])


def arguments(pairs=PAIRS):
    sources, targets = pairs.T
    return (
        [PHOTOS[i] for i in sources],
        [tiny.pose(2, i) for i in sources],
        [tiny.pose(2, i) for i in targets],
    )


def same(found, expected):
    """Equal, but for a rounding to the other side in another compilation."""
    difference = np.abs(np.asarray(found).astype(int) - np.asarray(expected).astype(int))
    assert difference.max() <= 1 and difference.mean() < 0.01


@pytest.mark.slow
def test_it_draws_what_evaluation_scores(transfer):
    found, expected = transfer(*arguments()), predicted(tiny.deformable_config("dsc"))
    assert isinstance(found, list) and found[0].dtype == np.uint8
    same(found, expected)
    assert np.abs(expected[0].astype(int) - expected[1].astype(int)).mean() > 1


@pytest.mark.slow
def test_one_by_one_is_as_all_together_and_sizes_compile_once(transfer):
    together = transfer(*arguments())
    alone = [transfer(*one) for one in zip(*arguments(), strict=True)]
    same(alone, together)
    transfer(*arguments(PAIRS[:3])), transfer(*arguments(PAIRS[:2]))
    compiled = transfer._draw.function._cache_size()
    for count in (1, 2, 3, 4, 5):
        assert len(list(transfer.each(*arguments(PAIRS[:count])))) == count
    assert transfer._draw.function._cache_size() == compiled == 3  # 1, 2 and 4


def test_one_photo_takes_many_poses(transfer):
    photos, sources, targets = arguments()
    many = transfer(photos[0], sources[0], targets)
    same(many, transfer([photos[0]] * 5, [sources[0]] * 5, targets))


@pytest.mark.slow
def test_two_stages(tmp_path):
    made = tiny.config()
    recipe = build(made)
    state = init_state(recipe)
    model = export.model_of(made, state._replace(step=np.int32(8)))
    model_folder.write(tmp_path / "export", model, "card")
    found = PoseTransfer.load(tmp_path / "export")(*arguments())
    (expected,) = Predictor(recipe, "stage2")(state, SEEN, PAIRS[:4])
    same(found[:4], expected.images["g2"])


def test_a_larger_photo_comes_back_in_its_own_size(transfer):
    """Twice as large, point for point: what the model sees is what it sees of the small one."""
    photos, sources, targets = arguments()
    for photo, source, target in list(zip(photos, sources, targets, strict=True))[:2]:
        big = np.asarray(Image.fromarray(photo).resize((64, 128), Image.Resampling.BICUBIC))
        scale = fit((64, 32), (128, 64))
        seen = fit((128, 64), (64, 32)).image(big)
        poses = [moved(pose, scale.points, (128, 64)) for pose in (source, target)]
        found = transfer(big, *poses)
        assert found.shape == big.shape
        expected = transfer(seen, source, target)
        same(found, scale.image(expected))
        # A target pose tells the size of its own photo; the small one is the same pose.
        same(transfer(big, poses[0], target._replace(size=(64, 32))), found)


@pytest.mark.parametrize("mode", ["letterbox", "crop", "stretch"])
@pytest.mark.parametrize("size", [(64, 32), (50, 90), (200, 31), (1, 1)])
def test_any_photo_in_any_mode(transfer, mode, size):
    photo = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    poses = [moved(tiny.pose(2, i), fit((64, 32), size, "stretch").points, size) for i in (0, 1)]
    found = transfer(photo, *poses, mode=mode)
    assert found.shape == photo.shape and found.dtype == np.uint8


def test_files_of_every_kind(transfer, tmp_path):
    photo, source, target = (column[0] for column in arguments())
    source, target = (make_pose(np.round(p.keypoints), p.visible) for p in (source, target))
    expected = transfer(photo, source, target)
    Image.fromarray(photo).save(tmp_path / "photo.png")
    keypoints.write(tmp_path / "source.json", {"photo.png": [source]}, "openpose")
    keypoints.write(tmp_path / "target.csv", {"other.png": [target]}, "csv")
    given = (tmp_path / "photo.png", tmp_path / "source.json", str(tmp_path / "target.csv"))
    np.testing.assert_array_equal(transfer(*given), expected)
    np.testing.assert_array_equal(transfer(Image.fromarray(photo), source, target), expected)
    # Turned as cameras do, and told so by EXIF.
    turned, exif = Image.fromarray(np.rot90(photo)), Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    turned.save(file, "PNG", exif=exif)
    np.testing.assert_array_equal(transfer(file.getvalue(), source, target), expected)


def test_what_a_missing_joint_holds_changes_nothing(transfer):
    photo, source, target = (column[0] for column in arguments())
    gone = np.isin(np.arange(18), [0, 4, 10, 16])
    source, target = (make_pose(p.keypoints, p.visible & ~gone) for p in (source, target))
    odd = [
        p._replace(keypoints=np.where(p.visible[:, None], p.keypoints, np.float32(1e9)))
        for p in (source, target)
    ]
    np.testing.assert_array_equal(transfer(photo, *odd), transfer(photo, source, target))


def test_refitted_limbs_are_another_pose(transfer):
    photo, source, target = (column[0] for column in arguments())
    small = moved(target, lambda points: 0.6 * points + (12, 6), (64, 32))
    plain, refitted = (transfer(photo, source, small, refit=r) for r in (False, True))
    assert (plain != refitted).any()
    same(transfer(photo, source, source, refit=True), transfer(photo, source, source))


def test_a_sequence_is_refitted_as_one_persons(transfer):
    """A limb that one frame shortens keeps its share of what another frame shows of it."""
    photo, source, target = (column[0] for column in arguments())
    target = moved(target, lambda points: 0.6 * points + (12, 6), (64, 32))
    points = target.keypoints.copy()
    points[4] = (points[3] + points[4]) / 2
    points[7] = (points[6] + points[7]) / 2
    targets = [target, make_pose(points, target.visible, size=(64, 32))]
    together = transfer(photo, source, limbs.refit(source, targets))
    found = transfer(photo, source, targets, refit=True)
    np.testing.assert_array_equal(found, together)
    alone = transfer([photo] * 2, source, targets, refit=True)
    np.testing.assert_array_equal(alone[0], found[0])
    assert (
        limbs.refit(source, targets[1:])[0].keypoints != limbs.refit(source, targets)[1][0]
    ).any()


def test_source_keypoints_of_a_copy_of_another_size(transfer):
    photo, source, target = (column[0] for column in arguments())
    large = moved(source, fit((64, 32), (192, 96)).points, (192, 96))
    same(transfer(photo, large, target), transfer(photo, source, target))
    with pytest.raises(
        InputError, match=r"64 high and 32 wide, but its keypoints are of .* 64 high"
    ):
        transfer(photo, source._replace(size=(64, 64)), target)


def test_a_sequence_of_every_kind(transfer, tmp_path):
    photo, source, _ = (column[0] for column in arguments())
    poses = {f"frame{i}": [tiny.pose(2, i)] for i in range(3)}
    array = np.array([np.where(p.visible[:, None], p.keypoints, -1) for (p,) in poses.values()])
    keypoints.write(tmp_path / "folder", poses, "npy")
    np.save(tmp_path / "poses.npy", array)
    keypoints.write(tmp_path / "poses.json", poses, "coco17_results")
    expected = transfer(photo, source, [pose for (pose,) in poses.values()])
    generator = (pose for (pose,) in poses.values())
    for given in (tmp_path / "folder", str(tmp_path / "poses.npy"), poses, array, generator):
        found = transfer(photo, source, given)
        assert isinstance(found, list)
        np.testing.assert_array_equal(found, expected)
    assert len(transfer(photo, source, tmp_path / "poses.json")) == 3
    # One of them is a sequence as well, and one pose none.
    for one in (array[:1], {"a": [tiny.pose(2, 0)]}):
        assert len(transfer(photo, source, one)) == 1
    assert transfer(photo, source, array[0]).shape == photo.shape


def alike(found, expected):
    """Of poses in files, which hold thousandths of a pixel: edges of parts may move by one."""
    difference = np.abs(np.asarray(found).astype(int) - np.asarray(expected).astype(int))
    assert difference.mean() < 0.1


def test_one_of_several_people_is_chosen(transfer, tmp_path):
    photo, source, target = (column[0] for column in arguments())
    small = make_pose(0.5 * target.keypoints + [2, 2])
    aside = moved(target, lambda points: 0.8 * points + np.float32([5, -9]), (64, 32))
    poses = {"a": [small, target], "b": [target, aside], "c": [aside]}
    keypoints.write(tmp_path / "poses", poses, "openpose")
    expected = transfer(photo, source, [target, target, aside])
    same(transfer(photo, source, poses, target_person="prominent"), expected)
    for given in (poses, tmp_path / "poses"):
        with pytest.warns(UserWarning, match="followed is not in 1 of 3, left out: c"):
            found = transfer(photo, source, given, target_person="followed")
        alike(found, expected[:2])
    same(transfer(photo, source, {"a": poses["a"]}, target_person=1), expected[:1])
    files = [tmp_path / "poses" / f"{name}_keypoints.json" for name in "ab"]
    alike(transfer(photo, source, files, target_person="prominent"), expected[:2])
    same(transfer(photo, {"": [small, source]}, target, source_person="prominent"), expected[0])
    for options, fault in (
        ({}, "target_pose: the dict, a: 2 people; choose one by target_person 0 to 1, prominent"),
        ({"target_person": "x"}, "target_person 'x': expected a number from 0 on, prominent"),
        ({"target_person": 1}, "target_person: 1, but target_pose: the dict, c has 1"),
    ):
        with pytest.raises(InputError, match=fault):
            transfer(photo, source, poses, **options)
    with pytest.raises(InputError, match=r"target_pose 0: .* is one photo's; a person is followed"):
        transfer(photo, source, files, target_person="followed")
    with pytest.raises(InputError, match="source_person 'followed': expected a number"):
        transfer(photo, {"": [source]}, target, source_person="followed")


def test_what_is_nobody_in_a_sequence(transfer):
    photo, source, target = (column[0] for column in arguments())
    ghost = make_pose(target.keypoints, np.arange(18) < 3)
    poses = {"a": [target], "b": [ghost, target], "c": [ghost], "d": []}
    for left, fault in (
        ("d", "c: only a few joints in it"),
        ("c", "d: nobody in it has a visible"),
    ):
        shown = {name: people for name, people in poses.items() if name != left}
        with pytest.raises(InputError, match=f"the dict, {fault}.*; target_person='prominent'"):
            transfer(photo, source, shown)
    with pytest.warns(UserWarning) as told:
        assert len(transfer(photo, source, poses, target_person="prominent")) == 2
    assert [str(one.message) for one in told] == [
        "target_pose: the dict: 2 detections of a few joints left out, in 2 of 4: b, c",
        "target_pose: the dict: nobody in 2 of 4, left out: c, d",
    ]


def test_what_is_no_pose_is_told_by_its_argument(transfer, tmp_path):
    photo, source, target = (column[0] for column in arguments())
    three = np.ones((3, 18, 2))
    for given, message in (
        (5, r"target_pose: an array int64 \(\)"),
        (None, "target_pose: NoneType; expected a Pose, a path"),
        ([target, [target]], "target_pose 1: list; expected a Pose"),
        ({"a": [target], "b": []}, "target_pose: the dict, b: nobody"),
        ({"a": [target, target]}, r"target_pose: the dict, a: 2 people; choose one"),
        ({"a": 3}, "target_pose: the dict, a: int; expected a list of people"),
        (np.ones((2, 17, 2)), "target_pose: an array"),
        ([target, three], "target_pose 1: the ndarray holds the poses of 3 photos"),
    ):
        with pytest.raises(InputError, match=message):
            transfer(photo, source, given)
    with pytest.raises(InputError, match="source_pose: the ndarray holds the poses of 3 photos"):
        transfer(photo, three, target)


def test_joints_outside_the_picture_are_missing(transfer):
    photo, source, target = (column[0] for column in arguments())
    away = moved(target, lambda points: points + 500, (64, 32))
    with pytest.raises(InputError, match="target_pose: all of its joints lie outside"):
        transfer(photo, source, away)
    with pytest.raises(InputError, match="source_pose: all of its joints lie outside"):
        transfer(photo, away, target)
    images = transfer.each(photo, source, [target] * 20 + [away])
    with pytest.raises(InputError, match="target_pose 20: all"):
        next(images)
    half = make_pose(np.where(np.arange(18)[:, None] < 9, target.keypoints + 500, target.keypoints))
    rest = make_pose(target.keypoints, np.arange(18) >= 9)
    np.testing.assert_array_equal(transfer(photo, half, half), transfer(photo, rest, rest))
    wide = np.repeat(photo, 3, axis=1)  # of which "crop" shows the middle
    left = half._replace(size=(64, 96))
    middle = moved(half, lambda points: points + np.float32([0, 32]), (64, 96))
    with pytest.raises(InputError, match="source_pose: all"):
        transfer(wide, left, middle, mode="crop")


def test_faults_are_told(transfer):
    photo, source, target = (column[0] for column in arguments())
    nobody = make_pose(np.zeros((18, 2)), np.zeros(18, bool))
    with pytest.raises(InputError, match="target_pose: no visible joint"):
        transfer(photo, source, nobody)
    with pytest.raises(InputError, match="source_pose: no visible joint"):
        transfer(photo, nobody, target)
    with pytest.raises(InputError, match="is nan; expected pixels"):
        transfer(photo, source, np.full((18, 2), np.nan))
    with pytest.raises(InputError, match="lists of 2 and 3"):
        transfer([photo] * 2, source, [target] * 3)
    with pytest.raises(InputError, match="not 0"):
        transfer(photo, source, [])
    with pytest.raises(InputError, match="mode 'pad': expected one of"):
        transfer(photo, source, target, mode="pad")
    with pytest.raises(FileNotFoundError, match=r"none\.jpg"):
        transfer("none.jpg", source, target)
    with pytest.raises(InputError, match="batch_size"):
        PoseTransfer(transfer.model, batch_size=0)


def test_broken_weights_draw_no_picture(transfer):
    bad = jax.tree.map(lambda x: np.full_like(x, np.nan), transfer.model.variables)
    broken = PoseTransfer(transfer.model._replace(variables=bad))
    with pytest.raises(NonFiniteLossError, match="draws what is not finite"):
        broken(*arguments(PAIRS[:1]))


@pytest.mark.slow
def test_a_told_background():
    """The true one gives what evaluation draws; without it the source's own is taken, person erased."""
    made = tiny.generator_config()
    made.networks.g.options.background = True
    transfer = PoseTransfer(tiny.model(made))
    behind = np.random.default_rng(5).integers(0, 256, PHOTOS.shape, np.uint8)
    expected = predicted(made, Store(*SEEN[:3], behind))
    found = transfer(*arguments(), background=[behind[i] for i in PAIRS[:, 1]])
    same(found, expected)
    assert (np.asarray(transfer(*arguments())) != expected).any()


@pytest.fixture(scope="module")
def by_view():
    made = tiny.narrow(varigan.get_config("synthetic_people/varigan_reading"))
    made.networks.g.options.update(code=5, latent=6)
    return PoseTransfer(tiny.model(made), batch_size=4)


@pytest.mark.slow
def test_a_view_instead_of_poses(by_view):
    photo, source, target = (column[0] for column in arguments())
    images = by_view(photo, view=list(VIEWS))
    assert [image.shape for image in images] == [photo.shape] * 3
    assert all((a != b).any() for a, b in itertools.combinations(images, 2))
    np.testing.assert_array_equal(by_view(photo, view="back"), images[2])
    assert len(by_view([photo, PHOTOS[3]], view="side")) == 2
    # Of a pose the shoulders tell the view, and nothing else is read.
    right, left = (INDEX[f"{side}_shoulder"] for side in ("right", "left"))
    for apart, image in ((12, images[0]), (-12, images[2])):
        points = target.keypoints.copy()
        points[right], points[left] = (14, 16 - apart / 2), (14, 16 + apart / 2)
        points[INDEX["right_hip"]], points[INDEX["left_hip"]] = (30, 14), (30, 18)
        np.testing.assert_array_equal(by_view(photo, source, make_pose(points)), image)


def test_views_that_cannot_be(transfer, by_view):
    photo, source, _ = (column[0] for column in arguments())
    with pytest.raises(InputError, match="view: the model synthetic_people/dsc is told a pose"):
        transfer(photo, view="back")
    with pytest.raises(InputError, match="view 'left': expected one of front, side, back"):
        by_view(photo, view=["back", "left"])
    with pytest.raises(InputError, match="view: goes without source_pose"):
        by_view(photo, source, view="back")
    for option in ({"refit": True}, {"source_person": 0}, {"target_person": "prominent"}):
        with pytest.raises(InputError, match=f"view: goes without {next(iter(option))}"):
            by_view(photo, view="back", **option)
    with pytest.raises(InputError, match="view: missing; expected one, or source_pose and target"):
        by_view(photo, source)
    with pytest.raises(InputError, match="lists of 2 and 3"):
        by_view([photo] * 2, view=["back"] * 3)


BLOCKED = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"tensorflow_datasets", "grain", "array_record", "tensorflow"}:
            raise ModuleNotFoundError(f"{name} is blocked")
sys.meta_path.insert(0, Block())
from pgjax.serving.transfer import PoseTransfer
import numpy as np
joints = np.stack([np.linspace(4, 60, 18), np.linspace(10, 20, 18) % 7 + 12], 1)
transfer = PoseTransfer.load(sys.argv[1])
print(transfer(np.zeros((70, 40, 3), np.uint8), joints, joints).shape)
"""


@pytest.mark.slow
def test_no_data_library_is_needed(tmp_path):
    model_folder.write(tmp_path / "export", tiny.model(tiny.generator_config()), "card")
    command = [sys.executable, "-c", BLOCKED, str(tmp_path / "export")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout == "(70, 40, 3)\n", done.stderr
