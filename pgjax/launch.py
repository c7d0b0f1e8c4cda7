"""What commands that compute do first: join the other hosts, and keep what they compile."""

from absl import flags


def define() -> None:
    """Defines the flags that `start` reads."""
    flags.DEFINE_string("coordinator", None, "Several hosts: ADDRESS:PORT of host 0.")
    flags.DEFINE_integer("num_hosts", None, "Several hosts: how many.")
    flags.DEFINE_integer("host", None, "Several hosts: the number of this one, from 0.")
    flags.DEFINE_bool("distributed", False, "Several hosts: find them (TPU pod, Slurm, Open MPI).")


def start() -> None:
    """Joins the other hosts where there are any, and turns the cache of compiled programs on.

    Raises:
      InputError: see hosts.start.
    """
    from pgjax import compiled, hosts

    given = flags.FLAGS
    hosts.start(given.coordinator, given.num_hosts, given.host, given.distributed)
    compiled.keep()
