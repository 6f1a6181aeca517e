"""Measures and prints the results of all benchmarks.

The machines are shared and noisy: a ratio within one run is a result, an absolute time is not. So the sides take
turns (A B C A B C ...). Each figure is a median with its minimum and maximum. The last line of stdout is one JSON
object. Each figure is a rate (work per second): higher is better.
"""

import argparse
import functools
import json
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import time

from yt8m_attention.runtime import memory


def parse(description, **more):
    """Parses the arguments of a benchmark: --quick, --rounds, and one text argument per item of `more` (name: help)."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="small sizes, to check that it runs")
    parser.add_argument("--rounds", type=int, default=5, help="number of turns of each side")
    for name, meaning in more.items():
        parser.add_argument(f"--{name}", help=meaning)
    return parser.parse_args()


def seconds(function):
    """Returns the wall time of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def lazily(build, rate):
    """Returns a side for `interleave` that is built at its first turn, so it takes no memory before.

    Args:
      build: function without arguments -> the state of the side.
      rate: function of the state -> the rate of one turn. It is called once more at first, unrecorded, to compile.
    """

    @functools.cache
    def built():
        state = build()
        rate(state)
        return state

    return lambda: rate(built())


def alone(function, *arguments):
    """Runs a function in a new process, so that it measures only its own memory; returns its result."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def interleave(sides, rounds, peak_mb=memory.peak_mb):
    """Lets the sides take turns.

    Args:
      sides: {name: function}; a function runs once and returns its rate, and times only its own work. The first side
        is ours: the peak memory is read after its first turn, before another side has run. The other sides are built
        at their first turn (`lazily`).
      rounds: number of turns of each side.
      peak_mb: function without arguments -> peak memory so far, in MiB.

    Returns:
      ({name: rates, one per round}, the peak after the first turn, in MiB).
    """
    rates, peak = {name: [] for name in sides}, None
    for turn in range(rounds):
        for name, side in sides.items():
            rates[name].append(side())
            peak = peak or round(peak_mb())
            print(f"round {turn + 1}/{rounds} {name}: {rates[name][-1]:.4g}", file=sys.stderr)
    return rates, peak


def report(name, unit, rates, peak, **more):
    """Prints the JSON line.

    Args:
      name: name of the benchmark.
      unit: unit of the rates, such as "segments/s".
      rates, peak: results of `interleave`; the sides "reference" and "limit" may be missing.
      more: further keys.
    """
    line = {"name": name, "unit": unit}
    for side, values in rates.items():
        line |= spread(side, values)
    for key, side in (("times_reference", "reference"), ("share_of_limit", "limit")):
        if side in rates:
            line[key] = _short(statistics.median(rates["ours"]) / statistics.median(rates[side]))
    line |= {"peak_memory_mb": peak, **more, "commit": commit(), "hardware": hardware()}
    print(json.dumps(line), flush=True)


def spread(name, values):
    """Returns {name: median, name_min: minimum, name_max: maximum} for a JSON line."""
    found = {name: statistics.median(values), f"{name}_min": min(values), f"{name}_max": max(values)}
    return {key: _short(value) for key, value in found.items()}


def _short(value):
    return float(f"{value:.4g}")


def commit():
    """Returns the current commit, with "-dirty" if files other than the results differ from it."""
    try:
        name = _git("rev-parse", "--short", "HEAD")
        differing = _git("status", "--porcelain", "--", ":/", ":(exclude)RESULTS.md", ":(exclude)results")
        return f"{name}-dirty" if differing else name
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments):
    run = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True, cwd=os.path.dirname(__file__))
    return run.stdout.strip()


def hardware():
    """Describes the processor, the cores of this process, the memory, and the GPU if there is one."""
    processor = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
        processor = names[0] if names else processor
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    parts = [processor, f"{cores} core{'s' * (cores > 1)}", f"{gigabytes:.0f} GiB"]
    try:
        parts += subprocess.run(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"], capture_output=True,
                                text=True, check=True).stdout.strip().splitlines()  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        pass
    return ", ".join(parts)
