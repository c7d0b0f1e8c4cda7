"""The option `pad`: a larger scene, made by numpy here, and the same network without the option."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pgjax.errors import InputError
from pgjax.nets import padding
from pgjax.nets.deformable import Generator, multiple
from pgjax.nets.pg2 import G1, G2, coarse_multiple, refiner_multiple
from scenes import noisy, standing

DRAWN = ("discs", "heatmaps", "sticks", "pose_mask")


def scene_of(size):
    """With discs, which G1 reads."""
    made = standing(size)
    return made._replace(target_discs=jnp.maximum(made.target_heatmaps, 0))


def larger(scene, size):
    """Padded by numpy at the bottom and on the right: zeros around drawn poses, else the edge's values."""
    fields = {}
    for name in scene._fields:
        value = getattr(scene, name)
        if value is None or value.ndim != 4 or name == "part_transforms":
            continue
        axis = 2 if name == "part_masks" else 1
        room = [(0, 0)] * 4
        for place in (0, 1):
            room[axis + place] = (0, size[place] - value.shape[axis + place])
        mode = "constant" if name.endswith(DRAWN) else "edge"
        fields[name] = jnp.asarray(np.pad(np.asarray(value), room, mode=mode))
    return scene._replace(**fields)


def prior(scene):
    return {"g1": scene.target_image[:, ::-1]}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "size", "next_size"),
    [
        (Generator(features=2, skip="parts"), (32, 22), (32, 24)),
        (Generator(features=2, skip="none", pose="sticks", background=True), (30, 22), (32, 24)),
        (G1(features=2, code=4), (32, 22), (32, 24)),
        (G2(features=2), (64, 45), (64, 46)),
    ],
    ids=["parts", "none", "g1", "g2"],
)
def test_the_image_is_that_of_the_larger_scene_cut_back(network, size, next_size):
    scene, padded = scene_of(size), network.clone(pad=True)
    wide = larger(scene, next_size)
    images, wide_images = (
        {"g1": one} for one in (prior(scene)["g1"], larger_image(prior(scene)["g1"], next_size))
    )

    def init(net, scene, images):
        return net.init(jax.random.key(0), scene, images, train=False)["params"]

    params = noisy(jax.eval_shape(functools.partial(init, padded), scene, images))
    unpadded = jax.eval_shape(functools.partial(init, network), wide, wide_images)
    assert jax.tree.map(jnp.shape, params) == jax.tree.map(jnp.shape, unpadded)

    @functools.partial(jax.jit, static_argnums=0)
    def forward(net, scene, images):
        return net.apply({"params": params}, scene, images, train=False)

    found = forward(padded, scene, images)
    expected = forward(network, wide, wide_images)[:, : size[0], : size[1]]
    assert found.shape == (2, *size, 3)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def larger_image(image, size):
    room = [(0, 0), *((0, b - a) for a, b in zip(image.shape[1:3], size, strict=True)), (0, 0)]
    return jnp.asarray(np.pad(np.asarray(image), room, mode="edge"))


@pytest.mark.parametrize("network", [Generator(features=2), G1(features=2), G2(features=2)])
def test_where_the_size_fits_the_program_is_the_same(network):
    scene = scene_of((32, 16))

    def traced(net):
        def image(scene):
            return net.init_with_output(jax.random.key(0), scene, prior(scene), train=False)[0]

        return str(jax.make_jaxpr(image)(scene))

    assert traced(network.clone(pad=True)) == traced(network)


@pytest.mark.parametrize(
    ("rule", "size", "expected"),
    [
        (multiple, (256, 256), (256, 256)),
        (multiple, (256, 176), (256, 192)),
        (multiple, (512, 352), (512, 384)),
        (multiple, (500, 300), (512, 384)),  # at 512 there is one level more than at 500
        (multiple, (4, 4), (4, 4)),  # too small, which the network says
        (coarse_multiple, (256, 176), (256, 192)),
        (refiner_multiple, (256, 176), (256, 176)),
        (coarse_multiple, (512, 352), (512, 384)),
    ],
)
def test_the_next_size(rule, size, expected):
    assert padding.next_size(size, rule) == expected


@pytest.mark.parametrize("network", [Generator(features=2), G1(features=2), G2(features=2)])
def test_without_it_the_error_names_it(network):
    scene = jax.eval_shape(lambda: scene_of((128, 41)))
    images = {"g1": scene.source_image}
    with pytest.raises(InputError, match=r"multiples of \d+; with the option pad=True, "):
        jax.eval_shape(
            lambda s, i: network.init(jax.random.key(0), s, i, train=False), scene, images
        )
