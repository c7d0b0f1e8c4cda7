"""PG2's generators against a numpy float64 forward pass (docs/reference_facts.md, 2.1, 2.2)."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pgjax.nets import NETS
from pgjax.nets.pg2 import G1, G2, POSES
from pgjax.pose.scene import Scene

SIZE = (32, 16)
FEATURES = 4


def make_scene(size=SIZE, batch=2, seed=0):
    rng = np.random.default_rng(seed)

    def normal(*shape):
        return jnp.asarray(rng.normal(size=(batch, *shape)), jnp.float32)

    def points():
        return jnp.asarray(rng.uniform(0, size, size=(batch, 18, 2)), jnp.float32)

    def binary(*shape):
        return jnp.asarray(rng.random((batch, *shape)) > 0.5)

    unread = dict.fromkeys(Scene._fields)
    return Scene(**unread)._replace(
        source_image=normal(*size, 3),
        target_image=normal(*size, 3),
        source_keypoints=points(),
        target_keypoints=points(),
        source_visible=binary(18),
        target_visible=binary(18),
        source_discs=binary(*size, 18).astype(jnp.float32),
        target_discs=binary(*size, 18).astype(jnp.float32),
        source_heatmaps=normal(*size, 18),
        target_heatmaps=normal(*size, 18),
        pose_mask=binary(*size).astype(jnp.float32),
    )


def priors(scene):
    return {"g1": scene.target_image[:, ::-1]}


def specs(size):
    """A Scene of shapes only: nothing is computed."""
    return jax.eval_shape(functools.partial(make_scene, size, 1))


def noisy(network, scene):
    """Parameters none of which is zero, neither are the biases."""
    shapes = jax.eval_shape(
        lambda: network.init(jax.random.key(0), scene, priors(scene), train=True)
    )
    rng = np.random.default_rng(2)

    def draw(shape):
        # He's scale: with four channels a layer of dead ReLUs would hide what feeds it.
        std = math.sqrt(2 / math.prod(shape.shape[:-1])) if len(shape.shape) > 1 else 0.1
        return jnp.asarray(std * rng.normal(size=shape.shape), jnp.float32)

    return jax.tree.map(draw, shapes["params"])


@functools.cache
def built(name, **options):
    """A network, random parameters (biases too) and its compiled forward pass, shared by tests."""
    network = NETS[name](features=FEATURES, **options)
    scene = make_scene()
    params = noisy(network, scene)

    def forward(params, scene, images):
        return network.apply({"params": params}, scene, images, train=True)

    return network, params, jax.jit(forward)


def g1(pose, pose_range=(0.0, 1.0)):
    return built("pg2_g1", code=5, pose=pose, pose_range=pose_range)


# ------------------------------------------------------------------ numpy float64


def conv(x, p, stride=1):
    """SAME as TensorFlow's; the kernel's nine taps one by one."""
    kernel, bias = np.float64(p["kernel"]), np.float64(p["bias"])
    k, (height, width) = kernel.shape[0], x.shape[1:3]
    rows, columns = height // stride, width // stride
    total = k - stride
    x = np.pad(x, [(0, 0)] + 2 * [(total // 2, total - total // 2)] + [(0, 0)])
    out = np.zeros((x.shape[0], rows, columns, kernel.shape[-1]))
    for i in range(k):
        for j in range(k):
            out += x[:, i::stride, j::stride][:, :rows, :columns] @ kernel[i, j]
    return out + bias


def relu_conv(x, p, stride=1):
    return np.maximum(conv(x, p, stride), 0)


def dense(x, p):
    return x @ np.float64(p["kernel"]) + np.float64(p["bias"])


def pair(x, p):
    return relu_conv(relu_conv(x, p["conv0"]), p["conv1"])


def double(x):
    return x.repeat(2, axis=1).repeat(2, axis=2)


def join(*arrays):
    return np.concatenate(arrays, axis=-1)


def encode(x, p, levels=3):
    x, skips = relu_conv(x, p["in"]), []
    for i in range(levels):
        x = x + pair(x, p[f"down{i}"])
        assert x.shape[-1] == FEATURES * (i + 1)
        skips.append(x)
        if i < levels - 1:
            x = relu_conv(x, p[f"halve{i + 1}"], stride=2)
    return dense(x.reshape(len(x), -1), p["code"]), skips


def numpy_g1(p, scene, pose, low, high):
    image = np.float64(scene.source_image)
    discs = np.where(np.asarray(scene.target_discs) > 0.5, high, low)
    code, skips = encode(join(image, discs) if pose == "concat" else image, p["encoder"])
    if pose == "hme":
        code = join(code, encode(discs, p["pose_encoder"])[0])
    if pose == "ce":
        seen = np.float64(scene.target_visible)[..., None]
        points = (np.float64(scene.target_keypoints) / SIZE * 2 - 1) * seen
        pose_code = dense(join(points, seen).reshape(len(image), 54), p["pose0"])
        code = join(code, dense(np.maximum(pose_code, 0), p["pose1"]))
    x = dense(code, p["decode"]).reshape(-1, 8, 4, FEATURES)
    for index, skip in enumerate(reversed(skips)):
        level = 2 - index
        x = join(x, skip)
        x = x + pair(x, p[f"up{level}"])
        if level:
            x = relu_conv(double(x), p[f"reduce{level}"])
    return conv(x, p["out"])


def numpy_g2(p, scene, prior, skip_from):
    """Two levels, as a height of 64 has."""
    prior = np.float64(prior)
    x = relu_conv(join(prior, np.float64(scene.source_image)), p["in"])
    fine = pair(x, p["down0"])
    x = relu_conv(fine, p["halve1"], stride=2)
    assert x.shape[-1] == FEATURES
    coarse = pair(x, p["down1"])
    assert coarse.shape[-1] == 2 * FEATURES
    x = double(pair(join(coarse, coarse), p["up1"]))
    x = pair(join(x, fine) if skip_from == 0 else x, p["up0"])
    return prior + conv(x, p["out"])


# ------------------------------------------------------------------ G1


@pytest.mark.parametrize(
    ("pose", "pose_range"), [("concat", (-1.0, 1.0)), ("ce", (0.0, 1.0)), ("hme", (0.0, 1.0))]
)
def test_g1_is_the_reference(pose, pose_range):
    _, params, forward = g1(pose, pose_range)
    scene = make_scene()
    expected = numpy_g1(params, scene, pose, *pose_range)
    assert np.abs(expected).max() > 1  # a tanh would show
    np.testing.assert_allclose(
        forward(params, scene, {}), expected, atol=1e-5 * np.abs(expected).max()
    )


@pytest.mark.parametrize("pose", POSES)
def test_g1_follows_the_target_pose_alone(pose):
    _, params, forward = g1(pose)
    scene, other = make_scene(), make_scene(seed=1)
    before = forward(params, scene, {})
    poses = {
        name: getattr(other, name)
        for name in ("keypoints", "visible", "discs", "heatmaps")
        for name in (f"target_{name}",)
    }
    assert np.abs(forward(params, scene._replace(**poses), {}) - before).max() > 1e-3
    unread = {
        name: jnp.full_like(getattr(scene, name), 1)
        for name in scene._fields
        if getattr(scene, name) is not None and name != "source_image" and name not in poses
    }
    np.testing.assert_array_equal(forward(params, scene._replace(**unread), {}), before)


@pytest.mark.parametrize("junk", [np.nan, np.inf, 1e30])
def test_g1_ignores_coordinates_of_missing_joints(junk):
    _, params, forward = g1("ce")
    scene = make_scene()
    assert not scene.target_visible.all()
    points = jnp.where(scene.target_visible[..., None], scene.target_keypoints, junk)
    broken = scene._replace(target_keypoints=points)
    np.testing.assert_array_equal(forward(params, broken, {}), forward(params, scene, {}))


@pytest.mark.slow
@pytest.mark.parametrize("pose", POSES)
def test_every_parameter_of_g1_learns(pose):
    network, params, _ = g1(pose)
    scene = make_scene()

    def loss(params):
        image = network.apply({"params": params}, scene, {}, train=True)
        return jnp.mean(jnp.abs(image - scene.target_image))

    for path, grad in jax.tree.leaves_with_path(jax.jit(jax.grad(loss))(params)):
        assert np.isfinite(grad).all() and grad.any(), jax.tree_util.keystr(path)


def test_g1_starts_as_xavier():
    network = G1(features=16, code=8)
    scene = make_scene()
    params = jax.jit(lambda key: network.init(key, scene, {}, train=True))(jax.random.key(0))
    for path, x in jax.tree.leaves_with_path(params["params"]):
        if path[-1].key == "bias":
            assert not x.any()
        else:
            limit = math.sqrt(6 / (math.prod(x.shape[:-2]) * (x.shape[-2] + x.shape[-1])))
            assert 0.97 * limit < np.abs(x).max() <= limit, jax.tree_util.keystr(path)


# ------------------------------------------------------------------ G2


@functools.cache
def g2(skip_from):
    network = G2(features=FEATURES, skip_from=skip_from)
    scene = make_scene((64, 32), 2)
    params = noisy(network, scene)
    forward = jax.jit(lambda p, s, i: network.apply({"params": p}, s, i, train=True))
    return network, params, forward, scene


@pytest.mark.parametrize("skip_from", [0, 1])
def test_g2_is_the_reference(skip_from):
    _, params, forward, scene = g2(skip_from)
    images = priors(scene)
    expected = numpy_g2(params, scene, images["g1"], skip_from)
    np.testing.assert_allclose(forward(params, scene, images), expected, atol=1e-5)
    assert np.abs(expected - images["g1"]).max() > 0.1


def test_g2_adds_a_difference_map():
    _, params, forward, scene = g2(1)
    still = params | {"out": jax.tree.map(jnp.zeros_like, params["out"])}
    np.testing.assert_array_equal(forward(still, scene, priors(scene)), priors(scene)["g1"])


def test_g2_takes_its_prior_as_a_constant():
    _, params, forward, scene = g2(1)
    images = priors(scene)
    grad = jax.grad(lambda prior: jnp.sum(forward(params, scene, {"g1": prior})))(images["g1"])
    assert not grad.any()
    # ... and reads it: the difference map changes with it, and else with the source image alone.
    difference = forward(params, scene, images) - images["g1"]
    other = {"g1": -images["g1"]}
    assert np.abs(forward(params, scene, other) - other["g1"] - difference).max() > 1e-3
    unread = jax.tree.map(jnp.zeros_like, scene)._replace(source_image=scene.source_image)
    np.testing.assert_array_equal(forward(params, unread, images) - images["g1"], difference)


def test_every_parameter_of_g2_learns():
    _, params, forward, scene = g2(1)
    grads = jax.grad(lambda p: jnp.mean(jnp.square(forward(p, scene, priors(scene)))))(params)
    for path, grad in jax.tree.leaves_with_path(grads):
        assert np.isfinite(grad).all() and grad.any(), jax.tree_util.keystr(path)


# ------------------------------------------------------------------ sizes and options


def shapes(network, size):
    scene = specs(size)
    images = {"g1": scene.source_image}

    def f(scene, images):
        return network.init_with_output(jax.random.key(0), scene, images, train=True)

    image, variables = jax.eval_shape(f, scene, images)
    return image.shape, sum(math.prod(x.shape) for x in jax.tree.leaves(variables["params"]))


@pytest.mark.parametrize(
    ("network", "size", "expected"),
    [
        (G1(), (128, 64), 70_795_075),
        (G1(), (256, 256), 122_103_235),
        (G2(), (128, 64), 6_058_883),
        (G2(skip_from=0), (256, 256), 12_696_067),
    ],
)
def test_parameter_counts(network, size, expected):
    shape, count = shapes(network, size)
    assert count == expected
    assert shape == (1, *size, 3)


@pytest.mark.parametrize("size", [(64, 32), (128, 64), (256, 256), (128, 128)])
def test_images_keep_their_size(size):
    networks = [G1(features=4, pose=pose) for pose in POSES] + [G2(features=4, skip_from=0)]
    for network in networks:
        assert shapes(network, size)[0] == (1, *size, 3)


@pytest.mark.parametrize(
    ("network", "size", "message"),
    [
        (G1(features=4), (128, 60), "128x60: G1 halves it 4 times.* multiples of 16"),
        (G1(features=4), (100, 64), "100x64: G1 halves it 3 times.* multiples of 8"),
        (G1(features=4), (4, 4), "4x4: G1 needs a height of 8"),
        (G2(features=4), (64, 31), "64x31: G2 halves it 1 times.* multiples of 2"),
        (G2(features=4), (16, 16), "16x16: G2 needs a height of 32"),
        (G1(features=4, pose="stick"), (32, 16), "pose: unknown embedding 'stick'.*'concat'"),
        (G2(features=4, prior="g0"), (32, 16), r"prior: .*'g0'.*\['g1'\]"),
    ],
)
def test_what_cannot_work_says_so(network, size, message):
    with pytest.raises(ValueError, match=message):
        shapes(network, size)
