"""Features as bytes, the form in which they are stored and travel, and as the numbers that they stand for."""

import numpy as np

from yt8m_attention import schema


def quantize(values):
    """The nearest bytes for feature values, in numpy; what lies beyond [-2, 2] becomes the byte at that end.

    Args:
      values: float array of any shape, without NaN.

    Returns:
      uint8 array of that shape; `dequantize` gives the values back to within half a step (2 / 255).
    """
    bins = np.rint((np.asarray(values) - schema.QUANTIZED_OFFSET) / schema.QUANTIZED_STEP)
    return np.clip(bins, 0, 255).astype(np.uint8)


def dequantize(values):
    """The numbers that bytes stand for: byte * 4 / 255 + 4 / 512 - 2, from -1.992 to 2.008.

    Args:
      values: uint8 tensor, or numpy array, of any shape.

    Returns:
      float32 of that shape; a numpy array for a numpy array.
    """
    if isinstance(values, np.ndarray):
        floats = values.astype(np.float32)
    else:
        from keras import ops  # not above: what writes bytes needs no Keras

        floats = ops.cast(values, "float32")
    return floats * np.float32(schema.QUANTIZED_STEP) + np.float32(schema.QUANTIZED_OFFSET)
