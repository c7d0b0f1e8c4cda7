"""The axis over which the training step is mapped, and the mapping itself."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from pgjax.runtime import traced_programs
from pgjax.runtime.compilation import uncollected

DEVICES = "devices"
"""Its name: whatever depends on the whole batch is averaged over it (jax.lax.pmean)."""


def over_devices(
    function: Callable,
    donate: tuple[int, ...] = (),
    everywhere: bool = True,
    identity: str | None = None,
) -> Callable:
    """Maps a function of (local devices, ...) arrays over devices: the one place that does.

    Args:
      function: may use the axis `devices.DEVICES`.
      donate: arguments that it may overwrite.
      everywhere: over the devices of all hosts, which then must call it together; else over this
        host's alone.
      identity: what the function follows from beside its arguments and pgjax itself. Where given, its
        program may be read from disk instead of traced (programs.keep).
    """
    devices = None if everywhere else jax.local_devices()
    mapped = jax.pmap(function, axis_name=DEVICES, donate_argnums=donate, devices=devices)
    if identity is not None:
        mapped = traced_programs.kept(mapped, identity, _sharding(), donate)
    # A call may be the one that compiles.
    called: Any = uncollected(mapped)
    called.lower = uncollected(mapped.lower)
    return called


def _sharding() -> jax.NamedSharding:
    """How mapped functions lay out (local devices, ...) arrays; in another way they compile twice."""
    return jax.NamedSharding(jax.sharding.Mesh(jax.local_devices(), (DEVICES,)), jax.P(DEVICES))


def place(tree: Any) -> Any:
    """Sends arrays (local devices, ...) to the devices, without waiting for it."""
    return jax.device_put(tree, _sharding())


def replicate(tree: Any) -> Any:
    """A copy for each local device: (devices, ...)."""
    sharding, devices = _sharding(), jax.local_devices()

    def copy(x):
        x = x[None] if isinstance(x, jax.Array) else np.asarray(x)[None]
        # One after another: never all copies in this host's memory.
        copies = [jax.device_put(x, device) for device in devices]
        shape = (len(devices), *x.shape[1:])
        return jax.make_array_from_single_device_arrays(shape, sharding, copies)

    return jax.tree.map(copy, tree)
