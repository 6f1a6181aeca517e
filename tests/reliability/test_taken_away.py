"""Read-only disks, and files that are replaced or removed during a run."""

import dataclasses
import os
import shutil
import subprocess

import pytest

from tests import commands
from tests.training import runs
from yt8m_attention.data.formats import index
from yt8m_attention.errors import UserError
from yt8m_attention.evaluation import evaluate_checkpoints
from yt8m_attention.inference import rank
from yt8m_attention.runs import checkpoints, held_out_scores, restore
from yt8m_attention.training import phase


def test_a_read_only_disk_serves_as_data_and_model_and_takes_no_output(planted, disk):
    shutil.copytree(planted, disk.path / "data", ignore=shutil.ignore_patterns(".*"))
    phase.train(runs.small(disk.path / "data", disk.path / "run", max_steps=1), {})
    for path in disk.path.glob("data/*/.*.index"):
        path.unlink()
    index._index.cache_clear()
    disk.remount("ro")
    result = evaluate_checkpoints.evaluate(str(disk.path / "run"), f"{disk.path}/data/test/*.tfrecord")
    assert 0 <= result["gap"] <= 1
    trained = restore.load(str(disk.path / "run"))
    pattern = str(disk.path / "data/test/*.tfrecord")
    with pytest.raises(UserError, match=r"segments\.csv: cannot be written: Read-only file system"):
        rank.rank_segments(
            trained.model, rank.RankingJob(pattern, trained.run.data, str(disk.path / "segments.csv")), 9
        )
    for place in ("run", "new"):
        with pytest.raises(UserError, match=r"--train_dir=.*(cannot be written|cannot be made: Read-only)"):
            phase.train(runs.small(disk.path / "data", disk.path / place, max_steps=2), {})
    far = dataclasses.replace(trained.run.data, cache_dir=str(disk.path / "cache"))
    with pytest.raises(UserError, match=r"--cache_dir=.*cannot be made: Read-only"):
        rank.rank_segments(trained.model, rank.RankingJob(f"file://{pattern}", far, str(disk.path / "segments.csv")), 9)
    disk.remount("rw")


@pytest.mark.parametrize("change", [*(pytest.param(c, marks=pytest.mark.slow) for c in ("replaced", "removed")), "cut"])
def test_a_shard_that_changes_during_a_run_stops_it(planted, tmp_path, change):
    """The last checkpoint stays, and the run can be resumed when the shard is back."""
    shutil.copytree(planted, tmp_path / "data")
    flags = runs.flags(tmp_path / "data", tmp_path / "run")
    shard = sorted((tmp_path / "data/train").glob("*.tfrecord"))[0]
    with commands.started("train", *flags, "--max_steps=100000") as command:
        while not checkpoints.paths(str(tmp_path / "run")):
            assert command.process.exitcode is None, command.stderr
        former = shard.read_bytes()
        if change == "replaced":
            (tmp_path / "new").write_bytes(former[:-1] + b"x")
            os.replace(tmp_path / "new", shard)
        elif change == "cut":
            os.truncate(shard, len(former) // 2)
        else:
            shard.unlink()
        result = command.result()
    assert result.status == 2, result.stderr
    assert shard.name in result.stderr.splitlines()[-1]
    shard.write_bytes(former)
    newest = checkpoints.load_newest(str(tmp_path / "run"))[2]["step"]
    after = commands.succeed("train", *flags, f"--max_steps={newest + 1}")
    assert after["resumed_from"] and after["step"] == newest + 1


@pytest.mark.parametrize("change", ["removed", "replaced", "made anew"])
def test_nothing_is_written_to_a_replaced_training_directory(planted, tmp_path, monkeypatch, change):
    run = runs.small(planted, tmp_path / "run", max_steps=9)
    save = checkpoints.save

    def take_away(*arguments):
        path = save(*arguments)
        os.rename(run.train_dir, tmp_path / "former")
        if change == "replaced":
            shutil.copytree(tmp_path / "former", run.train_dir)
        elif change == "made anew":
            os.mkdir(run.train_dir)
        return path

    monkeypatch.setattr(checkpoints, "save", take_away)
    with pytest.raises(UserError, match=r"--train_dir=.*: was removed, emptied or replaced during the run"):
        phase.train(run, {})
    assert [os.path.basename(path) for path in checkpoints.paths(str(tmp_path / "former"))] == ["step-00000003.npz"]
    there = checkpoints.paths(run.train_dir) if os.path.isdir(run.train_dir) else []
    assert os.path.isdir(run.train_dir) == (change != "removed") and len(there) == (change == "replaced")


def test_a_training_directory_that_is_emptied_stops_the_run(planted, tmp_path):
    """With `rm -rf run/*`, which keeps hidden files."""
    folder = tmp_path / "run"
    with commands.started("train", *runs.flags(planted, folder, "--max_steps=100000")) as command:
        while not checkpoints.paths(str(folder)):
            assert command.process.exitcode is None, command.stderr
        subprocess.run(f"while ! rm -rf {folder}/*; do :; done", shell=True, check=True)
        result = command.result()
    assert result.status == 2 and result.stdout == "", result.stderr
    assert "was removed, emptied or replaced" in result.stderr.splitlines()[-1]
    assert not (folder / "run.json").exists()
    commands.succeed("train", *runs.flags(planted, folder, "--max_steps=1"))


def test_scores_that_are_removed_during_a_run_are_written_again(planted, tmp_path, monkeypatch):
    """The best checkpoint stays, though it is not among the newest."""
    run = runs.small(planted, tmp_path, True, max_steps=5, holdout_fraction=0.3,
                     run={"save_checkpoint_steps": 1, "keep_checkpoints": 1})  # fmt: skip
    evaluate = phase.evaluator.evaluate
    values = iter([0.2, 0.9, 0.1, 0.3, 0.4])

    def evaluate_and_remove(*arguments):
        (tmp_path / "scores.json").unlink(missing_ok=True)
        return evaluate(*arguments) | {"segment_map": next(values)}

    monkeypatch.setattr(phase.evaluator, "evaluate", evaluate_and_remove)
    phase.train(run, {})
    assert held_out_scores.read(str(tmp_path))["scores"] == {1: 0.2, 2: 0.9, 3: 0.1, 4: 0.3, 5: 0.4}
    assert [int(path[-5]) for path in checkpoints.paths(str(tmp_path))] == [5, 2]


def test_a_checkpoint_that_is_removed_before_it_is_scored_is_passed_over(planted, tmp_path, monkeypatch, capfd):
    run = runs.small(planted, tmp_path, max_steps=9, run={"keep_checkpoints": 9})
    phase.train(run, {})
    evaluate = evaluate_checkpoints.evaluate

    def evaluate_after_pruning(*arguments, **options):
        if options["which"].endswith("step-00000006.npz"):
            os.unlink(options["which"])
        return evaluate(*arguments, **options)

    monkeypatch.setattr(evaluate_checkpoints, "evaluate", evaluate_after_pruning)
    result = evaluate_checkpoints.follow(str(tmp_path), f"{planted}/test/*.tfrecord")
    said = capfd.readouterr().err
    assert result["step"] == 9 and "skipped: " in said and "step-00000006.npz is deleted" in said
    with pytest.raises(UserError, match=r"--checkpoint=.*step-00000006\.npz: does not exist"):
        evaluate(str(tmp_path), f"{planted}/test/*.tfrecord", which=checkpoints.path_of(str(tmp_path), 6))


def test_a_second_run_is_refused_until_the_first_is_dead(planted, tmp_path):
    flags = runs.flags(planted, tmp_path / "run")
    with commands.started("train", *flags, "--max_steps=100000") as first:
        while not checkpoints.paths(str(tmp_path / "run")):
            assert first.process.exitcode is None, first.stderr
        second = commands.run("train", *flags, "--max_steps=3")
        assert second.status == 2 and second.stdout == ""
        assert "another run is training there" in second.stderr.splitlines()[-1]
        assert first.process.exitcode is None
        first.process.kill()
        first.process.join()
    newest = checkpoints.load_newest(str(tmp_path / "run"))[2]["step"]
    assert commands.succeed("train", *flags, f"--max_steps={newest + 1}")["step"] == newest + 1
