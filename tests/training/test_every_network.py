"""All networks in the training step and on suitable records."""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import commands
from tests.conftest import ROOT
from tests.training import runs
from yt8m_attention.config import Data, Model, Phase
from yt8m_attention.data import pipeline
from yt8m_attention.inference import scoring
from yt8m_attention.losses.weighted_cross_entropy import weighted_cross_entropy
from yt8m_attention.models import registry
from yt8m_attention.training import optimizer, phase
from yt8m_attention.training.step import make_step

SMALL = {
    "dbof_cluster_size": 8, "netvlad_cluster_size": 4, "cnn_filters": (4, 4, 4), "gru_cells": 8, "lstm_cells": 8,
    "nextvlad_cluster_size": 4, "nextvlad_groups": 4, "mix_number": 2, "transformer_layers": 1, "transformer_heads": 2,
}  # fmt: skip


def _losses(model, batches, steps, jit_compile=False):
    """Returns the losses of several steps on the first batch."""
    settings = Phase(max_steps=1, base_learning_rate=0.01)
    adam = optimizer.build(settings, loss_scaling=False)
    adam.build(model.trainable_variables)
    step = make_step(model, adam, settings, np.ones(6), tf.distribute.get_strategy(), jit_compile)
    batch = {name: value for name, value in next(iter(batches)).items() if name != "position"}
    return [float(step(batch)["loss"]) for _ in range(steps)]


@pytest.mark.slow
@pytest.mark.parametrize("name", registry.names())
def test_both_phases(planted, tmp_path, name):
    """Phase 1 on videos, then phase 2 on segments: another bag size for the same weights."""
    model = runs.FULL | {"model": name, "input_noise": 0.0} | SMALL
    first = phase.train(runs.small(planted, tmp_path / "one", model=model, max_steps=20), {})
    second = phase.train(
        runs.small(planted, tmp_path / "two", segment_labels=True, model=model, init_checkpoint=str(tmp_path / "one")),
        {},
    )
    assert np.isfinite([first.loss, second.loss]).all() and second.step == 26
    assert first.parameters == second.parameters


@pytest.mark.slow
@pytest.mark.parametrize("name", registry.names())
def test_the_whole_step_can_be_compiled(name):
    """As on a GPU. The second loss shows that the first step has changed the weights."""
    settings = {"features": runs.FEATURES, "num_classes": 6, "hidden_size": 8, "input_noise": 0.0} | SMALL
    rng = np.random.default_rng(0)
    batch = {
        "frames": rng.integers(0, 256, (4, 5, runs.FEATURES.total), dtype=np.uint8),
        "mask": np.arange(5) < np.array([[5], [1], [3], [5]]),
        "labels": np.uint8(rng.random((4, 6)) < 0.5),
        "rated": rng.random((4, 6)) < 0.5,
    }
    losses = []
    for jit_compile in (False, True):
        keras.utils.set_random_seed(7)
        model = registry.build(Model(model=name, **settings))
        losses.append(_losses(model, [{key: tf.constant(value) for key, value in batch.items()}], 2, jit_compile))
    assert losses[0][0] != losses[0][1]
    np.testing.assert_allclose(*losses, rtol=1e-3)


@contextlib.contextmanager
def _eagerly():
    """Runs functions eagerly, which is faster than a graph for one or two steps."""
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


@pytest.mark.parametrize("name", registry.names())
def test_frames_of_zeros_keep_weights_finite(name):
    """Frames of zeros have norm 0 and variance 0, and no step may divide by them."""
    settings = {"features": runs.FEATURES, "num_classes": 6, "hidden_size": 8, "input_noise": 0.0} | SMALL
    model = registry.build(Model(model=name, **settings))
    for mask in ([[0, 0, 0, 0]], [[1, 1, 1, 1], [1, 0, 0, 0], [0, 0, 0, 0]]):
        batch = {
            "frames": np.zeros((len(mask), 4, runs.FEATURES.total), np.float32),
            "mask": np.array(mask, bool),
            "labels": np.eye(len(mask), 6, dtype=np.float32),
            "rated": np.ones((len(mask), 6), bool),
        }
        with _eagerly():
            losses = _losses(model, [{key: tf.constant(value) for key, value in batch.items()}], 2)
        assert np.isfinite(losses).all(), mask
        assert all(np.isfinite(np.asarray(variable)).all() for variable in model.variables), mask


@pytest.mark.parametrize("classifier", ["logistic", "moe"])
def test_video_level_learns_from_video_level_records_and_scores_segments(planted, classifier):
    network = {"video_level_classifier_model": classifier, "hidden_layer": False, "context_gating": False}
    model = registry.build(Model(model="video_level", features=runs.FEATURES, num_classes=6, **network))
    data = Data(features=runs.FEATURES, num_classes=6)
    pattern = str(planted / "video" / "train" / "*.tfrecord")
    batches = pipeline.training_batches(pattern, data, Phase(batch_size=32, max_steps=1), 0)
    losses = _losses(model, batches, 30)
    assert losses[-1] < 0.8 * losses[0]
    segments = pipeline.evaluation_batches(str(planted / "test" / "*.tfrecord"), data, 16, items="rated_segments")
    batch = next(iter(segments))
    assert batch["frames"].shape[1:] == (5, 32)
    assert np.isfinite(scoring.make_scorer(model)(batch)["probabilities"]).all()


def test_video_level_files_then_rated_segments_by_the_command(planted, tmp_path):
    """As in run_train.sh with video-level files as TRAIN_DATA."""
    network = f"--flagfile={ROOT}/flags/video_logistic.flags"
    start = ("--segment_labels", f"--init_checkpoint={tmp_path}/1")
    one, two = (
        commands.succeed("train", *runs.flags(planted, tmp_path / name, network, *more, split=split))
        for name, split, more in (
            ("1", "video/train", ["--max_steps=6"]),
            ("2", "validate", ["--max_steps=6", *start]),
        )
    )
    assert (one["step"], two["step"]) == (6, 12) and one["parameters"] == two["parameters"]
    assert np.isfinite([one["loss"], two["loss"]]).all() and one["weights_sha256"] != two["weights_sha256"]


def test_video_level_reads_real_records(shared_data):
    model = registry.build(
        Model(model="video_level", hidden_layer=False, context_gating=False, video_level_classifier_model="logistic")
    )
    pattern = str(shared_data / "yt8m_video" / "validate0000.tfrecord")
    batch = next(iter(pipeline.evaluation_batches(pattern, Data(index_dir="none"), 8)))
    answer = scoring.make_scorer(model)(batch)["probabilities"]
    assert answer.shape == (8, 3862) and np.isfinite(answer).all() and answer.std(axis=0).max() > 0


def test_a_mixtures_loss_holds_its_members_and_their_distillation(planted):
    settings = {"features": runs.FEATURES, "num_classes": 6, "hidden_size": 8, "l2_penalty": 0.0, "input_noise": 0.0}
    model = registry.build(Model(model="mix_nextvlad", **settings, **SMALL))
    data = Data(features=runs.FEATURES, num_classes=6)
    pattern = str(planted / "train" / "*.tfrecord")
    batches = pipeline.training_batches(pattern, data, Phase(batch_size=8, max_steps=1), 0)
    batch = next(iter(batches))
    answer = model({"frames": batch["frames"], "mask": batch["mask"]}, training=True)
    distillation = float(sum(model.losses))
    assert distillation > 0.01
    members = answer["member_probabilities"]
    answers = [answer["probabilities"], *(members[:, m] for m in range(members.shape[1]))]
    assert len(answers) == 1 + model.config.mix_number
    cross_entropy = sum(float(weighted_cross_entropy(batch["labels"], p)) for p in answers)
    with _eagerly():
        (loss,) = _losses(model, batches, 1)
    assert loss == pytest.approx(cross_entropy + distillation, rel=1e-4)
