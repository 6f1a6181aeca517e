"""Distillation and augmentation in whole runs."""

import dataclasses

import numpy as np
import pytest

from tests import commands
from tests.training import runs
from yt8m_attention.config import Augmentation
from yt8m_attention.errors import UserError
from yt8m_attention.runs import checkpoints, restore, run_file
from yt8m_attention.training import phase, teachers

VARIED = Augmentation(virtual_segments=0.4, reversed_videos=0.5, dropped_segments=0.3)


@pytest.fixture(scope="module")
def pair(planted, tmp_path_factory):
    """Directories of two teachers, of different networks."""
    folder = tmp_path_factory.mktemp("teachers")
    phase.train(runs.small(planted, folder / "a"), {})
    phase.train(runs.small(planted, folder / "b", model={"model": "attention"}, holdout_fraction=0.3), {})
    return str(folder / "a"), str(folder / "b")


def _student(planted, folder, pair, segment_labels=True, **settings):
    return runs.small(planted, folder, segment_labels, **{"teachers": pair, "augmentation": VARIED} | settings)


@pytest.mark.parametrize("segment_labels", [False, True])
def test_a_resumed_run_ends_with_the_same_weights(planted, pair, tmp_path, segment_labels):
    whole = phase.train(_student(planted, tmp_path / "whole", pair, segment_labels, max_steps=6), {})
    first = phase.train(_student(planted, tmp_path / "stopped", pair, segment_labels, max_steps=4), {})
    second = phase.train(_student(planted, tmp_path / "stopped", pair, segment_labels, max_steps=6), {})
    assert second.resumed_from == first.checkpoint
    assert second.weights_sha256 == whole.weights_sha256


def test_teachers_do_not_change_a_students_initial_weights_or_checkpoint(planted, pair, tmp_path):
    found = []
    for name, taught in (("alone", ()), ("taught", pair)):
        run = _student(planted, tmp_path / name, taught, max_steps=1, base_learning_rate=1e-12)
        found.append(checkpoints.load(phase.train(run, {}).checkpoint)[0])
    assert found[0].keys() == found[1].keys()
    model = restore.load(str(tmp_path / "alone")).model
    for name in (f"model/{weight.path}" for weight in model.trainable_weights):
        np.testing.assert_allclose(*(arrays[name] for arrays in found), atol=1e-9)


def test_teachers_predict_their_mean_and_do_not_change(planted, pair, tmp_path):
    rng = np.random.default_rng(0)
    bags = {"frames": rng.integers(0, 256, (4, 5, 32), np.uint8), "mask": np.ones((4, 5), bool)}
    models = [restore.load(directory).model for directory in pair]
    expected = np.mean([np.asarray(model(bags)["probabilities"]) for model in models], axis=0)
    np.testing.assert_allclose(np.asarray(teachers.load(pair)(bags)), expected, rtol=1e-5)
    phase.train(_student(planted, tmp_path, pair), {})
    np.testing.assert_allclose(np.asarray(teachers.load(pair)(bags)), expected, rtol=1e-5)
    assert teachers.load(()) is None


def test_an_unfit_teacher_is_refused_before_anything_is_written(planted, pair, tmp_path):
    run, begun = _student(planted, tmp_path / "new", pair), tmp_path / "begun"
    begun.mkdir()
    run_file.write(dataclasses.replace(run, train_dir=str(begun)), {}, "0")
    fewer = dataclasses.replace(run.model, num_classes=5)
    for wrong, said in (
        (dataclasses.replace(run, model=fewer), f"--teachers={pair[0]}: answers .*--num_classes: 6 there, 5 here"),
        (_student(planted, tmp_path / "new", (pair[0], f"{tmp_path}/none")), "--teachers=.*/none: is not a directory"),
        (_student(planted, tmp_path / "new", (str(tmp_path),)), "--teachers=.*: holds no run.json"),
        (_student(planted, tmp_path / "new", (str(begun),)), "--teachers=.*/begun: holds no checkpoint"),
    ):
        with pytest.raises(UserError, match=said):
            phase.train(wrong, {})
    assert not (tmp_path / "new").exists()


def test_a_teacher_that_was_trained_on_held_out_videos_is_logged(planted, pair, tmp_path, capsys):
    phase.train(_student(planted, tmp_path, pair, False, max_steps=1, holdout_fraction=0.3), {})
    (said,) = [
        line for line in capsys.readouterr().err.splitlines() if "was trained on videos that are held out" in line
    ]
    assert f"note: {pair[0]} of --teachers" in said and "--holdout_fraction=0.3" in said


def test_earlier_phases_of_a_teacher_count_too(planted, pair, tmp_path, capsys):
    tuned = runs.small(planted, tmp_path / "tuned", True, init_checkpoint=pair[0], max_steps=1)
    phase.train(tuned, {})
    run = _student(planted, tmp_path / "taught", (tuned.train_dir,), False, max_steps=1, holdout_fraction=0.3)
    phase.train(run, {})
    assert f"note: {tuned.train_dir} of --teachers was trained on videos that are held out" in capsys.readouterr().err


def test_augmentation_without_effect_is_logged(planted, tmp_path, capsys):
    run = runs.small(planted, tmp_path, model={"model": "video_level"}, max_steps=1, augmentation=VARIED)
    phase.train(dataclasses.replace(run, train_data_pattern=f"{planted}/video/train/*.tfrecord"), {})
    assert "--dropped_segments and --reversed_videos have no effect" in capsys.readouterr().err


def test_the_commands_flags_reach_the_run(planted, pair, tmp_path):
    flags = runs.flags(planted, tmp_path / "run", "--max_steps=1", f"--teachers={','.join(pair)}",
                       "--teacher_weight=0.7", "--virtual_segments=0.4", "--reversed_videos=0.5",
                       "--dropped_segments=0.3", "--segment_labels", "--holdout_fraction=0",
                       split="validate")  # fmt: skip
    result = commands.run("train", *flags)
    assert result.status == 0 and "--dropped_segments has no effect" in result.stderr
    found = restore.load(str(tmp_path / "run")).run.phase
    assert (found.teachers, found.teacher_weight, found.augmentation) == (pair, 0.7, VARIED)


@pytest.mark.parametrize(
    "flag", ["teacher_weight=0", "teacher_weight=1.1", "virtual_segments=-1", "virtual_segments=0.001",
             "reversed_videos=1.5", "dropped_segments=1"],
)  # fmt: skip
def test_a_value_that_is_not_a_fraction_is_refused(tmp_path, flag):
    result = commands.run(
        "train", "--train_data_pattern=x", f"--train_dir={tmp_path}/run", "--max_steps=1", f"--{flag}"
    )
    assert result.status == 2 and f"--{flag.split('=')[0]}: found " in result.stderr.splitlines()[-1]
