"""Memory use of this process."""

import os
import resource
import sys


def peak_mb() -> float:
    """Returns the peak memory use so far, in MiB.

    On Linux it reads /proc, because getrusage there includes the memory of the process that this one was forked from.
    """
    if os.path.exists("/proc/self/status"):
        return status_mb("VmHWM")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def status_mb(field: str) -> float:
    """Returns a field of /proc/self/status, in MiB; Linux only."""
    with open("/proc/self/status", encoding="utf-8") as file:
        return int(next(line for line in file if line.startswith(field)).split()[1]) / 1024
