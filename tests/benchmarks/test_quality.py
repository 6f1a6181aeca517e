"""benchmarks.quality skips finished runs, and its table has the results of the runs."""

import dataclasses
import json
import sys

import numpy as np
import pytest

from benchmarks import quality, quality_table, run_settings
from yt8m_attention.errors import UserError
from yt8m_attention.runs import run_file

SETTINGS = {"EVAL_DATA": "test/*.tfrecord"}


ABOUT = {"commit": "abc", "hardware": "a machine", "date": "2026-01-01"}


def result(model, seed, phase2):
    return {
        "data": "audioset", "model": model, "seed": seed, "parameters": 1234567, "bytes": 4_900_000,
        "examples_per_second": 2000.4, "segments_per_second": 900.0, "chance": 0.25, "copied": 0.6, "phase1": 0.7,
        "phase2": phase2, "budget": ["10 steps of 128", "5 steps of 128"],
    } | ABOUT  # fmt: skip


@pytest.fixture
def measured(monkeypatch):
    """Replaces training by a record of the calls. Scores rise with the seed; `worse` is below `better`."""
    calls = []

    def measure(data, settings, model, seed, run_dir, quick, extra=()):
        calls.append((model, seed, *extra))
        if model == "broken":
            raise RuntimeError("run_train.sh ended with status 2")
        return result(model, seed, 0.8 + seed / 100 + (model == "better") / 10)

    monkeypatch.setattr(quality, "measure", measure)
    return calls


def run(tmp_path, models, seeds, **variant):
    places = (tmp_path / "work", tmp_path / "results", tmp_path / "RESULTS.md")
    return quality.run("audioset", SETTINGS, models, seeds, *places, **variant)


def rows(tmp_path):
    text = (tmp_path / "RESULTS.md").read_text()
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| `")
    ]


def test_an_interrupted_benchmark_resumes(tmp_path, measured, monkeypatch):
    run(tmp_path, ["worse"], 2)
    assert measured == [("worse", 0), ("worse", 1)]
    measured.clear()
    run(tmp_path, ["worse", "better"], 3)
    assert measured == [("better", 0), ("better", 1), ("worse", 2), ("better", 2)]
    measured.clear()
    assert run(tmp_path, ["better"], 1)["ours"] == {"better": 0.91, "worse": 0.81}
    assert measured == []


def test_the_table_has_medians_ranges_and_baselines(tmp_path, measured):
    speed = tmp_path / "results" / "audioset" / "better" / quality_table.SPEED
    speed.parent.mkdir(parents=True)
    speed.write_text(json.dumps({"examples_per_second": 15.7, "segments_per_second": 25.2} | ABOUT))
    line = run(tmp_path, ["worse", "better"], 3)
    json.dumps(line)
    assert line["seeds"] == {"better": 3, "worse": 3}
    assert rows(tmp_path) == [
        [f"`{name}`", "3", "1,234,567", "4.9", *speeds, "0.250", "0.600", "0.700", last, "abc"]
        for name, speeds, last in (
            ("better", ("16", "25"), "0.910 (0.900 to 0.920)"),
            ("worse", ("~2,000", "~900"), "0.810 (0.800 to 0.820)"),
        )
    ]
    text = (tmp_path / "RESULTS.md").read_text()
    assert "10 steps of 128 then 5 steps of 128" in text and "a machine" in text


def test_a_variant_is_a_row_of_its_own_with_its_flags(tmp_path, measured):
    run(tmp_path, ["better"], 1)
    settings = {"variant": "half", "extra": ["--precision=mixed_bfloat16"]}
    line = run(tmp_path, ["better"], 2, **settings)
    assert measured == [("better", 0), ("better", 0, *settings["extra"]), ("better", 1, *settings["extra"])]
    assert line["seeds"] == {"better": 1, "better@half": 2}
    assert sorted(row[:2] for row in rows(tmp_path)) == [["`better@half`", "2"], ["`better`", "1"]]
    for name, precision in (("better", "float32"), ("better@half", "mixed_bfloat16")):
        saved = json.loads((tmp_path / "results" / "audioset" / name / "seed0.json").read_text())
        assert [saved["settings"][phase]["precision"] for phase in run_settings.PHASES] == [precision] * 2


def test_results_with_other_settings_are_refused(tmp_path, measured):
    """A changed flag stops before any training. Results without settings are accepted."""
    run(tmp_path, ["attention_3"], 1, variant="rate", extra=["--base_learning_rate=0.01"])
    run(tmp_path, ["attention_3"], 2, variant="rate", extra=["--base_learning_rate=0.01"])
    measured.clear()
    with pytest.raises(UserError, match=r"seed0\.json.*phase1 --base_learning_rate: 0\.01 there, 0\.02 here"):
        run(tmp_path, ["mean_pooling", "attention_3"], 3, variant="rate", extra=["--base_learning_rate=0.02"])
    assert measured == []
    for path in (tmp_path / "results").rglob("seed*.json"):
        saved = json.loads(path.read_text())
        del saved["settings"]
        path.write_text(json.dumps(saved))
    line = run(tmp_path, ["attention_3"], 3, variant="rate", extra=["--base_learning_rate=0.02"])
    assert line["seeds"] == {"attention_3@rate": 3}


def test_an_interrupted_run_does_not_resume_with_other_settings(tmp_path, measured):
    """Only this run fails; the others are measured."""
    phase = run_settings.runs("audioset", ["better"], ("--base_learning_rate=0.01",))["better"]["phase1"]
    begun = tmp_path / "work/audioset/better/seed0/phase1"
    begun.mkdir(parents=True)
    run_file.write(dataclasses.replace(phase, train_dir=str(begun)), {}, "0")
    line = run(tmp_path, ["better", "worse"], 1)
    assert measured == [("worse", 0)] and line["ours"] == {"worse": 0.8}
    assert "phase1 --base_learning_rate: 0.01 there, 0.0008 here" in line["failed"]["better, seed 0"]


def test_checkpoints_are_removed_after_the_result_is_written(tmp_path, measured, monkeypatch):
    kept = tmp_path / "work/audioset/better/seed0/phase1/checkpoints"
    kept.mkdir(parents=True)
    monkeypatch.setattr(quality.files, "write_json", _full)
    assert "is full" in run(tmp_path, ["better"], 1)["failed"]["better, seed 0"] and kept.exists()
    monkeypatch.undo()
    monkeypatch.setattr(quality, "measure", lambda *_: result("better", 0, 0.9))
    assert not run(tmp_path, ["better"], 1)["failed"] and not kept.exists()


def _full(path, *_, **__):
    raise UserError(f"{path}: cannot be written: the disk is full")


def test_an_unknown_rate_is_a_dash(tmp_path, measured):
    """If phase 1 had finished before the start, its rate is 0 or None."""
    for seed, rate in enumerate((None, 0.0, 300.0)):
        path = tmp_path / "results" / "audioset" / "worse" / f"seed{seed}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(result("worse", seed, 0.8) | {"examples_per_second": rate}))
        run(tmp_path, ["worse"], 0)
        assert rows(tmp_path)[0][4] == ("~300" if rate else "\u2013")


def test_a_failure_is_reported_and_other_runs_continue(tmp_path, measured):
    line = run(tmp_path, ["broken", "better"], 1)
    assert list(line["ours"]) == ["better"]
    assert "status 2" in line["failed"]["broken, seed 0"]
    run(tmp_path, ["broken"], 1)
    assert measured.count(("broken", 0)) == 2  # the second call tries it again


def test_only_the_text_between_the_markers_changes(tmp_path):
    path = tmp_path / "RESULTS.md"
    path.write_text("# Results\n\nspeed\n")
    quality_table.write_table(path, "audioset", ["first"])
    quality_table.write_table(path, "collage", ["other"])
    path.write_text(path.read_text() + "\nafter\n")
    before = path.read_text()
    quality_table.write_table(path, "audioset", ["second"])
    assert path.read_text() == before.replace("first", "second")


def test_the_networks_are_the_flagfiles_of_networks():
    names = quality.networks()
    assert {"attention_1", "multi_attention_3"} <= set(names)
    assert not {"phase1", "audioset", "collage_phase2", "ensemble"} & set(names)


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--models=none"], "--models"),
        (["--data_dir=none"], "--data_dir"),
        (["--extra=--seed=1"], "--variant"),
        (["--variant=a/b", "--extra=--seed=1"], "--variant"),
        (["--variant=a", "--extra=--no_such_flag=1"], "no_such_flag"),
    ],
)
def test_wrong_use_fails_with_one_line(tmp_path, monkeypatch, flags, message):
    for split in ("train", "validate", "test"):
        (tmp_path / split).mkdir()
        (tmp_path / split / "0.tfrecord").touch()
    given = ["--data=audioset", f"--data_dir={tmp_path}", f"--work_dir={tmp_path}", f"--results_dir={tmp_path}", *flags]
    monkeypatch.setattr(sys, "argv", ["quality", *given])
    with pytest.raises(SystemExit) as stopped:
        quality.main()
    assert message in str(stopped.value) and "\n" not in str(stopped.value)


def test_the_default_data_is_beside_the_repository(tmp_path, monkeypatch):
    monkeypatch.setenv("YT8M_SHARED_DATA", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["quality", "--data=collage", f"--work_dir={tmp_path}/work"])
    with pytest.raises(SystemExit) as stopped:
        quality.main()
    assert f"--data_dir={tmp_path}/collage: " in str(stopped.value)


@pytest.mark.slow
def test_a_complete_run_on_real_clips(tmp_path, shared_data, monkeypatch, capsys):
    given = ["--data=audioset", f"--data_dir={shared_data / 'audioset'}", f"--work_dir={tmp_path}", "--seeds=1"]
    for _ in range(2):
        monkeypatch.setattr(sys, "argv", ["quality", *given, "--models=attention_3", "--quick"])
        with pytest.raises(SystemExit) as stopped:
            quality.main()
        assert stopped.value.code == 0
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert 0 < line["ours"]["attention_3"] < 1
    assert "| `attention_3` | 1 |" in (tmp_path / "quick" / "RESULTS.md").read_text()
    folder = tmp_path / "quick" / "audioset" / "attention_3"
    result = json.loads((tmp_path / "quick" / "results" / "audioset" / "attention_3" / "seed0.json").read_text())
    for phase, precisions in result["average_precisions"].items():
        assert np.mean(list(precisions.values())) == pytest.approx(result[phase], abs=1e-5)
    saved = result["settings"]
    assert saved == {phase: run_settings.of_run(run_file.read(folder / "seed0" / phase)) for phase in saved}
