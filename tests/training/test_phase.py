"""A phase from start to end: how it starts and resumes, what it refuses, and what it never trains on."""

import dataclasses
import errno
import functools
import itertools
import json
import os
import re
import signal
import time

import numpy as np
import pytest
import tensorflow as tf

from tests.training import runs
from yt8m_attention.data import pipeline
from yt8m_attention.data.batch_stream import BatchStream
from yt8m_attention.data.formats import writer
from yt8m_attention.errors import UserError
from yt8m_attention.inference import scoring
from yt8m_attention.runs import checkpoints, held_out_scores, restore, run_file
from yt8m_attention.runs.directory_lock import DirectoryLock
from yt8m_attention.training import phase, restore_or_initialize


@pytest.fixture(scope="module")
def whole(planted, tmp_path_factory):
    """A cached function of a model that returns (directory, result) of an undisturbed run of seven steps."""

    @functools.cache
    def made(name):
        folder = tmp_path_factory.mktemp("whole") / "run"
        return folder, phase.train(runs.small(planted, folder, model=getattr(runs, name), max_steps=7), {})

    return made


@pytest.mark.parametrize("name, stops", [("PLAIN", (1, 4, 6)), ("FULL", (4,))])
def test_a_run_stopped_and_resumed_anywhere_ends_with_the_same_weights(planted, whole, tmp_path, name, stops):
    model = getattr(runs, name)
    for stop in stops:
        folder = tmp_path / f"stopped{stop}"
        first = phase.train(runs.small(planted, folder, model=model, max_steps=stop), {})
        assert first.step == stop
        second = phase.train(runs.small(planted, folder, model=model, max_steps=7), {})
        assert second.resumed_from == first.checkpoint
        assert second.step == 7
        assert second.weights_sha256 == whole(name)[1].weights_sha256


def test_seeds_differ_and_repeat(planted, tmp_path):
    digests = [
        phase.train(runs.small(planted, tmp_path / str(i), max_steps=2, run={"seed": seed}), {}).weights_sha256
        for i, seed in enumerate((1, 1, 2))
    ]
    assert digests[0] == digests[1] != digests[2]


def test_the_input_wait_share_is_a_curve_and_in_the_progress_line(planted, tmp_path, monkeypatch, capsys):
    real = BatchStream.__iter__

    def late(stream):
        for batch in real(stream):
            time.sleep(0.2)
            yield batch

    monkeypatch.setattr(BatchStream, "__iter__", late)
    phase.train(runs.small(planted, tmp_path, max_steps=6), {})
    (path,) = tmp_path.glob("events*")
    events = [value for event in tf.compat.v1.train.summary_iterator(str(path)) for value in event.summary.value]
    shares = [tf.make_ndarray(value.tensor) for value in events if value.tag == "train/input_wait_share"]
    assert len(shares) >= 2 and all(0 < share <= 1 for share in shares)
    said = [int(share) for share in re.findall(r"waiting for input (\d+)%", capsys.readouterr().err)]
    assert round(100 * float(shares[-1])) in said


def test_an_epoch_ends_with_the_last_video(planted, tmp_path):
    result = phase.train(runs.small(planted, tmp_path, max_steps=None, num_epochs=1), {})
    assert result.step == 8  # 60 videos: 7 batches of 8 and one of 4


def test_phase_2_continues_with_weights_optimizer_and_step(planted, tmp_path):
    first = phase.train(runs.small(planted, tmp_path / "1", max_steps=3), {})
    second = phase.train(
        runs.small(planted, tmp_path / "2", True, max_steps=2, init_checkpoint=str(tmp_path / "1")), {}
    )
    assert (first.step, second.step) == (3, 5)
    arrays, meta = checkpoints.load(second.checkpoint)
    assert arrays["optimizer/adam/iteration"] == 5
    assert meta["first_step"] == 3
    start = {"init_checkpoint": str(tmp_path / "1"), "reset_optimizer": True}
    assert phase.train(runs.small(planted, tmp_path / "3", True, max_steps=2, **start), {}).step == 2


def test_phase_2_starts_from_phase_1s_weights(planted, whole, tmp_path):
    former, _ = whole("FULL")
    frozen = runs.small(planted, tmp_path / "2", True, model=runs.FULL, max_steps=1, init_checkpoint=str(former),
                        base_learning_rate=1e-12)  # fmt: skip
    phase.train(frozen, {})
    one, two = (restore.load(str(folder), "last").model for folder in (former, tmp_path / "2"))
    for a, b in zip(one.trainable_weights, two.trainable_weights, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), atol=1e-7)


def _videos(run, only_holdout):
    batches = pipeline.evaluation_batches(run.train_data_pattern, run.data, 8, "rated_segments", 0.3, only_holdout)
    return {video for batch in batches for video in batch["id"].numpy()}


def test_held_out_videos_pick_the_best_and_are_never_trained_on(planted, tmp_path):
    run = runs.small(planted, tmp_path, True, max_steps=6, holdout_fraction=0.3)
    phase.train(run, {})
    scores = held_out_scores.read(str(tmp_path))
    assert scores["metric"] == "segment_map" and sorted(scores["scores"]) == [3, 6]
    trained_on, held_out = (_videos(run, only) for only in (False, True))
    assert held_out and not trained_on & held_out


def test_a_run_killed_while_scoring_is_scored_when_it_is_resumed(planted, tmp_path):
    phase.train(runs.small(planted, tmp_path, True, max_steps=3, holdout_fraction=0.3), {})
    os.unlink(tmp_path / "scores.json")
    phase.train(runs.small(planted, tmp_path, True, max_steps=6, holdout_fraction=0.3), {})
    assert sorted(held_out_scores.read(str(tmp_path))["scores"]) == [3, 6]


def _terminate():
    signal.raise_signal(signal.SIGTERM)


def test_a_stop_while_scoring_ends_it_and_the_score_is_computed_later(planted, tmp_path, monkeypatch, capsys):
    """Also after the last step: the phase is not finished, so a script must not start the next one."""
    settings = {"holdout_fraction": 0.3, "max_steps": 6}
    expected = phase.train(runs.small(planted, tmp_path / "whole", True, **settings), {})
    run = runs.small(planted, tmp_path / "run", True, **settings)
    score, batches = scoring.Scorer.__call__, itertools.count()

    def score_and_stop(self, batch):
        if next(batches) in (0, 3):  # the videos of step 3, then of step 6; segments would follow
            _terminate()
        return score(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(scoring.Scorer, "__call__", score_and_stop)
        results = [phase.train(run, {}) for _ in range(2)]
    said = capsys.readouterr().err
    assert [result.step for result in results] == [3, 6] and all(result.preempted for result in results)
    assert sorted(held_out_scores.read(run.train_dir)["scores"]) == [3]
    assert "step 3: held-out videos are scored when the run is resumed" in said
    last = phase.train(run, {})
    assert not last.preempted and last.weights_sha256 == expected.weights_sha256
    assert held_out_scores.read(run.train_dir) == held_out_scores.read(str(tmp_path / "whole"))


@pytest.mark.parametrize("place", ["summarise", "training_batches"])
def test_a_stop_before_the_first_step_ends_the_run_at_once(planted, tmp_path, monkeypatch, capsys, place):
    """While the indices are built, and while the model is built."""
    run = dataclasses.replace(runs.small(planted, tmp_path, True, max_steps=1), start_new_model=True)
    real = getattr(pipeline, place)
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, place, lambda *arguments, **named: (_terminate(), real(*arguments, **named)))
        result = phase.train(run, {})
    assert result.preempted and result.step is None and not checkpoints.paths(str(tmp_path))
    assert "stopping before the first step" in capsys.readouterr().err
    after = phase.train(run, {})
    assert not after.preempted and result == phase.Result(preempted=True)


def test_another_model_in_the_directory_is_refused_by_flag(planted, tmp_path):
    phase.train(runs.small(planted, tmp_path, max_steps=1), {})
    with pytest.raises(UserError, match=r"--num_heads: 2 there, 3 here"):
        phase.train(runs.small(planted, tmp_path, max_steps=2, model={"num_heads": 3}), {})


@pytest.mark.parametrize(
    "other, told",
    [
        ({"holdout_fraction": 0.3}, "--holdout_fraction: 0.2 there, 0.3 here"),
        ({"run": {"seed": 1}}, "--seed: 0 there, 1 here"),
        ({"segment_labels": True}, "--segment_labels: False there, True here"),
    ],
)
def test_a_run_is_resumed_only_with_its_own_seed_and_held_out_fraction(planted, tmp_path, other, told):
    """Otherwise it would score training videos, or read some videos twice and others never."""
    phase.train(runs.small(planted, tmp_path, max_steps=1, holdout_fraction=0.2), {})
    before = run_file.read(str(tmp_path))
    with pytest.raises(UserError, match=told):
        phase.train(runs.small(planted, tmp_path, **{"max_steps": 2, "holdout_fraction": 0.2} | other), {})
    assert run_file.read(str(tmp_path)) == before


def test_start_new_model_moves_the_former_run(planted, tmp_path):
    former = phase.train(runs.small(planted, tmp_path, max_steps=1), {})
    phase.train(runs.small(planted, tmp_path, max_steps=2, model={"num_heads": 3}, run={"start_new_model": True}), {})
    assert run_file.read(str(tmp_path)).model.num_heads == 3
    aside = tmp_path / "replaced-1" / "checkpoints" / os.path.basename(former.checkpoint)
    assert checkpoints.load(str(aside))[1]["step"] == 1


def test_a_checkpoint_of_another_model_is_refused_by_flag(planted, tmp_path):
    phase.train(runs.small(planted, tmp_path / "1", max_steps=1), {})
    other = runs.small(planted, tmp_path / "2", True, model={"hidden_size": 20}, init_checkpoint=str(tmp_path / "1"))
    with pytest.raises(UserError, match=r"--init_checkpoint: .*--hidden_size: 16 there, 20 here"):
        phase.train(other, {})


def test_two_runs_in_one_directory_are_refused(planted, tmp_path):
    with DirectoryLock(str(tmp_path)), pytest.raises(UserError, match="another run is training there"):
        phase.train(runs.small(planted, tmp_path), {})


def test_a_lock_that_is_not_a_file_is_an_error(planted, tmp_path):
    (tmp_path / ".lock").mkdir()
    with pytest.raises(UserError, match=r"--train_dir=.*: \.lock cannot be opened: Is a directory"):
        phase.train(runs.small(planted, tmp_path), {})


def test_a_directory_with_the_name_of_a_temporary_file_is_kept(planted, tmp_path):
    (tmp_path / ".x.partial").mkdir()
    phase.train(runs.small(planted, tmp_path, max_steps=1), {})
    assert (tmp_path / ".x.partial").is_dir()


def test_a_moved_run_gets_the_number_after_the_highest(planted, tmp_path):
    (tmp_path / "something").touch()
    for kept in ("replaced-2", "replaced-10", "replaced-by-me"):
        (tmp_path / kept).mkdir()
    phase.train(runs.small(planted, tmp_path, max_steps=1, run={"start_new_model": True}), {})
    assert os.listdir(tmp_path / "replaced-11") == ["something"]
    assert not os.listdir(tmp_path / "replaced-2") and not os.listdir(tmp_path / "replaced-by-me")


def test_a_former_run_that_cannot_be_moved_is_an_error(planted, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    (tmp_path / "something").touch()
    monkeypatch.setattr(restore_or_initialize.os, "rename", refuse)
    with pytest.raises(UserError, match=r"--start_new_model: .* cannot be moved into .*replaced-1: Invalid cross-dev"):
        phase.train(runs.small(planted, tmp_path, run={"start_new_model": True}), {})


def test_a_loss_that_is_not_finite_stops_the_run_before_it_is_saved(planted, tmp_path):
    run = runs.small(planted, tmp_path, base_learning_rate=1e30, clip_gradient_norm=0.0, max_steps=40)
    with pytest.raises(UserError, match=r"the loss became .* --base_learning_rate"):
        phase.train(run, {})
    for path in checkpoints.paths(str(tmp_path)):
        assert np.isfinite(checkpoints.load(path)[1]["loss"])


def test_data_that_does_not_fit_leaves_nothing_behind(planted, tmp_path):
    run = runs.small(planted, tmp_path / "new")
    wrong = dataclasses.replace(run, data=dataclasses.replace(run.data, num_classes=2, segment_classes=None))
    with pytest.raises(UserError, match="--num_classes"):
        phase.train(wrong, {})
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("segments, said", [(True, "segment rated positive"), (False, "video")])
def test_an_empty_held_out_set_is_an_error_before_anything_is_written(planted, tmp_path, segments, said):
    run = runs.small(planted, tmp_path / "new", segments, holdout_fraction=1e-9)
    with pytest.raises(UserError, match=f"--holdout_fraction=1e-09: no {said} is held out"):
        phase.train(run, {})
    assert not (tmp_path / "new").exists()


def test_a_held_out_share_without_a_positive_rating_is_said_before_anything_is_written(tmp_path):
    """Of the classes that count."""
    frames = np.zeros((20, 32), np.uint8)
    for name, pairs in (("a", [(0, 0, 0.0), (5, 1, 1.0)]), ("b", [(0, 0, 1.0)])):
        records = [writer.frame_record(f"{i:04d}", [0], frames, runs.FEATURES, pairs) for i in range(40)]
        writer.write_shard(str(tmp_path / name / "validate/a.tfrecord"), records)
        (tmp_path / name / "segment_label_ids.csv").write_text("Index\n0\n")
    refused, taken = (runs.small(tmp_path / n, tmp_path / f"run_{n}", True, max_steps=1, holdout_fraction=0.5)
                      for n in "ab")  # fmt: skip
    with pytest.raises(UserError, match=r"--holdout_fraction=0\.5: no segment rated positive"):
        phase.train(refused, {})
    assert not (tmp_path / "run_a").exists()
    assert phase.train(taken, {}).step == 1


def test_the_run_is_described_beside_its_checkpoints_and_its_size_is_said(planted, tmp_path, capsys):
    """All that it learns, and what its weights fill, statistics too."""
    # So wide that the statistics show in the first decimal of the size.
    run = runs.small(planted, tmp_path, max_steps=1, model={"hidden_layer": True, "hidden_size": 10_000})
    result = phase.train(run, {"max_steps": 1})
    assert run_file.read(str(tmp_path)) == run
    with open(tmp_path / "run.json") as file:
        assert json.load(file)["flags"] == {"max_steps": 1}
    arrays, _ = checkpoints.load(result.checkpoint)
    weights = [array for name, array in arrays.items() if name.startswith("model/") and "seed" not in name]
    assert result.parameters == sum(array.size for name, array in arrays.items() if name.endswith("_momentum"))
    size = sum(array.nbytes for array in weights) / 1e6
    assert f"frame_pooling: {result.parameters:,} parameters, {size:.1f} MB, float32\n" in capsys.readouterr().err
