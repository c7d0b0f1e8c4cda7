"""Products whose factors are rounded to bfloat16, their sums and gradients float32.

A CPU with AVX512_BF16 multiplies these twice as fast as float32. Whatever is added to make a factor is
added in float32, so that Winograd's sums are rounded once.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental.layout import Layout, with_layout_constraint


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def einsum(spec: str, a: jax.Array, b: jax.Array) -> jax.Array:
    """jnp.einsum of two float32 arrays, each index of one being in the other or in the result."""
    a, b = a.astype(jnp.bfloat16), b.astype(jnp.bfloat16)
    factors, result = spec.split("->")
    first, second = factors.split(",")
    made = result
    if any(i in second and i in result for i in first):
        # In batches. XLA's CPU multiplies these in float32 unless the left factor's last axis is what is
        # summed over; without a constraint it would only rename a transposed one's axes.
        kept = "".join(i for i in first if i in result)
        order = kept + "".join(i for i in first if i not in result)
        if order != first:
            a = jnp.einsum(f"{first}->{order}", a)
            a = with_layout_constraint(a, Layout(tuple(range(a.ndim))))
        # In any other order jnp.einsum exchanges the factors.
        first, made = order, kept + "".join(i for i in second if i not in first)
    found = jnp.einsum(
        f"{first},{second}->{made}",
        a,
        b,
        precision=lax.Precision.DEFAULT,
        preferred_element_type=jnp.float32,
    )
    return found if made == result else jnp.einsum(f"{made}->{result}", found)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def transposable(spec: str, a: jax.Array, b: jax.Array) -> jax.Array:
    """As einsum, for a function whose transpose is what is wanted, and differentiated."""
    return einsum(spec, a, b)


def _forward(spec, a, b):
    # What is kept for the backward pass takes half the room.
    kept = a.astype(jnp.bfloat16), b.astype(jnp.bfloat16)
    return einsum(spec, a, b), kept


def _forward_as_given(spec, a, b):
    # The gradient of a rounded factor would be rounded too.
    return einsum(spec, a, b), (a, b)


def _backward(spec, kept, cotangent):
    a, b = (factor.astype(jnp.float32) for factor in kept)
    factors, result = spec.split("->")
    first, second = factors.split(",")
    return (
        einsum(f"{result},{second}->{first}", cotangent, b),
        einsum(f"{first},{result}->{second}", a, cotangent),
    )


einsum.defvjp(_forward, _backward)
transposable.defvjp(_forward_as_given, _backward)
