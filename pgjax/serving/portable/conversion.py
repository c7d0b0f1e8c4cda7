"""From an exported model to an ONNX model: JAX traces it, its operations become ONNX's one by one."""

from collections.abc import Callable, Sequence
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
from pgjax.serving.portable import elementwise, interface, products, shapes
from pgjax.serving.portable.values import BATCH, Graph, NotConvertibleError, Value, known
from pgjax.training.model_folder import Model

LOWERED: dict[str, Callable[..., Any]] = {
    **elementwise.LOWERED,
    **shapes.LOWERED,
    **products.LOWERED,
}
"""By the name of an operation: (graph, its parameters, its result's shape and type, *inputs) -> Value."""


def convert(model: Model, facts: interface.Facts) -> onnx.ModelProto:
    """The whole model, from uint8 photos and joints to uint8 pictures, for a batch of any size.

    Raises:
      InputError: its networks have an operation that is not converted; named.
    """
    draw = drawing(model)

    def drawn(*given):
        pictures, made = draw(model.variables, *given)
        return pictures, jnp.isfinite(made).all(axis=(1, 2, 3))

    (batch,) = export.symbolic_shape(BATCH)
    size = dict(zip(("height", "width"), model.size, strict=True))
    given = [
        jax.ShapeDtypeStruct((batch, *(size.get(n, n) for n in shape)), np.dtype(kind))
        for kind, shape in interface.INPUTS.values()
    ]
    with formulation.plain():
        traced = jax.make_jaxpr(drawn)(*given)
    # Of a scene a network reads a few fields; the others are not converted.
    program, read = partial_eval.dce_jaxpr(traced.jaxpr, [True] * len(traced.jaxpr.outvars))
    graph = Graph(batch)
    inputs = [
        graph.input(name, one.shape, one.dtype)
        for name, one, needed in zip(interface.INPUTS, given, read, strict=True)
        if needed
    ]
    try:
        outputs = _run(graph, program, traced.consts, inputs)
    except NotConvertibleError as error:
        raise InputError(f"the row {facts.row} has no ONNX file: {error}") from error
    for name, value in zip((interface.PICTURE, interface.FINITE), outputs, strict=True):
        graph.output(name, value)
    return graph.model(facts.row, facts.properties(), ("pgjax", __version__))


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
    if name == "split":
        return shapes.split(graph, params, outs, *inputs)
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
        parts = [_entry(graph, value, turn) for value in each]
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


def _entry(graph: Graph, value: Value, turn: int) -> Value:
    rank = len(value.shape)
    starts, limits = [turn, *[0] * (rank - 1)], [turn + 1, *value.shape[1:]]
    cut = (1, *value.shape[1:])
    part = shapes.sliced(graph, value, starts, limits, [1] * rank, cut)
    part = part._replace(shape=cut, whole=(True, *part.whole[1:]))
    out = jax.ShapeDtypeStruct(value.shape[1:], value.dtype)
    return shapes.squeeze(graph, {"dimensions": (0,)}, out, part)
