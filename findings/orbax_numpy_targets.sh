#!/usr/bin/env bash
# orbax-checkpoint 0.12.8 (jax 0.10.2, numpy 2.4.6): StandardRestore does not hold a checkpoint to its target.
# - A target array of another shape: what was stored comes back in its stored shape, without an error or a
#   warning. So it is with NumPy arrays, and with jax.ShapeDtypeStruct without a sharding.
# - A target of another type: the values are cast to it, float32 to int32 and float16 too, without a word.
# Whoever relies on the target to refuse a checkpoint of another network has to compare shapes and types with
# CheckpointManager.item_metadata.
# Seen: {'a': ((2, 3), 'float32')} for a target of (3, 2); int32 [0 1 2] for stored [0.5 1.5 2.5].
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install --quiet orbax-checkpoint==0.12.8 jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
"$work/env/bin/python" - "$work/saved" <<'PYTHON'
import sys

import jax
import numpy as np
import orbax.checkpoint as ocp

stored = {"a": np.arange(6, dtype=np.float32).reshape(2, 3) + 0.5}
with ocp.CheckpointManager(sys.argv[1]) as manager:
    manager.save(1, args=ocp.args.StandardSave(stored))
with ocp.CheckpointManager(sys.argv[1]) as manager:

    def restored(like):
        return manager.restore(1, args=ocp.args.StandardRestore({"a": like}))["a"]

    for like in (
        np.zeros((3, 2), np.float32),
        np.zeros((7,), np.float32),
        jax.ShapeDtypeStruct((3, 2), np.float32),
    ):
        found = restored(like)
        print(like.shape, "asked,", found.shape, "came")
        assert found.shape == (2, 3) and np.array_equal(found, stored["a"])
    for kind in (np.int32, np.float16):
        found = restored(np.zeros((2, 3), kind))
        print(kind.__name__, "asked,", found.dtype, found.tolist(), "came")
        assert found.dtype == kind and np.array_equal(found, stored["a"].astype(kind))
PYTHON
