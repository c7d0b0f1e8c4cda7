"""New persons from noise: what each part changes, and that no photo's pose is in a drawn one."""

import functools

import numpy as np
import pytest

import scenes
import tiny
from configs import pdig
from pgjax.errors import InputError
from pgjax.nets.pdig import PARTS
from pgjax.serving import export
from pgjax.serving.sampling import PersonSampler
from pgjax.training.recipe import build
from pgjax.training.state import state_shapes


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


def test_an_exported_model_has_what_samples():
    assert set(model().variables) == {"g", "poses", *PARTS} and model().stage == "stage1"
    half = model(step=6_500)
    assert set(half.variables) == {"g", "poses", "foreground", "background"}
    assert PersonSampler(half).parts == ("foreground", "background")


def test_a_model_that_cannot_sample_says_so():
    with pytest.raises(
        InputError, match="synthetic_people/pdig of step 3000 draws nothing from noise"
    ):
        PersonSampler(model("pdig", 3_000))
    with pytest.raises(InputError, match=r"'hair': .* draws foreground, background, pose"):
        sampler()(photos(), ("hair",))
