"""The small pieces that folding is made of: weights as numpy, batch norms as lines, and tensors of both again."""

import numpy as np
from keras import ops


def weight(variable):
    """A weight's value as float64 numpy: folding rounds once, at its end."""
    return np.float64(ops.convert_to_numpy(variable))


def affine(norm):
    """A MaskedBatchNormalization at inference, as (scale, shift): y = scale * x + shift; float64 [D] each."""
    scale = weight(norm.gamma) / np.sqrt(weight(norm.moving_variance) + norm.epsilon)
    return scale, weight(norm.beta) - weight(norm.moving_mean) * scale


def tensor(array, dtype="float32"):
    return ops.cast(ops.convert_to_tensor(np.float32(array)), dtype)
