"""PG2's critic against a numpy float64 forward pass written from docs/reference_facts.md, 2.3."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pgjax.nets import layers
from pgjax.nets.critics import DCGANCritic
from pgjax.pose.scene import Scene

EMPTY = Scene(*[None] * (len(Scene._fields) - len(Scene._field_defaults)))


def make_pairs(size=(64, 32), batch=8):
    rng = np.random.default_rng(0)
    # Every row has a brightness of its own, so that statistics over shards differ.
    source, image = rng.normal(size=(2, batch, *size, 3)) + np.arange(batch)[:, None, None, None]
    return EMPTY._replace(source_image=jnp.float32(source)), jnp.float32(image)


def initial(network):
    init = jax.jit(functools.partial(network.init, train=True))
    return init(jax.random.key(0), *make_pairs(batch=1))


@functools.cache
def built(condition):
    network = DCGANCritic(features=4, condition=condition)
    params = initial(network)["params"]
    rng = np.random.default_rng(2)
    params = jax.tree.map(lambda x: x + 0.1 * rng.normal(size=x.shape).astype(np.float32), params)
    forward = jax.vmap(
        lambda p, scene, image: network.apply({"params": p}, scene, image, train=True),
        in_axes=(None, 0, 0),
        axis_name=layers.DEVICES,
    )
    return network, params, jax.jit(forward)


def shards(tree, n):
    return jax.tree.map(lambda x: x.reshape(n, -1, *x.shape[1:]), tree)


def numpy_critic(p, x, levels):
    p, x = jax.tree.map(np.float64, (p, x))
    for level in range(levels):
        kernel, bias = (p[f"conv{level}"][name] for name in ("kernel", "bias"))
        rows, columns = x.shape[1] // 2, x.shape[2] // 2
        x = np.pad(x, [(0, 0), (1, 2), (1, 2), (0, 0)])
        x = bias + sum(
            x[:, i::2, j::2][:, :rows, :columns] @ kernel[i, j] for i in range(5) for j in range(5)
        )
        if level:
            scale, shift = (p[f"norm{level}"][name] for name in ("scale", "bias"))
            mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
            x = (x - mean) / np.sqrt(variance + 1e-5) * scale + shift
        x = np.where(x > 0, x, 0.2 * x)
    return (x.reshape(len(x), -1) @ p["logit"]["kernel"] + p["logit"]["bias"])[:, 0]


@pytest.mark.parametrize("condition", [(), ("source_image",)])
@pytest.mark.parametrize("devices", [1, 4])
def test_critic_is_the_reference_on_any_number_of_devices(condition, devices):
    _, params, forward = built(condition)
    scene, image = make_pairs()
    x = np.concatenate([scene.source_image, image], axis=-1) if condition else image
    expected = numpy_critic(params, x, levels=3)
    logits = forward(params, *shards((scene, image), devices))
    assert logits.shape == (devices, 8 // devices)
    np.testing.assert_allclose(logits.reshape(-1), expected, atol=1e-4 * np.abs(expected).max())


def test_every_parameter_learns_but_biases_before_a_norm():
    _, params, forward = built(("source_image",))
    pairs = shards(make_pairs(), 1)
    grads = jax.grad(lambda p: jnp.mean(jax.nn.softplus(forward(p, *pairs))))(params)
    largest = max(np.abs(x).max() for x in jax.tree.leaves(grads))
    for path, grad in jax.tree.leaves_with_path(grads):
        name = jax.tree_util.keystr(path)
        if "bias" in name and "conv" in name and "conv0" not in name:
            assert np.abs(grad).max() < 1e-5 * largest, name
        else:
            assert np.abs(grad).max() > 1e-4 * largest, name


def test_init():
    network = DCGANCritic(features=16)
    variables = initial(network)
    assert set(variables) == {"params"}
    for path, x in jax.tree.leaves_with_path(variables["params"]):
        match path[-1].key:
            case "kernel":
                assert 0.97 * 0.02 * math.sqrt(3) < np.abs(x).max() <= 0.02 * math.sqrt(3)
                assert np.std(x) == pytest.approx(0.02, rel=0.1)
            case "scale":
                np.testing.assert_array_equal(x, 1)
            case "bias":
                np.testing.assert_array_equal(x, 0)


@pytest.mark.parametrize(
    ("condition", "size", "expected"),
    [
        (("source_image",), (128, 64), 4_329_537),
        ((), (128, 64), 4_324_737),
        # One more level, 5x5x512x512 + 512, its norm's 1,024, and 8x8x512 last inputs, not 8x4x512.
        ((), (256, 256), 4_324_737 + 6_553_600 + 512 + 1_024 + 16_384),
    ],
)
def test_parameter_counts(condition, size, expected):
    def f():
        pairs = make_pairs(size, 2)
        return DCGANCritic(condition=condition).init_with_output(
            jax.random.key(0), *pairs, train=True
        )

    logits, variables = jax.eval_shape(f)
    assert logits.shape == (2,)
    assert sum(math.prod(x.shape) for x in jax.tree.leaves(variables)) == expected


@pytest.mark.parametrize("name", ["sauce_image", "target_image", "_fields"])
def test_condition_must_be_an_image_of_the_scene(name):
    with pytest.raises(ValueError, match=f"condition: '{name}' is not"):
        DCGANCritic(condition=(name,)).init(jax.random.key(0), *make_pairs(batch=1), train=True)


def test_too_small_an_image_says_so():
    with pytest.raises(ValueError, match="8x8: the critic needs a height of 16"):
        DCGANCritic().init(jax.random.key(0), *make_pairs((8, 8), 1), train=True)
