"""Extreme cases: one video, one class, one frame, batches of one, frames of zeros, damaged files."""

import dataclasses
import os
import shutil

import numpy as np
import pytest

from tests.training import runs
from yt8m_attention.config import Features
from yt8m_attention.data.formats import writer
from yt8m_attention.errors import UserError
from yt8m_attention.evaluation import evaluate_checkpoints
from yt8m_attention.runs import checkpoints, held_out_scores, restore, run_file, summaries
from yt8m_attention.synthesis import dataset
from yt8m_attention.synthesis.config import SynthesisConfig
from yt8m_attention.training import phase


def test_a_damaged_newest_checkpoint_costs_steps_not_the_run(planted, tmp_path, capsys):
    whole = phase.train(runs.small(planted, tmp_path / "whole"), {})
    folder = tmp_path / "run"
    phase.train(runs.small(planted, folder, max_steps=5), {})
    newest, before = checkpoints.paths(str(folder))[:2]
    with open(newest, "rb+") as file:
        file.truncate(1000)
    result = phase.train(runs.small(planted, folder), {})
    assert result.resumed_from == before and f"skipped: {newest}" in capsys.readouterr().err
    assert result.weights_sha256 == whole.weights_sha256


def test_training_refuses_to_start_if_every_checkpoint_is_damaged(planted, tmp_path):
    """Unless --start_new_model is given; the damaged files and the new run are both kept."""
    run = runs.small(planted, tmp_path, max_steps=6, run={"save_checkpoint_steps": 2})
    phase.train(run, {})
    for path in checkpoints.paths(str(tmp_path)):
        os.truncate(path, 1000)
    for _ in range(2):
        with pytest.raises(UserError, match=r"every checkpoint is damaged; .*--start_new_model"):
            phase.train(run, {})
    one = dataclasses.replace(run, start_new_model=True, phase=dataclasses.replace(run.phase, max_steps=1))
    result = phase.train(one, {})
    assert checkpoints.load(result.checkpoint)[1]["step"] == 1
    assert len(list(tmp_path.glob("replaced-1/checkpoints/*.damaged"))) == 3


def test_scores_of_lost_steps_are_computed_again(planted, tmp_path):
    """The weights of a step can differ the second time, so the score of a damaged checkpoint does not count."""
    settings = {"segment_labels": True, "holdout_fraction": 0.3}
    phase.train(runs.small(planted, tmp_path, **settings), {})
    expected = held_out_scores.read(str(tmp_path))
    os.truncate(checkpoints.paths(str(tmp_path))[0], 1000)
    held_out_scores.write(str(tmp_path), expected["metric"], expected["scores"] | {6: 1.5})
    phase.train(runs.small(planted, tmp_path, **settings), {})
    assert held_out_scores.read(str(tmp_path)) == expected


def test_other_commands_take_the_checkpoint_before_a_damaged_one(planted, tmp_path, capsys):
    """Evaluation and the next phase do. A damaged file given by name is refused. No file is renamed."""
    phase.train(runs.small(planted, tmp_path / "1"), {})
    newest, before = checkpoints.paths(str(tmp_path / "1"))
    os.truncate(newest, 1000)
    result = evaluate_checkpoints.evaluate(str(tmp_path / "1"), f"{planted}/test/*.tfrecord")
    assert result["checkpoint"] == before
    start = {"init_checkpoint": str(tmp_path / "1"), "max_steps": 1}
    assert phase.train(runs.small(planted, tmp_path / "2", True, **start), {}).step == 4
    assert capsys.readouterr().err.count(f"skipped: {newest}") == 2
    with pytest.raises(UserError, match=rf"{newest}: damaged"):
        phase.train(runs.small(planted, tmp_path / "3", True, **start | {"init_checkpoint": newest}), {})
    assert checkpoints.paths(str(tmp_path / "1")) == [newest, before]


@pytest.mark.parametrize("damaged", [[3], [6], [3, 6]])
def test_following_a_run_skips_damaged_checkpoints_and_ends(planted, tmp_path, capsys, damaged):
    """Also if the last one is damaged, which would show that the run has finished."""
    phase.train(runs.small(planted, tmp_path), {})
    for step in damaged:
        os.truncate(checkpoints.path_of(str(tmp_path), step), 1000)
    if len(damaged) == 2:
        with pytest.raises(UserError, match="finished and has no usable checkpoint"):
            evaluate_checkpoints.follow(str(tmp_path), f"{planted}/test/*.tfrecord")
    else:
        assert evaluate_checkpoints.follow(str(tmp_path), f"{planted}/test/*.tfrecord")["step"] == 9 - damaged[0]
    assert capsys.readouterr().err.count("skipped: ") == len(damaged)


def test_following_logs_what_it_waits_for(planted, tmp_path, monkeypatch, capsys):
    """The directory is absent at first; a run creates it during the first wait."""
    naps = []

    def train_meanwhile(seconds):
        naps.append(seconds)
        if len(naps) == 2:
            phase.train(runs.small(planted, tmp_path / "run", max_steps=1), {})

    monkeypatch.setattr(evaluate_checkpoints.time, "sleep", train_meanwhile)
    assert evaluate_checkpoints.follow(str(tmp_path / "run"), f"{planted}/test/*.tfrecord")["step"] == 1
    assert len(naps) == 2
    assert capsys.readouterr().err.count(f"waiting for a checkpoint in {tmp_path}/run/checkpoints") == 1


def test_the_checkpoint_just_written_is_never_pruned(planted, tmp_path):
    """Even if there are checkpoints with higher numbers."""
    result = phase.train(runs.small(planted, tmp_path / "first", max_steps=1), {})
    run = runs.small(planted, tmp_path / "run", max_steps=1, init_checkpoint=str(tmp_path / "first"))
    load_newest = checkpoints.load_newest

    def load_and_copy(train_dir):
        found = load_newest(train_dir)
        for step in (7, 8, 9):
            os.makedirs(checkpoints.directory(train_dir), exist_ok=True)
            shutil.copy(result.checkpoint, checkpoints.path_of(train_dir, step))
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "load_newest", load_and_copy)
        result = phase.train(run, {})
    assert os.path.isfile(result.checkpoint)


def test_batches_of_one_and_a_last_one_that_is_smaller(planted, tmp_path):
    for size in (1, 7):
        run = runs.small(planted, tmp_path / str(size), batch_size=size, max_steps=None, num_epochs=1,
                         run={"save_checkpoint_steps": 100})  # fmt: skip
        result = phase.train(run, {})
        assert result.step == -(-60 // size) and np.isfinite(result.loss)


def test_one_video_and_one_class(tmp_path):
    dataset.make(SynthesisConfig(1, 1, 1, 1, 1, Features(("audio",), (8,)), (50, 50)), str(tmp_path / "data"))
    run = runs.small(tmp_path / "data", tmp_path / "run", max_steps=2)
    features = Features(("audio",), (8,))
    model = dataclasses.replace(run.model, features=features, num_classes=1, attention_sizes=(4,))
    data = dataclasses.replace(run.data, features=features, num_classes=1, segment_classes=(0,))
    result = phase.train(dataclasses.replace(run, model=model, data=data), {})
    assert np.isfinite(result.loss)
    scores = evaluate_checkpoints.evaluate(str(tmp_path / "run"), f"{tmp_path}/data/test/*.tfrecord", segments=True)
    assert 0 <= scores["segment_map"] <= 1 and scores["classes"] == 1


@pytest.fixture(scope="module")
def full(planted, tmp_path_factory):
    """Directory of a step of the full network."""
    folder = tmp_path_factory.mktemp("full") / "run"
    phase.train(runs.small(planted, folder, model=runs.FULL, max_steps=1), {})
    return str(folder)


def test_strange_frames_have_finite_scores(full):
    model = restore.load(full).model
    for value in (0, 255, 0.0, 1e30):
        frames = np.full((2, 5, 32), value, np.float32 if isinstance(value, float) else np.uint8)
        assert np.isfinite(model({"frames": frames})["probabilities"]).all(), value


def test_float16_overflows_are_skipped_and_training_continues(planted, tmp_path):
    """A loss scale that overflows float16 is halved after each step until gradients are finite."""
    run = runs.small(planted, tmp_path, model={"model": "attention"}, max_steps=30, run={"precision": "mixed_float16"})
    first = phase.train(dataclasses.replace(run, phase=dataclasses.replace(run.phase, max_steps=1)), {})
    arrays, meta = checkpoints.load(first.checkpoint)
    (scale,) = (name for name in arrays if name.endswith("dynamic_scale"))
    arrays[scale] = np.float32(2.0**40)
    checkpoints.save(run.train_dir, meta["step"], arrays, meta)
    result = phase.train(run, {})
    arrays, _ = checkpoints.load(result.checkpoint)
    assert np.isfinite(result.loss) and result.step == 30
    assert 1 <= arrays[scale] < 2.0**40
    assert all(np.isfinite(array).all() for array in arrays.values())
    norms = [norm for _, norm in summaries.read_scalars(run.train_dir)["train/gradient_norm"]]
    assert norms and np.isfinite(norms).all()


def test_weights_that_overflow_in_the_last_step_are_not_saved(planted, tmp_path, monkeypatch):
    """The loss of that step is finite, since it was computed before the update."""
    make_step = phase.make_step

    def overflowing(model, *arguments):
        step = make_step(model, *arguments)

        def train_on(batch):
            results = step(batch)
            model.trainable_variables[0].assign(model.trainable_variables[0] * np.inf)
            return results

        return train_on

    monkeypatch.setattr(phase, "make_step", overflowing)
    with pytest.raises(UserError, match=r"model/.* is not finite after step 1; .*--base_learning_rate"):
        phase.train(runs.small(planted, tmp_path, max_steps=1), {})
    assert not checkpoints.paths(str(tmp_path))


def test_a_class_that_is_never_positive_is_left_out_of_map(planted, tmp_path):
    """In evaluation a class without positive segments; in training a class without videos."""
    run = runs.small(planted, tmp_path / "run", True, max_steps=2)
    run = dataclasses.replace(run, model=dataclasses.replace(run.model, num_classes=9),
                              data=dataclasses.replace(run.data, num_classes=9, segment_classes=(0, 2, 8)))  # fmt: skip
    assert np.isfinite(phase.train(run, {}).loss)
    frames = np.zeros((20, 32), np.uint8)
    pairs = [(0, 0, 1.0), (5, 0, 0.0), (0, 8, 0.0), (5, 8, 0.0)]
    writer.write_shard(str(tmp_path / "data/a"), [writer.frame_record("abcd", [0], frames, runs.FEATURES, pairs)])
    scores = evaluate_checkpoints.evaluate(str(tmp_path / "run"), f"{tmp_path}/data/a", segments=True)
    assert (scores["classes"], scores["rated_pairs"]) == (1, 4) and 0 <= scores["segment_map"] <= 1
    assert all(np.isfinite(value) for value in scores.values() if isinstance(value, float))


def test_one_video_of_one_segment(tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (5, 32), dtype=np.uint8)
    record = writer.frame_record("abcd", [1], frames, runs.FEATURES, [(0, 1, 1.0)])
    for split in ("train", "validate"):
        writer.write_shard(str(tmp_path / split / "a.tfrecord"), [record])
    (tmp_path / "segment_label_ids.csv").write_text("Index\n1\n")
    for segments in (False, True):
        folder = tmp_path / f"run{segments:d}"
        result = phase.train(runs.small(tmp_path, folder, segments, max_steps=2, batch_size=1), {})
        assert np.isfinite(result.loss) and result.step == 2
        scores = evaluate_checkpoints.evaluate(str(folder), f"{tmp_path}/validate/*.tfrecord", segments=True)
        assert (scores["videos"], scores["rated_pairs"], scores["segment_map"]) == (1, 1, 1.0)


def test_a_checkpoint_of_other_classes_or_features_is_refused_by_flag(planted, full, tmp_path):
    start = {"init_checkpoint": full}
    audio = {"features": Features(("audio",), (8,)), "attention_sizes": (4,)}
    for number, (change, said) in enumerate([
        ({"num_classes": 7}, "--num_classes: 6 there, 7 here"),
        (audio, "--feature_names, --feature_sizes: "),
        ({"model": "dbof"}, "--model: multi_attention there, dbof here"),
        ({"num_heads": 3}, "--num_heads: 2 there, 3 here"),
        ({"attention_sizes": (6, 4)}, r"--attention_sizes: \(8, 4\) there, \(6, 4\) here"),
        ({"attention_normalizer": "softmax"}, "--attention_normalizer: sparsemax there, softmax here"),
    ]):  # fmt: skip
        run = runs.small(planted, tmp_path / f"new{number}", model=runs.FULL | change, **start)
        data = {name: change[name] for name in ("num_classes", "features") if name in change}
        run = dataclasses.replace(run, data=dataclasses.replace(run.data, **data))
        with pytest.raises(UserError, match=f"--init_checkpoint: .*{said}"):
            phase.train(run, {})
        run_file.write(run, {}, "0")
        with pytest.raises(UserError, match=f"--checkpoint: .*{said}"):
            restore.load(run.train_dir, checkpoints.paths(full)[0])


def test_a_checkpoint_of_features_in_another_order_is_refused_by_flag(planted, tmp_path):
    there = phase.train(runs.small(planted, tmp_path / "1", max_steps=1), {})
    swapped = runs.small(planted, tmp_path, model={"features": Features(("audio", "rgb"), (24, 8))})
    run_file.write(swapped, {}, "0")
    with pytest.raises(UserError, match=r"--checkpoint: .*--feature_names, --feature_sizes: "):
        restore.load(str(tmp_path), there.checkpoint)


def test_settings_that_matter_only_in_training_may_differ_from_the_initial_run(planted, tmp_path):
    """So may a width that is given explicitly in one run and left at its default in the other."""
    there = runs.small(planted, tmp_path / "1", max_steps=1, model={"model": "attention", "attention_sizes": None})
    phase.train(there, {})
    change = {"input_noise": 0.0, "l2_penalty": 0.1, "prior_probability": 0.01, "attention_sizes": (64, 64)}
    model = {"model": "attention"} | change
    here = runs.small(planted, tmp_path / "2", True, max_steps=1, model=model, init_checkpoint=str(tmp_path / "1"))
    assert phase.train(here, {}).step == 2
    assert restore.load(str(tmp_path / "1"), checkpoints.paths(str(tmp_path / "2"))[0]).meta["step"] == 2


def test_an_interrupted_download_is_an_error_or_costs_one_record(planted, tmp_path):
    """A shard ends within a record, as after an interrupted copy."""
    shutil.copytree(planted, tmp_path / "data", ignore=shutil.ignore_patterns(".*"))
    shard = sorted((tmp_path / "data/train").iterdir())[0]
    os.truncate(shard, os.path.getsize(shard) * 2 // 3)
    run = runs.small(tmp_path / "data", tmp_path / "run", max_steps=8)
    with pytest.raises(UserError, match=rf"{shard.name}: offset \d+: the file ends within a record of \d+ bytes"):
        phase.train(run, {})
    result = phase.train(dataclasses.replace(run, data=dataclasses.replace(run.data, max_bad_records=1)), {})
    assert (result.step, result.bad_records) == (8, 1)


def test_equal_runs_are_equal_to_the_last_bit(planted, tmp_path):
    """Phase 2 too, with its held-out scores in between."""
    settings = {"segment_labels": True, "model": runs.FULL, "holdout_fraction": 0.3, "max_steps": 6}
    one, other = (phase.train(runs.small(planted, tmp_path / name, **settings), {}) for name in "ab")
    assert one.weights_sha256 == other.weights_sha256 and one.loss == other.loss
    assert held_out_scores.read(str(tmp_path / "a")) == held_out_scores.read(str(tmp_path / "b"))
