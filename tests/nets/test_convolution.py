"""Every formulation against XLA's own convolution in float64: values, gradients, gradients of gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pgjax.nets.convolution import convolve, convolve_transposed, rounding
from pgjax.runtime import precision
from programs import equations


def plain(x, kernel, stride, padding):
    return jax.lax.conv_general_dilated(
        x, kernel, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def plain_transposed(x, kernel, stride, crop=None):
    """As one dilated convolution, for XLA's own gradients."""
    size, cropped = kernel.shape[0], kernel.shape[0] - stride
    crop = cropped // 2 if crop is None else crop
    padding = [(size - 1 - crop, size - 1 - (cropped - crop))] * 2
    return jax.lax.conv_general_dilated(
        x,
        kernel[::-1, ::-1],
        (1, 1),
        padding,
        lhs_dilation=(stride, stride),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def compare(ours, theirs, x, kernel, twice=False):
    """Values, gradients; `twice`, the gradient of the gradients' length too, as of a gradient penalty."""
    weight = np.random.default_rng(1).normal(size=jax.eval_shape(theirs, x, kernel).shape)

    def all_of(function):
        def loss(x, kernel):
            return jnp.sum(jnp.sin(function(x, kernel)) * weight)

        def penalty(x, kernel):
            return sum(jnp.sum(g**2) for g in jax.grad(loss, argnums=(0, 1))(x, kernel))

        losses = (loss, penalty) if twice else (loss,)
        gradients = [jax.grad(f, argnums=(0, 1)) for f in losses]
        return jax.jit(lambda x, k: (function(x, k), [g(x, k) for g in gradients]))(x, kernel)

    found, expected = all_of(ours), all_of(theirs)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert a.dtype == np.float64
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * np.abs(b).max())


SHAPES = {
    "few pixels": (1, 6, 5, 33, 34),
    "winograd": (2, 32, 18, 33, 34),
    "odd": (3, 31, 15, 33, 34),
    "few results": (2, 17, 16, 33, 1),
    "few channels": (2, 17, 18, 3, 34),
}
"""(B, H, W, C, O) that take each formulation, of maps with odd and even sides."""


def operands(shape, kernel):
    batch, height, width, channels, features = SHAPES[shape]
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch, height, width, channels))
    return x, rng.normal(size=(kernel, kernel, channels, features))


@pytest.mark.parametrize(
    ("shape", "kernel", "stride", "padding"),
    [
        *((shape, 4, 2, ((1, 1), (1, 1))) for shape in SHAPES),
        *((shape, 3, 1, "SAME") for shape in SHAPES),
        ("few pixels", 5, 2, "SAME"),
        ("winograd", 5, 2, "SAME"),
        ("odd", 1, 1, "SAME"),
        ("odd", 3, 2, "SAME"),
        ("odd", 4, 2, "VALID"),
        ("winograd", 4, 1, ((2, 0), (1, 4))),
        ("few channels", 3, 3, "SAME"),
    ],
)
def test_convolution_is_xlas(shape, kernel, stride, padding):
    def ours(x, kernel):
        return convolve(x, kernel, stride, padding)

    def theirs(x, kernel):
        return plain(x, kernel, stride, padding)

    with jax.enable_x64(True):
        compare(ours, theirs, *operands(shape, kernel), twice=kernel == 4 and shape != "odd")


@pytest.mark.parametrize(("kernel", "stride"), [(1, 2), (3, 1), (3, 2), (4, 2)])
def test_a_batch_of_none_gives_none(kernel, stride):
    shapes = (0, 6, 4, 3), (kernel, kernel, 3, 8)
    found = convolve(*map(jnp.zeros, shapes), stride, "SAME")
    assert (
        found.shape
        == plain(*map(jnp.zeros, shapes), stride, "SAME").shape
        == (0, 6 // stride, 4 // stride, 8)
    )


@pytest.mark.parametrize(
    ("shape", "kernel", "stride", "crop"),
    [
        *((shape, 4, 2, None) for shape in SHAPES),
        *(("few pixels", 5, 2, None), ("odd", 3, 1, None), ("winograd", 5, 2, None)),
        *((shape, 3, 2, 1) for shape in ("few pixels", "odd")),
    ],
)
def test_transposed_convolution_is_xlas(shape, kernel, stride, crop):
    def ours(x, kernel):
        return convolve_transposed(x, kernel, stride, crop)

    def theirs(x, kernel):
        return plain_transposed(x, kernel, stride, crop)

    with jax.enable_x64(True):
        compare(ours, theirs, *operands(shape, kernel), twice=kernel == 4 and shape != "odd")


def test_accelerators_get_one_plain_convolution(monkeypatch):
    """And never the gradient of a dilated one, which is slow for some of them too."""
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    x, kernel = jnp.ones((2, 32, 16, 40)), jnp.ones((4, 4, 40, 40))
    for function in (lambda k: convolve(x, k, 2, "SAME"), lambda k: convolve_transposed(x, k, 2)):
        program = str(jax.make_jaxpr(jax.grad(lambda k, f=function: jnp.sum(f(k))))(kernel))
        assert "dot_general[" not in program
        assert program.count("conv_general_dilated[") in (2, 3)
        assert program.count("lhs_dilation=(2, 2)") <= 1


@pytest.mark.parametrize(
    "spec", ["ktc,kco->kto", "ktc,koc->kto", "kto,koc->ktc", "ktc,kto->koc", "bhwc,uvco->bhwuvo"]
)
def test_rounded_products_are_those_of_rounded_factors(spec):
    sizes = dict(zip("bhwuvktco", (2, 3, 4, 2, 2, 3, 7, 33, 5), strict=True))
    factors, result = spec.split("->")
    rng = np.random.default_rng(0)
    a, b, cotangent = (
        rng.normal(size=[sizes[i] for i in term]).astype(np.float32)
        for term in (*factors.split(","), result)
    )
    found, backward = jax.vjp(lambda a, b: rounding.einsum(spec, a, b), a, b)

    def exact(spec, *operands):
        halves = (np.asarray(x.astype(jnp.bfloat16), np.float64) for x in operands)
        return np.einsum(spec, *halves)

    first, second = factors.split(",")
    expected = [
        exact(spec, a, b),
        exact(f"{result},{second}->{first}", cotangent, b),
        exact(f"{first},{result}->{second}", a, cotangent),
    ]
    for ours, theirs in zip((found, *backward(cotangent)), expected, strict=True):
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * np.abs(theirs).max())


@pytest.mark.parametrize(
    ("spec", "moved"),
    [("ktc,kco->kto", 1), ("ktc,koc->kto", 1), ("kto,koc->ktc", 1), ("ktc,kto->koc", 2)],
)
def test_rounded_products_in_batches_sum_over_the_left_factors_last_axis(spec, moved):
    """In memory too: XLA's CPU makes the others in float32."""
    sizes = dict(zip("ktco", (3, 4, 5, 6), strict=True))
    factors, result = spec.split("->")
    given = [jnp.ones([sizes[i] for i in term]) for term in (*factors.split(","), result)]

    def both_ways(a, b, cotangent):
        found, backward = jax.vjp(lambda a, b: rounding.einsum(spec, a, b), a, b)
        return found, backward(cotangent)

    program = list(equations(jax.make_jaxpr(both_ways)(*given).jaxpr))
    products = [e.params["dimension_numbers"] for e in program if e.primitive.name == "dot_general"]
    assert len(products) == 3
    assert all(summed[0] == (2,) and batch[0] == (0,) for summed, batch in products)
    assert [e.primitive.name for e in program].count("layout_constraint") == moved


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["cpu", "gpu"])
@pytest.mark.parametrize("name", ["bfloat16_products", "bfloat16"])
@pytest.mark.parametrize("shape", SHAPES)
def test_rounded_convolutions_are_near_and_keep_their_type(shape, name, backend, monkeypatch):
    """Both formulations of both precisions, with their gradients: 2^-9 a factor, and what sums make of it."""
    monkeypatch.setattr(jax, "default_backend", lambda: backend)
    x, kernel = (a.astype(np.float32) for a in operands(shape, 4))
    kind = precision.kind(name)

    for ours, theirs in (
        (lambda x, k: convolve(x, k, 2, "SAME"), lambda x, k: plain(x, k, 2, "SAME")),
        (lambda x, k: convolve_transposed(x, k, 2), lambda x, k: plain_transposed(x, k, 2)),
    ):

        def rounded(x, kernel, ours=ours):
            with precision.products(name):
                found = ours(x.astype(kind), kernel.astype(kind))
            assert found.dtype == kind
            return found.astype(np.float32)

        found, backward = jax.vjp(rounded, x, kernel)
        expected, exact = jax.vjp(theirs, x, kernel)
        assert not np.array_equal(found, expected)
        pairs = zip((found, *backward(found)), (expected, *exact(found)), strict=True)
        for a, b in pairs:
            assert np.linalg.norm(a - b) < 0.01 * np.linalg.norm(b)
            if (backend, name) == ("cpu", "bfloat16_products"):
                assert not np.array_equal(a, a.astype(jnp.bfloat16))
