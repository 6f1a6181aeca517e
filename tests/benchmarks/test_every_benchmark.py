"""Each speed benchmark runs to its end and prints the keys that docs and scripts use. Speed is not checked."""

import importlib.util
import json
import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

# The possible sides, and the number of lines of each benchmark.
SIDES = ("ours", "reference", "limit")
BENCHMARKS = {"feed": 1, "train_step": 1, "scoring": 1, "ranking": 1, "submission": 1, "sparsemax": 1, "on_jax": 3}
ABOUT = {"name", "unit", "commit", "hardware"}


def printed(name, **environment):
    """Returns the JSON lines of `python -m benchmarks.NAME --quick --rounds=1`."""
    run = subprocess.run([sys.executable, "-m", f"benchmarks.{name}", "--quick", "--rounds=1"], cwd=ROOT, text=True,
                         capture_output=True, env=os.environ | environment)  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1].startswith("{")
    return [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]


@pytest.mark.slow
@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_prints_its_line(name):
    on_jax = name == "on_jax"
    if on_jax and importlib.util.find_spec("jax") is None:
        pytest.skip("JAX is not installed: pip install jax")
    lines = printed(name, **({"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"} if on_jax else {}))
    assert len(lines) == BENCHMARKS[name]
    for line in lines:
        sides = [side for side in SIDES if (line["name"], side) != ("sparsemax", "reference") or not on_jax]
        ratios = {"share_of_limit"} | ({"times_reference"} if "reference" in sides else set())
        assert set(line) >= ABOUT | ratios | {"peak_memory_mb"}
        assert 0 < line["peak_memory_mb"] < 20_000 and isinstance(line["peak_memory_mb"], int)
        for side in sides:
            assert 0 < line[f"{side}_min"] <= line[side] <= line[f"{side}_max"]
        for ratio, side in (("times_reference", "reference"), ("share_of_limit", "limit")):
            if ratio in line:
                assert line[ratio] == pytest.approx(line["ours"] / line[side], rel=1e-2)


@pytest.mark.slow
def test_the_budget_of_a_step_is_printed():
    (line,) = printed("step_budget")
    assert set(line) == ABOUT | {"parts", "total", "batch"}
    assert line["total"] == [
        pytest.approx(sum(column), abs=0.1) for column in zip(*line["parts"].values(), strict=True)
    ]
    assert all(time > 0 for time in line["total"])
