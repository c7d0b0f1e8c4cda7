"""The built-in estimator's network as an ONNX model, for photos of any size; needs pgjax[onnx].

frozen.openpose_mobilenet is the network. It is written here operation by operation, because a converted
program would have one size of photos; what finds people in its maps is files/people.js.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from pgjax.frozen import openpose_mobilenet
from pgjax.frozen.openpose_mobilenet import BLOCKS, FINE, JOINTS, MAPS

OPSET, IR = 17, 8  # that ONNX Runtime has read for years
IMAGE = "image"
"""The input: uint8 (1, H, W, 3). The outputs: `joints` (1, h, w, 18) and `fields` (1, h, w, 38)."""

Params = Mapping[str, Mapping[str, np.ndarray]]


def model(params: Params) -> onnx.ModelProto:
    """The network.

    Args:
      params: as openpose_weights.fixed gives them, the normalisation folded into the kernels.

    Returns:
      Of the image its maps as openpose_mobilenet.apply gives them; the fields' last two axes (19, 2) are one.
    """
    return _Writer(params).written()


class _Writer:
    def __init__(self, params: Params):
        self._params = params
        self._nodes: list[onnx.NodeProto] = []
        self._arrays: list[onnx.TensorProto] = []

    def written(self) -> onnx.ModelProto:
        x = self._node("Cast", IMAGE, to=TensorProto.FLOAT)
        x = self._node("Transpose", x, perm=[0, 3, 1, 2])
        x = self._node("Gather", x, self._array(np.array([2, 1, 0])), axis=1)  # BGR
        x = self._clipped(self._convolved(x, "stem", strides=[2, 2]))
        fine = x
        for i, (_, stride, added) in enumerate(BLOCKS):
            inside = x
            if f"block{i}/expand" in self._params:
                inside = self._clipped(self._convolved(inside, f"block{i}/expand"))
            name = f"block{i}/depthwise"
            channels = self._params[name]["kernel"].shape[3]
            inside = self._convolved(inside, name, strides=[stride, stride], group=channels)
            inside = self._convolved(self._clipped(inside), f"block{i}/project")
            x = self._node("Add", x, inside) if added else inside
            fine = x if i == FINE else fine
        size = self._node("Shape", fine, start=2)
        batch = self._array(np.array([1, BLOCKS[-1][0]]))
        size = self._node("Concat", batch, size, axis=0)
        # TensorFlow's way of that time: corners on corners, and pixel i is taken from i h / H.
        how = {"mode": "linear", "coordinate_transformation_mode": "asymmetric"}
        x = self._node("Resize", x, "", "", size, **how)
        features = given = self._node("Concat", fine, x, axis=1)
        for stage in range(1, openpose_mobilenet.STAGES + 1):
            maps = [self._branch(f"stage{stage}/{branch}", given) for branch in MAPS]
            given = self._node("Concat", *maps, features, axis=1)
        fields, joints = maps
        pairs = openpose_mobilenet.FIELD_MAPS[:, ::-1].ravel()
        outputs = {"joints": (joints, np.arange(JOINTS)), "fields": (fields, pairs)}
        results = []
        for name, (x, chosen) in outputs.items():
            x = self._node("Gather", x, self._array(chosen), axis=1)
            self._nodes.append(helper.make_node("Transpose", [x], [name], perm=[0, 2, 3, 1]))
            shape = [1, "h", "w", len(chosen)]
            results.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        image = helper.make_tensor_value_info(IMAGE, TensorProto.UINT8, [1, "H", "W", 3])
        graph = helper.make_graph(self._nodes, "openpose", [image], results, self._arrays)
        opsets = [helper.make_opsetid("", OPSET)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR)

    def _node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        name = f"x{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def _array(self, array: np.ndarray) -> str:
        name = f"c{len(self._arrays)}"
        self._arrays.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def _clipped(self, x: str) -> str:
        low, high = (self._array(np.array(bound, np.float32)) for bound in (0, 6))
        return self._node("Clip", x, low, high)

    def _convolved(self, x: str, layer: str, **attributes: Any) -> str:
        """By the kernel of a layer of the first half, HWIO; TensorFlow's SAME padding."""
        kernel, bias = self._params[layer]["kernel"], self._params[layer]["bias"]
        weights = self._array(kernel.transpose(3, 2, 0, 1)), self._array(bias)
        return self._node("Conv", x, *weights, auto_pad="SAME_UPPER", **attributes)

    def _branch(self, name: str, x: str) -> str:
        for i in range(1, 6):
            layer = self._params[f"{name}{i}"]
            if "depthwise" in layer:
                kernel = self._array(layer["depthwise"].transpose(3, 2, 0, 1))
                group = layer["depthwise"].shape[3]
                x = self._node("Conv", x, kernel, auto_pad="SAME_UPPER", group=group)
            weights = self._array(layer["kernel"].T[:, :, None, None]), self._array(layer["bias"])
            x = self._node("Conv", x, *weights)
            x = self._node("Relu", x) if i < 5 else x
        return x
