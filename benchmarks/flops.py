"""Floating-point operations of a function, counted in its jaxpr: convolutions and matrix products.

A multiplication and an addition count as two. Products with padding or with the zeros between dilated
elements do not count: a transposed convolution costs what its gradient twin costs. What is neither a
convolution nor a matrix product (element-wise work, reductions, gathers, eigenvectors) does not count
either. XLA's own count (compiled.cost_analysis) may leave out convolutions that a library computes.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.extend import core
from jax.interpreters import partial_eval

Count = dict[str, float]


def count(function: Callable, *args: Any) -> Count:
    """{"convolutions", "products", "total"} of function(*args), over all devices that it is mapped to.

    What the results do not need is left out, as the compiler leaves it out. Of a loop whose length
    only the run knows, one round counts; of branches, the dearest.
    """
    closed = jax.make_jaxpr(function)(*args)
    needed, _ = partial_eval.dce_jaxpr(closed.jaxpr, [True] * len(closed.jaxpr.outvars))
    found = _count(needed)
    return found | {"total": sum(found.values())}


def _count(jaxpr) -> Count:
    total = {"convolutions": 0.0, "products": 0.0}
    for equation in jaxpr.eqns:
        name, params = equation.primitive.name, equation.params
        if name == "conv_general_dilated":
            total["convolutions"] += _convolution(equation)
        elif name == "dot_general":
            total["products"] += _product(equation)
        elif name == "cond":
            branches = [_count(branch.jaxpr) for branch in params["branches"]]
            _add(total, max(branches, key=lambda found: sum(found.values())), 1)
        else:
            for value in params.values():
                if isinstance(value, core.ClosedJaxpr | core.Jaxpr):
                    inner = value.jaxpr if isinstance(value, core.ClosedJaxpr) else value
                    _add(total, _count(inner), _times(name, params))
    return total


def _add(total: Count, found: Count, times: int) -> None:
    for key, value in found.items():
        total[key] += times * value


def _times(name: str, params: dict[str, Any]) -> int:
    if name == "scan":
        return params["length"]
    # Inside, shapes are those of one device.
    return params["mesh"].size if name == "shard_map" else 1


def _product(equation) -> float:
    ((contracted, _), _) = equation.params["dimension_numbers"]
    left, out = equation.invars[0].aval.shape, equation.outvars[0].aval.shape
    return 2.0 * math.prod(out) * math.prod(left[axis] for axis in contracted)


def _convolution(equation) -> float:
    params = equation.params
    left, right = (variable.aval.shape for variable in equation.invars)
    out = equation.outvars[0].aval.shape
    numbers = params["dimension_numbers"]
    places = [
        _meetings(left[a], right[b], out[c], *settings)
        for a, b, c, *settings in zip(
            numbers.lhs_spec[2:],
            numbers.rhs_spec[2:],
            numbers.out_spec[2:],
            params["window_strides"],
            params["padding"],
            params["lhs_dilation"],
            params["rhs_dilation"],
            strict=True,
        )
    ]
    batch, features = (out[axis] for axis in numbers.out_spec[:2])
    # The kernel's input features are those of one group already.
    return 2.0 * batch * features * right[numbers.rhs_spec[1]] * math.prod(places)


def _meetings(size: int, kernel: int, out: int, stride, padding, dilation, spread) -> int:
    """How often, along one axis, an element of the kernel meets one of the input, no filling."""
    starts = np.arange(out)[:, None] * stride - padding[0]
    places = starts + np.arange(kernel)[None] * spread
    inside = (places >= 0) & (places < (size - 1) * dilation + 1)
    return int(np.sum(inside & (places % dilation == 0)))
