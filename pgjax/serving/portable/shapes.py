"""Operations that only move entries: shapes, slices and padding."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pgjax.serving.portable.values import Graph, NotConvertibleError, Value, is_number, known

_END = np.iinfo(np.int64).max


def broadcast(graph: Graph, params: Any, out: Any, x: Value, *dynamic: Value) -> Value:
    if dynamic:
        raise NotConvertibleError("a shape that is computed")
    places = params["broadcast_dimensions"]
    shape, whole = tuple(out.shape), [n == 1 for n in out.shape]
    for axis, place in enumerate(places):
        # What had one entry may stand for many now.
        whole[place] = x.whole[axis] and equal(x.shape[axis], shape[place])
    held = [n if there else 1 for n, there in zip(shape, whole, strict=True)]
    if x.known:
        return Value(shape, x.dtype, tuple(whole), array=x.array.reshape(_numbers(held)))
    added = [axis for axis in range(len(shape)) if axis not in places]
    if not added:
        return Value(shape, x.dtype, tuple(whole), x.name)
    name = graph.node("Unsqueeze", x.name, graph.numbers(*added))
    return Value(shape, x.dtype, tuple(whole), name)


def equal(n, m) -> bool:
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
        if not (equal(start, 0) and equal(limit, x.shape[axis]) and stride == 1)
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


SEVERAL: dict[str, Callable] = {"split": split, "unstack": unstack}
"""Those with several results."""

LOWERED: dict[str, Callable] = {
    "broadcast_in_dim": broadcast,
    "concatenate": concatenate,
    "iota": counted,
    "pad": pad,
    "reshape": reshape,
    "rev": reverse,
    "slice": cut,
    "squeeze": squeeze,
    "stack": stack,
    "transpose": transpose,
}
