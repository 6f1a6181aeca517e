"""Helpers of folding: weights as numpy arrays, batch norms as scale and shift, and tensors of both."""

import numpy as np
from keras import ops

from yt8m_attention.aliases import Tensor
from yt8m_attention.layers.masked_batch_normalization import MaskedBatchNormalization


def weight(variable: Tensor) -> np.ndarray:
    """Returns a weight as float64 numpy, so that folding rounds only once, at its end."""
    return np.asarray(ops.convert_to_numpy(variable), np.float64)


def affine(norm: MaskedBatchNormalization) -> tuple[np.ndarray, np.ndarray]:
    """Returns a batch norm at inference as (scale, shift), float64 [D] each: y = scale * x + shift."""
    scale = weight(norm.gamma) / np.sqrt(weight(norm.moving_variance) + norm.epsilon)
    return scale, weight(norm.beta) - weight(norm.moving_mean) * scale


def tensor(array: np.ndarray, dtype: str = "float32") -> Tensor:
    """Returns an array, rounded to float32, as a tensor of dtype."""
    return ops.cast(ops.convert_to_tensor(np.float32(array)), dtype)
