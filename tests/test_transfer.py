"""PoseTransfer against what scores models, on photos and poses of any kind."""

import io
import subprocess
import sys

import jax
import numpy as np
import pytest
from PIL import Image

import tiny
from pgjax import export, keypoints, model_folder
from pgjax.batch import Store
from pgjax.errors import InputError, NonFiniteLossError
from pgjax.generation import Predictor
from pgjax.keypoints import make_pose, moved
from pgjax.photo import fit
from pgjax.recipe import build
from pgjax.state import init_state
from pgjax.transfer import PoseTransfer

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


def test_it_draws_what_evaluation_scores(transfer):
    found, expected = transfer(*arguments()), predicted(tiny.deformable_config("dsc"))
    assert isinstance(found, list) and found[0].dtype == np.uint8
    same(found, expected)
    assert np.abs(expected[0].astype(int) - expected[1].astype(int)).mean() > 1


def test_one_by_one_is_as_all_together_and_sizes_compile_once(transfer):
    together = transfer(*arguments())
    alone = [transfer(*one) for one in zip(*arguments(), strict=True)]
    same(alone, together)
    transfer(*arguments(PAIRS[:3])), transfer(*arguments(PAIRS[:2]))
    compiled = transfer._draw._cache_size()
    for count in (1, 2, 3, 4, 5):
        assert len(list(transfer.each(*arguments(PAIRS[:count])))) == count
    assert transfer._draw._cache_size() == compiled == 3  # 1, 2 and 4


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


def test_faults_are_told(transfer):
    photo, source, target = (column[0] for column in arguments())
    nobody = make_pose(np.zeros((18, 2)), np.zeros(18, bool))
    with pytest.raises(InputError, match="target pose has no visible joint"):
        transfer(photo, source, nobody)
    with pytest.raises(InputError, match="source pose has no visible joint"):
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


BLOCKED = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"tensorflow_datasets", "grain", "array_record", "tensorflow"}:
            raise ModuleNotFoundError(f"{name} is blocked")
sys.meta_path.insert(0, Block())
from pgjax.transfer import PoseTransfer
import numpy as np
joints = np.stack([np.linspace(4, 60, 18), np.linspace(10, 20, 18) % 7 + 12], 1)
transfer = PoseTransfer.load(sys.argv[1])
print(transfer(np.zeros((70, 40, 3), np.uint8), joints, joints).shape)
"""


def test_no_data_library_is_needed(tmp_path):
    model_folder.write(tmp_path / "export", tiny.model(tiny.generator_config()), "card")
    command = [sys.executable, "-c", BLOCKED, str(tmp_path / "export")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout == "(70, 40, 3)\n", done.stderr
