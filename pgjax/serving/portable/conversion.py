"""From an exported model to an ONNX model: JAX traces it, its operations become ONNX's one by one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import onnx
from jax import export
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal
from jax.interpreters import partial_eval

from pgjax import __version__
from pgjax.errors import InputError
from pgjax.runtime import formulation
from pgjax.serving.drawing import drawing
from pgjax.serving.portable import elementwise, indexing, interface, products, shapes
from pgjax.serving.portable.values import BATCH, Graph, NotConvertibleError, Value, known
from pgjax.training.model_folder import Model

LOWERED: dict[str, Callable[..., Any]] = {
    **elementwise.LOWERED,
    **shapes.LOWERED,
    **indexing.LOWERED,
    **products.LOWERED,
}
"""By the name of an operation: (graph, its parameters, its result's shape and type, *inputs) -> Value."""


def convert(model: Model, facts: interface.Facts) -> onnx.ModelProto:
    """The whole model, from uint8 photos and joints to uint8 pictures, for a batch of any size.

    Raises:
      InputError: its networks have an operation that is not converted, which is named; or a file does not
        hold so much.
    """
    draw = drawing(model)

    def drawn(*given):
        pictures, made = draw(model.variables, *given)
        return pictures, jnp.isfinite(made).all(axis=(1, 2, 3))

    size = dict(zip(("height", "width"), model.size, strict=True))
    inputs = {
        name: (kind, tuple(size.get(n, n) for n in shape))
        for name, (kind, shape) in interface.INPUTS.items()
    }
    try:
        graph = translate(drawn, inputs, (interface.PICTURE, interface.FINITE))
        return graph.model(facts.row, facts.properties(), ("pgjax", __version__))
    except NotConvertibleError as error:
        raise InputError(f"the row {facts.row} has no ONNX file: {error}") from error


def translate(
    function: Callable[..., Any],
    inputs: Mapping[str, tuple[str, Sequence[int]]],
    outputs: Sequence[str],
) -> Graph:
    """A function of JAX as a graph, for a batch of any size.

    Args:
      function: of arrays (B, ...), which gives as many arrays (B, ...) as there are outputs.
      inputs: by name their type, and their shape behind the batch. What the function does not read is left
        out.
      outputs: names.

    Raises:
      NotConvertibleError: it has an operation that is not converted, or arrays that depend on the batch size
        otherwise than by an axis of it.
    """
    (batch,) = export.symbolic_shape(BATCH)
    given = [
        jax.ShapeDtypeStruct((batch, *shape), np.dtype(kind)) for kind, shape in inputs.values()
    ]
    with formulation.plain():
        traced = jax.make_jaxpr(function)(*given)
    # Of a scene a network reads a few fields; the others are not converted.
    program, read = partial_eval.dce_jaxpr(traced.jaxpr, [True] * len(outputs))
    graph = Graph(batch)
    values = [
        graph.input(name, one.shape, one.dtype)
        for name, one, needed in zip(inputs, given, read, strict=True)
        if needed
    ]
    for name, value in zip(outputs, _run(graph, program, traced.consts, values), strict=True):
        graph.output(name, value)
    return graph


def _run(graph: Graph, program: Jaxpr, constants: Sequence, inputs: Sequence[Value]) -> list[Value]:
    """The program's results, its operations added to the graph where they depend on an input."""
    values = dict(zip(program.constvars, map(known, constants), strict=True))
    values |= dict(zip(program.invars, inputs, strict=True))

    def read(variable) -> Value:
        if isinstance(variable, Literal):
            return known(np.asarray(variable.val, variable.aval.dtype))
        return values[variable]

    for equation in program.eqns:
        found = _operation(graph, equation, [read(one) for one in equation.invars])
        values |= dict(zip(equation.outvars, found, strict=True))
    return [read(one) for one in program.outvars]


def _operation(graph: Graph, equation: Any, inputs: list[Value]) -> Sequence[Value]:
    name, params = equation.primitive.name, equation.params
    outs = [variable.aval for variable in equation.outvars]
    if name == "scan":
        return _unrolled(graph, params, outs, inputs)
    if name in shapes.SEVERAL:
        return shapes.SEVERAL[name](graph, params, outs, *inputs)
    if name in LOWERED:
        return [LOWERED[name](graph, params, outs[0], *inputs)]
    inner = params.get("jaxpr", params.get("call_jaxpr"))
    if isinstance(inner, ClosedJaxpr):
        return _run(graph, inner.jaxpr, inner.consts, inputs)
    if isinstance(inner, Jaxpr):
        return _run(graph, inner, [], inputs)
    raise NotConvertibleError(f"JAX's operation {name} is not converted to ONNX")


def _unrolled(graph: Graph, params: Any, outs: list, inputs: list[Value]) -> list[Value]:
    """A scan, turn after turn: they are few, one for each body part, and all shapes stay known."""
    body, length = params["jaxpr"], params["length"]
    # What has an axis more outside than inside is cut along it, or stacked along it.
    inside = zip(body.jaxpr.invars, inputs, strict=True)
    cut = sum(len(one.aval.shape) < len(value.shape) for one, value in inside)
    outside = zip(body.jaxpr.outvars, outs, strict=True)
    carried = sum(len(one.aval.shape) == len(out.shape) for one, out in outside)
    fixed = len(inputs) - carried - cut
    constants, carry = inputs[:fixed], inputs[fixed : fixed + carried]
    each, turns = inputs[fixed + carried :], []
    order = range(length)
    for turn in reversed(order) if params["reverse"] else order:
        parts = [shapes.entry(graph, value, 0, turn) for value in each]
        found = _run(graph, body.jaxpr, body.consts, [*constants, *carry, *parts])
        carry = found[:carried]
        turns.append(found[carried:])
    if params["reverse"]:
        turns.reverse()
    stacked = []
    for results in zip(*turns, strict=True):
        out = jax.ShapeDtypeStruct((length, *results[0].shape), results[0].dtype)
        stacked.append(shapes.stack(graph, {"axis": 0}, out, *results))
    return [*carry, *stacked]
