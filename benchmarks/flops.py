"""Floating-point operations of a function, counted in its jaxpr: convolutions and matrix products.

A multiplication and an addition count as two. Products with padding or with the zeros between dilated
elements do not count: a transposed convolution costs what its gradient twin costs. What is neither a
convolution nor a matrix product (element-wise work, reductions, gathers, eigenvectors) does not count
either. XLA's own count (compiled.cost_analysis) may leave out convolutions that a library computes.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.extend import core
from jax.interpreters import partial_eval

Count = dict[str, float]
_JAXPRS = core.ClosedJaxpr | core.Jaxpr
_CALLS = {"jit", "closed_call", "custom_jvp_call", "custom_vjp_call", "checkpoint", "shard_map"}
"""Primitives that compute their jaxpr once, of what they are given."""


def count(function: Callable, *args: Any) -> Count:
    """{"convolutions", "products", "total"} of function(*args), over all devices that it is mapped to.

    As the compiler, it leaves out what the results do not need, and makes once what is computed alike from
    the same values. Of a loop whose length only the run knows, one round counts; of branches, the dearest.
    """
    closed = jax.make_jaxpr(function)(*args)
    needed, _ = partial_eval.dce_jaxpr(closed.jaxpr, [True] * len(closed.jaxpr.outvars))
    constants = dict(zip(closed.jaxpr.constvars, closed.consts, strict=True))
    needed = core.ClosedJaxpr(needed, [constants[x] for x in needed.constvars])
    found, _ = _count(needed, None, {})
    return found | {"total": sum(found.values())}


def _count(
    closed: core.ClosedJaxpr, given: Sequence[int] | None, numbers: dict[Any, int]
) -> tuple[Count, list[int]]:
    """What a jaxpr costs beside what has a number already, and the numbers of its results.

    Args:
      given: the numbers of what it is given; new ones unless said.
      numbers: of all values so far, by how each was computed; grows.
    """
    jaxpr, total = closed.jaxpr, {"convolutions": 0.0, "products": 0.0}

    def number(how):
        return numbers.setdefault(how, len(numbers))

    def constant(x):
        key = isinstance(x, jax.Array) and jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key)
        array = np.asarray(jax.random.key_data(x) if key else x)
        return number((key, array.shape, str(array.dtype), array.tobytes()))

    known = {x: constant(value) for x, value in zip(jaxpr.constvars, closed.consts, strict=True)}
    known |= zip(jaxpr.invars, given or [number(id(x)) for x in jaxpr.invars], strict=True)

    def number_of(x):
        return constant(x.val) if isinstance(x, core.Literal) else known[x]

    def parts(specs, values):
        # A device's part of an array is not that array.
        return [
            number((str(params["mesh"]), str(spec), x))
            for spec, x in zip(specs, values, strict=True)
        ]

    for equation in jaxpr.eqns:
        name, params = equation.primitive.name, equation.params
        inputs = [number_of(x) for x in equation.invars]
        called = _called(params)
        if name in _CALLS:
            mapped = name == "shard_map"
            own = parts(params["in_specs"], inputs) if mapped else inputs
            found, outputs = _count(called[0], own, numbers)
            if mapped:
                outputs = parts(params["out_specs"], outputs)
            _add(total, found, _times(name, params))
        else:
            how = name, str(params), *map(constant, _constants(called)), *inputs
            if how not in numbers:
                number(how)
                _add(total, _cost(equation, called), _times(name, params))
            outputs = [number((how, place)) for place in range(len(equation.outvars))]
        known |= zip(equation.outvars, outputs, strict=True)
    return total, [number_of(x) for x in jaxpr.outvars]


def _constants(called: list[core.ClosedJaxpr]) -> list[Any]:
    """What jaxprs hold beside what they are given, which their text leaves out."""
    found = []
    for closed in called:
        found += closed.consts
        for equation in closed.jaxpr.eqns:
            found += _constants(_called(equation.params))
    return found


def _called(params: dict[str, Any]) -> list[core.ClosedJaxpr]:
    """The jaxprs in an equation's parameters, branches included."""
    flat = jax.tree.leaves(list(params.values()), is_leaf=lambda x: isinstance(x, _JAXPRS))
    found = [x for x in flat if isinstance(x, _JAXPRS)]
    return [x if isinstance(x, core.ClosedJaxpr) else core.ClosedJaxpr(x, ()) for x in found]


def _cost(equation, called: list) -> Count:
    if equation.primitive.name == "conv_general_dilated":
        return {"convolutions": _convolution(equation)}
    if equation.primitive.name == "dot_general":
        return {"products": _product(equation)}
    costs = [_count(inner, None, {})[0] for inner in called]
    if equation.primitive.name == "cond":
        return max(costs, key=lambda cost: sum(cost.values()))
    total: Count = {}
    for cost in costs:
        _add(total, cost, 1)
    return total


def _add(total: Count, found: Count, times: int) -> None:
    for key, value in found.items():
        total[key] = total.get(key, 0.0) + times * value


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
