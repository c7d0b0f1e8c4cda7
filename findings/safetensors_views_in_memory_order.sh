#!/usr/bin/env bash
# safetensors 0.8.0: save_file writes a NumPy view in the order of its memory, under the view's shape.
#
# A transposed array is read back with its shape and other entries, without an error or a warning: seen here
# [[0, 1], [2, 3], [4, 5]] for [[0, 3], [1, 4], [2, 5]]. np.ascontiguousarray before saving gives what was saved.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet safetensors==0.8.0 numpy==2.4.6
"$folder/venv/bin/python" - "$folder/weights.safetensors" <<'PYTHON'
import sys

import numpy as np
from safetensors.numpy import load_file, save_file

view = np.arange(6, dtype=np.float32).reshape(2, 3).T
save_file({"view": view, "copy": np.ascontiguousarray(view)}, sys.argv[1])
found = load_file(sys.argv[1])
print(f"{view.tolist()} is read back as {found['view'].tolist()}, its copy as {found['copy'].tolist()}")
assert np.array_equal(found["view"], np.arange(6).reshape(3, 2)) and found["view"].shape == view.shape
assert np.array_equal(found["copy"], view)
PYTHON
