"""What commands that compute do first: join the other hosts, and keep what they compile."""

import os
from typing import Any

from absl import flags

FLAGS = ("coordinator", "num_hosts", "host", "distributed")


def define() -> None:
    """Defines the flags that `start` reads: FLAGS."""
    flags.DEFINE_string("coordinator", None, "Several hosts: ADDRESS:PORT of host 0.")
    flags.DEFINE_integer("num_hosts", None, "Several hosts: how many.")
    flags.DEFINE_integer("host", None, "Several hosts: the number of this one, from 0.")
    flags.DEFINE_bool("distributed", False, "Several hosts: find them (TPU pod, Slurm, Open MPI).")


def start() -> None:
    """Joins the other hosts where there are any, and turns the cache of compiled programs on.

    Raises:
      InputError: see hosts.start.
    """
    from pgjax.runtime import compilation, hosts

    given = flags.FLAGS
    hosts.start(given.coordinator, given.num_hosts, given.host, given.distributed)
    compilation.keep()


def start_alone() -> None:
    """For commands of one host: every core of a CPU is a device; compiled programs are kept."""
    import jax

    from pgjax.runtime import compilation

    forced = "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", "")
    settings: Any = jax.config  # no type checker sees what it holds
    if settings.jax_num_cpu_devices < 1 and not forced:
        jax.config.update("jax_num_cpu_devices", _cores())
    compilation.keep()


def _cores() -> int:
    """How many this process may use; where no system tells that, how many there are."""
    mine = getattr(os, "sched_getaffinity", None)
    return len(mine(0)) if mine else os.cpu_count() or 1
