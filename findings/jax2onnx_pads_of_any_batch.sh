#!/usr/bin/env bash
# jax2onnx 0.17.1, with onnx-ir 0.2.1 and JAX 0.10.2: lax.pad of an array whose batch size is left open is not
# converted.
#
# The same function is converted for a batch of 2. With an open batch its plugin makes a shape of JAX's symbolic
# dimension, which onnx-ir asks for a number: InconclusiveDimensionOperation. The package also asks for
# orbax-checkpoint below 0.11.37.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax2onnx==0.17.1 onnx==1.23.2 onnx-ir==0.2.1 jax==0.10.2 jaxlib==0.10.2 \
    flax==0.12.8
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata

import jax.numpy as jnp
from jax import lax
from jax2onnx import to_onnx


def padded(x):
    return lax.pad(x, jnp.float32(0), ((0, 0, 0), (1, 2, 0)))


said = [line for line in importlib.metadata.requires("jax2onnx") if line.startswith("orbax-checkpoint")]
print(f"asks for {said}")
assert "<0.11.37" in said[0]
found = {}
for batch in (2, "B"):
    try:
        nodes = to_onnx(padded, inputs=[(batch, 3)]).graph.node
        found[batch] = [node.op_type for node in nodes]
    except Exception as error:
        found[batch] = type(error).__name__
print(found)
assert "Pad" in found[2] and found["B"] == "InconclusiveDimensionOperation"
PYTHON
