"""The reading of VariGAN against a numpy float64 forward pass; what its latent follows from."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pgjax.errors import InputError
from pgjax.nets import NETS, layers
from pgjax.nets.varigan import Coarse, Fine, divergence
from scenes import conv, count, decode, encode, join, leaky, noisy, norm, spec, standing, up

SIZE = (32, 16)
FEATURES = 2
OPTIONS = {"varigan_coarse": {"code": 5, "latent": 6}, "varigan_fine": {"prior": "coarse"}}
KEYS = jax.vmap(jax.random.key)(np.array([3, 4]))


def given(scene):
    return {"coarse": 0.3 * scene.target_image[:, ::-1]}


@functools.cache
def built(name, norm="joint"):
    """Random parameters and the compiled forward pass of training, shared by tests."""
    network = NETS[name](features=FEATURES, norm=norm, **OPTIONS[name])
    scene = standing(SIZE)
    init = functools.partial(network.init, train=False)
    shapes = jax.eval_shape(init, jax.random.key(0), scene, given(scene))
    params = noisy(shapes["params"])
    if name == "varigan_coarse":
        # Of variances about 1: an exponential of what is 5 wide hides everything else.
        params["log_variance"] = jax.tree.map(lambda x: x / 5, params["log_variance"])

    @functools.partial(jax.jit, static_argnums=2)
    def forward(params, scene, train=True):
        own = [layers.OWN_TERMS] if train else []
        image, told = network.apply(
            {"params": params}, scene, given(scene), train=train, mutable=own
        )
        return image, told.get(layers.OWN_TERMS, {})

    return params, forward


# ------------------------------------------------------------------ numpy float64


def halved(image):
    image = np.float64(image)
    quarters = [image[:, i::2, j::2] for i in (0, 1) for j in (0, 1)]
    return sum(quarters) / 4


def flat(image, p, kind):
    found = leaky(encode(halved(image), p, kind)[-1])
    return found.reshape(len(found), -1)


def dense(x, p):
    return x @ np.float64(p["kernel"]) + np.float64(p["bias"])


def condition(p, scene, kind):
    code = dense(flat(scene.source_image, p["source_encoder"], kind), p["code"])
    return join(dense(np.float64(scene.target_view), p["view"]), code)


def posterior(p, scene, kind="joint"):
    """Mean and variance."""
    read = flat(scene.target_image, p["posterior_encoder"], kind)
    read = join(read, condition(p, scene, kind))
    return dense(read, p["mean"]), np.exp(dense(read, p["log_variance"]))


def drawn(p, scene, latent, kind="joint"):
    """The coarse image of a latent (B, 6)."""
    x = dense(join(latent, condition(p, scene, kind)), p["spread"])
    x = x.reshape(len(x), 4, 2, 4 * FEATURES)  # 16x8, halved twice
    for level in (1, 0):
        x = norm(up(np.maximum(x, 0), p[f"up{level}"]), p[f"norm{level}"], kind)
    x = np.tanh(conv(np.maximum(x, 0), p["out"]))
    return x.repeat(2, axis=1).repeat(2, axis=2)


@pytest.mark.parametrize("kind", ["joint", "instance"])
def test_coarse_decodes_a_latent_a_view_and_the_source(kind):
    params, forward = built("varigan_coarse", kind)
    scene = standing(SIZE)
    mean, variance = posterior(params, scene, kind)
    # Without keys nothing is random: the mean in training, 0 in evaluation.
    image, told = forward(params, scene)
    expected = drawn(params, scene, mean, kind)
    assert image.shape == (2, *SIZE, 3) and 0.1 < np.abs(expected).mean() < 0.9
    np.testing.assert_allclose(image, expected, atol=2e-4)
    (kl,) = told["kl"]
    by_hand = [
        sum((m * m + v - 1 - np.log(v)) / 2 for m, v in zip(*both, strict=True))
        for both in zip(mean, variance, strict=True)
    ]
    np.testing.assert_allclose(kl, by_hand, rtol=1e-4)
    image, told = forward(params, scene, False)
    assert not told
    expected = drawn(params, scene, np.zeros_like(mean), kind)
    np.testing.assert_allclose(image, expected, atol=2e-4)


def test_the_divergence_is_the_integral_of_the_two_densities():
    """A sum over a fine grid, in one dimension."""
    z = np.linspace(-12, 12, 200_001)
    mean, variance = np.array([0.7, -1.5, 0.0]), np.array([0.3, 2.0, 1.0])
    q = np.exp(-((z - mean[:, None]) ** 2) / (2 * variance[:, None]))
    q /= np.sqrt(2 * np.pi * variance[:, None])
    prior = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    expected = np.sum(q * np.log(np.maximum(q, 1e-300) / prior), axis=1) * (z[1] - z[0])
    found = divergence(jnp.asarray(mean)[:, None], jnp.log(jnp.asarray(variance))[:, None])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    both = divergence(jnp.asarray(mean[None, :2]), jnp.log(jnp.asarray(variance[None, :2])))
    np.testing.assert_allclose(both, [expected[:2].sum()], atol=1e-5)


def test_the_latent_is_drawn_from_the_posterior_and_its_gradient_flows_to_both_moments():
    """By finite differences of the numpy pass, whose noise is that of the keys."""
    params, forward = built("varigan_coarse")
    scene = standing(SIZE)
    noise = np.stack([jax.random.normal(jax.random.fold_in(key, 1 << 16), (6,)) for key in KEYS])

    def by_hand(params):
        mean, variance = posterior(params, scene)
        return drawn(params, scene, mean + np.sqrt(variance) * noise)

    keyed = scene._replace(keys=KEYS)
    image, _ = forward(params, keyed)
    np.testing.assert_allclose(image, by_hand(params), atol=2e-4)
    weights = np.random.default_rng(0).normal(size=image.shape)
    gradient = jax.grad(lambda p: jnp.sum(forward(p, keyed)[0] * weights))(params)
    for name in ("mean", "log_variance"):
        for place in range(3):
            step = 1e-4
            ends = []
            for sign in (1, -1):
                bias = np.float64(params[name]["bias"])
                bias[place] += sign * step
                moved = params | {name: {"kernel": params[name]["kernel"], "bias": bias}}
                ends.append(np.sum(by_hand(moved) * weights))
            expected = (ends[0] - ends[1]) / (2 * step)
            assert abs(expected) > 1e-3
            np.testing.assert_allclose(
                gradient[name]["bias"][place], expected, rtol=2e-3, atol=2e-3
            )


@pytest.mark.parametrize("keys", [None, KEYS], ids=["mean", "draws"])
def test_evaluation_does_not_read_the_target(keys):
    params, forward = built("varigan_coarse")
    scene = standing(SIZE)._replace(keys=keys)
    read = ("source_image", "target_view", "keys")
    ones = jax.tree.map(jnp.ones_like, standing(SIZE))
    other = ones._replace(**{name: getattr(scene, name) for name in read})
    image, _ = forward(params, scene, False)
    np.testing.assert_array_equal(forward(params, other, False)[0], image)
    # In training the target is read, and in both the view.
    changed = scene._replace(target_image=scene.target_image[::-1])
    assert np.abs(forward(params, changed)[0] - forward(params, scene)[0]).max() > 1e-2
    turned = scene._replace(target_view=scene.target_view[::-1])
    assert np.abs(forward(params, turned, False)[0] - image).max() > 1e-2


def test_an_images_draw_follows_from_its_key():
    params, forward = built("varigan_coarse")
    scene = standing(SIZE)._replace(keys=KEYS)
    image, _ = forward(params, scene, False)
    plain, _ = forward(params, scene._replace(keys=None), False)
    assert np.abs(image - plain).max() > 1e-2
    reordered = jax.tree.map(lambda x: x[::-1], scene)
    np.testing.assert_allclose(forward(params, reordered, False)[0][::-1], image, atol=1e-5)


def test_fine_is_a_u_net_of_two_encoders():
    params, forward = built("varigan_fine")
    scene = standing(SIZE)
    both = [
        encode(np.float64(image), params[f"{name}_encoder"], "joint")
        for name, image in (
            ("coarse", given(scene)["coarse"]),
            ("source", scene.source_image),
        )
    ]
    skips = [join(*parts) for parts in zip(*both, strict=True)]
    expected = np.tanh(decode(skips, params["decoder"], "joint"))
    assert 0.1 < np.abs(expected).mean() < 0.9
    np.testing.assert_allclose(forward(params, scene)[0], expected, atol=2e-4)
    keyed, _ = forward(params, scene._replace(keys=KEYS))
    assert np.abs(keyed - expected).max() > 1e-2  # dropout


def test_fine_takes_the_coarse_image_as_a_constant():
    network, scene = Fine(features=FEATURES, prior="coarse"), standing(SIZE)
    params, _ = built("varigan_fine")

    def total(image):
        return jnp.sum(network.apply({"params": params}, scene, {"coarse": image}, train=True))

    assert not jax.jit(jax.grad(total))(given(scene)["coarse"]).any()


@pytest.mark.parametrize("name", OPTIONS)
def test_every_parameter_learns(name):
    params, forward = built(name)
    scene = standing(SIZE)._replace(keys=KEYS)

    def loss(params):
        image, told = forward(params, scene)
        own = sum(jnp.mean(value) for values in told.values() for value in values)
        return jnp.mean(jnp.square(image - scene.target_image)) + own

    for path, grad in jax.tree.leaves_with_path(jax.grad(loss)(params)):
        assert np.isfinite(grad).all() and grad.any(), jax.tree_util.keystr(path)


def made(network, size):
    """The image and the parameters as shapes: nothing is computed."""
    scene = spec(size)

    def f(scene):
        return network.init_with_output(jax.random.key(0), scene, given(scene), train=False)

    image, variables = jax.eval_shape(f, scene)
    return image, variables["params"]


def encoder(levels, features=64):
    """Of photos: a layer of 3 channels to the first level, then blocks of 4x4, norms but the last."""
    widths = [features * min(2**level, 8) for level in range(levels)]
    blocks = sum(16 * a * b for a, b in itertools.pairwise(widths))
    return 9 * 3 * features + features + blocks + 2 * (levels - 2)


def coarse(levels, pixels, features=64):
    """At half size, with a code and a latent of 256; `pixels` of the lowest level."""
    widths = [features * min(2**level, 8) for level in range(levels)]
    numbers, told = pixels * widths[-1], 256 + 256
    view = 3 * 256 + 256
    posterior = 2 * ((numbers + told) * 256 + 256)
    spread = (256 + told) * numbers + numbers
    ups = [min(2 * w, 8 * features) for w in widths[:-1]]
    ins = [*ups[1:], widths[-1]]
    decoder = sum(16 * a * b + 2 for a, b in zip(ins, ups, strict=True)) + 9 * ups[0] * 3 + 3
    code = numbers * 256 + 256
    return 2 * encoder(levels, features) + code + view + posterior + spread + decoder


@pytest.mark.parametrize(
    ("network", "size", "expected"),
    [
        (Coarse(), (128, 64), coarse(5, 8)),
        (Coarse(), (256, 256), coarse(6, 16)),
        (Coarse(features=16), (64, 32), coarse(4, 8, 16)),
        (Coarse(features=16), (64, 32), 2_609_649),
        # As the deformable GAN's generator with two encoders, of which each reads three channels.
        (Fine(prior="coarse"), (128, 64), 61_109_085 - 9 * 64 * (21 + 18 - 6)),
        (Fine(prior="coarse"), (256, 256), 82_080_611 - 9 * 64 * (21 + 18 - 6)),
    ],
)
def test_parameter_counts(network, size, expected):
    image, params = made(network, size)
    assert image.shape == (1, *size, 3)
    assert count(params) == expected


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize(
    ("options", "size", "message"),
    [
        ({"norm": "batch"}, SIZE, "norm: .*'batch'.* joint, instance"),
        ({"features": 0}, SIZE, "features: "),
        ({}, (4, 4), "4x4|2x2"),
    ],
)
def test_what_cannot_work_says_so(name, options, size, message):
    with pytest.raises(InputError, match=message):
        made(NETS[name](**{"features": FEATURES} | OPTIONS[name] | options), size)


@pytest.mark.parametrize(
    ("network", "size", "message"),
    [
        (Coarse(latent=0), SIZE, "latent: "),
        (Coarse(code=0), SIZE, "code: "),
        (Coarse(), (65, 32), "65x32: .* multiples of 2"),
        (Fine(dropout=1.0, prior="coarse"), SIZE, "dropout: .*1.0"),
        (Fine(), SIZE, r"prior: .*'g'.*\['coarse'\]"),
    ],
)
def test_options_of_one(network, size, message):
    with pytest.raises(InputError, match=message):
        made(network, size)
