"""Operations of one entry at a time, and of all along an axis."""

from collections.abc import Callable
from typing import Any

import numpy as np
from jax import lax

from pgjax.serving.portable.values import Graph, NotConvertibleError, Value, known


def _divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if not np.issubdtype(a.dtype, np.floating):
        raise NotConvertibleError("whole numbers divided")  # NumPy rounds down, JAX to zero
    return a / b


DIRECT: dict[str, tuple[str, Any]] = {
    "abs": ("Abs", np.abs),
    "add": ("Add", np.add),
    "add_any": ("Add", np.add),
    "and": ("And", np.logical_and),
    "ceil": ("Ceil", np.ceil),
    "cos": ("Cos", np.cos),
    "div": ("Div", _divide),
    "eq": ("Equal", np.equal),
    "erf": ("Erf", None),
    "exp": ("Exp", np.exp),
    "floor": ("Floor", np.floor),
    "ge": ("GreaterOrEqual", np.greater_equal),
    "gt": ("Greater", np.greater),
    "le": ("LessOrEqual", np.less_equal),
    "log": ("Log", np.log),
    "logistic": ("Sigmoid", None),
    "lt": ("Less", np.less),
    "max": ("Max", np.maximum),
    "min": ("Min", np.minimum),
    "mul": ("Mul", np.multiply),
    "neg": ("Neg", np.negative),
    "not": ("Not", np.logical_not),
    "or": ("Or", np.logical_or),
    "pow": ("Pow", None),
    "sign": ("Sign", np.sign),
    "sin": ("Sin", np.sin),
    "sqrt": ("Sqrt", np.sqrt),
    "sub": ("Sub", np.subtract),
    "tanh": ("Tanh", np.tanh),
    "xor": ("Xor", np.logical_xor),
}
"""ONNX's operator for an operation of JAX, and NumPy's for what is known."""

_LOGICAL = {"and", "or", "not", "xor"}


def direct(primitive: str) -> Callable:
    operator, fold = DIRECT[primitive]

    def lower(graph: Graph, params: Any, out: Any, *values: Value) -> Value:
        del params
        if primitive in _LOGICAL and out.dtype != np.bool_:
            raise NotConvertibleError(f"{primitive} of bits ({out.dtype})")
        if fold is not None and all(value.known for value in values):
            return known(fold(*(value.array for value in values)), out.shape)
        return graph.apply(operator, values, out.shape, out.dtype)

    return lower


def unequal(graph: Graph, params: Any, out: Any, *values: Value) -> Value:
    equal = graph.apply("Equal", values, out.shape, out.dtype)
    return graph.apply("Not", [equal], out.shape, out.dtype)


def square(graph: Graph, params: Any, out: Any, x: Value) -> Value:
    return direct("mul")(graph, params, out, x, x)


def power(graph: Graph, params: Any, out: Any, x: Value) -> Value:
    if x.known:
        return known(x.array ** params["y"], out.shape)
    exponent = known(np.asarray(params["y"], x.dtype))
    return graph.apply("Pow", [x, exponent], out.shape, out.dtype)


def reciprocal_root(graph: Graph, params: Any, out: Any, x: Value) -> Value:
    if x.known:
        return known(1 / np.sqrt(x.array), out.shape)
    root = graph.apply("Sqrt", [x], out.shape, out.dtype)
    return graph.apply("Reciprocal", [root], out.shape, out.dtype)


def rounded(graph: Graph, params: Any, out: Any, x: Value) -> Value:
    if params["rounding_method"] != lax.RoundingMethod.TO_NEAREST_EVEN:
        raise NotConvertibleError("rounding away from zero")
    return graph.apply("Round", [x], out.shape, out.dtype)


def finite(graph: Graph, params: Any, out: Any, x: Value) -> Value:
    size = graph.apply("Abs", [x], out.shape, x.dtype)
    largest = known(np.asarray(np.finfo(x.dtype).max, x.dtype))
    return graph.apply("LessOrEqual", [size, largest], out.shape, out.dtype)


def angle(graph: Graph, params: Any, out: Any, y: Value, x: Value) -> Value:
    """ONNX has the tangent's inverse of one number only."""

    def made(operator, *values, dtype=out.dtype):
        return graph.apply(operator, values, out.shape, dtype)

    def number(value):
        return known(np.asarray(value, out.dtype))

    zero = number(0)
    upright = made("Equal", x, zero, dtype=bool)
    slope = made("Div", y, made("Where", upright, number(1), x))
    leftward = made("Where", made("Less", y, zero, dtype=bool), number(-np.pi), number(np.pi))
    leftward = made("Where", made("Less", x, zero, dtype=bool), leftward, zero)
    beside = made("Add", made("Atan", slope), leftward)
    straight = made("Mul", made("Sign", y), number(np.pi / 2))
    return made("Where", upright, straight, beside)


def converted(graph: Graph, params: Any, out: Any, x: Value) -> Value:
    return graph.cast(x, out.dtype)._replace(shape=tuple(out.shape))


def chosen(graph: Graph, params: Any, out: Any, which: Value, *cases: Value) -> Value:
    if which.dtype != np.bool_ or len(cases) != 2:
        raise NotConvertibleError(f"a choice among {len(cases)}")
    no, yes = cases
    if all(value.known for value in (which, no, yes)):
        return known(np.where(which.array, yes.array, no.array), out.shape)
    return graph.apply("Where", [which, yes, no], out.shape, out.dtype)


def clamped(graph: Graph, params: Any, out: Any, low: Value, x: Value, high: Value) -> Value:
    raised = graph.apply("Max", [low, x], out.shape, out.dtype)
    return graph.apply("Min", [raised, high], out.shape, out.dtype)


def same(graph: Graph, params: Any, out: Any, x: Value) -> Value:
    return x


def reduced(operator: str, fold: Any) -> Callable:
    def lower(graph: Graph, params: Any, out: Any, x: Value) -> Value:
        axes = tuple(int(axis) for axis in params["axes"])
        x = graph.dense(x, axes)
        left = [axis for axis in range(len(x.shape)) if axis not in axes]
        whole = tuple(x.whole[axis] for axis in left)
        if x.known and all(x.whole[axis] for axis in axes):
            found = fold(x.array, axis=axes)
            return Value(
                tuple(out.shape), np.dtype(out.dtype), whole, array=found.astype(out.dtype)
            )
        # ONNX Runtime has none of truth values.
        given = graph.cast(x, np.int32) if out.dtype == np.bool_ else x
        name = graph.node(operator, graph.name(given), graph.numbers(*axes), keepdims=0)
        return graph.cast(Value(tuple(out.shape), given.dtype, whole, name), out.dtype)

    return lower


LOWERED: dict[str, Callable] = {
    **{name: direct(name) for name in DIRECT},
    "atan2": angle,
    "clamp": clamped,
    "convert_element_type": converted,
    "copy": same,
    "copy_p": same,
    "integer_pow": power,
    "is_finite": finite,
    "ne": unequal,
    "reduce_and": reduced("ReduceMin", np.all),
    "reduce_max": reduced("ReduceMax", np.max),
    "reduce_min": reduced("ReduceMin", np.min),
    "reduce_or": reduced("ReduceMax", np.any),
    "reduce_sum": reduced("ReduceSum", np.sum),
    "round": rounded,
    "rsqrt": reciprocal_root,
    "select_n": chosen,
    "square": square,
    "stop_gradient": same,
}
