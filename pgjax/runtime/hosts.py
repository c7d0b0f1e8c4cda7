"""Several hosts (processes) that make one run: who they are, and how they agree.

Every host runs the same program on a share of the examples, and all call what is collective here, and
the training step, together and in the same order. What is read or drawn by one host alone must not be.
"""

import collections
import math
import os
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from pgjax.errors import InputError
from pgjax.runtime.devices import DEVICES, over_devices

LAG = 2  # calls until an Agreement answers


def start(
    coordinator: str | None = None,
    hosts: int | None = None,
    host: int | None = None,
    detect: bool = False,
) -> None:
    """Joins the other hosts of this run, before JAX is used for anything else; alone, does nothing.

    Args:
      coordinator: "ADDRESS:PORT" of host 0, the same on every host; needs the two below.
      hosts: how many there are.
      host: the number of this one, from 0.
      detect: let JAX find all three out: TPU pods, Slurm, Open MPI. It does so unasked where Slurm or
        Open MPI has started several of this program, or JAX_COORDINATOR_ADDRESS is set.

    Raises:
      InputError: some of the three are given and others are not, or the hosts cannot be found.
    """
    given = {"--coordinator": coordinator, "--num_hosts": hosts, "--host": host}
    missing = [name for name, value in given.items() if value is None]
    if 0 < len(missing) < len(given):
        raise InputError(f"{missing[0]}: missing; {', '.join(given)} go together")
    if missing and not (detect or _started_by_a_cluster(os.environ)):
        return
    if (
        coordinator is not None
        and hosts is not None
        and host is not None
        and (":" not in coordinator or not 0 <= host < hosts)
    ):
        raise InputError(
            "--coordinator, --num_hosts, --host: expected ADDRESS:PORT and 0 <= host < num_hosts, got "
            f"{coordinator}, {hosts}, {host}"
        )
    # Its handler of SIGTERM would take the place of ours; see Agreement.
    jax.config.update("jax_enable_preemption_service", False)
    try:
        jax.distributed.initialize(coordinator, hosts, host)
    except (RuntimeError, ValueError) as error:
        raise InputError(f"--distributed: the other hosts are not to be found: {error}") from error


def _started_by_a_cluster(environment: Any) -> bool:
    counts = (
        environment.get(name, "1") for name in ("SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_SIZE")
    )
    return "JAX_COORDINATOR_ADDRESS" in environment or any(int(count) > 1 for count in counts)


def count() -> int:
    return jax.process_count()


def first() -> bool:
    """Whether this host is the one that logs, draws and writes."""
    return jax.process_index() == 0


def wait(place: str) -> None:
    """Waits until every host has come to this place; collective."""
    if count() > 1:
        multihost_utils.sync_global_devices(place)


def part(items: np.ndarray) -> tuple[int, np.ndarray]:
    """This host's share [hN/n, (h+1)N/n) of items (N, ...), and where it starts."""
    host, hosts, size = jax.process_index(), count(), len(items)
    begin = host * size // hosts
    return begin, items[begin : (host + 1) * size // hosts]


def gather(tree: Any) -> Any:
    """Joins every host's arrays (n_h, ...) along the first axis, in the hosts' order; collective.

    Of any type that NumPy has, to the bit; of one type and (...) on all hosts.
    """
    if count() == 1:
        return tree

    def join(x):
        x = np.asarray(x)
        sizes = np.asarray(multihost_utils.process_allgather(np.int32(len(x))))
        row = x.dtype.itemsize * math.prod(x.shape[1:])
        if not row * sizes.max():
            return np.zeros((sizes.sum(), *x.shape[1:]), x.dtype)
        # Bytes: arrays of 64 bits would arrive as JAX has them, of 32.
        sent = np.zeros(row * sizes.max(), np.uint8)
        sent[: x.nbytes] = np.frombuffer(x.tobytes(), np.uint8)
        every = np.asarray(multihost_utils.process_allgather(sent))
        parts = [
            np.frombuffer(given[: row * size].tobytes(), x.dtype)
            for given, size in zip(every, sizes, strict=True)
        ]
        return np.concatenate(parts).reshape(-1, *x.shape[1:])

    return jax.tree.map(join, tree)


def check_same(number: int, what: str) -> None:
    """Stops every host where not all have the same number; collective.

    Raises:
      InputError: names `what` and all hosts' numbers.
    """
    numbers = gather(np.array([number]))
    if len(set(numbers.tolist())) > 1:
        raise InputError(f"{what} is not the same on all hosts: {numbers.tolist()}")


def shared(tree: Any) -> Any:
    """Arrays of one value on every host as arrays of all hosts, which then can save them together."""
    everywhere = jax.sharding.Mesh(jax.devices(), (DEVICES,))
    sharding = jax.NamedSharding(everywhere, jax.P())

    def join(x):
        return jax.make_array_from_process_local_data(sharding, np.asarray(x), np.shape(x))

    return jax.tree.map(join, tree)


class Agreement:
    """Whether any host has said yes: all learn it at the same call.

    Every host asks after every call of the training step. The answer is of LAG calls before: by then the
    devices have it, and nobody waits for what they do now.
    """

    def __init__(self):
        self._any = over_devices(lambda x: jax.lax.pmax(x, DEVICES))
        self._asked = collections.deque()

    def __call__(self, mine: bool) -> bool:
        if count() == 1:
            return mine
        self._asked.append(self._any(np.full(jax.local_device_count(), mine, np.int32)))
        return len(self._asked) > LAG and bool(np.asarray(self._asked.popleft())[0])
