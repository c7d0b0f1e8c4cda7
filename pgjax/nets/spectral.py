"""Spectral normalisation (Miyato et al. 2018; Kurupathi et al. 2020, eq. 1), its state explicit.

A kernel (..., n) whose last axis is the output's is the matrix W = kernel.reshape(-1, n).T. Two unit
vectors, u (n,) and v (m,) with W (n, m), approach W's first singular vectors, and sigma = u^T W v its
largest singular value. They lie in the flax collection COLLECTION, "u" and "v" at their layer's path.
Applying a layer reads them and no more; only `iterate` moves them.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

COLLECTION = "spectral"
WARM_UP = 15
"""How many iterations a layer's vectors have behind them at the start of a run."""

# TF32 and bfloat16, the defaults of accelerators, would put their own error into sigma.
_PRECISION = lax.Precision.HIGHEST


def normalise(kernel: jax.Array, u: jax.Array, v: jax.Array, constant: float) -> jax.Array:
    """The kernel times constant / sigma, the layer's Lipschitz constant; u and v are constants to it.

    A kernel of zeros has no singular vectors: the result is not finite.
    """
    u, v = lax.stop_gradient((u, v))
    return kernel * (constant / jnp.vdot(v, _product(_matrix(kernel), u), precision=_PRECISION))


def start_u(key: jax.Array, kernel: jax.Array) -> jax.Array:
    """A random u (n,), warmed up."""
    u = _unit(jax.random.normal(key, kernel.shape[-1:], kernel.dtype))
    return lax.fori_loop(0, WARM_UP, lambda _, u: power_iteration(kernel, u)[0], u)


def start_v(kernel: jax.Array, u: jax.Array) -> jax.Array:
    """The v (m,) that belongs to u."""
    return _unit(_product(_matrix(kernel), u))


def power_iteration(kernel: jax.Array, u: jax.Array) -> tuple[jax.Array, jax.Array]:
    """One iteration: u (n,) -> (u, v), v = W^T u and then u = W v, both of length 1."""
    v = start_v(kernel, u)
    return _unit(_product(v, _matrix(kernel))), v


def iterate(params: Mapping[str, Any], vectors: Mapping[str, Any]) -> dict[str, Any]:
    """One power iteration for every layer that has vectors.

    Args:
      params: of a network, as flax nests them; a layer's matrix is its "kernel".
      vectors: the network's collection, with "u" and "v" at the layers' paths; {} where there is none.

    Returns:
      The vectors after it.
    """
    if "kernel" in params and "u" in vectors:
        return dict(zip(("u", "v"), power_iteration(params["kernel"], vectors["u"]), strict=True))
    return {name: iterate(params[name], below) for name, below in vectors.items()}


def _product(a, b):
    return jnp.matmul(a, b, precision=_PRECISION)


def _matrix(kernel):
    """W^T (m, n)."""
    return kernel.reshape(-1, kernel.shape[-1])


def _unit(x):
    return x / jnp.linalg.norm(x)
