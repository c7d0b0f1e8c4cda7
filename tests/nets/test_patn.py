"""PATN's networks against arrays computed with the released code (docs/reference_facts.md, 4)."""

import functools
import math

import flax.linen as nn
import jax
import numpy as np
import pytest

from pgjax.errors import InputError
from pgjax.nets import layers, patn
from pgjax.training.losses import ADVERSARIAL
from scenes import count, spec, standing

NORMS = patn.NORMS
UNREAD = standing((8, 8))._replace(keys=None)
FEATURES, BLOCKS = 4, 3

ENCODERS = {"image": "image_encoder", "pose": "pose_encoder"}
GENERATOR = {
    **{
        f"{side}_down_{level}/{ours[:-1]}": f"{encoder}/{ours}"
        for side, encoder in ENCODERS.items()
        for level in range(3)
        for ours in (f"conv{level}", f"norm{level}")
    },
    **{
        f"patb_{block}/{side}_{layer}/{kind}": f"block{block}/{side}/{kind}{layer}"
        for block in range(BLOCKS)
        for side in ENCODERS
        for layer in range(2)
        for kind in ("conv", "norm")
        if (side, layer, kind) != ("pose", 1, "norm")
    },
    **{
        f"up_{i}/{name}": f"{ours}{1 - i}"
        for i in (0, 1)
        for name, ours in (("deconv", "up"), ("norm", "norm"))
    },
    "out/conv": "out",
}
CRITIC = {
    **{f"down_{i}/{kind}": f"encoder/{kind}{i}" for i in range(3) for kind in ("conv", "norm")},
    **{
        f"res_{block}/{layer}/{kind}": f"block{block}/{kind}{layer}"
        for block in range(3)
        for layer in range(2)
        for kind in ("conv", "norm")
    },
}
"""Our paths by the golden file's."""
STATISTICS = {"mean": "mean", "var": "var"}
PARAMETERS = {name: name for name in ("kernel", "bias", "scale")}


@pytest.fixture(scope="module")
def golden(shared):
    with np.load(shared / "golden" / "patn_dev.npz") as file:
        return dict(file)


def chosen(golden, prefix, table, kinds):
    """The arrays under a prefix as our tree, those of the given kinds."""
    tree = {}
    for theirs, ours in table.items():
        for theirs_kind, ours_kind in kinds.items():
            found = golden.get(f"{prefix}/{theirs}/{theirs_kind}")
            if found is None:
                continue
            if theirs.endswith("deconv") and ours_kind == "kernel":
                found = found[::-1, ::-1]
            *path, last = ours.split("/")
            below = functools.reduce(lambda at, name: at.setdefault(name, {}), path, tree)
            below.setdefault(last, {})[ours_kind] = found
    return tree


def variables_of(golden, prefix, table):
    prefix = f"{prefix}/params"
    found = {
        "params": chosen(golden, prefix, table, PARAMETERS),
        "batch_stats": chosen(golden, prefix, table, STATISTICS),
    }
    assert count(found) == sum(
        x.size for name, x in golden.items() if name.startswith(f"{prefix}/")
    )
    return {name: tree for name, tree in found.items() if tree}


def generator(golden, norm):
    source, poses = (golden[f"generator_{norm}/{name}"] for name in ("source", "poses"))
    scene = UNREAD._replace(
        source_image=source, source_heatmaps=poses[..., :18], target_heatmaps=poses[..., 18:]
    )
    network = patn.Generator(FEATURES, BLOCKS, norm)
    return network, variables_of(golden, f"generator_{norm}", GENERATOR), scene


def trained(network, variables, scene, given, shards=1):
    """A forward pass of training on so many devices: what comes out, and the running averages after it."""

    def forward(scene, given):
        return network.apply(variables, scene, given, train=True, mutable=[layers.STATISTICS])

    def split(x):
        return x.reshape(shards, -1, *x.shape[1:])

    mapped = jax.vmap(forward, axis_name=layers.DEVICES)
    out, moved = jax.jit(mapped)(*jax.tree.map(split, (scene, given)))
    for leaf in jax.tree.leaves(moved):
        for other in leaf[1:]:
            np.testing.assert_array_equal(leaf[0], other)
    return out.reshape(-1, *out.shape[2:]), jax.tree.map(lambda x: x[0], moved)


def close(found, expected):
    """To 1e-5, of the largest where that is above 1."""
    scale = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize("norm", NORMS)
def test_generator_is_the_released_one(golden, norm):
    network, variables, scene = generator(golden, norm)

    def kept(module, _):
        return isinstance(module, patn.Block | patn.Encoder)

    forward = functools.partial(network.apply, train=False, capture_intermediates=kept)
    image, state = jax.jit(forward)(variables, scene, {})
    close(image, golden[f"generator_{norm}/output_eval"])
    found = state["intermediates"]
    codes = [[found[f"{side}_encoder"]["__call__"][0] for side in ENCODERS]]
    codes += [found[f"block{k}"]["__call__"][0] for k in range(BLOCKS)]
    for k, pair in enumerate(codes):
        for side, code in zip(ENCODERS, pair, strict=True):
            close(code, golden[f"generator_{norm}/{side}_code_{k}"])


@pytest.mark.parametrize("shards", [1, 2])
def test_generator_trains_with_the_statistics_of_all_devices(golden, shards):
    network, variables, scene = generator(golden, "batch")
    image, moved = trained(network, variables, scene, {}, shards)
    close(image, golden["generator_batch/output_train_without_dropout"])
    table = {name: ours for name, ours in GENERATOR.items() if "norm" in name}
    prefix, kinds = (
        "generator_batch/after_one_train_forward",
        {"new_mean": "mean", "new_var": "var"},
    )
    expected = chosen(golden, prefix, table, kinds)
    assert jax.tree.structure(moved["batch_stats"]) == jax.tree.structure(expected)
    jax.tree.map(close, moved["batch_stats"], expected)


def test_instance_norm_trains_as_it_evaluates(golden):
    network, variables, scene = generator(golden, "instance")
    image = jax.jit(functools.partial(network.apply, train=True))(variables, scene, {})
    close(image, golden["generator_instance/output_train_without_dropout"])


@pytest.mark.parametrize("norm", NORMS)
def test_critic_and_its_losses_are_the_released_ones(golden, norm):
    variables = variables_of(golden, f"critic_{norm}", CRITIC)
    network = patn.ResidualCritic(FEATURES, ("target_heatmaps",), norm=norm)
    scores = {}
    for side in ("real", "fake"):
        shown = golden[f"critic_{norm}/{side}"]
        scene = UNREAD._replace(target_heatmaps=shown[..., 3:])
        scores[side] = network.apply(variables, scene, shown[..., :3], train=False)
        close(scores[side], golden[f"critic_{norm}/score_{side}"])
    shares = {"lsgan": ("least_squares", 5.0)}
    if norm == "batch":
        shares["bce"] = ("bce", 2.5)
        for side, score in scores.items():
            close(nn.sigmoid(score), golden[f"critic_batch/probability_{side}"])
        shown = golden["critic_batch/real"]
        scene = UNREAD._replace(target_heatmaps=shown[..., 3:])
        score, _ = trained(network, variables, scene, shown[..., :3])
        close(nn.sigmoid(score), golden["critic_batch/probability_real_train_without_dropout"])
    for theirs, (ours, weight) in shares.items():
        losses = ADVERSARIAL[ours]
        critic = weight * sum(losses.critic(scores["real"], scores["fake"]))
        close(critic, golden[f"critic_{norm}/loss_{theirs}_d"])
        close(
            weight * losses.generator(None, scores["fake"]),
            golden[f"critic_{norm}/loss_{theirs}_g"],
        )


@pytest.mark.parametrize(
    ("norm", "blocks", "generator", "appearance", "shape"),
    [
        ("batch", (2_360_832, 4_720_640), 41_365_763, 3_930_368, 3_977_408),
        ("instance", (2_360_320, 4_719_872), 41_358_019, 3_928_384, 3_975_424),
    ],
)
def test_parameter_counts_are_the_released_ones(norm, blocks, generator, appearance, shape):
    scene = spec((128, 64))

    def params(network, given):
        init = functools.partial(network.init, train=False)
        return jax.eval_shape(init, jax.random.key(0), scene, given)["params"]

    found = params(patn.Generator(norm=norm), {})
    assert count(found) == generator
    assert [count(found[f"block{number}"]) for number in (0, 1, 8)] == [*blocks, blocks[1]]
    for condition, expected in (("source_image", appearance), ("target_heatmaps", shape)):
        critic = patn.ResidualCritic(condition=(condition,), norm=norm)
        assert count(params(critic, scene.target_image)) == expected


def started(network, given):
    scene = standing((8, 8))
    init = functools.partial(network.init, train=False)
    return jax.jit(init)(jax.random.key(0), scene, given(scene))


@pytest.mark.slow
@pytest.mark.parametrize("norm", NORMS)
def test_generator_starts_as_the_released_one(norm):
    network = patn.Generator(16, 1, norm)
    variables = started(network, lambda _: {})
    assert variables.keys() == ({"params", "batch_stats"} if norm == "batch" else {"params"})
    for path, x in jax.tree.leaves_with_path(variables["params"]):
        name = jax.tree_util.keystr(path)
        if path[-1].key == "kernel":
            assert np.std(x) == pytest.approx(0.02, rel=0.1), name
        elif path[-1].key == "scale":
            assert 0.005 < np.std(x) < 0.04 and np.mean(x) == pytest.approx(1, abs=0.02), name
        elif "norm" in name:
            assert not np.any(x), name
        else:
            assert np.any(x), name
    # 49 taps of 16 channels.
    assert np.abs(variables["params"]["out"]["bias"]).max() <= 1 / math.sqrt(49 * 16)


@pytest.mark.parametrize("norm", NORMS)
def test_critic_starts_as_pytorch_s_layers(norm):
    variables = started(patn.ResidualCritic(16, norm=norm), lambda s: s.target_image)
    params = variables["params"]
    for layer in (params["encoder"]["conv1"], params["block2"]["conv0"]):
        limit = 1 / math.sqrt(math.prod(layer["kernel"].shape[:3]))
        assert 0.98 * limit < np.abs(layer["kernel"]).max() <= limit
        assert ("bias" in layer) == (norm == "instance")
        if norm == "instance":
            assert 0.7 * limit < np.abs(layer["bias"]).max() <= limit
    if norm == "batch":
        scale = params["block2"]["norm1"]["scale"]
        assert 0 <= scale.min() < 0.1 and 0.9 < scale.max() < 1
        assert not params["block2"]["norm1"]["bias"].any()


@pytest.mark.parametrize("network", [patn.Generator(4, 3), patn.ResidualCritic(4)])
def test_every_dropout_has_a_salt_of_its_own(network, monkeypatch):
    salts = []

    def recorded(x, keys, rate, salt):
        salts.append((salt, rate))
        return x

    monkeypatch.setattr(layers, "dropout", recorded)
    generates = isinstance(network, patn.Generator)
    started_shapes(network, lambda scene: {} if generates else scene.target_image)
    assert salts == [(number, 0.5) for number in range(6 if generates else 3)]


def started_shapes(network, given, size=(8, 8)):
    scene = spec(size)
    init = functools.partial(network.init, train=False)
    return jax.eval_shape(init, jax.random.key(0), scene, given(scene))


@pytest.mark.slow
def test_noise_follows_each_example():
    """With instance norm no example hears of another."""
    network = patn.Generator(4, 1, "instance")
    scene = standing((8, 8))
    variables = started(network, lambda _: {})
    keyed = scene._replace(keys=jax.vmap(jax.random.key)(np.array([5, 6])))
    forward = jax.jit(functools.partial(network.apply, train=True))
    image = forward(variables, keyed, {})
    assert np.abs(image - forward(variables, scene, {})).max() > 1e-4
    turned = forward(variables, jax.tree.map(lambda x: x[::-1], keyed), {})
    np.testing.assert_allclose(turned[::-1], image, atol=1e-6)


@pytest.mark.parametrize(
    ("network", "size", "said"),
    [
        (patn.Generator(norm="joint"), (8, 8), "norm: unknown value 'joint'.*batch, instance"),
        (patn.Generator(pose="limbs"), (8, 8), "pose: unknown value 'limbs'"),
        (patn.Generator(features=0), (8, 8), "features: expected a positive"),
        (patn.Generator(blocks=-1), (8, 8), "blocks: expected 0 or more, got -1"),
        (patn.Generator(dropout=1.0), (8, 8), "dropout: expected a rate"),
        (patn.Generator(), (10, 8), "10x8: the generator halves it 2 times"),
        (patn.Generator(), (8, 4), "8x4: the generator needs 8 or more"),
        (patn.ResidualCritic(norm="none"), (8, 8), "norm: unknown value 'none'"),
        (patn.ResidualCritic(condition=("sauce",)), (8, 8), "condition: 'sauce' is not"),
        (patn.ResidualCritic(), (8, 9), "8x9: the critic halves it 2 times"),
    ],
)
def test_what_cannot_be_says_so(network, size, said):
    generates = isinstance(network, patn.Generator)
    with pytest.raises(InputError, match=said):
        started_shapes(network, lambda scene: {} if generates else scene.target_image, size)
