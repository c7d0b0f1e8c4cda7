"""Operations that only move entries: shapes, slices, what is looked up and what is put somewhere."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jax.lax import GatherScatterMode

from pgjax.serving.portable.values import Graph, NotConvertibleError, Value, is_number, known

_END = np.iinfo(np.int64).max


def broadcast(graph: Graph, params: Any, out: Any, x: Value, *dynamic: Value) -> Value:
    if dynamic:
        raise NotConvertibleError("a shape that is computed")
    places = params["broadcast_dimensions"]
    shape, whole = tuple(out.shape), [n == 1 for n in out.shape]
    for axis, place in enumerate(places):
        # What had one entry may stand for many now.
        whole[place] = x.whole[axis] and _equal(x.shape[axis], shape[place])
    held = [n if there else 1 for n, there in zip(shape, whole, strict=True)]
    if x.known:
        return Value(shape, x.dtype, tuple(whole), array=x.array.reshape(_numbers(held)))
    added = [axis for axis in range(len(shape)) if axis not in places]
    if not added:
        return Value(shape, x.dtype, tuple(whole), x.name)
    name = graph.node("Unsqueeze", x.name, graph.numbers(*added))
    return Value(shape, x.dtype, tuple(whole), name)


def _equal(n, m) -> bool:
    return bool(n == m)


def _numbers(shape: Sequence) -> list[int]:
    assert all(map(is_number, shape))
    return [int(n) for n in shape]


def reshape(graph: Graph, params: Any, out: Any, x: Value, *dynamic: Value) -> Value:
    if dynamic or params.get("dimensions") is not None:
        raise NotConvertibleError("a shape that is computed")
    return graph.reshaped(x, out.shape)


def squeeze(graph: Graph, params: Any, out: Any, x: Value) -> Value:
    axes = tuple(params["dimensions"])
    whole = tuple(there for axis, there in enumerate(x.whole) if axis not in axes)
    if x.known:
        return Value(tuple(out.shape), x.dtype, whole, array=x.array.squeeze(axes))
    name = graph.node("Squeeze", x.name, graph.numbers(*axes))
    return Value(tuple(out.shape), x.dtype, whole, name)


def transpose(graph: Graph, params: Any, out: Any, x: Value) -> Value:
    return transposed(graph, x, params["permutation"])


def transposed(graph: Graph, x: Value, order: Sequence[int]) -> Value:
    order = [int(axis) for axis in order]
    shape, whole = (tuple(of[axis] for axis in order) for of in (x.shape, x.whole))
    if order == sorted(order):
        return x
    if x.known:
        return Value(shape, x.dtype, whole, array=x.array.transpose(order))
    return Value(shape, x.dtype, whole, graph.node("Transpose", x.name, perm=order))


def concatenate(graph: Graph, params: Any, out: Any, *values: Value) -> Value:
    axis = params["dimension"]
    needed = [
        place
        for place in range(len(out.shape))
        if place == axis or any(value.whole[place] for value in values)
    ]
    values = tuple(graph.dense(value, needed) for value in values)
    whole = tuple(place in needed for place in range(len(out.shape)))
    if all(value.known for value in values):
        array = np.concatenate([value.array for value in values], axis)
        return Value(tuple(out.shape), np.dtype(out.dtype), whole, array=array)
    name = graph.node("Concat", *map(graph.name, values), axis=axis)
    return Value(tuple(out.shape), np.dtype(out.dtype), whole, name)


def stack(graph: Graph, params: Any, out: Any, *values: Value) -> Value:
    axis = params["axis"] % len(out.shape)
    shape = (*out.shape[:axis], 1, *out.shape[axis + 1 :])
    parts = []
    for value in values:
        whole = (*value.whole[:axis], True, *value.whole[axis:])
        if value.known:
            made = Value(shape, value.dtype, whole, array=np.expand_dims(value.array, axis))
        else:
            name = graph.node("Unsqueeze", value.name, graph.numbers(axis))
            made = Value(shape, value.dtype, whole, name)
        parts.append(made)
    return concatenate(graph, {"dimension": axis}, out, *parts)


def counted(graph: Graph, params: Any, out: Any) -> Value:
    axis, count = params["dimension"], out.shape[params["dimension"]]
    if not is_number(count):
        raise NotConvertibleError("numbers up to the batch size")
    held = [count if place == axis else 1 for place in range(len(out.shape))]
    return known(np.arange(count).astype(out.dtype).reshape(held), out.shape)


def cut(graph: Graph, params: Any, out: Any, x: Value) -> Value:
    strides = params["strides"] or (1,) * len(x.shape)
    return sliced(graph, x, params["start_indices"], params["limit_indices"], strides, out.shape)


def sliced(
    graph: Graph, x: Value, starts: Sequence, limits: Sequence, strides: Sequence, shape: Sequence
) -> Value:
    changed = [
        axis
        for axis, (start, limit, stride) in enumerate(zip(starts, limits, strides, strict=True))
        if not (_equal(start, 0) and _equal(limit, x.shape[axis]) and stride == 1)
    ]
    # Where one entry stands for all, it stands for some as well.
    changed = [axis for axis in changed if x.whole[axis]]
    if x.known:
        index = tuple(
            slice(int(starts[axis]), int(limits[axis]), int(strides[axis]))
            if axis in changed
            else slice(None)
            for axis in range(len(x.shape))
        )
        return Value(tuple(shape), x.dtype, x.whole, array=x.array[index])
    if not changed:
        return x._replace(shape=tuple(shape))
    first, last, steps = ([of[axis] for axis in changed] for of in (starts, limits, strides))
    if not all(map(is_number, (*first, *last))):
        raise NotConvertibleError("a part of the batch")
    bounds = (graph.numbers(*of) for of in (first, last, changed, steps))
    name = graph.node("Slice", x.name, *bounds)
    return Value(tuple(shape), x.dtype, x.whole, name)


def split(graph: Graph, params: Any, outs: Sequence, x: Value) -> list[Value]:
    axis, parts, start = params["axis"], [], 0
    for size, out in zip(params["sizes"], outs, strict=True):
        starts, limits = [0] * len(x.shape), list(x.shape)
        starts[axis], limits[axis] = start, start + size
        parts.append(sliced(graph, x, starts, limits, [1] * len(x.shape), out.shape))
        start += size
    return parts


def unstack(graph: Graph, params: Any, outs: Sequence, x: Value) -> list[Value]:
    axis = params["axis"] % len(x.shape)
    return [entry(graph, x, axis, place) for place in range(len(outs))]


def entry(graph: Graph, x: Value, axis: int, place: int) -> Value:
    """One of the entries along an axis, which the result lacks."""
    starts, limits = [0] * len(x.shape), list(x.shape)
    starts[axis], limits[axis] = place, place + 1
    shape = (*x.shape[:axis], 1, *x.shape[axis + 1 :])
    part = sliced(graph, x, starts, limits, [1] * len(x.shape), shape)
    left = tuple(there for number, there in enumerate(part.whole) if number != axis)
    shape = (*x.shape[:axis], *x.shape[axis + 1 :])
    if part.known:
        return Value(shape, x.dtype, left, array=part.array.squeeze(axis))
    return Value(shape, x.dtype, left, graph.node("Squeeze", part.name, graph.numbers(axis)))


def reverse(graph: Graph, params: Any, out: Any, x: Value) -> Value:
    axes = [axis for axis in params["dimensions"] if x.whole[axis] and x.shape[axis] != 1]
    if x.known:
        return x._replace(array=np.flip(x.array, tuple(axes)))
    if not axes:
        return x
    # A limit of -1 would be the last entry.
    ends = graph.numbers(*[-_END] * len(axes))
    back = graph.numbers(*[-1] * len(axes))
    name = graph.node("Slice", x.name, back, ends, graph.numbers(*axes), back)
    return x._replace(name=name)


def pad(graph: Graph, params: Any, out: Any, x: Value, filling: Value) -> Value:
    config = [tuple(map(int, one)) for one in params["padding_config"]]
    if any(interior for *_, interior in config):
        raise NotConvertibleError("padding between entries")
    x = graph.dense(x, [axis for axis, (low, high, _) in enumerate(config) if low or high])
    starts = [max(0, -low) for low, _, _ in config]
    limits = [n + min(0, high) for n, (_, high, _) in zip(x.shape, config, strict=True)]
    cut_to = [limit - start for start, limit in zip(starts, limits, strict=True)]
    x = sliced(graph, x, starts, limits, [1] * len(starts), cut_to)
    low, high = ([max(0, one[side]) for one in config] for side in (0, 1))
    if not any(low + high):
        return x._replace(shape=tuple(out.shape))
    if x.known and filling.known:
        array = np.pad(x.array, list(zip(low, high, strict=True)), constant_values=filling.array)
        return Value(tuple(out.shape), x.dtype, x.whole, array=array)
    name = graph.node("Pad", graph.name(x), graph.numbers(*low, *high), graph.name(filling))
    return Value(tuple(out.shape), x.dtype, x.whole, name)


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
        and all(_equal(sizes[axis], x.shape[axis]) for axis in rest)
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
            elif not _equal(size, x.shape[axis]):
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


SEVERAL: dict[str, Callable] = {"split": split, "unstack": unstack}
"""Those with several results."""

LOWERED: dict[str, Callable] = {
    "broadcast_in_dim": broadcast,
    "concatenate": concatenate,
    "gather": gather,
    "iota": counted,
    "pad": pad,
    "reshape": reshape,
    "rev": reverse,
    "scatter": scatter,
    "slice": cut,
    "squeeze": squeeze,
    "stack": stack,
    "transpose": transpose,
}
