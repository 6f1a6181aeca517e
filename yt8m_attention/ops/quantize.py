"""Converts features between bytes, as they are stored, and float values."""

import numpy as np

from yt8m_attention import schema
from yt8m_attention.aliases import Tensor


def quantize(values: np.ndarray) -> np.ndarray:
    """Rounds feature values to the nearest bytes, in numpy. Values outside [-2, 2] are clipped.

    Args:
      values: float array of any shape, without NaN.

    Returns:
      uint8 array of that shape; `dequantize` restores the values to within half a step (2 / 255).
    """
    bins = np.rint((np.asarray(values) - schema.QUANTIZED_OFFSET) / schema.QUANTIZED_STEP)
    return np.clip(bins, 0, 255).astype(np.uint8)


def dequantize(values: Tensor) -> Tensor:
    """Converts bytes to values: byte * 4 / 255 + 4 / 512 - 2, from -1.992 to 2.008.

    Args:
      values: uint8 tensor, or numpy array, of any shape.

    Returns:
      float32 of that shape; a numpy array if `values` is one.
    """
    if isinstance(values, np.ndarray):
        floats = values.astype(np.float32)
    else:
        from keras import ops  # not at the top: code that only writes bytes needs no Keras

        floats = ops.cast(values, "float32")
    return floats * np.float32(schema.QUANTIZED_STEP) + np.float32(schema.QUANTIZED_OFFSET)
