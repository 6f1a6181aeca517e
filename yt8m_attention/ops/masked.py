"""Softmax, mean, maximum and last of the unmasked entries of an axis. Masked entries may hold anything, even NaN."""

import keras
import numpy as np
from keras import ops

from yt8m_attention.aliases import Tensor

# Finite, because softmax and its gradient of a row of -inf are NaN.
_LOWEST = float(np.finfo("float32").min)


def masked_softmax(logits: Tensor, mask: Tensor | None = None, axis: int = -1) -> Tensor:
    """Softmax over the unmasked entries of an axis.

    Args:
      logits: [..., N, ...], any rank from 1 on; computed in float32 (float64 stays float64).
      mask: bool, broadcastable to logits; False entries get exactly 0 and are left out. None: nothing is masked.
      axis: the axis to normalise over.

    Returns:
      Probabilities in the shape and dtype of logits. A row without unmasked entries is all 0, with gradient 0.
    """
    logits = ops.convert_to_tensor(logits)
    dtype = keras.backend.result_type(logits.dtype, float)
    logits = ops.cast(logits, keras.backend.result_type(dtype, "float32"))
    if mask is None:
        return ops.cast(ops.softmax(logits, axis=axis), dtype)
    probabilities = ops.softmax(ops.where(mask, logits, _LOWEST), axis=axis)
    return ops.cast(ops.where(mask, probabilities, 0.0), dtype)


def masked_mean(x: Tensor, mask: Tensor, axis: int) -> Tensor:
    """Mean over the unmasked entries of an axis; 0 without any.

    Args:
      x: [..., N, ...], floating point; summed in float32 (float64 stays float64).
      mask: bool, broadcastable to x and as long as x along the axis: [B, T, 1] for frames [B, T, F].
      axis: the axis to reduce.

    Returns:
      x without the axis, in x's dtype.
    """
    x = ops.convert_to_tensor(x)
    wide = keras.backend.result_type(x.dtype, "float32")
    total = ops.sum(ops.where(mask, ops.cast(x, wide), 0.0), axis=axis)
    count = ops.sum(ops.cast(mask, wide), axis=axis)
    return ops.cast(total / ops.maximum(count, 1), x.dtype)


def masked_max(x: Tensor, mask: Tensor, axis: int) -> Tensor:
    """Maximum over the unmasked entries of an axis; 0 without any.

    Args:
      x: [..., N, ...], floating point.
      mask: bool, broadcastable to x: [B, T, 1] for frames [B, T, F].
      axis: the axis to reduce.

    Returns:
      x without the axis, in x's dtype.
    """
    x = ops.convert_to_tensor(x)
    largest = ops.max(ops.where(mask, x, ops.cast(float("-inf"), x.dtype)), axis=axis)
    return ops.where(ops.any(mask, axis=axis), largest, ops.zeros_like(largest))


def masked_last(x: Tensor, mask: Tensor, axis: int) -> Tensor:
    """Last unmasked entry of an axis; 0 without any.

    Args:
      x: [..., N, ...], floating point.
      mask: bool, broadcastable to x and as long as x along the axis: [B, T, 1] for frames [B, T, F].
      axis: the axis to reduce.

    Returns:
      x without the axis, in x's dtype.
    """
    x = ops.convert_to_tensor(x)
    from_end = ops.flip(ops.cumsum(ops.flip(ops.cast(mask, "int32"), axis=axis), axis=axis), axis=axis)
    is_last = ops.logical_and(mask, ops.equal(from_end, 1))
    return ops.sum(ops.where(is_last, x, ops.zeros_like(x)), axis=axis)


def zero_masked(x: Tensor, mask: Tensor | None) -> Tensor:
    """Sets x [B, T, ...] to zero where mask, bool [B, T], is false. A mask of None leaves x unchanged."""
    if mask is None:
        return x
    mask = ops.reshape(mask, (*ops.shape(mask), *(1 for _ in x.shape[2:])))
    return ops.where(mask, x, ops.zeros_like(x))
