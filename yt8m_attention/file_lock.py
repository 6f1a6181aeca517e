"""Advisory locks on files and directories: one process at a time."""

import fcntl
from typing import IO


class Locked(OSError):
    """Another process holds the lock."""


def lock(file: IO | int, wait: bool = False) -> None:
    """Locks an open file or directory for this process alone.

    The lock belongs to the open file. Closing the file or any end of the process releases it.

    Args:
      file: a file object or descriptor.
      wait: whether to wait until another holder releases the lock.

    Raises:
      Locked: when another process holds the lock and `wait` is False.
      OSError: when the file system does not support locks.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError as error:
        raise Locked(error.errno, error.strerror) from error
