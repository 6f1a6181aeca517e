"""Writes tensorflow-addons' sparsemax, values and gradients, for rows of many kinds.

    python write_sparsemax_reference.py sparsemax_reference.npz

runs in the environment of environment.txt. For each case the file holds CASE.logits, CASE.upstream (the gradient
that arrives from above), CASE.probabilities and CASE.gradient, all float32.
"""

import sys

import numpy as np
import tensorflow as tf
import tensorflow_addons as tfa


def cases():
    """Name -> logits, the same in every run."""
    rng = np.random.default_rng(20191116)
    normal = {f"length_{n}": rng.normal(size=(8, n)) for n in (1, 2, 5, 120, 300)}
    one_hot = np.eye(12)[rng.integers(12, size=6)]
    return normal | {
        "ties": rng.integers(-1, 2, size=(12, 20)) * 0.25,
        "equal": np.full((2, 30), 0.7),
        "one_hot": one_hot * 5 + rng.normal(size=one_hot.shape) * 0.01,
        "scale_0.001": rng.normal(size=(8, 120)) * 1e-3,
        "scale_0.1": rng.normal(size=(8, 120)) * 0.1,
        "scale_50": rng.normal(size=(8, 120)) * 50,
        "scale_10000": rng.normal(size=(8, 120)) * 1e4,
        "shifted": rng.normal(size=(4, 50)) * 0.3 + 100,
        "geometric": -np.power(rng.uniform(1.02, 2, size=(8, 1)), -np.arange(100.0)),
        "three_axes": rng.normal(size=(2, 30, 4)),
    }


def main(path):
    rng = np.random.default_rng(6866)
    arrays = {}
    for name, values in cases().items():
        logits = tf.constant(values, tf.float32)
        upstream = tf.constant(rng.normal(size=values.shape), tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(logits)
            probabilities = tfa.activations.sparsemax(logits)
        gradient = tape.gradient(probabilities, logits, upstream)
        parts = {"logits": logits, "upstream": upstream, "probabilities": probabilities, "gradient": gradient}
        arrays |= {f"{name}.{part}": tensor.numpy() for part, tensor in parts.items()}
    np.savez_compressed(path, **arrays)


if __name__ == "__main__":
    main(sys.argv[1])
