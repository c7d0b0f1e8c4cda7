"""Locks of files, on systems that have them. They end with the process, however it ends."""

import contextlib
import errno
import pathlib
from collections.abc import Generator

_NONE = {
    getattr(errno, name, None) for name in ("ENOSYS", "ENOTSUP", "EOPNOTSUPP", "ENOLCK", "EINVAL")
}


class NoLocksError(OSError):
    """Nothing can be locked there; says why."""


@contextlib.contextmanager
def held(path: pathlib.Path, wait: bool) -> Generator[None]:
    """Holds the lock of a file, which is made where there is none.

    Args:
      path: of the file.
      wait: until who holds it lets go.

    Raises:
      BlockingIOError: another process holds it, and `wait` is not wanted.
      NoLocksError: Windows; some network and cloud file systems.
    """
    try:
        import fcntl
    except ModuleNotFoundError:
        raise NoLocksError("this system has no flock") from None
    # Not "w": where there are no locks, the file tells whose the folder is (pgjax.files.lease).
    with open(path, "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError as error:
            if error.errno not in _NONE:
                raise
            reason = error.strerror
            raise NoLocksError(f"its file system has no flock: {reason}") from error
        yield
