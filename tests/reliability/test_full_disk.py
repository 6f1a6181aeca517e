"""A full disk: files stay whole, one line says what to do, and the run can be resumed later.

The tests use a small disk if they may mount one, else a limit on the file size: a write beyond it fails as on a full
disk.
"""

import functools
import os
import resource
import shutil
import sys

import pytest

from tests import commands
from tests.training import runs
from yt8m_attention.data.formats import index, index_file
from yt8m_attention.errors import UserError
from yt8m_attention.evaluation import evaluate_checkpoints
from yt8m_attention.export import saved_model
from yt8m_attention.inference import rank
from yt8m_attention.runs import checkpoints, held_out_scores, restore, summaries
from yt8m_attention.synthesis import dataset
from yt8m_attention.training import phase

WIDE = {"hidden_layer": True, "hidden_size": 64}  # a checkpoint is larger than all other files of a run


def _limit(size):
    sys.dont_write_bytecode = True  # else Python's truncated bytecode files would break later tests
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.fixture(scope="module")
def whole(planted, tmp_path_factory):
    """An undisturbed run of six steps with a checkpoint after the third."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    return folder, phase.train(runs.small(planted, folder, model=WIDE), {})


def _no_leftovers(folder):
    return not list(folder.rglob(".*.partial"))


def test_training_keeps_its_last_checkpoint_and_goes_on_later(planted, tmp_path):
    """With the command, and a limit on the file size."""
    whole = commands.succeed("train", *runs.flags(planted, tmp_path / "whole", "--max_steps=6", model=WIDE))
    flags = runs.flags(planted, tmp_path / "run", model=WIDE)
    first = commands.succeed("train", *flags, "--max_steps=3")
    size = os.path.getsize(first["checkpoint"])
    full = commands.run("train", *flags, "--max_steps=6", setup=functools.partial(_limit, size // 2))
    assert full.status == 2, full.stderr
    last = full.stderr.splitlines()[-1]
    assert "step-00000006.npz: cannot be written" in last and "free space" in last
    assert checkpoints.paths(str(tmp_path / "run")) == [first["checkpoint"]]
    assert _no_leftovers(tmp_path)
    later = commands.succeed("train", *flags, "--max_steps=6")
    assert later["resumed_from"] == first["checkpoint"]
    assert later["weights_sha256"] == whole["weights_sha256"]


@pytest.mark.parametrize(
    "left", [0, pytest.param(4096, marks=pytest.mark.slow), pytest.param(20_000, marks=pytest.mark.slow)]
)
def test_the_disk_fills_while_training(planted, whole, disk, monkeypatch, left):
    """After the first checkpoint there is no space, or space for a part of the next one only."""
    save = checkpoints.save

    def save_and_fill(*arguments):
        if (disk.path / "run/checkpoints").exists():
            disk.fill(left)
        return save(*arguments)

    monkeypatch.setattr(checkpoints, "save", save_and_fill)
    run = runs.small(planted, disk.path / "run", model=WIDE)
    with pytest.raises(UserError, match=r"step-00000006\.npz: cannot be written: No space left on device; free space"):
        phase.train(run, {})
    monkeypatch.undo()
    assert [os.path.basename(path) for path in checkpoints.paths(run.train_dir)] == ["step-00000003.npz"]
    assert checkpoints.load_newest(run.train_dir)[2]["step"] == 3 and _no_leftovers(disk.path)
    disk.free()
    later = phase.train(run, {})
    assert later.resumed_from.endswith("step-00000003.npz")
    assert later.weights_sha256 == whole[1].weights_sha256


def test_curves_on_a_full_disk_are_logged_once(disk, capfd):
    curves = summaries.Summaries(str(disk.path / "run"))
    disk.fill()
    for step in range(500):
        curves.scalars(step, {f"train/{name}": 1.0 for name in range(10)})
        if step % 100 == 0:
            curves.flush()
    curves.close()
    said = capfd.readouterr().err.splitlines()
    assert len(said) == 1 and "cannot write curves any more" in said[0] and "No space left" in said[0]


def test_training_continues_if_the_disk_of_the_curves_is_full(planted, whole, disk, tmp_path, monkeypatch):
    """The disk of TensorBoard's files is full from the first checkpoint on; checkpoints are on another disk."""
    (disk.path / "run").mkdir()
    (tmp_path / "elsewhere").mkdir()
    os.symlink(tmp_path / "elsewhere", disk.path / "run/checkpoints")
    save = checkpoints.save

    def save_and_fill(*arguments):
        disk.fill()
        return save(*arguments)

    monkeypatch.setattr(checkpoints, "save", save_and_fill)
    result = phase.train(runs.small(planted, disk.path / "run", model=WIDE), {})
    assert result.weights_sha256 == whole[1].weights_sha256


@pytest.mark.slow
def test_a_held_out_score_is_computed_later_if_the_disk_is_full(planted, disk, tmp_path, monkeypatch):
    settings = {"segment_labels": True, "holdout_fraction": 0.3}
    expected = phase.train(runs.small(planted, tmp_path / "whole", model=WIDE, **settings), {})
    write = held_out_scores.write
    monkeypatch.setattr(held_out_scores, "write", lambda *arguments: (disk.fill(), write(*arguments)))
    run = runs.small(planted, disk.path / "run", model=WIDE, **settings)
    with pytest.raises(UserError, match=r"scores\.json: cannot be written: No space left"):
        phase.train(run, {})
    monkeypatch.undo()
    disk.free()
    assert phase.train(run, {}).weights_sha256 == expected.weights_sha256
    assert held_out_scores.read(run.train_dir) == held_out_scores.read(str(tmp_path / "whole"))


def test_an_index_is_not_saved_on_a_full_disk(planted, disk):
    shutil.copytree(planted / "train", disk.path / "train", ignore=shutil.ignore_patterns(".*"))
    disk.fill()
    path = str(sorted((disk.path / "train").iterdir())[0])
    index._index.cache_clear()
    found = index.shard_index(path, runs.FEATURES, index_path=index_file.place(path, None))
    assert len(found) == 15 and _no_leftovers(disk.path)
    assert not os.path.exists(index_file.place(path, None))


def test_rankings_and_exports_are_whole_or_absent(planted, whole, disk, tmp_path):
    trained = restore.load(str(whole[0]))
    ranked = disk.path / "segments.csv"
    ranked.write_text("the former file")
    disk.fill()
    job = rank.RankingJob(str(planted / "test/*.tfrecord"), trained.run.data, str(ranked))
    for write in (lambda: rank.rank_segments(trained.model, job, 9), lambda: rank.rank_classes(trained.model, job, 3)):
        with pytest.raises(UserError, match=r"segments\.csv: cannot be written: No space left"):
            write()
    with pytest.raises(UserError, match=r"--output_dir=.*exported: cannot be written"):
        saved_model.export(str(whole[0]), str(disk.path / "exported"))
    assert ranked.read_text() == "the former file"
    assert sorted(path.name for path in disk.path.iterdir()) == ["filler", "segments.csv"]


def test_a_data_set_is_not_half_written(disk):
    from yt8m_attention.config import Features
    from yt8m_attention.synthesis.config import SynthesisConfig

    disk.fill(30_000)
    recipe = SynthesisConfig(9, 3, 3, 4, 2, Features(("rgb",), (128,)), (50, 60), per_shard=3)
    with pytest.raises(UserError, match=r"cannot be (written|made)"):
        dataset.make(recipe, str(disk.path / "data"))
    assert _no_leftovers(disk.path)
    disk.free()
    assert dataset.make(recipe, str(disk.path / "data"))["videos"] == 15


def test_an_evaluation_returns_its_result_though_the_disk_of_its_curves_is_full(planted, whole, disk, capfd):
    shutil.copytree(whole[0], disk.path / "run")
    disk.fill()
    result = evaluate_checkpoints.evaluate(str(disk.path / "run"), f"{planted}/test/*.tfrecord")
    assert 0 <= result["gap"] <= 1
    assert capfd.readouterr().err.count("cannot write curves") == 1
