"""Stores the weights of an exported model in fewer bytes. The model converts them to float32 when it runs."""

import numpy as np
import tensorflow as tf

from yt8m_attention.aliases import Tensor

QUANTIZATIONS = ("none", "float16", "int8")

# Smaller arrays keep float32: they are 1% of the size, and batch statistics need full precision.
_MIN_ENTRIES = 10_000


class Weight(tf.Module):
    """Stores one weight with the given quantisation.

    int8 is symmetric and per output channel: a column of a kernel [..., D] is stored as integers from -127 to 127 and
    one scale, the largest magnitude of the column / 127. The error of an entry is at most half the scale.

    Args:
      value: array.
      quantize: one of QUANTIZATIONS; only float matrices with at least 10,000 entries are quantised.
    """

    def __init__(self, value: np.ndarray, quantize: str) -> None:
        super().__init__()
        self.scale = None
        if quantize == "none" or value.ndim < 2 or value.size < _MIN_ENTRIES:
            stored = value
        elif quantize == "float16":
            stored = np.clip(value, *(np.finfo(np.float16).min, np.finfo(np.float16).max)).astype(np.float16)
        else:
            stored, scale = to_int8(value)
            self.scale = tf.Variable(scale, trainable=False, name="scale")
        self.stored = tf.Variable(stored, trainable=False, name="stored")

    def __call__(self) -> Tensor:
        """Returns the weight in the dtype of the computation."""
        if self.scale is not None:
            return tf.cast(self.stored, tf.float32) * self.scale
        stored = tf.convert_to_tensor(self.stored)
        return tf.cast(stored, tf.float32) if stored.dtype == tf.float16 else stored


def to_int8(value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quantises an array symmetrically per output channel.

    Args:
      value: float [..., D].

    Returns:
      (int8 [..., D], float32 scales [D]), whose product approximates value. A channel of zeros has scale 1.
    """
    scale = (np.abs(value).max(axis=tuple(range(value.ndim - 1))) / 127).astype(np.float32)
    scale[scale < np.finfo(np.float32).tiny] = 1
    return np.clip(np.rint(value / scale), -127, 127).astype(np.int8), scale
