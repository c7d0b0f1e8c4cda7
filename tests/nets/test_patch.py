"""The patch critic against a numpy float64 forward pass written from docs/reference_facts.md, 1.2."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pgjax.errors import InputError
from pgjax.nets.patch import MODES, PatchCritic
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
FEATURES = 2
BLOCKS = 2
VALID = ((0, 0), (0, 0))
VARIANTS = {
    "concat": {},
    "siamese": {},
    "warp": {
        "source_pose": False,
        "background": True,
        "pose": "sticks",
        "norm": "instance",
        "attention": (1, 2),
    },
}


@functools.cache
def built(mode):
    """A network, random parameters and its compiled forward pass, shared by tests."""
    network = PatchCritic(features=FEATURES, mode=mode, blocks=BLOCKS, **VARIANTS[mode])
    scene = standing(SIZE, shift=(8, 8))
    image = scene.target_image[:, ::-1]

    def init():
        return network.init(jax.random.key(0), scene, image, train=True)["params"]

    forward = jax.jit(lambda p, s, i: network.apply({"params": p}, s, i, train=True))
    return noisy(jax.eval_shape(init)), forward, scene, image


def blocks(x, p, kind="joint"):
    for i in range(BLOCKS):
        x = norm(conv(leaky(x), p[f"block{i}"], stride=2), p[f"norm{i}"], kind)
        if f"attention{i}" in p:
            x = attention(x, p[f"attention{i}"])
        assert x.shape[-1] == FEATURES * 2 ** (i + 1)
    return x


def join(*arrays):
    return np.concatenate(arrays, axis=-1)


def numpy_critic(p, scene, image, mode):
    source = join(scene.source_image, scene.source_heatmaps)
    target = join(image, scene.target_heatmaps)
    if mode == "siamese":
        both = [blocks(conv(x, p["in"], 2, VALID), p) for x in (source, target)]
        x = leaky(join(*both)).reshape(len(image), -1)
        return x @ np.float64(p["logit"]["kernel"]) + np.float64(p["logit"]["bias"])
    if mode == "concat":
        x = blocks(conv(join(source, target), p["in"], 2, VALID), p)
    else:
        target = join(image, scene.target_sticks, scene.background)
        moved = shifted(conv(scene.source_image, p["source"], 2, VALID), 4, 4)
        # No pixel lies in all ten masks: the largest of the masked parts is never negative.
        moved = np.maximum(moved, 0)
        x = blocks(join(moved, conv(target, p["target"], 2, VALID)), p, "instance")
    return conv(leaky(x), p["logit"], stride=2).reshape(len(image), -1)


@pytest.mark.parametrize("mode", MODES)
def test_critic_is_the_reference(mode):
    params, forward, scene, image = built(mode)
    expected = numpy_critic(params, scene, image, mode)
    assert expected.shape == ((2, 1) if mode == "siamese" else (2, 3))
    logits = forward(params, scene, image)
    np.testing.assert_allclose(logits, expected, atol=2e-4 * np.abs(expected).max())


@pytest.mark.parametrize("mode", MODES)
def test_every_parameter_learns(mode):
    params, forward, scene, image = built(mode)
    grads = jax.grad(lambda p: jnp.mean(jax.nn.softplus(forward(p, scene, image))))(params)
    for path, grad in jax.tree.leaves_with_path(grads):
        assert np.isfinite(grad).all() and grad.any(), jax.tree_util.keystr(path)


@pytest.mark.parametrize("mode", MODES)
def test_spectral_layers_are_free_ones_with_normalised_kernels(mode):
    params, forward, scene, image = built(mode)
    options = {"features": FEATURES, "mode": mode, "blocks": BLOCKS} | VARIANTS[mode]
    network = PatchCritic(**options, spectral=1.5)
    init = functools.partial(network.init, train=True)
    shapes = jax.eval_shape(init, jax.random.key(0), scene, image)
    assert jax.tree.structure(shapes["params"]) == jax.tree.structure(params)
    kernels = sum("kernel" in str(path) for path, _ in jax.tree.leaves_with_path(params))
    assert len(jax.tree.leaves(shapes["spectral"])) == 2 * kernels
    vectors = singular_vectors(params, shapes["spectral"])
    variables = {"params": params, "spectral": vectors}
    logits = jax.jit(functools.partial(network.apply, train=True))(variables, scene, image)
    expected = forward(normalised(params, vectors, 1.5), scene, image)
    assert np.abs(expected - forward(params, scene, image)).max() > 1e-3
    np.testing.assert_allclose(logits, expected, atol=1e-4 * np.abs(expected).max())


def made(network, size):
    scene = spec(size)

    def init(scene):
        image = scene.target_image
        return network.init_with_output(jax.random.key(0), scene, image, train=True)

    return jax.eval_shape(init, scene)


HIDDEN = 16 * (64 * 128 + 128 * 256 + 256 * 512) + 6
"""The three blocks, with their norms."""


@pytest.mark.parametrize(
    ("options", "size", "patches", "expected"),
    [
        ({}, (128, 64), 3, 2_803_782),
        ({}, (128, 128), 9, 2_803_782),
        ({}, (256, 256), 49, 2_803_782),
        # 7x3 features of either side meet one dense neuron.
        ({"mode": "siamese"}, (128, 64), 1, 16 * 21 * 64 + 64 + HIDDEN + 7 * 3 * 1024 + 1),
        # Two first layers; twice the channels into the first block.
        (
            {"mode": "warp"},
            (128, 64),
            3,
            2 * (16 * 21 * 64 + 64) + HIDDEN + 16 * (64 * 128 + 512),
        ),
        ({"blocks": 2}, (64, 32), 3, 16 * (42 * 64 + 64 * 128 + 128 * 256 + 256) + 64 + 4),
        ({"background": True, "source_pose": False}, (128, 64), 3, 2_803_782 - 16 * 15 * 64),
        ({"spectral": 1.0}, (128, 64), 3, 2_803_782),
        ({"attention": (1,)}, (128, 64), 3, 2_803_782 + 5 * 128**2 // 4 + 1),
    ],
)
def test_shapes_and_parameter_counts(options, size, patches, expected):
    logits, variables = made(PatchCritic(**options), size)
    assert logits.shape == (1, patches)
    assert count(variables["params"]) == expected


@pytest.mark.parametrize(
    ("options", "size", "message"),
    [
        ({"mode": "sim"}, SIZE, "mode: unknown value 'sim', expected one of concat, siamese, warp"),
        ({"mode": "siamese", "background": True}, SIZE, "mode: 'siamese'.*background=False"),
        ({"mode": "siamese", "source_pose": False}, SIZE, "mode: 'siamese'.*source_pose=True"),
        ({"norm": "batch"}, SIZE, "norm: .*'batch'"),
        ({"pose": "discs"}, SIZE, "pose: .*'discs'"),
        ({"sampling": "cubic"}, SIZE, "sampling: .*'cubic'"),
        ({"features": 0}, SIZE, "features: "),
        ({"blocks": -1}, SIZE, "blocks: .*-1"),
        ({"spectral": -1.0}, SIZE, "spectral: .*-1.0"),
        ({"attention": (0,)}, SIZE, "attention: no level 0; there are levels from 1 to 2"),
        ({"blocks": 0, "attention": (1,)}, SIZE, "attention: no level 1; .*none"),
        ({"blocks": 3}, SIZE, "64x32: a critic with blocks=3 needs 34 or more"),
    ],
)
def test_what_cannot_work_says_so(options, size, message):
    with pytest.raises(InputError, match=message):
        made(PatchCritic(**{"features": FEATURES, "blocks": BLOCKS} | options), size)


def test_the_smallest_size_leaves_one_patch():
    assert made(PatchCritic(features=FEATURES, blocks=3), (34, 34))[0].shape == (1, 1)
