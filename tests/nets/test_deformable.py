"""The deformable generator against a numpy float64 forward pass written from docs/reference_facts.md, 1.1.

Where the person is moved by (8, 8) pixels, every transform of the poses is that translation, so that
the moved features are shifted ones. What the masks leave at 0 rather than below 0 shows nowhere: the
decoder's first step is a ReLU.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from pgjax.errors import InputError
from pgjax.nets.deformable import Generator, Localisation
from scenes import (
    attention,
    conv,
    count,
    leaky,
    noisy,
    norm,
    normalised,
    shifted,
    singular_vectors,
    spec,
    standing,
)

SIZE = (64, 32)
LEVELS = 5
FEATURES = 2
SHIFT = (8, 8)
VARIANTS = {
    "none": {},
    "body": {},
    "parts": {},
    "stn": {},
    "all": {
        "skip": "parts",
        "pose": "sticks",
        "source_pose": False,
        "background": True,
        "norm": "instance",
        "warped_levels": 2,
        "gradient": "reference",
        "attention": (0, 2),
    },
}


@functools.cache
def built(name):
    """A network, random parameters and its compiled forward pass, shared by tests."""
    network = Generator(features=FEATURES, **{"skip": name} | VARIANTS[name])
    scene = standing(SIZE, shift=SHIFT)
    params = noisy(jax.eval_shape(lambda: init(network, scene)))
    if name == "stn":
        params["localisation"]["transform"] = {
            "kernel": jnp.zeros((32, 6)),
            "bias": jnp.eye(2, 3).reshape(6),
        }
    forward = jax.jit(lambda p, scene: network.apply({"params": p}, scene, {}, train=True))
    return network, params, forward, scene


def init(network, scene):
    return network.init(jax.random.key(0), scene, {}, train=False)["params"]


# ------------------------------------------------------------------ numpy float64


def join(*arrays):
    return np.concatenate(arrays, axis=-1)


def encode(x, p, kind):
    found = [conv(x, p["in"])]
    for level in range(1, LEVELS):
        x = conv(leaky(found[-1]), p[f"down{level}"], stride=2)
        found.append(norm(x, p[f"norm{level}"], kind) if level < LEVELS - 1 else x)
        assert x.shape[-1] == FEATURES * min(2**level, 8)
    return found


def up(x, p):
    """Spread over a canvas of twice the size and 2 more, cropped by 1 on every side."""
    kernel, (batch, height, width, _) = np.float64(p["kernel"]), x.shape
    canvas = np.zeros((batch, 2 * height + 2, 2 * width + 2, kernel.shape[-1]))
    for u in range(4):
        for v in range(4):
            canvas[:, u : u + 2 * height : 2, v : v + 2 * width : 2] += x @ kernel[u, v]
    return canvas[:, 1:-1, 1:-1]


def decode(skips, p, kind, drop=lambda x, block: x):
    x = skips[-1]
    for block, level in enumerate(reversed(range(LEVELS - 1))):
        x = up(np.maximum(x, 0), p[f"up{level}"])
        assert x.shape[-1] == min(2 * FEATURES * 2**level, 8 * FEATURES)
        x = drop(norm(x, p[f"norm{level}"], kind), block)
        if f"attention{level}" in p:
            x = attention(x, p[f"attention{level}"])
        x = join(x, skips[level])
    return np.tanh(conv(np.maximum(x, 0), p["out"]))


def magnified(x):
    """The learned transform at its start: the identity, in the reference's coordinates."""
    height, width = x.shape[1:3]
    rows, columns = (np.arange(n) * n / (n - 1) for n in (height, width))
    at = np.meshgrid(rows, columns, indexing="ij")
    images = np.moveaxis(x, -1, 1).reshape(-1, height, width)
    moved = [map_coordinates(image, at, order=1, mode="grid-constant") for image in images]
    return np.moveaxis(np.reshape(moved, (len(x), -1, height, width)), 1, -1)


def slid(x, level):
    """Moved with the person."""
    return shifted(x, *(n >> level for n in SHIFT))


def two_streams(p, source, target, move, kind="joint", moved_levels=4):
    sources = encode(source, p["source_encoder"], kind)
    for level in range(moved_levels):
        sources[level] = move(sources[level], level)
    targets = encode(target, p["target_encoder"], kind)
    return decode([join(*pair) for pair in zip(sources, targets, strict=True)], p, kind)


def numpy_generator(p, scene, name):
    source, target = join(scene.source_image, scene.source_heatmaps), scene.target_heatmaps
    if name == "none":
        return decode(encode(join(source, target), p["encoder"], "joint"), p, "joint")
    if name == "all":
        target = join(scene.target_sticks, scene.background)
        return two_streams(p, scene.source_image, target, slid, "instance", moved_levels=2)
    move = (lambda x, level: magnified(x)) if name == "stn" else slid
    return two_streams(p, source, target, move)


def check(image, expected):
    assert image.shape == (2, *SIZE, 3)
    assert 0.1 < np.abs(expected).mean() < 0.9  # the tanh does not hide what is wrong
    np.testing.assert_allclose(image, expected, atol=2e-4)
    assert np.abs(image).max() <= 1


@pytest.mark.parametrize("name", VARIANTS)
def test_generator_is_the_reference(name):
    _, params, forward, scene = built(name)
    check(forward(params, scene), numpy_generator(params, scene, name))


def test_a_pose_of_its_own_moves_nothing():
    """With the source's pose as the target's, deformable skips are ordinary ones."""
    _, params, forward, _ = built("parts")
    scene = standing(SIZE)
    source = join(scene.source_image, scene.source_heatmaps)
    expected = two_streams(params, source, scene.target_heatmaps, lambda x, level: x)
    check(forward(params, scene), expected)


def test_without_the_body_features_show_where_the_other_masks_are():
    _, params, forward, scene = built("parts")
    scene = scene._replace(part_exists=scene.part_exists.at[:, 0].set(False))
    assert scene.part_exists[:, 1:].all()
    shown = np.asarray(scene.part_masks)[:, 1:].any(axis=1)[..., None]
    assert 0.05 < shown.mean() < 0.5

    def move(x, level):
        return slid(x, level) * shown[:, :: 1 << level, :: 1 << level]

    source = join(scene.source_image, scene.source_heatmaps)
    check(forward(params, scene), two_streams(params, source, scene.target_heatmaps, move))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["parts", "stn"])
def test_every_parameter_learns(name):
    network, params, _, scene = built(name)

    def loss(params):
        image = network.apply({"params": params}, scene, {}, train=True)
        return jnp.mean(jnp.square(image - scene.target_image))

    for path, grad in jax.tree.leaves_with_path(jax.jit(jax.grad(loss))(params)):
        where = jax.tree_util.keystr(path)
        assert np.isfinite(grad).all(), where
        # Before the last layer of the transform there is nothing to learn while that is 0.
        assert grad.any() or "dense" in where, where


@pytest.mark.slow
@pytest.mark.parametrize("name", ["parts", "stn"])
def test_spectral_layers_are_free_ones_with_normalised_kernels(name):
    """All of them, but those of a learned transform."""
    network, params, forward, scene = built(name)
    network = network.clone(spectral=1.5)
    init = functools.partial(network.init, train=False)
    shapes = jax.eval_shape(init, jax.random.key(0), scene, {})
    assert jax.tree.structure(shapes["params"]) == jax.tree.structure(params)
    vectors = singular_vectors(params, shapes["spectral"])
    kernels = {k for k in paths(params, "kernel") if "localisation" not in k}
    assert paths(vectors, "u") == paths(vectors, "v") == kernels
    variables = {"params": params, "spectral": vectors}
    image = jax.jit(functools.partial(network.apply, train=True))(variables, scene, {})
    expected = forward(normalised(params, vectors, 1.5), scene)
    assert np.abs(expected - forward(params, scene)).max() > 1e-2
    np.testing.assert_allclose(image, expected, atol=1e-4)


def paths(tree, leaf):
    """Of the layers that have such a leaf."""
    found = ([part.key for part in path] for path, _ in jax.tree.leaves_with_path(tree))
    return {"/".join(path[:-1]) for path in found if path[-1] == leaf}


# ------------------------------------------------------------------ dropout, transform


@pytest.mark.slow
def test_dropout_follows_from_each_example_s_key():
    _, params, forward, scene = built("parts")
    keys = jax.vmap(jax.random.key)(np.array([3, 4]))
    first = forward(params, scene._replace(keys=keys))
    assert np.isfinite(first).all()
    assert np.abs(first - forward(params, scene)).max() > 1e-2
    np.testing.assert_array_equal(forward(params, scene._replace(keys=keys)), first)
    swapped = jax.tree.map(lambda x: x[::-1], scene._replace(keys=keys))
    np.testing.assert_allclose(forward(params, swapped)[::-1], first, atol=1e-5)
    other = jax.vmap(jax.random.key)(np.array([3, 5]))
    second = forward(params, scene._replace(keys=other))
    np.testing.assert_allclose(second[0], first[0], atol=1e-5)
    assert np.abs(second[1] - first[1]).max() > 1e-2


def test_dropout_halves_the_three_lowest_blocks_each_by_a_mask_of_its_own():
    _, params, forward, scene = built("none")
    keys = jax.vmap(jax.random.key)(np.array([3, 4]))

    def drop(x, block):
        if block == 3:
            return x
        own = [jax.random.fold_in(key, block) for key in keys]
        kept = np.stack([jax.random.bernoulli(key, 0.5, x.shape[1:]) for key in own])
        return np.where(kept, 2 * x, 0)

    inputs = join(scene.source_image, scene.source_heatmaps, scene.target_heatmaps)
    expected = decode(encode(inputs, params["encoder"], "joint"), params, "joint", drop)
    check(forward(params, scene._replace(keys=keys)), expected)


def test_the_options_of_the_warp_reach_it(monkeypatch):
    seen = []

    def moved(features, transforms, exists, masks, size, *options):
        seen.append(options)
        return features

    monkeypatch.setattr("pgjax.pose.warp.warp_parts", moved)
    options = {"sampling": "bilinear", "aggregate": "mean", "gradient": "reference"}
    for skip in ("parts", "body"):
        made(Generator(features=FEATURES, skip=skip, **options), SIZE)
    assert seen == [tuple(options.values())] * 8


def test_transform_starts_as_the_identity():
    scene = standing(SIZE)
    found, variables = jax.jit(Localisation().init_with_output)(jax.random.key(0), scene)
    np.testing.assert_array_equal(found, np.broadcast_to(np.eye(2, 3), (2, 2, 3)))
    assert all(x.any() for x in (variables["params"][f"dense{i}"]["kernel"] for i in (0, 1)))


def test_transform_reads_missing_joints_as_minus_one():
    scene = standing(SIZE)
    params = noisy(jax.eval_shape(lambda: Localisation().init(jax.random.key(0), scene)["params"]))
    seen = np.arange(36).reshape(2, 18) % 3 > 0
    points = np.asarray(scene.source_keypoints)
    broken = scene._replace(
        source_visible=jnp.asarray(seen),
        source_keypoints=jnp.where(seen[..., None], points, np.nan),
    )
    x = join(
        np.where(seen[..., None], points, -1).reshape(2, 36),
        np.asarray(scene.target_keypoints).reshape(2, 36),
    )
    for name in ("dense0", "dense1", "transform"):
        x = x @ np.float64(params[name]["kernel"]) + np.float64(params[name]["bias"])
        x = x if name == "transform" else leaky(x)
    found = Localisation().apply({"params": params}, broken)
    np.testing.assert_allclose(found, x.reshape(2, 2, 3), rtol=1e-4, atol=1e-4 * np.abs(x).max())


# ------------------------------------------------------------------ sizes and options


def made(network, size):
    scene = spec(size)
    return jax.eval_shape(
        lambda scene: network.init_with_output(jax.random.key(0), scene, {}, train=True), scene
    )


MLP = 72 * 64 + 64 + 64 * 32 + 32 + 32 * 6 + 6


@pytest.mark.parametrize(
    ("options", "size", "expected"),
    [
        ({}, (128, 64), 61_109_085),
        ({}, (128, 128), 61_109_085),
        ({}, (256, 256), 82_080_611),
        ({"skip": "body"}, (128, 64), 61_109_085),
        ({"skip": "stn"}, (128, 64), 61_109_085 + MLP),
        ({"skip": "none"}, (128, 64), 36_072_533),
        ({"skip": "none"}, (256, 256), 48_655_449),
        ({"source_pose": False}, (128, 64), 61_098_717),
        ({"source_pose": False}, (256, 256), 82_070_243),
        ({"background": True}, (128, 64), 61_109_085 + 9 * 3 * 64),
        # 15 channels less for either pose.
        ({"pose": "sticks"}, (128, 64), 61_109_085 - 2 * 9 * 15 * 64),
        ({"spectral": 1.0}, (128, 64), 61_109_085),
        # Two maps of C / 8 and two of C / 2 channels, and gamma: 128 channels at level 0, 256 at 1.
        ({"attention": (0, 1)}, (128, 64), 61_109_085 + 5 * (128**2 + 256**2) // 4 + 2),
    ],
)
def test_parameter_counts(options, size, expected):
    image, variables = made(Generator(**options), size)
    assert image.shape == (1, *size, 3)
    assert count(variables["params"]) == expected


@pytest.mark.parametrize(
    ("options", "size", "message"),
    [
        (
            {"skip": "limbs"},
            SIZE,
            "skip: unknown value 'limbs', expected one of none, body, parts, stn",
        ),
        ({"norm": "batch"}, SIZE, "norm: .*'batch'.* joint, instance"),
        ({"pose": "discs"}, SIZE, "pose: .*'discs'.* heatmaps, sticks"),
        ({"sampling": "cubic"}, SIZE, "sampling: .*'cubic'.* nearest, bilinear"),
        ({"aggregate": "sum"}, SIZE, "aggregate: .*'sum'.* max, mean"),
        ({"gradient": "none"}, SIZE, "gradient: .*'none'.* exact, reference"),
        ({"dropout": 1.0}, SIZE, "dropout: .*1.0"),
        ({"features": 0}, SIZE, "features: "),
        ({"warped_levels": -1}, SIZE, "warped_levels: .*-1"),
        ({"spectral": -1.0}, SIZE, "spectral: .*-1.0"),
        ({"spectral": float("nan")}, SIZE, "spectral: .*nan"),
        ({"attention": (0, 4)}, SIZE, "attention: no level 4; there are levels from 0 to 3"),
        ({}, (128, 60), "128x60: the generator halves it 5 times.* multiples of 32"),
        ({}, (4, 4), "4x4: the generator needs a longer side of 8"),
    ],
)
def test_what_cannot_work_says_so(options, size, message):
    with pytest.raises(InputError, match=message):
        made(Generator(**{"features": FEATURES} | options), size)
