"""PDIG's full-size networks: parameter counts, starts, refusals (docs/reference_facts.md, 3)."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import scenes
from pgjax.nets.pdig import EmbeddingCritic, Generator, Mapping, PoseAutoEncoder
from pgjax.pose.scene import Scene

SIZE = (128, 64)


def spec(size):
    return jax.eval_shape(
        lambda: scenes.standing.__wrapped__(size, 1)._replace(
            target_discs=jnp.zeros((1, *size, 18))
        )
    )


def shapes(network, size, given=None):
    """The shape of the output and the parameters' shapes; computes nothing."""

    def init(scene, given):
        return network.init_with_output(jax.random.key(0), scene, given, train=True)

    output, variables = jax.eval_shape(init, spec(size), {} if given is None else given)
    return output.shape, variables["params"]


FASHION = Generator(region_levels=7, region_side=64, background_code=0, rule="deepfashion")


@pytest.mark.parametrize(
    ("network", "size", "expected"),
    [
        (Generator(), SIZE, {"encoder": 47_352_736, "decoder": 71_197_123}),
        (FASHION, (256, 256), {"encoder": 58_140_832, "decoder": 82_088_387}),
        (PoseAutoEncoder(), SIZE, {"encoder": 2_145_824, "decoder": 2_145_846}),
    ],
)
def test_parameter_counts_of_both_halves(network, size, expected):
    shape, params = shapes(network, size)
    assert {name: scenes.count(params[name]) for name in params} == expected
    assert shape == ((1, 18, 3) if isinstance(network, PoseAutoEncoder) else (1, *size, 3))


@pytest.mark.parametrize(
    ("size", "features", "mapping", "critic"),
    [(224, 512, 2_331_360, 903_681), (128, 256, 592_256, 854_529), (32, 512, 2_134_560, 805_377)],
)
def test_parameter_counts_of_mapping_networks(size, features, mapping, critic):
    shape, params = shapes(Mapping(size, features), SIZE)
    assert (shape, scenes.count(params)) == ((1, size), mapping)
    shape, params = shapes(EmbeddingCritic(), SIZE, jax.ShapeDtypeStruct((1, size), jnp.float32))
    assert (shape, scenes.count(params)) == ((1,), critic)


def test_embedding_critics_start_as_the_reference():
    params = jax.jit(
        lambda: EmbeddingCritic(64).init(
            jax.random.key(0), Scene(**dict.fromkeys(Scene._fields)), jnp.zeros((1, 32)), True
        )
    )()
    for name, layer in params["params"].items():
        fan_in, fan_out = layer["kernel"].shape
        limit = math.sqrt(6 / (fan_in + fan_out if name == "logit" else fan_in))
        assert 0.9 * limit < np.abs(layer["kernel"]).max() <= limit, name
        assert not layer["bias"].any()


@pytest.mark.parametrize(
    ("options", "size", "message"),
    [
        ({"rule": "market"}, SIZE, "rule: unknown value 'market'.*market1501, deepfashion"),
        ({"levels": 6}, (128, 48), "128x48: PDIG halves it 5 times.* multiples of 32"),
        ({"region_code": 0}, SIZE, "region_code: expected a positive number"),
        ({"region_side": 1}, SIZE, "region_side: expected 2 or more"),
    ],
)
def test_what_cannot_work_says_so(options, size, message):
    with pytest.raises(ValueError, match=message):
        shapes(Generator(**options), size)
