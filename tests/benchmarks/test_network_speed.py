"""The speeds of the networks of a comparison."""

import json
import sys

import keras
import pytest

from benchmarks import network_speed, quality_table
from tests.benchmarks.test_quality import result
from tests.training import runs


@pytest.mark.parametrize("precision", [pytest.param("mixed_bfloat16", marks=pytest.mark.slow), "mixed_float16"])
def test_a_network_is_timed_in_the_precision_of_its_run(planted, tmp_path, monkeypatch, precision):
    built = []

    def make_step(model, optimizer, *more):
        built.append((model.compute_dtype, isinstance(optimizer, keras.optimizers.LossScaleOptimizer)))
        return original(model, optimizer, *more)

    original = network_speed.make_step
    monkeypatch.setattr(network_speed, "make_step", make_step)
    phases = [runs.small(planted, tmp_path, rated, run={"precision": precision}) for rated in (False, True)]
    rates = network_speed.measure(*phases)
    assert built == [(precision.removeprefix("mixed_"), precision == "mixed_float16")]
    assert set(rates) == {"examples_per_second", "segments_per_second"}
    assert all(rate > 0 for of_key in rates.values() for rate in of_key)


@pytest.fixture
def data_dir(tmp_path):
    """A directory with the files of a data set, and the ids of its rated classes."""
    for split in ("train", "validate", "test"):
        (tmp_path / "data" / split).mkdir(parents=True)
        (tmp_path / "data" / split / "0.tfrecord").touch()
    (tmp_path / "data" / "segment_label_ids.csv").write_text("Index\n3\n5\n")
    return tmp_path / "data"


def command(monkeypatch, tmp_path, data_dir, *more):
    given = ["--data=audioset", f"--data_dir={data_dir}", f"--results_dir={tmp_path}"]
    given += [f"--results_file={tmp_path}/RESULTS.md", *more]
    monkeypatch.setattr(sys, "argv", ["network_speed", *given])
    network_speed.main()


def test_networks_take_turns_and_the_table_holds_medians(tmp_path, data_dir, monkeypatch, capsys):
    turns, speeds = [], iter(range(1, 100))

    def measure(first, second):
        turns.append(f"{first.model.model}, {first.precision}")
        assert (first.phase.segment_labels, second.phase.segment_labels) == (False, True)
        assert first.train_data_pattern == str(data_dir / "train" / "*.tfrecord")
        assert second.train_data_pattern == str(data_dir / "validate" / "*.tfrecord")
        assert first.data.segment_classes == second.data.segment_classes == (3, 5)
        speed = next(speeds)
        return {"examples_per_second": [speed, speed + 1], "segments_per_second": [10 * speed]}

    monkeypatch.setattr(network_speed, "measure", measure)
    for name, extra in (("video_moe", []), ("attention_3@bfloat16", ["--precision=mixed_bfloat16"])):
        (tmp_path / "audioset" / name).mkdir(parents=True)
        one = result(name.partition("@")[0], 0, 0.9 - len(name) / 100) | {"extra": extra}
        (tmp_path / "audioset" / name / "seed0.json").write_text(json.dumps(one))
    (tmp_path / "audioset" / "cnn_1@old").mkdir()
    (tmp_path / "audioset" / "cnn_1@old" / "seed0.json").write_text(json.dumps(result("cnn_1", 0, 0.5)))
    command(monkeypatch, tmp_path, data_dir, "--rounds=3")
    assert turns == ["video_level, float32", "attention, mixed_bfloat16"] * 3
    saved = json.loads((tmp_path / "audioset" / "video_moe" / quality_table.SPEED).read_text())
    assert [saved[f"examples_per_second{end}"] for end in ("", "_min", "_max")] == [3.5, 1, 6]  # 1, 2, 3, 4, 5, 6
    assert [saved[f"segments_per_second{end}"] for end in ("", "_min", "_max")] == [30, 10, 50]
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert line["ours"]["attention_3@bfloat16"]["segments_per_second"] == 40
    assert "| `attention_3@bfloat16` | 1 | 1,234,567 | 4.9 | 4 | 40 |" in (tmp_path / "RESULTS.md").read_text()


def test_a_network_without_a_result_is_named(tmp_path, data_dir, monkeypatch):
    with pytest.raises(SystemExit) as stopped:
        command(monkeypatch, tmp_path, data_dir, "--models=attention_3")
    assert str(stopped.value).startswith("network_speed: --models: attention_3: no result in ")
