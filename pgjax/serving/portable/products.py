"""Convolutions, matrix products and the largest of windows."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jax import lax

from pgjax.serving.portable.shapes import transposed
from pgjax.serving.portable.values import Graph, NotConvertibleError, Value, is_number, known


def convolve(graph: Graph, params: Any, out: Any, x: Value, kernel: Value) -> Value:
    numbers = params["dimension_numbers"]
    if params["batch_group_count"] != 1:
        raise NotConvertibleError("a convolution in groups of the batch")
    x = transposed(graph, graph.dense(x), numbers.lhs_spec)  # NCHW
    kernel = transposed(graph, graph.dense(kernel), numbers.rhs_spec)  # OIHW
    strides, apart = list(params["window_strides"]), list(params["lhs_dilation"])
    dilations, group = list(params["rhs_dilation"]), params["feature_group_count"]
    sides = [int(n) for n in kernel.shape[2:]]
    padding = [tuple(map(int, side)) for side in params["padding"]]
    shape = tuple(out.shape[axis] for axis in numbers.out_spec)
    if set(apart) == {1}:
        pads = [low for low, _ in padding] + [high for _, high in padding]
        attributes: dict[str, Any] = dict(strides=strides, dilations=dilations, group=group)
        operator = "Conv"
    elif set(strides) == set(dilations) == {1} and group == 1 and kernel.known:
        # A transposed one: its kernel is turned about, and what was put around it is cut from its result.
        pads = [side - 1 - low for side, (low, _) in zip(sides, padding, strict=True)]
        pads += [side - 1 - high for side, (_, high) in zip(sides, padding, strict=True)]
        turned = np.flip(kernel.array, (2, 3)).swapaxes(0, 1)
        kernel = Value(turned.shape, kernel.dtype, (True,) * 4, array=turned)
        attributes, operator = dict(strides=apart), "ConvTranspose"
    else:
        raise NotConvertibleError("a convolution that is both strided and transposed")
    if min(pads) < 0:
        raise NotConvertibleError("a convolution with negative padding")
    names = [graph.name(x), graph.name(kernel)]
    made = graph.whole(
        operator, names, shape, out.dtype, kernel_shape=sides, pads=pads, **attributes
    )
    return transposed(graph, made, np.argsort(numbers.out_spec).tolist())


def multiply(graph: Graph, params: Any, out: Any, a: Value, b: Value) -> Value:
    (over_a, over_b), (batch_a, batch_b) = params["dimension_numbers"]
    if np.dtype(out.dtype) != np.float32:
        raise NotConvertibleError(f"a product of {out.dtype}")
    if a.known and b.known and all(map(is_number, (*a.shape, *b.shape))):
        sums = lax.dot_general(
            graph.dense(a).array,
            graph.dense(b).array,
            params["dimension_numbers"],
            precision=lax.Precision.HIGHEST,
        )
        return known(sums)
    a = _matrix(graph, a, batch_a, over_a, last=True)
    b = _matrix(graph, b, batch_b, over_b, last=False)
    shape = (*a.shape[:-1], b.shape[-1])
    made = graph.whole("MatMul", [graph.name(a), graph.name(b)], shape, out.dtype)
    return graph.reshaped(made, out.shape)


def _matrix(graph: Graph, x: Value, batch: Sequence[int], over: Sequence[int], last: bool) -> Value:
    """(batch..., all others, all that are summed over), or the last two exchanged."""
    free = [axis for axis in range(len(x.shape)) if axis not in (*over, *batch)]
    groups = (free, list(over)) if last else (list(over), free)
    x = transposed(graph, graph.dense(x), [*batch, *groups[0], *groups[1]])
    sides, start = [], len(batch)
    for group in groups:
        sides.append(math.prod(x.shape[start : start + len(group)]))
        start += len(group)
    return graph.reshaped(x, (*x.shape[: len(batch)], *sides))


def largest(graph: Graph, params: Any, out: Any, x: Value) -> Value:
    window, strides = params["window_dimensions"], params["window_strides"]
    padding = params["padding"]
    plain = (
        len(window) == 4
        and all(set(params[name]) == {1} for name in ("base_dilation", "window_dilation"))
        and window[0] == window[3] == strides[0] == strides[3] == 1
        and tuple(map(tuple, (padding[0], padding[3]))) == ((0, 0), (0, 0))
    )
    if not plain:
        raise NotConvertibleError("windows other than of pixels")
    x = transposed(graph, graph.dense(x), (0, 3, 1, 2))
    pads = [int(padding[axis][side]) for side in (0, 1) for axis in (1, 2)]
    shape = tuple(out.shape[axis] for axis in (0, 3, 1, 2))
    made = graph.whole(
        "MaxPool",
        [graph.name(x)],
        shape,
        out.dtype,
        kernel_shape=[int(n) for n in window[1:3]],
        strides=[int(n) for n in strides[1:3]],
        pads=pads,
    )
    return transposed(graph, made, (0, 2, 3, 1))


LOWERED: dict[str, Callable] = {
    "conv_general_dilated": convolve,
    "dot_general": multiply,
    "reduce_window_max": largest,
}
