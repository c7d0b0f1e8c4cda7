#!/usr/bin/env bash
# dwpose 1.0.1: its reader of OpenPose's JSON drops every joint whose confidence is below 1.
#
# decode_json_as_poses documents OpenPose's output format, whose third number is a confidence from 0 to 1, and takes it for
# a mark: of a body as OpenPose writes it, with confidences of .9, no joint is left. Only files of the tools that write
# 1.0 for all joints (as encode_poses_as_dict beside it does) are read whole.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-deps dwpose==1.0.1
"$folder/venv/bin/python" - <<'PYTHON'
import ast
import importlib.util
import json
import pathlib
import sys
import sysconfig
import typing

# The package loads networks when it is imported, so its two functions are taken from its source as they are.
package = pathlib.Path(sysconfig.get_path("purelib")) / "dwpose"
spec = importlib.util.spec_from_file_location("types_of_dwpose", package / "types.py")
types = sys.modules["types_of_dwpose"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(types)
names = {"json": json, **vars(typing), **{k: v for k, v in vars(types).items() if k[0] != "_"}}
tree = ast.parse((package / "__init__.py").read_text())
wanted = ("decode_json_as_poses", "encode_poses_as_dict")
tree.body = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name in wanted]
exec(compile(tree, "dwpose", "exec"), names)


def joints(confidence):
    body = [v for i in range(18) for v in (10.0 + i, 20.0 + i, confidence)]
    frame = {"people": [{"pose_keypoints_2d": body}], "canvas_height": 128, "canvas_width": 64}
    poses, *_ = names["decode_json_as_poses"](json.dumps(frame))
    return sum(joint is not None for joint in poses[0].body.keypoints)


print("joints read of 18:", {confidence: joints(confidence) for confidence in (1.0, 0.99, 0.9)})
assert joints(1.0) == 18 and joints(0.99) == 0 and joints(0.9) == 0
PYTHON
