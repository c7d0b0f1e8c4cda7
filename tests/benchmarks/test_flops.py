"""The counter of floating-point operations against counts by hand and against XLA's own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import flops
from pgjax.runtime.devices import DEVICES, over_devices

DIMENSIONS = ("NHWC", "HWIO", "NHWC")


def _zeros(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.float32)


def _convolve(x, kernel, strides=(1, 1), padding="VALID", **options):
    return jax.lax.conv_general_dilated(
        x, kernel, strides, padding, dimension_numbers=DIMENSIONS, **options
    )


def _transpose(x, kernel):
    return jax.lax.conv_transpose(x, kernel, (2, 2), "VALID", dimension_numbers=DIMENSIONS)


def test_a_dense_layer():
    found = flops.count(lambda x, w: x @ w + 1, _zeros(4, 10), _zeros(10, 7))
    assert found == {"convolutions": 0, "products": 2 * 4 * 10 * 7, "total": 2 * 4 * 10 * 7}


def test_a_convolution():
    # 6 x 5 places of a 3 x 4 kernel, 2 images, 3 -> 7 channels.
    found = flops.count(_convolve, _zeros(2, 8, 8, 3), _zeros(3, 4, 3, 7))
    assert found["total"] == found["convolutions"] == 2 * 2 * (6 * 5) * (3 * 4) * 3 * 7


def test_padding_does_not_count():
    # Along 4 pixels, 3 taps padded by one each side: 2 + 3 + 3 + 2 meetings.
    found = flops.count(
        lambda x, k: _convolve(x, k, padding="SAME"), _zeros(1, 4, 4, 1), _zeros(3, 3, 1, 1)
    )
    assert found["total"] == 2 * 10 * 10


def test_a_transposed_convolution_costs_what_its_twin_costs():
    # Every one of 4 x 3 inputs is spread over 4 x 4 outputs, 5 -> 6 channels, 2 images.
    found = flops.count(_transpose, _zeros(2, 4, 3, 5), _zeros(4, 4, 5, 6))
    assert found["total"] == 2 * 2 * (4 * 3) * (4 * 4) * 5 * 6


def test_strides_dilated_kernels_and_groups():
    found = flops.count(
        lambda x, k: _convolve(x, k, (2, 2), rhs_dilation=(2, 2), feature_group_count=2),
        _zeros(1, 9, 9, 4),
        _zeros(3, 3, 2, 6),
    )
    assert found["total"] == 2 * (3 * 3) * (3 * 3) * 2 * 6


def test_a_gradient_is_twice_its_forward_pass():
    x, kernel = _zeros(2, 8, 8, 3), _zeros(3, 3, 3, 5)
    once = flops.count(_convolve, x, kernel)["total"]

    def loss(x, kernel):
        return jnp.sum(jnp.square(_convolve(x, kernel)))

    assert flops.count(jax.grad(loss, argnums=(0, 1)), x, kernel)["total"] == 3 * once
    # With the kernel's gradient alone, the input's is not needed.
    assert flops.count(jax.grad(loss, argnums=1), x, kernel)["total"] == 2 * once


def test_functions_inside_functions():
    @jax.custom_vjp
    def square(x):
        return x @ x

    square.defvjp(lambda x: (x @ x, x), lambda x, c: (c @ x.T + x.T @ c,))

    def body(x, _):
        return jax.jit(square)(x), None

    def function(x):
        x, _ = jax.lax.scan(body, x, None, length=5)
        return jax.lax.cond(x[0, 0] > 0, lambda x: x @ x @ x, lambda x: x, x)

    one = 2 * 4**3
    assert flops.count(function, _zeros(4, 4))["total"] == (5 + 2) * one
    backward = flops.count(jax.grad(lambda x: jnp.sum(square(x))), _zeros(4, 4))
    assert backward["total"] == 2 * one


def test_what_is_not_needed_does_not_count():
    def function(x):
        unused = x @ x
        del unused
        return x + 1

    assert flops.count(function, _zeros(4, 4))["total"] == 0


def _scaled(factor):
    return jax.jit(lambda x: jnp.array(factor) @ x)


def _scanned(factor):
    return lambda x: jax.lax.scan(lambda c, _: (_scaled(factor)(c), None), x, None, length=5)[0]


def _chosen(factor):
    return lambda x: jax.lax.cond(x[0, 0] > 0, _scaled(factor), lambda x: x, x)


def _noise(x):
    return jax.random.normal(jax.random.key(0), x.shape)


KEY = jax.random.key(0)
ONES, TWOS = np.ones((4, 4), np.float32), np.full((4, 4), 2, np.float32)
MINUS_ONES = np.full((4, 4), -1, np.int32)
SAME_BYTES = (MINUS_ONES, MINUS_ONES.view(np.uint32))
ALIKE = {
    "the same twice": (lambda x: x @ x + x @ x, 1),
    "inside and outside of a call": (lambda x: _scaled(ONES)(x) + jnp.array(ONES) @ x, 1),
    "equal constants": (lambda x: _scaled(ONES)(x) + _scaled(ONES.copy())(x), 1),
    "other constants": (lambda x: _scaled(ONES)(x) + _scaled(TWOS)(x), 2),
    "constants of another type": (
        lambda x: sum(x @ jax.lax.convert_element_type(same, x.dtype) for same in SAME_BYTES),
        2,
    ),
    "other values": (lambda x: _scaled(ONES)(x) + _scaled(ONES)(x + 1), 2),
    "both results of one operation": (
        lambda x: sum(part @ part.T for part in jnp.split(x, 2)),
        2 * 0.25,
    ),
    "another precision": (lambda x: jnp.matmul(x, x, precision="highest") + x @ x, 2),
    "noise of one key": (lambda x: _noise(x) @ x + _noise(x) @ x, 1),
    "a key as a constant": (lambda x: jax.random.normal(KEY, x.shape) @ x, 1),
    "a loop twice": (lambda x: _scanned(ONES)(x) + _scanned(ONES)(x), 5),
    "loops of other constants": (lambda x: _scanned(ONES)(x) + _scanned(TWOS)(x), 10),
    "branches of other constants": (lambda x: _chosen(ONES)(x) + _chosen(TWOS)(x), 2),
    "the dearest of branches": (
        lambda x: jax.lax.cond(x[0, 0] > 0, lambda x: x @ x, lambda x: x @ (x @ x), x),
        2,
    ),
    "sums along other axes": (
        lambda x: sum(jnp.diag(jax.lax.reduce(x, 0.0, jnp.minimum, (i,))) @ x for i in (0, 1)),
        2,
    ),
}


@pytest.mark.parametrize("name", ALIKE)
def test_what_is_computed_alike_from_the_same_values_counts_once(name):
    function, products = ALIKE[name]
    assert flops.count(function, _zeros(4, 4))["total"] == products * 2 * 4**3


def test_a_loop_body_does_not_share_with_what_is_around_it():
    def function(x):
        # The carry begins as x, and is it no more.
        return jax.lax.scan(lambda c, _: (c @ x, None), x, None, length=3)[0] + x @ x

    assert flops.count(function, _zeros(4, 4))["total"] == (3 + 1) * 2 * 4**3


def test_parts_of_an_array_are_others_by_other_axes():
    mesh = jax.make_mesh((2,), ("a",), axis_types=(jax.sharding.AxisType.Auto,))

    def over(spec):
        return jax.shard_map(
            lambda x: x @ x.T, mesh=mesh, in_specs=spec, out_specs=jax.P("a"), check_vma=False
        )

    def function(x, specs):
        return sum(over(spec)(x) for spec in specs)

    rows, columns = jax.P("a", None), jax.P(None, "a")
    once = flops.count(lambda x: function(x, [rows]), _zeros(4, 4))["total"]
    assert once == 2 * 2 * 2 * 2 * 4
    assert flops.count(lambda x: function(x, [rows] * 2), _zeros(4, 4))["total"] == once
    other = flops.count(lambda x: over(columns)(x), _zeros(4, 4))["total"]
    both = flops.count(lambda x: (over(rows)(x), over(columns)(x)), _zeros(4, 4))["total"]
    assert both == once + other


@pytest.mark.parametrize("devices", [1, 2])
def test_all_devices_count(devices):
    mapped = over_devices(lambda x: jax.lax.pmean(x @ x, DEVICES))
    assert flops.count(mapped, _zeros(devices, 4, 4))["total"] == devices * 2 * 4**3


def test_xla_counts_the_same_where_it_computes_by_itself():
    def function(x, kernel, w):
        return jnp.reshape(_convolve(x, kernel, (2, 2), "SAME"), (2, -1)) @ w

    args = (_zeros(2, 8, 6, 3), _zeros(3, 3, 3, 5), _zeros(4 * 3 * 5, 7))
    theirs = jax.jit(function).lower(*args).cost_analysis()["flops"]
    assert flops.count(function, *args)["total"] == pytest.approx(theirs, rel=1e-3)
