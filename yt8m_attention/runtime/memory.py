"""How much memory this process has held."""

import os
import resource
import sys


def peak_mb():
    """The most so far, in MiB.

    On Linux by the kernel's status of the process: there, getrusage counts in what the process held that it was forked
    from.
    """
    if os.path.exists("/proc/self/status"):
        return status_mb("VmHWM")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def status_mb(field):
    """A field of /proc/self/status, in MiB; Linux only."""
    with open("/proc/self/status", encoding="utf-8") as file:
        return int(next(line for line in file if line.startswith(field)).split()[1]) / 1024
