"""The ends of every range: one video, one class, one frame, batches of one, frames of zeros, files that went bad."""

import dataclasses

import numpy as np
import pytest

from tests.training import runs
from yt8m_attention.config import Features
from yt8m_attention.data import data_set
from yt8m_attention.data.recipe import Recipe
from yt8m_attention.evaluation import checkpoint
from yt8m_attention.training import checkpoints, phase, restore


def test_a_damaged_newest_checkpoint_costs_steps_not_the_run(planted, tmp_path, capsys):
    whole = phase.train(runs.small(planted, tmp_path / "whole"), {})
    folder = tmp_path / "run"
    phase.train(runs.small(planted, folder, max_steps=5), {})
    newest, before = checkpoints.paths(str(folder))[:2]
    with open(newest, "rb+") as file:
        file.truncate(1000)
    result = phase.train(runs.small(planted, folder), {})
    assert result["resumed_from"] == before and f"passed over: {newest}" in capsys.readouterr().err
    assert result["weights_sha256"] == whole["weights_sha256"]


def test_batches_of_one_and_a_last_one_that_is_smaller(planted, tmp_path):
    for size in (1, 7):
        run = runs.small(planted, tmp_path / str(size), batch_size=size, max_steps=None, num_epochs=1,
                         run={"save_checkpoint_steps": 100})  # fmt: skip
        result = phase.train(run, {})
        assert result["step"] == -(-60 // size) and np.isfinite(result["loss"])


def test_one_video_and_one_class(tmp_path):
    data_set.make(Recipe(1, 1, 1, 1, 1, Features(("audio",), (8,)), (50, 50)), str(tmp_path / "data"))
    run = runs.small(tmp_path / "data", tmp_path / "run", max_steps=2)
    features = Features(("audio",), (8,))
    model = dataclasses.replace(run.model, features=features, num_classes=1, attention_sizes=(4,))
    data = dataclasses.replace(run.data, features=features, num_classes=1, segment_classes=(0,))
    result = phase.train(dataclasses.replace(run, model=model, data=data), {})
    assert np.isfinite(result["loss"])
    scores = checkpoint.evaluate(str(tmp_path / "run"), f"{tmp_path}/data/test/*.tfrecord", segments=True)
    assert 0 <= scores["segment_map"] <= 1 and scores["classes"] == 1


@pytest.mark.parametrize("value", [0, 255, 0.0, 1e30])
def test_strange_frames_have_finite_scores(planted, tmp_path, value):
    phase.train(runs.small(planted, tmp_path, max_steps=1), {})
    frames = np.full((2, 5, 32), value, np.float32 if isinstance(value, float) else np.uint8)
    assert np.isfinite(restore.load(str(tmp_path)).model({"frames": frames})["probabilities"]).all()
