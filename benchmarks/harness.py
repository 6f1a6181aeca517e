"""How every benchmark measures and what it prints.

The machines are shared and noisy: a ratio within one run is a result, an absolute time is not. So the sides take
turns (A B C A B C ...), each figure is a median with its least and greatest, and the last line of stdout is one JSON
object. Every figure is a rate (work a second): more is better.
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
    """The arguments that every benchmark takes: --quick, --rounds. more: name -> help of further ones, text or None."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="small sizes: does it run, and roughly how fast")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each side")
    for name, meaning in more.items():
        parser.add_argument(f"--{name}", help=meaning)
    return parser.parse_args()


def seconds(function):
    """The wall time of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def lazily(build, rate):
    """A side for `interleave` that is made at its first turn, so that it takes no memory before.

    Args:
      build: function of no arguments -> whatever the side holds.
      rate: function of that -> the rate of one turn; called once more at first, unrecorded: it compiles what it needs.
    """

    @functools.cache
    def built():
        held = build()
        rate(held)
        return held

    return lambda: rate(built())


def alone(function, *arguments):
    """What a function returns that runs in a fresh process: the memory measured there is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def interleave(sides, rounds, peak_mb=memory.peak_mb):
    """Lets the sides take turns.

    Args:
      sides: {name: function}; a function runs once and returns its rate, timing only what is its work. The first
        side is ours: the peak memory is read after its first turn, before any other side has run. What another side
        holds is made at its first turn (`lazily`).
      rounds: turns of each.
      peak_mb: function of no arguments -> the peak so far, in MiB.

    Returns:
      ({name: rates, one a round}, the peak after the first turn, in MiB).
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
      name: of the benchmark.
      unit: of the rates, such as "segments/s".
      rates, peak: of `interleave`; the sides "reference" and "limit" may be missing.
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
    """{name: median, name_min: least, name_max: greatest}, as a JSON line holds them."""
    found = {name: statistics.median(values), f"{name}_min": min(values), f"{name}_max": max(values)}
    return {key: _short(value) for key, value in found.items()}


def _short(value):
    return float(f"{value:.4g}")


def commit():
    """The commit that is measured, marked where files differ from it, other than the results that are written down."""
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
    """Processor, cores that this process may use, memory, and the GPU where there is one."""
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
