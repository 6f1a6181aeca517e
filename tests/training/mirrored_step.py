"""Trains some steps on two virtual devices, each with the same rows, and on one with those rows alone; compares.

    python -m tests.training.mirrored_step

Batch norm sees a device's own rows, so equal halves are what makes the two comparable. Run in a process of its own,
since devices are settled before TensorFlow's first operation.
"""

import keras
import numpy as np
import tensorflow as tf

from tests.training import runs
from yt8m_attention.config import Model, Phase
from yt8m_attention.models import registry
from yt8m_attention.training import distribution, optimizer
from yt8m_attention.training.step import make_step

MODEL = Model(features=runs.FEATURES, num_classes=6, num_heads=2, hidden_size=16, attention_sizes=(8, 4), input_noise=0)
PHASE = Phase(max_steps=1, clip_gradient_norm=0.5)


def batches(copies):
    rng = np.random.default_rng(0)
    for _ in range(3):
        half = {
            "frames": rng.integers(0, 256, (4, 5, 32), dtype=np.uint8),
            "mask": np.ones((4, 5), bool),
            "labels": (rng.random((4, 6)) < 0.4).astype(np.uint8),
            "rated": rng.random((4, 6)) < 0.5,
        }
        yield {name: tf.constant(np.concatenate([value] * copies)) for name, value in half.items()}


def train(name):
    keras.utils.set_random_seed(7)
    strategy = distribution.strategy(name)
    with strategy.scope():
        model = registry.build(MODEL)
        adam = optimizer.build(PHASE, loss_scaling=False)
        adam.build(model.trainable_variables)
    step = make_step(model, adam, PHASE, np.ones(6), strategy, jit_compile=False)
    results = [step(batch) for batch in batches(strategy.num_replicas_in_sync)]
    numbers = {f"{key}{i}": float(value) for i, result in enumerate(results) for key, value in result.items()}
    return strategy.num_replicas_in_sync, numbers | {w.path: np.asarray(w) for w in model.weights}


if __name__ == "__main__":
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    replicas, mirrored = train("mirrored")
    _, alone = train("one")
    assert replicas == 2
    for name, value in alone.items():
        np.testing.assert_allclose(mirrored[name], value, rtol=1e-4, atol=1e-5, err_msg=name)
    print("equal")
