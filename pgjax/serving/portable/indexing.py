"""What is looked up in arrays by indices, and what is put into them."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from jax.lax import GatherScatterMode

from pgjax.serving.portable.shapes import equal, sliced, squeeze, transposed
from pgjax.serving.portable.values import Graph, NotConvertibleError, Value, is_number, known


def gather(graph: Graph, params: Any, out: Any, x: Value, index: Value) -> Value:
    numbers, sizes = params["dimension_numbers"], params["slice_sizes"]
    if index.known and not numbers.operand_batching_dims:
        return _looked_up(graph, params, out, x, graph.dense(index).array)
    # One entry, or a row of them, for each index; batch by batch.
    count = len(numbers.operand_batching_dims)
    found = numbers.start_index_map
    rest = range(count + len(found), len(x.shape))
    usual = (
        tuple(numbers.operand_batching_dims) == tuple(range(count))
        and tuple(numbers.start_indices_batching_dims) == tuple(range(count))
        and tuple(found)
        == tuple(numbers.collapsed_slice_dims)
        == tuple(range(count, count + len(found)))
        and all(equal(sizes[axis], x.shape[axis]) for axis in rest)
        and tuple(numbers.offset_dims) == tuple(range(len(out.shape) - len(rest), len(out.shape)))
    )
    if not usual:
        raise NotConvertibleError(f"looking up by {numbers}")
    limits = np.asarray([x.shape[axis] for axis in found]) - 1
    index = graph.cast(graph.dense(index), np.int64)
    within = _clipped(graph, index, limits)
    made = graph.whole(
        "GatherND",
        [graph.name(graph.dense(x)), graph.name(within)],
        out.shape,
        out.dtype,
        batch_dims=count,
    )
    if params["mode"] != GatherScatterMode.FILL_OR_DROP:
        return made
    inside = graph.apply("Equal", [index, within], index.shape, bool)
    inside = _all_last(graph, inside)
    lead = len(inside.shape)
    shape = (*inside.shape, *(1,) * (len(out.shape) - lead))
    inside = graph.reshaped(inside, shape)
    filling = params["fill_value"]
    if filling is None:
        filling = np.nan if np.issubdtype(out.dtype, np.floating) else 0
    return graph.apply(
        "Where", [inside, made, known(np.asarray(filling, out.dtype))], out.shape, out.dtype
    )


def _clipped(graph: Graph, index: Value, limits: np.ndarray) -> Value:
    raised = graph.apply("Max", [index, known(np.zeros((), np.int64))], index.shape, np.int64)
    highest = known(limits.astype(np.int64).reshape((1,) * (len(index.shape) - 1) + (-1,)), None)
    name = graph.node("Min", graph.name(raised), graph.name(highest))
    return Value(index.shape, np.dtype(np.int64), (True,) * len(index.shape), name)


def _all_last(graph: Graph, truth: Value) -> Value:
    numbers = graph.cast(truth, np.int32)
    axis = len(truth.shape) - 1
    name = graph.node("ReduceMin", graph.name(numbers), graph.numbers(axis), keepdims=0)
    return graph.cast(Value(truth.shape[:-1], np.dtype(np.int32), (True,) * axis, name), bool)


def _looked_up(graph: Graph, params: Any, out: Any, x: Value, index: np.ndarray) -> Value:
    """By indices that are known: slices, or entries along one axis."""
    numbers, sizes = params["dimension_numbers"], params["slice_sizes"]
    axes = list(numbers.start_index_map)
    collapsed = list(numbers.collapsed_slice_dims)
    if index.ndim == 1:
        starts, limits = [0] * len(x.shape), list(x.shape)
        for axis, start in zip(axes, index, strict=True):
            starts[axis] = _start(params, int(start), x.shape[axis], sizes[axis])
        for axis, size in enumerate(sizes):
            if axis in axes:
                limits[axis] = starts[axis] + size
            elif not equal(size, x.shape[axis]):
                limits[axis] = size
        part = sliced(graph, x, starts, limits, [1] * len(starts), sizes)
        if not collapsed:
            return part
        return squeeze(graph, {"dimensions": collapsed}, out, part)
    axis, count = axes[0], len(axes)
    together = list(range(axis, axis + count))
    if axes != together or collapsed != axes or any(sizes[one] != 1 for one in axes):
        raise NotConvertibleError(f"looking up by {numbers}")
    lengths = [x.shape[one] for one in axes]
    chosen = np.zeros(index.shape[:-1], np.int64)
    for place, length in enumerate(lengths):
        starts = [_start(params, int(one), length, 1) for one in index[..., place].flat]
        chosen = chosen * length + np.asarray(starts, np.int64).reshape(chosen.shape)
    if count == 1:
        x = graph.dense(x, axes)
    else:
        x = graph.reshaped(x, (*x.shape[:axis], math.prod(lengths), *x.shape[axis + count :]))
    whole = x.whole[:axis] + (True,) * chosen.ndim + x.whole[axis + 1 :]
    shape = x.shape[:axis] + chosen.shape + x.shape[axis + 1 :]
    if x.known:
        found = Value(shape, x.dtype, whole, array=np.take(x.array, chosen, axis))
    else:
        name = graph.node("Gather", x.name, graph.constant(chosen), axis=axis)
        found = Value(shape, x.dtype, whole, name)
    offsets = list(numbers.offset_dims)
    # Axes of `found` in the order of the result: entries of the slice, and those of the indices between.
    own = [*range(axis), *range(axis + chosen.ndim, len(shape))]
    others = list(range(axis, axis + chosen.ndim))
    order = [own.pop(0) if place in offsets else others.pop(0) for place in range(len(shape))]
    return transposed(graph, found, order)


def _start(params: Any, start: int, length: Any, size: int) -> int:
    if params["mode"] == GatherScatterMode.CLIP:
        return min(max(start, 0), length - size)
    if not is_number(length) or not 0 <= start <= length - size:
        raise NotConvertibleError(f"looking up the entry {start} of {length}")
    return start


def scatter(graph: Graph, params: Any, out: Any, x: Value, index: Value, given: Value) -> Value:
    """Puts entries into an array: at a known place, or one for each index, batch by batch."""
    numbers = params["dimension_numbers"]
    axes, inserted = list(numbers.scatter_dims_to_operand_dims), list(numbers.inserted_window_dims)
    batched = list(numbers.operand_batching_dims)
    if (
        index.known
        and not batched
        and np.ndim(index.array) == 1
        and sorted(inserted) == sorted(axes)
    ):
        return _put(graph, out, x, dict(zip(axes, graph.dense(index).array, strict=True)), given)
    usual = (
        batched == [0] == list(numbers.scatter_indices_batching_dims)
        and axes == inserted == list(range(1, len(x.shape)))
        and not numbers.update_window_dims
        and len(index.shape) >= 3
        and all(map(is_number, x.shape[1:]))
        and params["mode"] == GatherScatterMode.FILL_OR_DROP
    )
    if not usual:
        raise NotConvertibleError(f"putting by {numbers}")
    sides = [int(n) for n in x.shape[1:]]
    length = math.prod(sides)
    count = math.prod(index.shape[1:-1])
    index = graph.reshaped(graph.cast(index, np.int64), (index.shape[0], count, len(sides)))
    given = graph.reshaped(given, (index.shape[0], count))
    within = _clipped(graph, index, np.asarray(sides) - 1)
    inside = _all_last(graph, graph.apply("Equal", [index, within], index.shape, bool))
    strides = known(np.asarray([math.prod(sides[i + 1 :]) for i in range(len(sides))])[None, None])
    terms = graph.name(graph.apply("Mul", [within, strides], index.shape, np.int64))
    name = graph.node("ReduceSum", terms, graph.numbers(2), keepdims=0)
    place = Value(index.shape[:2], np.dtype(np.int64), (True, True), name)
    # What lies outside is put behind the end, which is cut off.
    behind = known(np.asarray(length, np.int64))
    place = graph.apply("Where", [inside, place, behind], place.shape, np.int64)
    flat = graph.reshaped(x, (x.shape[0], length))
    ends = graph.numbers(0, 0, 0, 1)
    padded = graph.node("Pad", graph.name(flat), ends, graph.constant(np.zeros((), x.dtype)))
    names = [padded, *(graph.name(graph.dense(one)) for one in (place, given))]
    put = graph.whole("ScatterElements", names, (x.shape[0], length + 1), x.dtype, axis=1)
    cut_off = sliced(graph, put, (0, 0), (x.shape[0], length), (1, 1), flat.shape)
    return graph.reshaped(cut_off, out.shape)


def _put(graph: Graph, out: Any, x: Value, places: dict[int, int], given: Value) -> Value:
    """A window that spans every axis but those where its place is told."""
    mask = np.ones((1,) * len(x.shape), bool)
    for axis, place in places.items():
        if not is_number(x.shape[axis]) or not 0 <= place < x.shape[axis]:
            raise NotConvertibleError(f"putting at {place} of {x.shape[axis]}")
        shape = [1] * len(x.shape)
        shape[axis] = x.shape[axis]
        mask = mask & (np.arange(x.shape[axis]) == place).reshape(shape)
    window = [1 if axis in places else n for axis, n in enumerate(x.shape)]
    put = graph.reshaped(given, window)
    truth = Value(x.shape, np.dtype(bool), tuple(n != 1 for n in mask.shape), array=mask)
    return graph.apply("Where", [truth, put, x], out.shape, out.dtype)


LOWERED: dict[str, Callable] = {"gather": gather, "scatter": scatter}
