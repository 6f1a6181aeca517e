"""The fused Adam equals Keras' Adam, and the learning rate follows the published schedule."""

import keras
import numpy as np

from yt8m_attention.config import Phase
from yt8m_attention.training import optimizer


def _weights():
    return [keras.Variable(np.linspace(-1, 1, 12).reshape(3, 4), name="kernel"), keras.Variable([0.5], name="bias")]


def _train(adam, weights, steps, rng):
    adam.build(weights)
    for _ in range(steps):
        adam.apply([rng.normal(size=w.shape).astype(np.float32) for w in weights], weights)
    return [np.asarray(w) for w in weights], [np.asarray(v) for v in adam.variables]


def test_fused_update_equals_keras_adam():
    phase = Phase(max_steps=1, batch_size=4, learning_rate_decay_examples=40)
    fused = optimizer.build(phase, loss_scaling=False)
    plain = keras.optimizers.Adam(learning_rate=fused.get_config()["learning_rate"]["config"]["initial_learning_rate"],
                                  epsilon=fused.epsilon)  # fmt: skip
    plain_weights, plain_state = _train(plain, _weights(), 9, np.random.default_rng(1))
    fused_weights, fused_state = _train(fused, _weights(), 9, np.random.default_rng(1))
    for ours, theirs in zip(fused_weights, plain_weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    # iterations, then the moments; the schedule's rate is not a variable
    theirs = [v for v, variable in zip(plain_state, plain.variables, strict=True) if variable.name != "learning_rate"]
    for ours, other in zip(fused_state, theirs, strict=True):
        np.testing.assert_allclose(ours, other, rtol=1e-5, atol=1e-6)


def test_rate_falls_in_steps_of_examples():
    phase = Phase(max_steps=1, batch_size=128)
    rate = optimizer.build(phase, loss_scaling=False)._learning_rate
    expected = {0: 8e-4, 31_249: 8e-4, 31_250: 8e-4 * 0.8, 62_499: 8e-4 * 0.8, 62_500: 8e-4 * 0.64}
    for step, value in expected.items():
        assert np.isclose(float(rate(step)), value, rtol=1e-6), step


def test_float16_training_scales_its_loss():
    assert isinstance(optimizer.build(Phase(max_steps=1), loss_scaling=True), keras.optimizers.LossScaleOptimizer)
