"""VDG's two stages against a numpy float64 forward pass, and their branches one by one."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pgjax.errors import InputError
from pgjax.nets import NETS
from pgjax.nets.vdg import Stage1, Stage2
from scenes import count, decode, encode, join, leaky, noisy, spec, standing

SIZE = (32, 16)
LEVELS = 4
FEATURES = 2
STAGES = ("vdg_stage1", "vdg_stage2")
OTHER = {"norm": "instance", "pose": "sticks"}


def priors(scene):
    return {"g": 0.3 * scene.target_image[:, ::-1]}


@functools.cache
def built(name, other=False):
    """A network, random parameters and its compiled forward pass, shared by tests."""
    network = NETS[name](features=FEATURES, **(OTHER if other else {}))
    scene = standing(SIZE)
    params = noisy(jax.eval_shape(lambda: init(network, scene)))
    forward = jax.jit(lambda p, s, images: network.apply({"params": p}, s, images, train=True))
    return network, params, forward


def init(network, scene):
    return network.init(jax.random.key(0), scene, priors(scene), train=False)["params"]


# ------------------------------------------------------------------ numpy float64


def numpy_stage1(p, target_pose, source_image, source_pose, kind):
    branches = [
        encode(np.float64(x), p[f"{name}_encoder"], kind)
        for name, x in (
            ("target_pose", target_pose),
            ("source_image", source_image),
            ("source_pose", source_pose),
        )
    ]
    fused = []
    for level, parts in enumerate(zip(*branches, strict=True)):
        mix, width = p[f"fuse{level}"], parts[0].shape[-1]
        assert mix["kernel"].shape == (1, 1, 3 * width, width)
        fused.append(
            leaky(join(*parts)) @ np.float64(mix["kernel"][0, 0]) + np.float64(mix["bias"])
        )
    return np.tanh(decode(fused, p["decoder"], kind))


def numpy_stage2(p, prior, source_image, target_pose, kind):
    skips = encode(join(prior, source_image, target_pose), p["encoder"], kind)
    return np.float64(prior) + decode(skips, p["decoder"], kind)


@pytest.mark.parametrize("other", [False, True])
def test_stage1_is_three_encoders_fused_before_the_decoder(other):
    _, params, forward = built("vdg_stage1", other)
    scene = standing(SIZE)
    image = forward(params, scene, {})
    poses = (scene.target_heatmaps, scene.source_heatmaps)
    if other:
        poses = (scene.target_sticks, scene.source_sticks)
    kind = "instance" if other else "joint"
    expected = numpy_stage1(params, poses[0], scene.source_image, poses[1], kind)
    assert image.shape == (2, *SIZE, 3)
    assert 0.1 < np.abs(expected).mean() < 0.9  # the tanh does not hide what is wrong
    np.testing.assert_allclose(image, expected, atol=2e-4)


@pytest.mark.parametrize("other", [False, True])
def test_stage2_adds_to_its_prior(other):
    _, params, forward = built("vdg_stage2", other)
    scene = standing(SIZE)
    pose = scene.target_sticks if other else scene.target_heatmaps
    prior = priors(scene)["g"]
    kind = "instance" if other else "joint"
    expected = numpy_stage2(params, prior, scene.source_image, pose, kind)
    assert np.abs(expected - prior).max() > 1  # a tanh would show
    np.testing.assert_allclose(forward(params, scene, {"g": prior}), expected, atol=2e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", STAGES)
def test_every_parameter_learns(name):
    network, params, _ = built(name)
    scene = standing(SIZE)

    def loss(params):
        image = network.apply({"params": params}, scene, priors(scene), train=True)
        return jnp.mean(jnp.square(image - scene.target_image))

    for path, grad in jax.tree.leaves_with_path(jax.jit(jax.grad(loss))(params)):
        assert np.isfinite(grad).all() and grad.any(), jax.tree_util.keystr(path)


# ------------------------------------------------------------------ stage one: branches


@functools.cache
def features():
    """Compiled: what every submodule of stage one returns."""
    network, params, _ = built("vdg_stage1")

    @jax.jit
    def run(scene):
        _, kept = network.apply(
            {"params": params}, scene, {}, train=False, capture_intermediates=True, mutable=True
        )
        return kept["intermediates"]

    return run


BRANCHES = {
    "target_pose": "target_heatmaps",
    "source_image": "source_image",
    "source_pose": "source_heatmaps",
}


@pytest.mark.parametrize("changed", BRANCHES)
def test_a_branch_reads_its_input_alone_until_fusion(changed):
    scene, run = standing(SIZE), features()
    field = BRANCHES[changed]
    other = scene._replace(**{field: getattr(scene, field)[::-1]})
    before, after = run(scene), run(other)
    for branch in BRANCHES:
        a, b = (kept[f"{branch}_encoder"]["__call__"][0] for kept in (before, after))
        differ = [bool(np.any(x != y)) for x, y in zip(a, b, strict=True)]
        assert differ == [branch == changed] * LEVELS, branch
    for level in range(LEVELS):
        a, b = (kept[f"fuse{level}"]["__call__"][0] for kept in (before, after))
        assert np.abs(a - b).max() > 1e-2, level


def test_stage1_reads_nothing_else():
    _, params, forward = built("vdg_stage1")
    scene = standing(SIZE)
    ones = jax.tree.map(jnp.ones_like, scene)
    read = {field: getattr(scene, field) for field in BRANCHES.values()}
    expected = forward(params, scene, {})
    np.testing.assert_array_equal(forward(params, ones._replace(**read), {}), expected)


# ------------------------------------------------------------------ stage two: its start and prior


def test_stage2_starts_as_the_image_of_stage1():
    network, params, forward = built("vdg_stage2")
    scene = standing(SIZE)
    last = jax.jit(lambda: init(network, scene)["decoder"]["out"])()
    images = priors(scene)
    at_first = params | {"decoder": params["decoder"] | {"out": last}}
    np.testing.assert_array_equal(forward(at_first, scene, images), images["g"])


def test_stage2_takes_its_prior_as_a_constant():
    _, params, forward = built("vdg_stage2")
    scene = standing(SIZE)
    images = priors(scene)
    grad = jax.grad(lambda g: jnp.sum(forward(params, scene, {"g": g})))(images["g"])
    # Of the sum the prior is a part too: no way back to stage one through either.
    assert not grad.any()


@pytest.mark.parametrize("field", ["source_image", "target_heatmaps"])
def test_stage2_reads(field):
    _, params, forward = built("vdg_stage2")
    scene = standing(SIZE)
    other = scene._replace(**{field: getattr(scene, field)[::-1]})
    images = priors(scene)
    change = forward(params, scene, images) - forward(params, other, images)
    assert np.abs(change).max() > 1e-2


@pytest.mark.parametrize(("name", "noise"), [("vdg_stage1", False), ("vdg_stage2", True)])
def test_only_stage2_has_noise(name, noise):
    _, params, forward = built(name)
    scene = standing(SIZE)
    plain = forward(params, scene, priors(scene))
    keys = jax.vmap(jax.random.key)(np.array([3, 4]))
    first, again = (forward(params, scene._replace(keys=keys), priors(scene)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert np.isfinite(first).all()
    assert (np.abs(first - plain).max() > 1e-2) == noise


# ------------------------------------------------------------------ sizes and options


def made(network, size):
    """The image and the parameters as shapes: nothing is computed."""
    scene = spec(size)

    def f(scene):
        return network.init_with_output(jax.random.key(0), scene, priors(scene), train=False)

    image, variables = jax.eval_shape(f, scene)
    return image, variables["params"]


@pytest.mark.parametrize(
    ("network", "size", "expected"),
    [
        # The deformable baseline's decoder, 24,908,877; three encoders on its 39 channels, 33,446,040;
        # six mixtures of 3c channels to c, 2,619,328.
        (Stage1(), (128, 64), 60_974_245),
        (Stage1(), (256, 256), 82_732_717),
        # The deformable baseline, 36,072,533 and 48,655,449, on 15 channels less.
        (Stage2(), (128, 64), 36_072_533 - 9 * 15 * 64),
        (Stage2(), (256, 256), 48_655_449 - 9 * 15 * 64),
        # 15 channels less for either pose, each with a branch of its own.
        (Stage1(pose="sticks"), (128, 64), 60_974_245 - 2 * 9 * 15 * 64),
        (Stage1(features=16), (64, 32), 2_456_509),
        (Stage2(features=16), (64, 32), 1_471_153),
    ],
)
def test_parameter_counts(network, size, expected):
    image, params = made(network, size)
    assert image.shape == (1, *size, 3)
    assert count(params) == expected


@pytest.mark.parametrize("network", [Stage1, Stage2])
@pytest.mark.parametrize(
    ("options", "size", "message"),
    [
        ({"norm": "batch"}, SIZE, "norm: .*'batch'.* joint, instance"),
        ({"pose": "discs"}, SIZE, "pose: .*'discs'.* heatmaps, sticks"),
        ({"dropout": 1.0}, SIZE, "dropout: .*1.0"),
        ({"features": 0}, SIZE, "features: "),
        ({}, (128, 60), "128x60: .* halves it 5 times.* multiples of 32"),
        ({}, (4, 4), "4x4: .* longer side of 8"),
    ],
)
def test_what_cannot_work_says_so(network, options, size, message):
    with pytest.raises(InputError, match=message):
        made(network(**{"features": FEATURES} | options), size)


def test_an_unknown_prior_is_named():
    with pytest.raises(InputError, match=r"prior: .*'g0'.*\['g'\]"):
        made(Stage2(features=FEATURES, prior="g0"), SIZE)
