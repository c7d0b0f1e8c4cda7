#!/usr/bin/env bash
# optax 0.2.8 under jax.jit (jax 0.10.2, CPU): schedules change by what XLA makes of a division by a constant.
# - exponential_decay(staircase=True) divides the count by transition_steps and takes the floor. XLA multiplies
#   with the inverse instead, so that count == transition_steps gives less than 1 for some lengths, and the
#   rate falls one step late. Uncompiled, or with the count as a NumPy number, it falls on time.
# - linear_schedule from 1 to 0 does not end at 0 for some lengths: its last factor is negative, -3e-8.
# A training step is compiled, so what a test of the schedule outside of jit shows is not what trains.
# Seen: the staircase is late at 40 of the lengths from 2 to 299, first 41, 47, 55, 61, 82; linear_schedule over
# 3 steps ends at -2.98e-08.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install --quiet optax==0.2.8 jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
JAX_PLATFORMS=cpu "$work/env/bin/python" - <<'PYTHON'
import jax
import jax.numpy as jnp
import optax

late, late_uncompiled = [], []
for length in range(2, 300):
    schedule = optax.exponential_decay(1.0, length, 0.5, staircase=True)
    count = jnp.int32(length)
    if float(jax.jit(schedule)(count)) != 0.5:
        late.append(length)
    with jax.disable_jit():
        if float(schedule(count)) != 0.5:
            late_uncompiled.append(length)
print(len(late), "lengths are late when compiled:", late)
print(len(late_uncompiled), "when not compiled:", late_uncompiled)
end = float(jax.jit(optax.linear_schedule(1.0, 0.0, 3))(jnp.int32(3)))
print("linear_schedule(1, 0, 3) ends at", end)
assert len(late) == 40 and late[:5] == [41, 47, 55, 61, 82]
assert not late_uncompiled
assert -1e-7 < end < 0
PYTHON
