"""Adversarial losses against numbers worked out by hand, over several devices too."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pgjax.runtime.devices import DEVICES
from pgjax.training.losses import ADVERSARIAL

REAL = np.array([2.0, -1.0, 0.5], np.float32)  # mean 0.5
FAKE = np.array([-3.0, 0.3, 2.1], np.float32)  # mean -0.2

# Critic on REAL, critic on FAKE, generator.
VALUES = {
    # log(1 + exp(-2)) = 0.126928, log(1 + exp(1)) = 1.313262, log(1 + exp(-0.5)) = 0.474077; ...
    ("bce", ()): (0.6380889, 1.0394874, 1.2394874),
    # (0 + 2 + 0.5) / 3, (0 + 1.3 + 3.1) / 3, (4 + 0.7 + 0) / 3
    ("hinge", ()): (0.8333333, 1.4666667, 1.5666667),
    # Sigmoids 0.880797, 0.268941, 0.622459 and 0.047426, 0.574443, 0.890903.
    ("hinge", ("on_probability",)): (0.4092674, 1.5042572, 0.4957428),
    # REAL + 0.2 = 2.2, -0.8, 0.7 and FAKE - 0.5 = -3.5, -0.2, 1.6: (0 + 1.8 + 0.3) / 3,
    # (0 + 0.8 + 2.6) / 3, and (4.5 + 1.2 + 0) / 3 + (3.2 + 0.2 + 1.7) / 3
    ("relativistic_hinge", ()): (0.7, 1.1333333, 3.6),
    # (1 + 4 + 0.25) / 6, (9 + 0.09 + 4.41) / 6, (16 + 0.49 + 1.21) / 6
    ("least_squares", ()): (0.875, 2.25, 2.95),
    ("wgan", ()): (-0.5, -0.2, 0.2),
}

# Signs of the gradient to each logit: critic to REAL and to FAKE, generator to REAL and to FAKE. 0 is
# where the logit is beyond the margin; relativistic losses reach every logit through the means.
SIGNS = {
    ("bce", ()): ("---", "+++", "000", "---"),
    ("hinge", ()): ("0--", "0++", "000", "--0"),
    ("hinge", ("on_probability",)): ("---", "+++", "000", "---"),
    ("least_squares", ()): ("+--", "-++", "000", "--+"),
    ("wgan", ()): ("---", "+++", "000", "---"),
    # Times 9: REAL -(0, 3, 3) - 2 by its mean, FAKE (0, 3, 3) + 2; generator's REAL (3, 3, 3) + 2, FAKE
    # -(3, 3, 0) - 3.
    ("relativistic_hinge", ()): ("---", "+++", "+++", "---"),
}


def _losses(case):
    """(critic's losses, generator's loss), functions of (real, fake), on one device."""
    name, options = case
    chosen = dict.fromkeys(options, True)

    def single(function):
        def call(real, fake):
            def inner(real, fake):
                return function(real, fake, **chosen)

            found = jax.vmap(inner, axis_name=DEVICES)(real[None], fake[None])
            return jax.tree.map(lambda x: x[0], found)

        return call

    return tuple(map(single, ADVERSARIAL[name]))


def test_every_loss_is_here():
    lacking = set(ADVERSARIAL) - {name for name, _ in VALUES}
    assert not lacking, f"work out VALUES and SIGNS of {lacking} by hand, in this file"
    assert VALUES.keys() == SIGNS.keys()


@pytest.mark.parametrize("case", VALUES, ids=str)
def test_values_are_those_worked_out_by_hand(case):
    critic, generator = _losses(case)
    found = (*critic(REAL, FAKE), generator(REAL, FAKE))
    np.testing.assert_allclose(found, VALUES[case], rtol=1e-6)


@pytest.mark.parametrize("case", VALUES, ids=str)
def test_a_patch_is_as_good_as_an_image(case):
    critic, generator = _losses(case)
    real, fake = (x.reshape(1, 3, 1, 1) for x in (REAL, FAKE))
    found = (*critic(real, fake), generator(real, fake))
    np.testing.assert_allclose(found, VALUES[case], rtol=1e-6)


def _signs(gradient):
    return "".join("0+-"[int(sign)] for sign in np.sign(gradient))


@pytest.mark.parametrize("case", SIGNS, ids=str)
def test_gradients_have_the_right_sign_on_both_sides(case):
    critic, generator = _losses(case)
    to_both = [jax.grad(f, (0, 1)) for f in (lambda r, f: sum(critic(r, f)), generator)]
    found = [_signs(gradient) for to in to_both for gradient in to(REAL, FAKE)]
    assert tuple(found) == SIGNS[case]


@pytest.mark.parametrize("name", ["bce", "hinge", "least_squares"])
def test_each_side_of_the_critic_sees_its_own_logits(name):
    critic, _ = ADVERSARIAL[name]
    on_real, on_fake = critic(REAL, FAKE)
    assert critic(REAL, 7 * FAKE)[0] == on_real
    assert critic(7 * REAL, FAKE)[1] == on_fake


def test_critic_and_generator_take_the_same_options():
    """The recipe checks a config's options against the critic's alone."""
    for name, pair in ADVERSARIAL.items():
        critic, generator = (inspect.signature(f).parameters for f in pair)
        assert list(critic) == list(generator), name


@pytest.mark.parametrize("far", [-200.0, 200.0])
@pytest.mark.parametrize("case", VALUES, ids=str)
def test_losses_are_finite_where_the_sigmoid_saturates(case, far):
    critic, generator = _losses(case)
    logits = np.array([far, far, -far], np.float32)
    for function in (lambda r, f: sum(critic(r, f)), generator):
        value, gradients = jax.value_and_grad(function, (0, 1))(logits, logits)
        assert np.isfinite(value) and np.isfinite(gradients).all()


# Four images in two halves, whose own means are far from the batch's: 0.5 (real) and -0.2 (fake).
HALVES = (
    np.array([[2.0, 1.0], [-1.0, 0.0]], np.float32),
    np.array([[-4.0, 1.0], [0.0, 2.2]], np.float32),
)


@pytest.mark.parametrize("mapping", ["vmap", "pmap"])
def test_relativistic_hinge_over_two_devices_is_that_of_the_batch(mapping):
    """Values, and slopes along parameters that the devices share, averaged as in the step."""
    critic, generator = ADVERSARIAL["relativistic_hinge"]

    def losses(scales, real, fake):
        real, fake = real * scales[0], fake * scales[1]
        return jnp.stack([*critic(real, fake), generator(real, fake)])

    def mapped(real, fake):
        ones = jnp.ones(2)
        made = losses(ones, real, fake), jax.jacrev(losses)(ones, real, fake)
        return jax.lax.pmean(made, DEVICES)

    values, slopes = getattr(jax, mapping)(mapped, axis_name=DEVICES)(*HALVES)
    # Real margins 2.2, 1.2, -0.8, 0.2 and fake ones -4.5, 0.5, -0.5, 1.7: (0 + 0 + 1.8 + 0.8) / 4,
    # (0 + 1.5 + 0.5 + 2.7) / 4, (5.5 + 0.5 + 1.5 + 0) / 4 + (3.2 + 2.2 + 0.2 + 1.2) / 4.
    expected = [0.65, 1.175, 3.575]
    # Along the real scale: (1 + 0) / 4, -3 * 0.5 / 4, 3 * 0.5 / 4 + (2 + 1 - 1 + 0) / 4; along the fake
    # one: -2 * 0.2 / 4, (1 + 0 + 2.2) / 4, (4 - 1 - 0) / 4 + 4 * 0.2 / 4.
    along = [[0.25, -0.1], [-0.375, 0.8], [0.875, 0.95]]
    for value, slope in zip(values, slopes, strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-6)
        np.testing.assert_allclose(slope, along, rtol=1e-5)
