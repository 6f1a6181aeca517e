"""A model's weights in fewer bytes: what an exported model keeps on disk and makes float32 of whenever it runs."""

import numpy as np
import tensorflow as tf

QUANTIZATIONS = ("none", "float16", "int8")

# Vectors and small matrices keep every bit: they are a hundredth of the size, and statistics do not bear rounding.
_LEAST_ENTRIES = 10_000


class Weight(tf.Module):
    """One weight, stored as `quantize` says.

    int8 is symmetric and per output channel: a column of a kernel [..., D] is whole numbers from -127 to 127 times the
    column's own scale, its largest magnitude / 127, so that no entry is off by more than half a scale.

    Args:
      value: numpy array.
      quantize: one of QUANTIZATIONS; only float matrices of 10,000 entries or more are touched.
    """

    def __init__(self, value, quantize):
        super().__init__()
        self.scale = None
        if quantize == "none" or value.ndim < 2 or value.size < _LEAST_ENTRIES:
            stored = value
        elif quantize == "float16":
            stored = np.clip(value, *(np.finfo(np.float16).min, np.finfo(np.float16).max)).astype(np.float16)
        else:
            stored, scale = to_int8(value)
            self.scale = tf.Variable(scale, trainable=False, name="scale")
        self.stored = tf.Variable(stored, trainable=False, name="stored")

    def __call__(self):
        """The weight as the model computes with it."""
        if self.scale is not None:
            return tf.cast(self.stored, tf.float32) * self.scale
        stored = tf.convert_to_tensor(self.stored)
        return tf.cast(stored, tf.float32) if stored.dtype == tf.float16 else stored


def to_int8(value):
    """Symmetric quantisation by output channel.

    Args:
      value: float [..., D].

    Returns:
      (int8 [..., D], float32 [D]): value is close to their product. A channel of zeros has scale 1.
    """
    scale = (np.abs(value).max(axis=tuple(range(value.ndim - 1))) / 127).astype(np.float32)
    scale[scale < np.finfo(np.float32).tiny] = 1
    return np.clip(np.rint(value / scale), -127, 127).astype(np.int8), scale
