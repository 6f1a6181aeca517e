"""Vectors of length one."""

from keras import ops

# Below this squared length a vector counts as this long, so that zeros stay zeros and have a finite gradient.
LEAST_SQUARED_LENGTH = 1e-12


def l2_normalize(x, axis=-1):
    """x divided by its Euclidean length along an axis; float32, whatever floating type x has."""
    x = ops.cast(x, "float32")
    squared = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return x * ops.rsqrt(ops.maximum(squared, LEAST_SQUARED_LENGTH))
