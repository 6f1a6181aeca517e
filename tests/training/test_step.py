"""The training step: its loss, clipping, teachers, mixup, and that it learns."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training import runs
from yt8m_attention.config import Model, Phase
from yt8m_attention.losses.weighted_cross_entropy import weighted_cross_entropy
from yt8m_attention.models import registry
from yt8m_attention.runtime import compilation, precision
from yt8m_attention.training import mixup, optimizer
from yt8m_attention.training.step import make_step

FULL = Model(features=runs.FEATURES, num_classes=6, num_heads=2, hidden_size=16, attention_sizes=(8, 4), input_noise=0)
PLAIN = dataclasses.replace(FULL, **runs.PLAIN | {"hidden_layer": True})
# A probability of 0.5 has the same loss for any label.
UNLIKELY = dataclasses.replace(PLAIN, prior_probability=0.1)


def _batch(rows=8, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "frames": tf.constant(rng.integers(0, 256, (rows, 5, 32)), tf.uint8),
        "mask": tf.ones((rows, 5), tf.bool),
        "labels": tf.constant(rng.random((rows, 6)) < 0.4, tf.uint8),
        "rated": tf.constant(rng.random((rows, 6)) < 0.5),
    }


def _make(
    phase, strategy=None, jit_compile=False, loss_scaling=False, policy="float32", network=PLAIN, teacher_fn=None
):
    keras.utils.set_random_seed(7)
    strategy = strategy or tf.distribute.get_strategy()
    with strategy.scope(), precision.use(policy):
        model = registry.build(network)
        adam = optimizer.build(phase, loss_scaling)
        adam.build(model.trainable_variables)
    return model, adam, make_step(model, adam, phase, np.ones(6), strategy, jit_compile, teacher_fn)


def _weights(model):
    return {w.path: np.asarray(w) for w in model.weights}


def _moments(adam):
    """Returns Adam's first moments: after one step they are the scaled gradient, whose size the weights do not show."""
    return {v.path: np.asarray(v) for v in adam.variables if v.path.endswith(("momentum", "velocity"))}


def _assert_close(ours, theirs, tolerance=1e-5):
    for name in theirs:
        np.testing.assert_allclose(ours[name], theirs[name], atol=tolerance, rtol=tolerance, err_msg=name)


@pytest.mark.parametrize("unrated", ["ignore", "negative"])
def test_unrated_pairs_are_ignored_or_negative(unrated):
    _, _, step = _make(Phase(max_steps=1, unrated=unrated), network=UNLIKELY)
    batch = _batch()
    keras.utils.set_random_seed(7)
    model = registry.build(UNLIKELY)
    penalty = sum(float(loss) for loss in model.losses)
    outputs = model(batch, training=True)
    rated = batch["rated"] if unrated == "ignore" else None
    expected = weighted_cross_entropy(batch["labels"], outputs["probabilities"], rated, np.ones(6))
    assert np.isclose(float(step(batch)["loss"]), float(expected), atol=1e-3 + penalty)


def _loss_of_first_step(batch, teacher_fn=None, **phase):
    _, _, step = _make(Phase(max_steps=1, **phase), network=UNLIKELY, teacher_fn=teacher_fn)
    return float(step(batch)["loss"])


def _answer(bags):
    """Returns the probabilities of the untrained network that _make builds."""
    keras.utils.set_random_seed(7)
    return registry.build(UNLIKELY)(bags, training=True)["probabilities"]


@pytest.mark.parametrize("unrated", ["ignore", "negative"])
def test_a_teacher_has_its_weight_in_each_label_and_full_weight_in_unrated_pairs(unrated):
    batch = _batch()
    said = tf.constant(np.random.default_rng(3).random((8, 6)), tf.float32)
    asked = []

    def teacher_fn(bags):
        asked.append(sorted(bags))
        return said

    rated = batch["rated"] if unrated == "ignore" else None
    answer = _answer(batch)
    of_labels = float(weighted_cross_entropy(batch["labels"], answer, rated))
    of_teacher = float(weighted_cross_entropy(said, answer))
    found = _loss_of_first_step(batch, teacher_fn, unrated=unrated, teacher_weight=0.3)
    assert found == pytest.approx(0.7 * of_labels + 0.3 * of_teacher, rel=1e-3)
    assert found != pytest.approx(_loss_of_first_step(batch, unrated=unrated), rel=0.005)
    assert asked == [["frames", "mask"]]  # once, when the step was traced


def test_the_step_trains_on_mixed_bags():
    batch = _batch()
    for shares in (np.ones(8), np.linspace(0, 1, 8)):
        own = tf.constant(shares, tf.float32)
        bags, (labels, weights) = mixup.mix(batch, (batch["labels"], batch["rated"]), own)
        expected = float(weighted_cross_entropy(labels, _answer(bags), weights))
        assert _loss_of_first_step(batch | {"mixup_lambda": own}) == pytest.approx(expected, rel=1e-3)
        if shares.all():
            assert expected == pytest.approx(_loss_of_first_step(batch), rel=1e-3)


def test_overfits_its_teacher():
    said = tf.constant(np.random.default_rng(3).random((8, 6)), tf.float32)
    phase = Phase(max_steps=1, base_learning_rate=0.01, teacher_weight=1.0)
    model, _, step = _make(phase, teacher_fn=lambda bags: said)
    before = np.abs(np.asarray(model(_batch())["probabilities"]) - said).mean()
    for _ in range(80):
        step(_batch() | {"mixup_lambda": tf.ones(8)})
    assert np.abs(np.asarray(model(_batch(), training=True)["probabilities"]) - said).mean() < before / 3


def test_the_norm_of_the_whole_gradient_is_reported_and_clipped():
    loose, tight = Phase(max_steps=1, clip_gradient_norm=0.0), Phase(max_steps=1, clip_gradient_norm=1e-3)
    norms, moments = [], []
    for phase in (loose, tight):
        _, adam, step = _make(phase)
        norms.append(float(step(_batch())["gradient_norm"]))
        first = [np.asarray(v) for v in adam.variables if "momentum" in v.path]
        moments.append(np.sqrt(sum(np.sum(np.square(m / (1 - adam.beta_1))) for m in first)))
    assert np.isclose(norms[0], norms[1], rtol=1e-5)  # reported before clipping
    assert np.isclose(moments[0], norms[0], rtol=1e-4)
    assert np.isclose(moments[1], 1e-3, rtol=1e-4)


def test_compiled_step_equals_plain_one():
    """With labels, a teacher and mixup."""
    results, said = [], tf.constant(np.random.default_rng(3).random((8, 6)), tf.float32)
    for jit_compile in (False, True):
        phase = Phase(max_steps=1)
        _, adam, step = _make(phase, jit_compile=jit_compile, network=FULL, teacher_fn=lambda bags: said)
        loss = float(step(_batch() | {"mixup_lambda": tf.linspace(0.0, 1.0, 8)})["loss"])
        results.append(_moments(adam) | {"loss": np.array(loss)})
    _assert_close(*results, tolerance=1e-5)


def test_loss_scaling_changes_nothing_in_float32():
    results = []
    for loss_scaling in (False, True):
        model, adam, step = _make(Phase(max_steps=1, clip_gradient_norm=0.5), loss_scaling=loss_scaling)
        norm = float(step(_batch())["gradient_norm"])
        results.append(_weights(model) | _moments(adam) | {"norm": np.array(norm)})
    _assert_close(*results)


def _first_step(policy):
    """Returns ([loss, norm of the gradient], the scaled gradient)."""
    scaled = policy == "mixed_float16"
    _, adam, step = _make(Phase(max_steps=1), loss_scaling=scaled, policy=policy, network=FULL)
    if scaled:
        adam.dynamic_scale.assign(256.0)  # no overflow, so the first step is not skipped
    result = step(_batch())
    gradient = [moment.ravel() for name, moment in _moments(adam).items() if name.endswith("momentum")]
    return [float(result["loss"]), float(result["gradient_norm"])], np.concatenate(gradient)


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("policy, tolerance", [("mixed_bfloat16", 0.05), ("mixed_float16", 0.005)])
def test_a_step_in_16_bits_is_nearly_that_in_float32(policy, tolerance, compiled, monkeypatch):
    """Also with compiled fused functions, as for large arrays."""
    monkeypatch.setattr(compilation, "LEAST_SIZE", 0)
    tf.config.run_functions_eagerly(True)  # one step is quicker than its graph
    try:
        expected, gradient = _first_step("float32")
        tf.config.run_functions_eagerly(not compiled)
        found, their_gradient = _first_step(policy)
    finally:
        tf.config.run_functions_eagerly(False)
    np.testing.assert_allclose(found, expected, rtol=tolerance)
    assert np.linalg.norm(their_gradient - gradient) < tolerance * np.linalg.norm(gradient)


def test_an_overflowing_scaled_gradient_does_not_change_the_weights():
    model, adam, step = _make(Phase(max_steps=1), loss_scaling=True)
    adam.dynamic_scale.assign(3e38)
    before = {v.path: np.asarray(v) for v in model.trainable_variables}
    step(_batch())
    for variable in model.trainable_variables:
        np.testing.assert_array_equal(np.asarray(variable), before[variable.path])
    assert float(adam.dynamic_scale) < 3e38


def test_overfits_a_batch():
    phase = dataclasses.replace(Phase(max_steps=1), base_learning_rate=0.01)
    _, _, step = _make(phase)
    losses = [float(step(_batch())["loss"]) for _ in range(80)]
    assert losses[-1] < losses[0] / 4
