"""How fast a network is, from the runs that a comparison leaves behind."""

import json
import sys

import keras
import pytest

from benchmarks import network_speed, quality_table
from tests.benchmarks.test_quality import result
from tests.training import runs
from yt8m_attention.training import run_file


def finished_run(planted, folder, precision="auto"):
    """The directory of a run, as far as speeds are measured from it."""
    for phase in ("phase1", "phase2"):
        (folder / phase).mkdir(parents=True)
        run_file.write(runs.small(planted, folder / phase, phase == "phase2", run={"precision": precision}), {}, "0")
    return folder


@pytest.mark.parametrize("precision", [pytest.param("mixed_bfloat16", marks=pytest.mark.slow), "mixed_float16"])
def test_a_network_is_timed_in_its_runs_precision(planted, tmp_path, monkeypatch, precision):
    built = []

    def make_step(model, optimizer, *more):
        built.append((model.compute_dtype, isinstance(optimizer, keras.optimizers.LossScaleOptimizer)))
        return original(model, optimizer, *more)

    original = network_speed.make_step
    monkeypatch.setattr(network_speed, "make_step", make_step)
    rates = network_speed.measure(finished_run(planted, tmp_path / "seed0", precision))
    assert built == [(precision.removeprefix("mixed_"), precision == "mixed_float16")]
    assert set(rates) == {"examples_per_second", "segments_per_second"}
    assert all(rate > 0 for of_key in rates.values() for rate in of_key)


def test_networks_take_turns_and_the_table_holds_medians(tmp_path, monkeypatch, capsys):
    turns, speeds = [], iter(range(1, 100))

    def measure(run_dir):
        turns.append(run_dir.parent.name)
        speed = next(speeds)
        return {"examples_per_second": [speed, speed + 1], "segments_per_second": [10 * speed]}

    monkeypatch.setattr(network_speed, "measure", measure)
    for name in ("a", "b@bfloat16"):
        (tmp_path / "audioset" / name).mkdir(parents=True)
        (tmp_path / "audioset" / name / "seed0.json").write_text(json.dumps(result(name, 0, 0.8)))
    monkeypatch.setattr(sys, "argv", ["network_speed", "--data=audioset", f"--work_dir={tmp_path}", "--rounds=3",
                                      f"--results_file={tmp_path}/RESULTS.md"])  # fmt: skip
    network_speed.main()
    assert turns == ["a", "b@bfloat16"] * 3
    kept = json.loads((tmp_path / "audioset" / "a" / quality_table.SPEED).read_text())
    assert [kept[f"examples_per_second{end}"] for end in ("", "_min", "_max")] == [3.5, 1, 6]  # 1, 2, 3, 4, 5, 6
    assert [kept[f"segments_per_second{end}"] for end in ("", "_min", "_max")] == [30, 10, 50]
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["ours"]["b@bfloat16"]["segments_per_second"] == 40
    assert "| `b@bfloat16` | 1 | 1,234,567 | 4.9 | 4 | 40 |" in (tmp_path / "RESULTS.md").read_text()
