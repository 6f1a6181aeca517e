"""How islands (ops/islands.py) are compiled on TensorFlow."""

import tensorflow as tf


def xla(function):
    """An island as one XLA program, compiled once for each shape; its gradient too, where one is asked for."""
    return tf.function(function, jit_compile=True)
