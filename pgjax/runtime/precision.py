"""The arithmetic that a row's networks compute in: `config.compute.precision`."""

import contextlib
from typing import Any

import jax
import jax.numpy as jnp

PRECISIONS = ("float32", "bfloat16_products", "bfloat16")
"""Everything float32; what convolutions multiply rounded (on accelerators what they give, too); features and
products both bfloat16. Sums of products are float32 always."""

# Not "BF16_BF16_F32", on which XLA's CPU compiler aborts where an attention has one channel (jaxlib 0.10.2).
_PRODUCTS = "bfloat16"
_SETTINGS: Any = jax.config  # no type checker sees what it holds


def kind(precision: str) -> str:
    """The type of features in a precision, by name."""
    return "bfloat16" if precision == "bfloat16" else "float32"


def products(precision: str):
    """Within this context networks, their backward passes included, multiply as the precision has it.

    It is JAX's own `default_matmul_precision`, which convolutions ask by `rounded`; the few other products
    follow where the device has such an arithmetic for float32 (TPUs).
    """
    if precision != "bfloat16_products":
        return contextlib.nullcontext()
    return jax.default_matmul_precision(_PRODUCTS)


def rounded(x: jax.Array) -> bool:
    """Whether features x are multiplied as bfloat16: by their type, or by the context.

    JAX_DEFAULT_MATMUL_PRECISION=bfloat16 is such a context, for every row.
    """
    return x.dtype == jnp.bfloat16 or _SETTINGS.jax_default_matmul_precision == _PRODUCTS
