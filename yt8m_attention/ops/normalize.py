"""L2 normalisation."""

from keras import ops

from yt8m_attention.aliases import Tensor

# Lower bound of the squared length: zeros stay zeros and have a finite gradient.
LEAST_SQUARED_LENGTH = 1e-12


def l2_normalize(x: Tensor, axis: int = -1) -> Tensor:
    """Divides x by its Euclidean length along an axis. Returns float32 for any floating dtype of x."""
    x = ops.cast(x, "float32")
    squared = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return x * ops.rsqrt(ops.maximum(squared, LEAST_SQUARED_LENGTH))
