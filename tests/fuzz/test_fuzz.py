"""Damaged files are accepted or refused in one line, never with a traceback. Uses hypothesis and atheris."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz import targets

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 40  # of atheris, per reader


@st.composite
def damaged(draw, seeds):
    """Draws a valid file with bytes changed, removed, inserted or doubled, or truncated; sometimes random bytes."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=200))
    raw = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(0, len(raw) - 1)))
        piece = raw[at : at + draw(st.integers(0, 8))]
        new = draw(st.one_of(st.binary(max_size=4), st.just(bytes(piece) * 2), st.sampled_from((b"-", b"\0", b"\xff"))))
        raw[at : at + len(piece)] = new
    return bytes(raw[: draw(st.integers(0, len(raw)))] if draw(st.integers(0, 4)) == 0 else raw)


@pytest.mark.parametrize("name", targets.TARGETS)
def test_damaged_files_are_accepted_or_refused_in_one_line(tmp_path, name):
    target = targets.TARGETS[name]
    for seed in target.seeds:
        assert targets.check(target, seed, tmp_path)

    @settings(max_examples=150, suppress_health_check=list(HealthCheck))
    @given(damaged(target.seeds))
    def run(raw):
        targets.check(target, raw, tmp_path)

    run()


@pytest.mark.slow
@pytest.mark.parametrize("name", targets.TARGETS)
def test_atheris_finds_no_fault(tmp_path, name):
    if not importlib.util.find_spec("atheris"):
        pytest.skip("atheris is not installed; pip install atheris")
    command = [sys.executable, "-m", "tests.fuzz.fuzz", name, str(tmp_path), f"-max_total_time={SECONDS}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    tries = int(re.search(r"stat::number_of_executed_units: (\d+)", done.stderr)[1])
    print(f"{name}: {tries:,} tries")
    assert tries > 100
