"""New persons from noise: what each part changes, and that no photo's pose is in a drawn one."""

import functools

import jax
import numpy as np
import pytest

import scenes
import tiny
from configs import pdig
from pgjax.errors import InputError
from pgjax.images.pixels import to_uint8
from pgjax.nets.pdig import PARTS
from pgjax.serving import export, model_card
from pgjax.serving.sampling import PersonSampler, parts_of
from pgjax.training.recipe import build
from pgjax.training.state import state_shapes
from pgjax.training.steps import make_generate


def config(row="pdig_sampling"):
    made = tiny.narrow(pdig.get_config(f"synthetic_people/{row}"))
    made.networks.g.options.update(levels=2, region_levels=2, region_side=12, code=5)
    return made


@functools.cache
def model(row="pdig_sampling", step=9_000):
    """As after the row's last step, but for parameters, which are none of them zero."""
    shapes = state_shapes(build(config(row)))
    networks = {
        name: network._replace(params=scenes.noisy(network.params))
        for name, network in shapes.networks.items()
    }
    return export.model_of(config(row), shapes._replace(step=np.int32(step), networks=networks))


@functools.cache
def sampler():
    return PersonSampler(model())


def photos():
    batch = tiny.batch(3)
    return batch._replace(
        target_image=batch.source_image,
        target_keypoints=batch.source_keypoints,
        target_visible=batch.source_visible,
    )


def changed(one, other):
    return np.any(one != other, axis=(1, 2, 3))


@pytest.mark.slow
def test_every_part_draws_something_new_and_alone():
    batch = photos()
    images = {drawn: sampler()(batch, drawn) for drawn in ((), *((part,) for part in PARTS), PARTS)}
    assert sampler().parts == PARTS
    for image in images.values():
        assert image.dtype == np.uint8 and image.shape == (4, *tiny.SIZE, 3)
    kept = images[()]
    for drawn, image in images.items():
        assert changed(image, kept).all() == bool(drawn), drawn
    # Noise of the same seed is the same, whatever else is drawn; of another it is not.
    np.testing.assert_array_equal(sampler()(batch, PARTS[::-1]), images[PARTS])
    assert changed(sampler()(batch, PARTS, seed=1), images[PARTS]).all()


def test_what_is_drawn_is_not_the_photos():
    """Issue 7 of the released code: it decodes the pose of the photo where it should a drawn one."""
    batch, other = photos(), tiny.batch(4)
    moved = batch._replace(
        target_keypoints=other.source_keypoints, target_visible=other.source_visible
    )
    assert changed(sampler()(moved), sampler()(batch)).all()
    np.testing.assert_array_equal(sampler()(moved, ("pose",)), sampler()(batch, ("pose",)))
    another = moved._replace(source_image=other.source_image)
    assert changed(sampler()(another, ("pose",)), sampler()(batch, ("pose",))).all()
    drawn = [sampler()(b._replace(source_image=batch.source_image), PARTS) for b in (batch, moved)]
    np.testing.assert_array_equal(*drawn)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["bfloat16", "bfloat16_products"])
def test_it_computes_in_the_precision_of_the_row(precision):
    """The copy of a photo is then what the row's generator makes, which float32 does not."""
    given = model().config | {"compute": model().config["compute"] | {"precision": precision}}
    made = model()._replace(config=given)
    generate = jax.jit(make_generate(made.recipe, made.recipe.stages["stage1"]))
    expected = to_uint8(np.asarray(generate(made.variables, photos())["g"])).astype(int)
    copy, exact = PersonSampler(made)(photos()), sampler()(photos())
    # One bit of rounding may fall otherwise in another program.
    assert np.abs(expected - copy).max() <= 1
    assert np.mean(expected != copy) < 0.1 * np.mean(expected != exact)
    assert PersonSampler(made)(photos(), PARTS).shape == copy.shape


def test_the_card_tells_of_what_samples():
    card = model_card.text(model())
    names = "`g` (pdig), `poses` (pdig_poses), `foreground` (pdig_mapping), "
    assert f"| networks | {names}`background` (pdig_mapping), `pose` (pdig_mapping) |" in card
    params = [network["params"] for network in model().variables.values()]
    assert f"| parameters | {sum(x.size for x in jax.tree.leaves(params)):,} |" in card
    assert "\npgjax sample FOLDER --out=FILE.png\n" in card
    assert "pgjax sample" not in model_card.text(model("pdig", 3_000))


def test_an_exported_model_has_what_samples():
    assert set(model().variables) == {"g", "poses", *PARTS} and model().stage == "stage1"
    half = model(step=6_500)
    assert set(half.variables) == {"g", "poses", "foreground", "background"}
    assert PersonSampler(half).parts == ("foreground", "background")


def test_a_model_that_cannot_sample_says_so():
    said = r"of step \d+ draws nothing from noise: .*, from its third stage on"
    # The third stage begins after step 4,500.
    for row, step in (("pdig", 3_000), ("pdig_sampling", 3_000), ("pdig_sampling", 4_500)):
        with pytest.raises(InputError, match=f"synthetic_people/{row} {said}"):
            PersonSampler(model(row, step))
    assert parts_of(model(step=4_501)) == ("foreground",)
    with pytest.raises(InputError, match=r"'hair': .* draws foreground, background, pose"):
        sampler()(photos(), ("hair",))
