"""PDIG's networks against numbers of the reference code, and by themselves (docs/reference_facts.md, 3)."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import scenes
from pgjax.nets.critics import DCGANCritic
from pgjax.nets.pdig import EmbeddingCritic, Generator, Mapping, PoseAutoEncoder
from pgjax.pose import raster
from pgjax.pose.scene import Scene
from pgjax.runtime import random_keys
from pgjax.runtime.devices import DEVICES
from pgjax.training import losses

SIZE = (128, 64)
ATOL = 2e-5
EMPTY = Scene(**dict.fromkeys(Scene._fields))

# ------------------------------------------------------------------ the reference's names for ours


def _levels(prefix, first, second, tower, halve):
    """The two convolutions of five levels, and the four that lead from one to the next."""
    table = {}
    for level in range(5):
        for conv in (0, 1):
            table[f"{prefix}_{level}_{conv}"] = f"{tower}/{first}{level}/conv{conv}"
        if level < 4:
            table[f"{prefix}_{level}_{halve}"] = f"{tower}/{second}{level + 1}"
    return table


ENCODER = {
    "stem": "in",
    "stem_res_0": "pair/conv0",
    "stem_res_1": "pair/conv1",
    **_levels("roi", "down", "halve", "regions", "down"),
    **_levels("background", "down", "halve", "background", "down"),
    "roi_fc": "regions/code",
    "background_fc": "background/code",
}
DECODER = {
    "stem": "encoder/in",
    **_levels("down", "down", "halve", "encoder", "stride"),
    "bottleneck_in": "encoder/code",
    "bottleneck_out": "decode",
    # The reference counts the way up from the coarsest level.
    **{f"up_{4 - level}_{conv}": f"up{level}/conv{conv}" for level in range(5) for conv in (0, 1)},
    **{f"up_{4 - level}_1x1": f"reduce{level}" for level in range(1, 5)},
    "out": "out",
}
BLOCKS = {f"block_{block}_{i}": f"block{block}_{i}" for block in range(4) for i in (0, 1)}
CRITIC = {
    **{f"conv_{level}": f"conv{level}" for level in range(4)},
    **{f"norm_{level}": f"norm{level}" for level in range(1, 4)},
    "out": "logit",
}
POSE_ENCODER = {"in": "in", **BLOCKS, "out": "code"}
POSE_DECODER = {"in": "in", **BLOCKS, "coordinates": "places", "visible": "seen"}
MAPPING = {"in": "in", **BLOCKS, "out": "out"}
POSE_CRITIC = {
    "in": "hidden0",
    **{f"hidden_{layer}": f"hidden{layer + 1}" for layer in range(3)},
    "out": "logit",
}


def parameters(arrays, group, table):
    """The arrays of a group of the golden file, under our names; every one of them, once."""
    tree = {}
    start = f"params/{group}/"
    there = {name.removeprefix(start) for name in arrays if name.startswith(start)}
    assert {name.rpartition("/")[0] for name in there} == set(table)
    for name in there:
        theirs, _, leaf = name.rpartition("/")
        *path, last = f"{table[theirs]}/{leaf}".split("/")
        place = tree
        for part in path:
            place = place.setdefault(part, {})
        place[last] = jnp.asarray(arrays[f"{start}{name}"])
    return tree


@pytest.fixture(scope="module")
def found(shared):
    return dict(np.load(shared / "golden" / "dpig_dev.npz"))


@pytest.fixture(scope="module")
def scene(found):
    image = jnp.asarray(found["image"])
    keypoints, visible = jnp.float32(found["keypoints_yx"]), jnp.asarray(found["visible"] > 0)
    return EMPTY._replace(
        source_image=image,
        target_image=image,
        source_keypoints=keypoints,
        target_keypoints=keypoints,
        source_visible=visible,
        target_visible=visible,
        target_discs=raster.discs(keypoints, visible, SIZE),
    )


def generator(**options):
    return Generator(features=4, **options)


@pytest.fixture(scope="module")
def forward(found, scene):
    """The embedding and the image of the golden file's persons, and what lies between."""
    params = {
        "encoder": parameters(found, "encoder", ENCODER),
        "decoder": parameters(found, "generator", DECODER),
    }

    def run(params, scene):
        return generator().apply(
            {"params": params}, scene, {}, train=True, capture_intermediates=True
        )

    image, kept = jax.jit(run)(params, scene)
    return params, image, kept["intermediates"]


def close(value, expected):
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(value, expected, rtol=0, atol=ATOL)


def test_appearance_is_the_reference(found, forward):
    close(forward[2]["encoder"]["__call__"][0], found["expected/embedding"])


def test_a_region_that_is_not_seen_is_zero(found, forward):
    embedding = np.asarray(forward[2]["encoder"]["__call__"][0])
    regions = embedding[:, :224].reshape(3, 7, 32)
    assert not found["part_visible"].all()
    np.testing.assert_array_equal(np.any(regions, axis=2), found["part_visible"] > 0)


def test_the_decoder_is_the_reference(found, forward):
    code, _ = forward[2]["decoder"]["encoder"]["__call__"][0]
    close(code, found["expected/bottleneck"])
    close(forward[1], found["expected/generated"])


def apply(network, params, *given):
    """Under the axis of devices, over which the critic normalises."""

    def run(params, *given):
        return network.apply({"params": params}, *given, train=True)

    mapped = jax.vmap(run, axis_name=DEVICES, axis_size=1, in_axes=None, out_axes=0)
    return jax.jit(mapped)(params, *given)[0]


def test_the_critic_judges_real_and_fake_each_by_itself(found):
    params = parameters(found, "critic", CRITIC)
    critic = DCGANCritic(features=4, condition=())
    for kind, image in (("real", found["image"]), ("fake", found["expected/generated"])):
        logits = apply(critic, params, EMPTY, jnp.asarray(image))
        close(logits, found[f"expected/critic_{kind}"])


@pytest.fixture(scope="module")
def pose_params(found):
    return {
        "encoder": parameters(found, "pose_encoder", POSE_ENCODER),
        "decoder": parameters(found, "pose_decoder", POSE_DECODER),
    }


POSES = PoseAutoEncoder(features=16)


def test_the_pose_auto_encoder_is_the_reference(found, scene, pose_params):
    def run(params, scene):
        def both(network, scene):
            embedding = network.embed(scene)
            return embedding, network.decode(embedding)

        return POSES.apply({"params": params}, scene, method=both)

    embedding, vector = jax.jit(run)(pose_params, scene)
    close(embedding, found["expected/pose_embedding"])
    close(vector[..., :2].reshape(3, 36), found["expected/pose_coordinates"])
    np.testing.assert_array_equal(vector[..., 2], found["expected/pose_visible"])


def test_mapping_and_its_critic_are_the_reference(found):
    params = parameters(found, "pose_mapping", MAPPING)
    noise = jnp.asarray(found["z_pose"])
    mapped = Mapping(size=32, features=16).apply({"params": params}, noise, method="of")
    close(mapped, found["expected/mapped"])
    params = parameters(found, "pose_critic", POSE_CRITIC)
    critic = EmbeddingCritic(features=16)
    for kind, given in (("real", found["expected/pose_embedding"]), ("fake", mapped)):
        logits = critic.apply({"params": params}, EMPTY, given, train=True)
        close(logits, found[f"expected/wgan_{kind}"])


def test_the_losses_are_the_reference(found, scene, pose_params):
    real, fake = (jnp.asarray(found[f"expected/critic_{kind}"]) for kind in ("real", "fake"))
    bce, wgan = losses.ADVERSARIAL["bce"], losses.ADVERSARIAL["wgan"]
    close(bce.generator(None, fake), found["expected/loss_g_adversarial"])
    close(sum(bce.critic(real, fake)) / 2, found["expected/loss_d"])
    close(
        losses.l1(scene, jnp.asarray(found["expected/generated"]), None), found["expected/loss_l1"]
    )
    real, fake = (jnp.asarray(found[f"expected/wgan_{kind}"]) for kind in ("real", "fake"))
    close(wgan.generator(None, fake), found["expected/wgan_loss_g"])
    close(sum(wgan.critic(real, fake)), found["expected/wgan_loss_d"])

    def loss(bias):
        decoder = pose_params["decoder"]
        decoder = decoder | {"seen": decoder["seen"] | {"bias": bias}}
        vector = POSES.apply({"params": pose_params | {"decoder": decoder}}, scene, {}, True)
        return losses.pose(scene, vector, None)

    value, gradient = jax.jit(jax.value_and_grad(loss))(pose_params["decoder"]["seen"]["bias"])
    close(value, found["expected/pose_loss"])
    # Rounding passes the gradient on.
    close(20 * gradient, found["expected/pose_loss_x20_grad_visible_bias"])


# ------------------------------------------------------------------ by themselves


TOY = (32, 16)
SMALL = generator(
    levels=2,
    region_levels=2,
    region_side=6,
    code=5,
    region_code=6,
    background_code=7,
    mask_radius=1,
)
PERSON = slice(0, 42)


@functools.cache
def standing():
    made = scenes.standing(TOY)
    joints = made.target_keypoints, made.target_visible
    return made._replace(target_discs=raster.discs(*joints, TOY, radius=1))


@functools.cache
def small():
    """A small generator's parameters, none of which is zero, and (params, scene) -> embedding, image."""
    scene = standing()
    init = jax.eval_shape(lambda: SMALL.init(jax.random.key(0), scene, {}, train=True))

    def run(params, scene):
        def both(network, scene):
            embedding = network.embed(scene)
            return embedding, network.decode(scene, embedding)

        return SMALL.apply({"params": params}, scene, method=both)

    return scenes.noisy(init["params"]), jax.jit(run)


@pytest.mark.parametrize("junk", [np.nan, np.inf, 1e30])
def test_coordinates_of_missing_joints_do_not_matter(junk):
    params, forward = small()
    scene = standing()
    seen = np.ones((2, 18), bool)
    seen[0, [2, 3, 4, 9]] = False

    def hidden(value):
        points = jnp.where(seen[..., None], scene.source_keypoints, value)
        return scene._replace(source_keypoints=points, source_visible=seen)

    np.testing.assert_array_equal(forward(params, hidden(junk))[1], forward(params, hidden(0.0))[1])


def test_it_follows_the_source_and_the_target_pose_alone():
    params, forward = small()
    scene = standing()
    before = forward(params, scene)[1]
    for name in ("source_image", "source_keypoints", "target_discs"):
        changed = scene._replace(**{name: getattr(scene, name)[::-1]})
        assert np.abs(forward(params, changed)[1] - before).max() > 1e-3, name
    unread = (
        "target_image",
        "target_keypoints",
        "target_heatmaps",
        "source_heatmaps",
        "background",
    )
    changed = {name: jnp.ones_like(getattr(scene, name)) for name in unread}
    np.testing.assert_array_equal(forward(params, scene._replace(**changed))[1], before)


def test_regions_see_the_person_and_the_last_numbers_the_background():
    """But for a border of three pixels, as far as the layers before the mask reach."""
    params, forward = small()
    scene = standing()
    before = np.asarray(forward(params, scene)[0])
    row, column = np.int32(scene.source_keypoints[0, 0])
    changes = {}
    for name, place in (("person", (row, column)), ("background", (0, 0))):
        image = scene.source_image.at[0, *place].add(3.0)
        after = np.asarray(forward(params, scene._replace(source_image=image))[0])
        np.testing.assert_array_equal(after[1], before[1])
        changes[name] = np.abs(after - before)[0]
    assert changes["person"][PERSON].max() > 1e-3 and changes["background"][42:].max() > 1e-3
    assert not changes["background"][PERSON].any()


def test_every_parameter_learns():
    params, _ = small()
    scene = standing()

    def loss(params):
        image = SMALL.apply({"params": params}, scene, {}, train=True)
        return jnp.mean(jnp.abs(image - scene.target_image))

    for path, grad in jax.tree.leaves_with_path(jax.jit(jax.grad(loss))(params)):
        assert np.isfinite(grad).all() and grad.any(), jax.tree_util.keystr(path)


def test_noise_follows_from_keys_and_part_alone():
    keys = jax.random.split(random_keys.key(3), 2)
    scene = standing()._replace(keys=keys)
    network = Mapping(size=6, features=8)
    params = jax.jit(lambda: network.init(jax.random.key(0), scene, {}, True))()

    def mapped(part="foreground", **changed):
        network = Mapping(size=6, features=8, part=part)
        run = jax.jit(lambda scene: network.apply(params, scene, {}, True))
        return np.asarray(run(scene._replace(**changed)))

    base = mapped()
    assert np.abs(base[0] - base[1]).max() > 1e-4
    np.testing.assert_allclose(mapped(keys=keys[::-1])[::-1], base, atol=1e-7)
    assert np.abs(mapped("pose") - base).max() > 1e-4
    np.testing.assert_array_equal(*mapped(keys=None))


def test_noise_has_the_references_deviation():
    keys = jax.random.split(random_keys.key(0), 4000)
    scene = EMPTY._replace(target_image=jnp.zeros((4000, 1, 1, 3)), keys=keys)
    network = Mapping(size=2, features=3)

    def run(scene):
        params = network.init(jax.random.key(0), scene, {}, True)
        return params, network.apply(params, scene, {}, True, capture_intermediates=True)

    params, (_, kept) = jax.jit(run)(scene)
    # The first layer has zero biases: what it read follows from what it says.
    read = kept["intermediates"]["in"]["__call__"][0] @ np.linalg.pinv(
        params["params"]["in"]["kernel"]
    )
    assert abs(np.std(read) - 0.2) < 0.01 and abs(np.mean(read)) < 0.01
