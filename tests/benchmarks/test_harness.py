"""The order of turns, and the memory that is measured."""

import os

from benchmarks import harness
from yt8m_attention.runtime import memory


def test_sides_take_turns_and_are_built_at_their_first_turn():
    """Other sides are built after our memory was read."""
    happened = []

    def side(name):
        return harness.lazily(lambda: happened.append(f"build {name}") or name, lambda n: happened.append(n) or len(n))

    sides = {"ours": side("ours"), "other": side("other")}
    rates, peak = harness.interleave(sides, 2, lambda: happened.append("memory") or 100.4)
    assert rates == {"ours": [4, 4], "other": [5, 5]} and peak == 100
    first = ["build ours", "ours", "ours", "memory", "build other", "other", "other"]  # the first call is not recorded
    assert happened == [*first, "ours", "other"]


def test_alone_runs_in_its_own_process():
    held = bytearray(200 << 20)
    held[::4096] = b"x" * len(held[::4096])
    assert harness.alone(os.getpid) != os.getpid()
    assert 0 < harness.alone(memory.peak_mb) < memory.peak_mb() - 100


def test_a_spread_is_median_least_and_greatest():
    assert harness.spread("rate", [3.0, 1.00004, 2.0, 12345.6]) == {"rate": 2.5, "rate_min": 1.0, "rate_max": 12350.0}
