"""An ONNX graph that is being made, and the arrays in it, known ones and those that a run will have."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import helper, numpy_helper

OPSET = 18
IR = 9
"""The file format's version, and that of the operators: what ONNX Runtime's wasm build reads as well."""

BATCH = "batch"
MOST = 2**31 - 2**20
"""Bytes of arrays. A file, which is one protocol buffer, holds 2**31 - 1 with all that is beside them."""


class NotConvertibleError(ValueError):
    """The program has what is not converted; says what."""


class Value(NamedTuple):
    """An array of the program.

    shape: as the program has it; a dimension is a number, or a multiple of the batch size. whole: for each
    axis whether the array holds all of its entries. Along the others it holds one that stands for all: ONNX
    broadcasts as NumPy does, so that little is ever copied. array: what it holds, where it depends on no
    input; else name: whose result in the graph it is.
    """

    shape: tuple
    dtype: np.dtype
    whole: tuple[bool, ...]
    name: str = ""
    array: Any = None

    @property
    def known(self) -> bool:
        return self.array is not None

    @property
    def held(self) -> tuple:
        """The shape of what is there."""
        return tuple(n if whole else 1 for n, whole in zip(self.shape, self.whole, strict=True))


def known(array: Any, shape: Sequence | None = None) -> Value:
    """A value that depends on no input; `shape` where it stands for more than it holds."""
    array = np.asarray(array)
    shape = array.shape if shape is None else tuple(shape)
    whole = tuple(_same(n, m) for n, m in zip(array.shape, shape, strict=True))
    return Value(shape, array.dtype, whole, array=array)


def _same(n, m) -> bool:
    return isinstance(m, int | np.integer) and n == m


def is_number(dimension: Any) -> bool:
    return isinstance(dimension, int | np.integer)


class Graph:
    """Nodes in their order. Equal ones are made once."""

    def __init__(self, batch: Any):
        """batch: the batch size as the program's shapes have it (jax.export.symbolic_shape)."""
        self._batch = batch
        self._nodes: dict[tuple, onnx.NodeProto] = {}
        self._arrays: dict[tuple, str] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._stored: list[onnx.TensorProto] = []

    def input(self, name: str, shape: Sequence, dtype: np.dtype) -> Value:
        self._inputs.append(_info(name, shape, dtype))
        return Value(tuple(shape), np.dtype(dtype), (True,) * len(shape), name)

    def output(self, name: str, value: Value) -> None:
        made = self.name(self.dense(value))
        self._nodes[(name,)] = helper.make_node("Identity", [made], [name])
        self._outputs.append(_info(name, value.shape, value.dtype))

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """The name of an operator's one result."""
        key = (operator, inputs, repr(sorted(attributes.items())))
        if key not in self._nodes:
            name = f"{operator}_{len(self._nodes)}"
            self._nodes[key] = helper.make_node(operator, list(inputs), [name], **attributes)
        return self._nodes[key].output[0]

    def constant(self, array: Any) -> str:
        array = np.ascontiguousarray(array).reshape(np.shape(array))
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._arrays:
            name = f"constant_{len(self._arrays)}"
            self._arrays[key] = name
            self._stored.append(numpy_helper.from_array(array, name))
        return self._arrays[key]

    def numbers(self, *numbers: Any) -> str:
        """A constant int64 (n,): what axes, starts and shapes are."""
        return self.constant(np.asarray(numbers, np.int64))

    def name(self, value: Value) -> str:
        return self.constant(value.array) if value.known else value.name

    def apply(
        self, operator: str, values: Sequence[Value], shape: Sequence, dtype: Any, **attributes
    ) -> Value:
        """An operator that broadcasts its inputs; they have equal ranks, or none."""
        whole = tuple(
            any(value.whole[axis] for value in values if value.shape) for axis in range(len(shape))
        )
        name = self.node(operator, *map(self.name, values), **attributes)
        return Value(tuple(shape), np.dtype(dtype), whole, name)

    def whole(self, operator: str, inputs: Sequence[str], shape, dtype, **attributes) -> Value:
        """An operator whose result has all its entries."""
        name = self.node(operator, *inputs, **attributes)
        return Value(tuple(shape), np.dtype(dtype), (True,) * len(shape), name)

    def dense(self, value: Value, axes: Sequence[int] | None = None) -> Value:
        """With all entries along axes, all axes where None."""
        lacking = [
            axis
            for axis in (range(len(value.shape)) if axes is None else axes)
            if not value.whole[axis] and value.shape[axis] != 1
        ]
        whole = tuple(
            here or axis in lacking or n == 1
            for axis, (here, n) in enumerate(zip(value.whole, value.shape, strict=True))
        )
        if not lacking:
            return value._replace(whole=whole)
        wanted = [value.shape[i] if i in lacking else 1 for i in range(len(value.shape))]
        if value.known and all(map(is_number, wanted)):
            target = [
                n if i in lacking else m
                for i, (n, m) in enumerate(zip(wanted, value.array.shape, strict=True))
            ]
            return value._replace(whole=whole, array=np.broadcast_to(value.array, target))
        name = self.node("Expand", self.name(value), self.shape(wanted))
        return Value(value.shape, value.dtype, whole, name)

    def shape(self, dimensions: Sequence) -> str:
        """int64 (n,): a shape that may hold the batch size."""
        if all(map(is_number, dimensions)):
            return self.numbers(*dimensions)
        parts = [self.numbers(n) if is_number(n) else self._dimension(n) for n in dimensions]
        return self.node("Concat", *parts, axis=0)

    def _dimension(self, dimension: Any) -> str:
        if not self._inputs:
            raise NotConvertibleError("results that depend on the batch size alone")
        first = self._inputs[0].name
        size = self.node("Shape", first, start=0, end=1)
        times, rest = divmod(dimension, self._batch)
        if not is_number(times) or rest != 0:
            raise NotConvertibleError(f"an array of {dimension} entries along an axis")
        return size if times == 1 else self.node("Mul", size, self.numbers(times))

    def reshaped(self, value: Value, shape: Sequence) -> Value:
        if value.known and all(value.whole) and all(map(is_number, shape)):
            return known(value.array.reshape(shape))
        value = self.dense(value)
        unknown = [n for n in shape if not is_number(n)]
        if len(unknown) > 1:
            raise NotConvertibleError(f"a shape of {tuple(map(str, shape))}")
        target = self.numbers(*(n if is_number(n) else -1 for n in shape))
        return self.whole("Reshape", [self.name(value), target], shape, value.dtype)

    def cast(self, value: Value, dtype: Any) -> Value:
        dtype = np.dtype(dtype)
        if value.dtype == dtype:
            return value
        if value.known:
            return value._replace(dtype=dtype, array=value.array.astype(dtype))
        return self.apply(
            "Cast", [value], value.shape, dtype, to=helper.np_dtype_to_tensor_dtype(dtype)
        )

    def model(
        self, name: str, metadata: dict[str, str], producer: tuple[str, str]
    ) -> onnx.ModelProto:
        """The graph with what its outputs need, and no more.

        Raises:
          NotConvertibleError: it is too large for a file.
        """
        needed = {output.name for output in self._outputs}
        nodes = []
        for node in reversed(self._nodes.values()):
            if node.output[0] in needed:
                nodes.append(node)
                needed.update(node.input)
        stored = [array for array in self._stored if array.name in needed]
        if (size := sum(len(array.raw_data) for array in stored)) > MOST:
            raise NotConvertibleError(f"its arrays take {size:,} bytes; a file holds {MOST:,}")
        graph = helper.make_graph(
            nodes[::-1],
            name,
            [given for given in self._inputs if given.name in needed],
            self._outputs,
            stored,
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR,
            producer_name=producer[0],
            producer_version=producer[1],
        )
        helper.set_model_props(model, metadata)
        onnx.checker.check_model(model)
        return model


def _info(name: str, shape: Sequence, dtype: Any) -> onnx.ValueInfoProto:
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return helper.make_tensor_value_info(name, kind, [n if is_number(n) else BATCH for n in shape])
